// Ways past a budget or a quota that were found in review, each with the case that showed it.
import { expect, it } from 'vitest'
import { type BudgetBoard, budgetBoard } from './budgetBoard.ts'
import { replayed } from './testBoard.ts'

const by = { by: 'ann', why: 'a test' }

/** How many of `times` calls were made. */
async function made(live: BudgetBoard, name: string, times: number): Promise<number> {
  let count = 0
  for (let i = 0; i < times; i++) {
    await live
      .call(name, () => {
        count++
        return {}
      })
      .catch(() => undefined)
  }
  return count
}

it('a quota holds for calls by key, too, in turn and at once', async () => {
  const services = { search: { quota: 5 } }
  const live = budgetBoard({ budgets: {}, services })
  expect(await made(live, 'search/a', 3)).toBe(3)
  const calls = Array.from({ length: 10 }, (_, i) => live.call(`search/${i % 2}`, () => Promise.resolve({ cost: 0 })))
  const answers = await Promise.allSettled(calls)
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(answers.at(-1)).toMatchObject({ reason: { reason: 'budget.quota', retryAfterMs: 31 * 86_400_000 } })
  expect([await made(live, 'search/c', 3), live.breaker('search').path]).toEqual([0, 'rateLimited.exhausted'])
  expect(replayed(live.records()).differences).toBe(0)
})

it('a breaker of a key that an operator has switched off passes the quota', async () => {
  const live = budgetBoard({ budgets: {}, services: { search: { quota: 1 } } })
  await made(live, 'search/a', 1)
  live.breaker('search/a').command(live.clock.now(), { name: 'disable', ...by })
  expect([await made(live, 'search/a', 2), await made(live, 'search/b', 2)]).toEqual([2, 0])
})

it.each([
  [
    'an operator resets the breaker',
    (live: BudgetBoard) => live.breaker('search').command(live.clock.now(), { name: 'reset', ...by }),
  ],
  [
    'the limit is said to be cleared',
    (live: BudgetBoard) => live.breaker('search').signal(live.clock.now(), { kind: 'limitCleared' }),
  ],
])('a quota that is used up stays so when %s', async (_, clear) => {
  const live = budgetBoard({ budgets: {}, services: { search: { quota: 5 } } })
  expect(await made(live, 'search', 9)).toBe(5)
  clear(live)
  expect(live.breaker('search').path).toBe('closed.watching')
  expect([await made(live, 'search', 9), live.breaker('search').path]).toEqual([0, 'rateLimited.exhausted'])
  expect(replayed(live.records()).differences).toBe(0)
})
