// What is moved in a saved breaker whose clock was ahead, and what stays.
import { expect, it } from 'vitest'
import { shiftTimes } from '../../src/replay/shiftTimes.ts'

const T = 1_767_225_600_000
const DAY = 86_400_000

it('moves every time, however deep, and leaves what is no time', () => {
  const saved = {
    service: 'search',
    path: 'halfOpen',
    context: {
      random: -2_147_483_648,
      generation: 12,
      standing: { open: { openedAt: T, until: T + 30_000, why: 'failure_rate' }, quota: { until: T + 900_000, why: 'r' } },
      spell: { in: 'halfOpen', since: T, until: undefined, admitted: 2, inFlight: [{ probe: 41, until: T + 5000 }] },
    },
    window: { counts: { calls: [3, 0, 1], position: T / 1000 }, demand: [0.5, T] },
    gate: { credit: 0.3, tokens: 4, refilledAt: T + 0.25 },
    latency: { recent: [1, 2], reviewAt: 0, typical: 30_000_000 },
  }
  expect(shiftTimes(saved, -DAY)).toEqual({
    ...saved,
    context: {
      ...saved.context,
      standing: {
        open: { openedAt: T - DAY, until: T - DAY + 30_000, why: 'failure_rate' },
        quota: { until: T - DAY + 900_000, why: 'r' },
      },
      spell: { ...saved.context.spell, since: T - DAY, inFlight: [{ probe: 41, until: T - DAY + 5000 }] },
    },
    window: { ...saved.window, demand: [0.5, T - DAY] },
    gate: { ...saved.gate, refilledAt: T - DAY + 0.25 },
  })
})

it('leaves what was set by the calendar where it was set', () => {
  const standing = {
    maintenance: { by: 'ann', why: 'r', until: T },
    directive: { epoch: 1, level: 2, expiresAt: T, rule: 'r', reason: 'r' },
    budgets: [{ mode: 'blocked', share: 0, until: T, rule: 'daily', allowEmergencyOverride: false }],
  }
  const budget = standing.budgets[0]
  expect(shiftTimes({ standing, budget }, -DAY)).toEqual({ standing, budget })
})

it('changes nothing in what it was given, and is its own way back', () => {
  const saved = Object.freeze({ at: T, list: Object.freeze([T, 1, null, 'x', true]) })
  const moved = shiftTimes(saved, -DAY)
  expect(moved).toEqual({ at: T - DAY, list: [T - DAY, 1, null, 'x', true] })
  expect(shiftTimes(moved, DAY)).toEqual(saved)
})

it('leaves the epochs of directives, which may look like times', () => {
  const saved = {
    breakers: [{ context: { directiveEpoch: T } }],
    orchestrator: { epoch: T, system: { state: 'healthy', since: T } },
  }
  expect(shiftTimes(saved, -DAY)).toEqual({
    breakers: [{ context: { directiveEpoch: T } }],
    orchestrator: { epoch: T, system: { state: 'healthy', since: T - DAY } },
  })
})
