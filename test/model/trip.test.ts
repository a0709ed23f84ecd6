// Every edge of the trip arithmetic: = and just under each threshold, minimum − 1 and minimum, each rule off.
import { describe, expect, test } from 'vitest'
import { KINDS, type Kind, type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import { NO_STATS, type WindowStats } from '../../src/model/stats.ts'
import { degradingRule, minimumCalls, stallTrips, trippedRule } from '../../src/model/trip.ts'

const ALL_OFF = { consecutiveFailures: false, failureRate: false, slowCallRate: false, consecutiveTimeouts: false } as const

/** A policy with one trip rule and nothing else. */
function only(trip: NonNullable<PolicyInput['trip']>, window?: PolicyInput['window']) {
  return resolvePolicy('http', { trip: { ...ALL_OFF, ...trip }, window })
}

function stats(some: Partial<WindowStats>): WindowStats {
  return { ...NO_STATS, ...some }
}

describe('consecutive failures', () => {
  test.each([
    [4, undefined],
    [5, 'consecutive_failures'],
    [6, 'consecutive_failures'],
  ])('%i in a row under a threshold of 5 give %s', (consecutiveFailures, rule) => {
    expect(trippedRule(stats({ consecutiveFailures }), only({ consecutiveFailures: 5 }))).toBe(rule)
  })
})

describe('consecutive timeouts', () => {
  test.each([
    [2, undefined],
    [3, 'consecutive_timeouts'],
    [4, 'consecutive_timeouts'],
  ])('%i in a row under a threshold of 3 give %s', (consecutiveTimeouts, rule) => {
    expect(trippedRule(stats({ consecutiveTimeouts }), only({ consecutiveTimeouts: 3 }))).toBe(rule)
  })
})

describe.each([
  ['failureRate', 'failures', 'failure_rate'],
  ['slowCallRate', 'slow', 'slow_call_rate'],
] as const)('%s', (key, counted, name) => {
  const rule = only({ [key]: { threshold: 0.5, minimumCalls: 20 } })

  test.each<[number, number, string | undefined, string]>([
    [19, 19, undefined, 'one call below the minimum decides nothing, however bad'],
    [20, 9, undefined, 'a rate just below the threshold does not trip'],
    [20, 10, name, 'a rate equal to the threshold trips at the minimum of calls'],
    [20, 11, name, 'a rate above the threshold trips'],
    [21, 10, undefined, 'a success more brings the rate below the threshold'],
    [0, 0, undefined, 'an empty window decides nothing'],
  ])('of %i calls %i: %s (%4$s)', (calls, bad, expected) => {
    expect(trippedRule(stats({ calls, [counted]: bad }), rule)).toBe(expected)
  })

  test('a threshold of 1 trips only when every call is bad', () => {
    const strict = only({ [key]: { threshold: 1, minimumCalls: 1 } })
    expect(trippedRule(stats({ calls: 100, [counted]: 99 }), strict)).toBeUndefined()
    expect(trippedRule(stats({ calls: 100, [counted]: 100 }), strict)).toBe(name)
  })

  test('a threshold that binary fractions cannot hold still trips when it is met exactly', () => {
    for (let percent = 1; percent <= 100; percent++) {
      const exact = only({ [key]: { threshold: percent / 100, minimumCalls: 1 } })
      expect(trippedRule(stats({ calls: 100, [counted]: percent - 1 }), exact)).toBeUndefined()
      expect(trippedRule(stats({ calls: 100, [counted]: percent }), exact)).toBe(name)
    }
  })

  test('waits for no more calls than a count window holds', () => {
    const small = only({ [key]: { threshold: 0.5, minimumCalls: 20 } }, { type: 'count', size: 10 })
    expect(trippedRule(stats({ calls: 9, [counted]: 9 }), small)).toBeUndefined()
    expect(trippedRule(stats({ calls: 10, [counted]: 5 }), small)).toBe(name)
  })
})

describe('the minimum of calls', () => {
  const rule = { threshold: 0.5, minimumCalls: 20 }

  test.each([
    [{ type: 'count', size: 10 } as const, 10],
    [{ type: 'count', size: 20 } as const, 20],
    [{ type: 'count', size: 100 } as const, 20],
    [{ type: 'time', seconds: 1 } as const, 20],
  ])('in the window %j is %i', (window, minimum) => {
    expect(minimumCalls(rule, resolvePolicy('http', { window }))).toBe(minimum)
  })
})

const worst = stats({ calls: 1e6, failures: 1e6, slow: 1e6, consecutiveFailures: 1e6, consecutiveTimeouts: 1e6 })

test('a rule that is off never trips', () => {
  expect(trippedRule(worst, only({}))).toBeUndefined()
})

test('the rules are asked in a fixed order', () => {
  const rules = []
  const trip: Record<string, false> = {}
  for (const key of ['consecutiveFailures', 'consecutiveTimeouts', 'failureRate', 'slowCallRate']) {
    rules.push(trippedRule(worst, resolvePolicy('http', { trip })))
    trip[key] = false
  }
  expect(rules).toEqual(['consecutive_failures', 'consecutive_timeouts', 'failure_rate', 'slow_call_rate'])
})

describe('degrading', () => {
  const policy = resolvePolicy('http', {
    degrade: { consecutiveFailures: 3, failureRate: { threshold: 0.25, minimumCalls: 20 } },
  })

  test.each([
    [{ consecutiveFailures: 2 }, undefined],
    [{ consecutiveFailures: 3 }, 'consecutive_failures'],
    [{ calls: 19, failures: 19 }, undefined],
    [{ calls: 20, failures: 4 }, undefined],
    [{ calls: 20, failures: 5 }, 'failure_rate'],
    [{ calls: 20, failures: 6 }, 'failure_rate'],
  ])('%j gives %s', (some, rule) => {
    expect(degradingRule(stats(some), policy)).toBe(rule)
  })

  test('never happens when it is off, whole or rule by rule', () => {
    expect(degradingRule(worst, resolvePolicy('http', { degrade: false }))).toBeUndefined()
    const rulesOff = resolvePolicy('http', { degrade: { consecutiveFailures: false, failureRate: false } })
    expect(degradingRule(worst, rulesOff)).toBeUndefined()
  })
})

describe('a streak that is no accident', () => {
  const RATES_OFF = { failureRate: false, slowCallRate: false } as const

  /** The least failures (or timeouts) in a row that trip, after `calls` of which `failures` failed. */
  function streakThatTrips(
    kind: Kind,
    [calls, failures]: readonly [calls: number, failures: number],
    trip: PolicyInput['trip'] = { consecutiveTimeouts: false },
    counted: 'consecutiveFailures' | 'consecutiveTimeouts' = 'consecutiveFailures',
  ): number {
    const policy = resolvePolicy(kind, { trip: { ...RATES_OFF, ...trip } })
    for (let n = 1; n <= 100; n++) {
      const streak = { consecutiveFailures: n, [counted]: n }
      if (trippedRule(stats({ calls: calls + n, failures: failures + n, ...streak }), policy)) return n
    }
    return Number.POSITIVE_INFINITY
  }

  // fresh, then after a thousand calls of which none, 1%, 10%, 30%, half, all failed
  test.each([
    ['openai', 3, 3, 3, 6, 11, 14, 14],
    ['perplexity', 4, 4, 4, 6, 11, 14, 14],
    ['lightrag', 5, 5, 5, 6, 11, 14, 14],
    ['cache', 8, 8, 8, 8, 11, 14, 14],
    ['embedding', 5, 5, 5, 6, 11, 14, 14],
    ['knowledge-base', 8, 8, 8, 8, 11, 14, 14],
    ['http', 5, 5, 5, 6, 11, 14, 14],
    ['custom', 5, 5, 5, 6, 11, 14, 14],
  ] as const)('of %s is %i when it is fresh, and longer the more it fails anyway', (kind, fresh, ...after) => {
    expect(streakThatTrips(kind, [0, 0])).toBe(fresh)
    const before = [0, 10, 100, 300, 500, 1000].map((failures) => [1000, failures] as const)
    expect(before.map((counts) => streakThatTrips(kind, counts))).toEqual(after)
  })

  test('is never longer than fourteen, whatever the threshold below it', () => {
    for (const kind of KINDS) {
      for (let failures = 0; failures <= 1000; failures += 50) {
        expect(streakThatTrips(kind, [1000, failures])).toBeLessThanOrEqual(14)
      }
    }
  })

  test('is as long as the threshold where that is longer', () => {
    const trip = { consecutiveFailures: 40, streakSignificance: 1e-5 } as const
    expect(streakThatTrips('http', [1000, 500], trip)).toBe(40)
  })

  test('counts exactly what the user asked for, unless they ask for its significance too', () => {
    const three = { consecutiveFailures: 3 } as const
    expect(streakThatTrips('http', [1000, 300], three)).toBe(3)
    expect(streakThatTrips('http', [1000, 300], { ...three, streakSignificance: 1e-5 })).toBe(10)
    expect(streakThatTrips('http', [1000, 300], { ...three, streakSignificance: false })).toBe(3)
  })

  test('is shorter where less significance is asked for, and plain where none is', () => {
    expect(streakThatTrips('openai', [1000, 300], { consecutiveTimeouts: false, streakSignificance: 0.01 })).toBe(4)
    expect(streakThatTrips('openai', [1000, 300], { consecutiveTimeouts: false, streakSignificance: false })).toBe(3)
  })

  test('is judged by the calls before it, not by itself', () => {
    expect(streakThatTrips('http', [5, 0])).toBe(5)
    // (15 + 0.5) / (30 + 60) failed before it; with its own calls among them it would take eleven.
    expect(streakThatTrips('http', [30, 15])).toBe(8)
  })

  test('of timeouts is weighed in the same way', () => {
    const trip = { consecutiveTimeouts: 3 } as const
    const fails = (counts: readonly [number, number]) => streakThatTrips('http', counts, trip, 'consecutiveTimeouts')
    expect(fails([0, 0])).toBe(3)
    expect(fails([1000, 300])).toBe(11)
  })

  test('may be made up of calls that have not ended', () => {
    const policy = resolvePolicy('http')
    const trips = (before: Partial<WindowStats>, stalled: number) => stallTrips(stats(before), stalled, policy)
    const one = { calls: 1, failures: 1, consecutiveFailures: 1 }
    expect([trips(one, 3), trips(one, 4)]).toEqual([false, true])
    const two = { calls: 2, failures: 2, consecutiveFailures: 2 }
    expect([trips(two, 2), trips(two, 3)]).toEqual([false, true])
    const noisy = { calls: 1001, failures: 301, consecutiveFailures: 1 }
    expect([trips(noisy, 9), trips(noisy, 10)]).toEqual([false, true])
    expect(stallTrips(stats(one), 100, resolvePolicy('openai'))).toBe(false)
    expect(stallTrips(stats(one), 100, resolvePolicy('http', { trip: { consecutiveFailures: false } }))).toBe(false)
  })

  test('is never made up of such calls alone, as calls may just have become longer', () => {
    expect(stallTrips(stats({ calls: 100 }), 1000, resolvePolicy('http'))).toBe(false)
  })
})
