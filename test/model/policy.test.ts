// The defaults of each kind, and how they make room for what a user sets.
import { describe, expect, test } from 'vitest'
import { KINDS, type PolicyInput, policyConflicts, policySchema, resolvePolicy } from '../../src/model/policy.ts'

describe.each([
  ['openai', 3, 30, 60, 15],
  ['perplexity', 4, 45, 300, 20],
  ['lightrag', 5, 120, 60, 30],
  ['cache', 8, 30, 60, 5],
  ['embedding', 5, 60, 60, 10],
  ['knowledge-base', 8, 60, 60, 25],
  ['http', 5, 60, 60, 30],
  ['custom', 5, 60, 60, 30],
] as const)('by default %s', (kind, failures, recovery, window, slow) => {
  const policy = resolvePolicy(kind)

  test(`trips at ${failures} failures, recovers after ${recovery} s, looks back ${window} s and calls ${slow} s slow`, () => {
    expect(policy.trip.consecutiveFailures).toBe(failures)
    expect(policy.recoveryTimeout).toBe(recovery * 1000)
    expect(policy.window).toEqual({ type: 'time', seconds: window })
    expect(policy.trip.slowCallRate).toEqual({ threshold: 0.8, slowerThanMs: slow * 1000, minimumCalls: 20 })
  })

  test('shares with all kinds the rates, the probes and the way to degrade', () => {
    expect(policy.trip.failureRate).toEqual({ threshold: 0.5, minimumCalls: 20 })
    expect(policy.trip.consecutiveTimeouts).toBe(3)
    expect(policy.maxProbes).toBe(3)
    expect(policy.degrade).toEqual({
      consecutiveFailures: 3,
      failureRate: { threshold: 0.25, minimumCalls: 20 },
      p95Ratio: 3,
    })
    expect(policy.recoveryJitter).toEqual({ from: 0.8, to: 1.2 })
    expect(policy.quotaCooldown).toBe(15 * 60_000)
  })

  test('contradicts itself nowhere', () => {
    expect(policyConflicts(policy)).toEqual([])
  })
})

test('the table above names every kind', () => {
  expect(KINDS).toHaveLength(8)
})

describe('a default makes room for a value that is given', () => {
  test.each<[PolicyInput, PolicyInput]>([
    [{ maxProbes: 1 }, { maxProbes: 1, successesToClose: 1 }],
    [{ maxProbes: 10 }, { maxProbes: 10, successesToClose: 2 }],
    [{ successesToClose: 7 }, { successesToClose: 7, maxProbes: 7 }],
    [{ successesToClose: 3 }, { successesToClose: 3, maxProbes: 3 }],
    [{ maxRecoveryTimeout: 5_000 }, { maxRecoveryTimeout: 5_000, recoveryTimeout: 5_000 }],
    [{ recoveryTimeout: 3_600_000 }, { recoveryTimeout: 3_600_000, maxRecoveryTimeout: 3_600_000 }],
    [{ halfOpenTimeout: 10_000 }, { halfOpenTimeout: 10_000, probeTimeout: 10_000 }],
    [{ probeTimeout: 45_000 }, { probeTimeout: 45_000, halfOpenTimeout: 90_000 }],
    [{ probeTimeout: 1_000 }, { probeTimeout: 1_000, halfOpenTimeout: 60_000 }],
  ])('%j', (input, expected) => {
    for (const kind of KINDS) {
      const policy = resolvePolicy(kind, input)
      expect(policy).toMatchObject(expected)
      expect(policyConflicts(policy)).toEqual([])
    }
  })
})

describe('a rule', () => {
  test('can be set in part; the rest stays the default', () => {
    const { trip } = resolvePolicy('openai', { trip: { failureRate: { minimumCalls: 5 }, slowCallRate: { threshold: 0.5 } } })
    expect(trip.failureRate).toEqual({ threshold: 0.5, minimumCalls: 5 })
    expect(trip.slowCallRate).toEqual({ threshold: 0.5, slowerThanMs: 15_000, minimumCalls: 20 })
    expect(trip.consecutiveFailures).toBe(3)
  })

  test('can be switched off', () => {
    const off = { consecutiveFailures: false, failureRate: false, slowCallRate: false, consecutiveTimeouts: false } as const
    const withTheNew = { ...off, streakSignificance: false, stalledCalls: false } as const
    expect(resolvePolicy('http', { trip: withTheNew }).trip).toEqual(withTheNew)
    expect(resolvePolicy('http', { degrade: false }).degrade).toBe(false)
    const { degrade } = resolvePolicy('http', { degrade: { consecutiveFailures: false, failureRate: false, p95Ratio: false } })
    expect(degrade).toEqual({ consecutiveFailures: false, failureRate: false, p95Ratio: false })
  })
})

test('recovery adapts unless the user says how long it takes', () => {
  expect(resolvePolicy('http').adaptiveRecovery).toBe(true)
  expect(resolvePolicy('http', { recoveryTimeout: 60_000 }).adaptiveRecovery).toBe(false)
  expect(resolvePolicy('http', { recoveryTimeout: 60_000, adaptiveRecovery: true }).adaptiveRecovery).toBe(true)
  expect(resolvePolicy('http', { adaptiveRecovery: false }).adaptiveRecovery).toBe(false)
})

test('a level admits all calls unless it says otherwise', () => {
  const { levels } = resolvePolicy('http', { levels: [{}, {}, { admit: 'fallback-only' }] })
  expect(levels.map((level) => level.admit)).toEqual(['all', 'all', 'fallback-only'])
})

test('a resolved policy, written as input, resolves to itself', () => {
  for (const kind of KINDS) {
    const policy = resolvePolicy(kind)
    expect(resolvePolicy('custom', policySchema.parse(policy))).toEqual(policy)
  }
})

describe('what the arithmetic adapts by itself', () => {
  test('streaks are weighed unless the user says how many failures are too many', () => {
    expect(resolvePolicy('http').trip.streakSignificance).toBe(1e-6)
    expect(resolvePolicy('http', { trip: { consecutiveTimeouts: 2 } }).trip.streakSignificance).toBe(1e-6)
    expect(resolvePolicy('http', { trip: { consecutiveFailures: 5 } }).trip.streakSignificance).toBe(false)
    expect(resolvePolicy('http', { trip: { consecutiveFailures: false } }).trip.streakSignificance).toBe(false)
    expect(resolvePolicy('http', { trip: { consecutiveFailures: 5, streakSignificance: 0.1 } }).trip.streakSignificance).toBe(0.1)
  })

  const steady = KINDS.filter((kind) => !['openai', 'perplexity', 'lightrag', 'knowledge-base'].includes(kind))

  test.each(KINDS)('%s looks for stalled calls, and times its probes by them, only if its latency is steady', (kind) => {
    const { trip, probePatience } = resolvePolicy(kind)
    expect(trip.stalledCalls).toEqual(steady.includes(kind) ? { patience: 3 } : false)
    expect(probePatience).toBe(steady.includes(kind) ? 3 : false)
  })

  test('stalled calls can be looked for in any kind, with any patience, or in none', () => {
    expect(resolvePolicy('openai', { trip: { stalledCalls: {} } }).trip.stalledCalls).toEqual({ patience: 3 })
    expect(resolvePolicy('openai', { trip: { stalledCalls: { patience: 10 } } }).trip.stalledCalls).toEqual({ patience: 10 })
    expect(resolvePolicy('http', { trip: { stalledCalls: false } }).trip.stalledCalls).toBe(false)
  })

  test('a probe’s time is the user’s own where they give one, or a recovery time', () => {
    expect(resolvePolicy('http', { probeTimeout: 1000 }).probePatience).toBe(false)
    expect(resolvePolicy('http', { recoveryTimeout: 1000 }).probePatience).toBe(false)
    expect(resolvePolicy('http', { probeTimeout: 1000, probePatience: 5 }).probePatience).toBe(5)
    expect(resolvePolicy('openai', { probePatience: 5 }).probePatience).toBe(5)
  })

  test('nothing ramps unless it is asked to', () => {
    for (const kind of KINDS) expect(resolvePolicy(kind).rampDuration).toBe(0)
  })
})
