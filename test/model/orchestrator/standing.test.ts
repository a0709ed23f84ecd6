// The plain objects by name that a context is made of, and what is remembered of who stands how.
import { expect, it } from 'vitest'
import { unlessSame, withAll, without } from '../../../src/model/orchestrator/named.ts'
import { standingOf, withStand } from '../../../src/model/orchestrator/standing.ts'
import { STATE_PATHS, type StatePath } from '../../../src/model/states.ts'
import { contextOf, FOUR } from './onBoard.ts'

it('copies in order, into an object like any other', () => {
  const before = Object.freeze({ b: 1, a: 2 })
  const after = withAll(before, [
    ['a', 3],
    ['c', 4],
  ])
  expect(Object.entries(after)).toEqual([
    ['b', 1],
    ['a', 3],
    ['c', 4],
  ])
  expect(Object.getPrototypeOf(after)).toBe(Object.prototype)
  expect(Object.entries(without(after, 'a'))).toEqual([
    ['b', 1],
    ['c', 4],
  ])
  expect(without(after, 'd')).toBe(after)
})

it.each([
  [{ a: 1 }, true],
  [{ a: 2 }, false],
  [{ b: 1 }, false],
  [{}, false],
  [{ a: 1, b: 1 }, false],
])('{"a":1} is kept for %j: %s', (next: Readonly<Record<string, number>>, isKept) => {
  const before = { a: 1 }
  expect(unlessSame<number>(before, next)).toBe(isKept ? before : next)
})

it('says who stands how, by name in the order in which they came', () => {
  const paths = { a: 'open.awaitingPermit', b: 'closed.ramping', c: 'rateLimited.exhausted' } as const
  expect(standingOf(contextOf(FOUR, paths).services)).toEqual({
    all: ['a', 'b', 'c', 'd'],
    failing: ['a'],
    waiting: ['a'],
    useless: ['a', 'c'],
    others: ['c', 'd'],
  })
})

it('is the same after any move as if it were gathered anew', () => {
  const pairs = STATE_PATHS.flatMap((from) => STATE_PATHS.map((to): [StatePath, StatePath] => [from, to]))
  for (const [from, to] of pairs) {
    for (const failing of [true, false]) {
      const { services } = contextOf(FOUR, { b: from })
      const before = standingOf(services)
      const moved = withStand(services, 'b', { path: to, since: 1, failing })
      expect(standingOf(moved)).toEqual(standingOf({ ...services, b: { path: to, since: 1, failing } }))
      expect(standingOf(services)).toBe(before)
    }
  }
  const { services } = contextOf(FOUR)
  expect(standingOf(withStand(services, 'e', { path: 'closed.watching', since: 1, failing: false })).all).toHaveLength(5)
})

it('is the same object when a breaker does as it was told', () => {
  const { services } = contextOf(FOUR)
  const standing = standingOf(services)
  expect(standingOf(withStand(services, 'b', { path: 'degraded.level2', since: 1, failing: false }))).toBe(standing)
})
