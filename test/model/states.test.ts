// The words for where a breaker stands.
import { expect, test } from 'vitest'
import { STATE_PATHS, STATES, stateOf, toWireName } from '../../src/model/states.ts'

test('there are exactly seven states', () => {
  expect(STATES).toHaveLength(7)
})

test('every path belongs to a state, and every state has a path', () => {
  expect(new Set(STATE_PATHS.map(stateOf))).toEqual(new Set(STATES))
})

test.each([
  ['degraded.level2', 'degraded'],
  ['open.awaitingPermit', 'open'],
  ['halfOpen', 'halfOpen'],
] as const)('%s is a place in %s', (path, state) => {
  expect(stateOf(path)).toBe(state)
})

test('the wire form is snake case', () => {
  expect(STATES.map(toWireName)).toEqual([
    'closed',
    'open',
    'half_open',
    'degraded',
    'rate_limited',
    'budget_limited',
    'maintenance',
  ])
})
