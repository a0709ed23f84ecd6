// Every edge of the trip arithmetic: = and just under each threshold, minimum − 1 and minimum, each rule off.
import { describe, expect, test } from 'vitest'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import { NO_STATS, type WindowStats } from '../../src/model/stats.ts'
import { degradingRule, minimumCalls, trippedRule } from '../../src/model/trip.ts'

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
