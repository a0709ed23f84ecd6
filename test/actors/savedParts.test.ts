// Saved breakers of older journals: one budget, one limit, no memory of epochs and of what failures asked for.
import { expect, it } from 'vitest'
import { savedPartsSchema } from '../../src/actors/savedParts.ts'

function savedWith(standing: Record<string, unknown>) {
  const context = {
    random: 7,
    generation: 3,
    countsFrom: 3,
    standing,
    spell: { in: 'rateLimited.exhausted', since: 1000 },
    openings: 0,
    nextProbe: 1,
    reason: 'limit.hit',
  }
  const counts = { calls: [], failures: [], slow: [], position: 0, streak: [0, 0, 0] }
  const window = { type: 'time', counts, demand: [], sinceEntry: { calls: 0, failures: 0, slow: 0 } }
  const gate = { credit: 1, tokens: 0, refilledAt: 0 }
  const latency = { recent: [], baseline: [], lifetime: [], reviewAt: 0 }
  return savedPartsSchema.parse({ context, window, gate, latency }).context
}

const limit = { until: 9000, perSecond: 0, why: 'limit.hit' }
const budget = { mode: 'blocked', share: 0, until: 8000, rule: 'day', allowEmergencyOverride: false }
const directive = { epoch: 5, level: 1, admissionRatio: 1, hold: false, expiresAt: 9000, rule: 'r', reason: 'r' }

it.each([
  ['an exhausted limit is a quota', { limit: { ...limit, mode: 'exhausted' } }, { quota: { until: 9000, why: 'limit.hit' } }],
  ['a paced limit is a pace', { limit: { ...limit, mode: 'paced' } }, { pace: limit }],
  ['a budget is the only one of its rules', { budget }, { budgets: [budget] }],
])('%s', (_, before, now) => {
  expect(savedWith(before).standing).toEqual(now)
})

it('the fence is that of the directive which stands, and nothing is remembered of what failures asked for', () => {
  expect(savedWith({ directive })).toMatchObject({ directiveEpoch: 5, notBefore: undefined })
  expect(savedWith({})).toMatchObject({ directiveEpoch: -1 })
})
