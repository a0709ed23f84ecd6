// Ways past a budget or a quota that were found in review, each with the case that showed it.
import { expect, it } from 'vitest'
import { Replayer } from '../../src/replay/replayer.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type BudgetBoard, budgetBoard, statusOf } from './budgetBoard.ts'
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

it('the quota of a plan that was made larger is given back, though the service complained of one of its own meanwhile', async () => {
  const services = { search: { quota: 5 } }
  const live = budgetBoard({ budgets: {}, services })
  await made(live, 'search', 5)
  const at = live.clock.now()
  live.breaker('search').signal(at, { kind: 'limit', mode: 'exhausted', until: at + 60_000, reason: 'quota_exceeded' })
  live.breaker('search').signal(at, { kind: 'limit', mode: 'paced', until: at + 60_000, perSecond: 3, reason: 'its pace' })
  live.close()
  const next = budgetBoard({ budgets: {}, services: { search: { quota: 9 } }, clock: live.clock, before: live.records() })
  // And the pace that the service has named is its own.
  expect(next.breaker('search').path).toBe('rateLimited.paced')
  expect(next.breaker('search').context.standing).toMatchObject({ pace: { until: at + 60_000, perSecond: 3, why: 'its pace' } })
  next.clock.advance(60_000)
  expect(next.breaker('search').path).toBe('closed.watching')
  expect(replayed([...live.records(), ...next.records()]).differences).toBe(0)
})

it('of two throttles that stand, calls by key are left the smaller share, as calls of the service are', async () => {
  const rules = [
    { id: 'day', type: 'absolute_daily', threshold: 1, action: 'throttle', throttleFactor: 0.5 },
    { id: 'month', type: 'absolute_monthly', threshold: 1, action: 'throttle', throttleFactor: 0.3 },
  ] as const
  const live = budgetBoard({ budgets: { rules } })
  await live.pay('openai', 2)
  const [own, keyed] = [await made(live, 'openai', 1000), await made(live, 'openai/gpt', 1000)]
  for (const passed of [own, keyed]) expect(Math.abs(passed - 300)).toBeLessThanOrEqual(1)
})

it.each(['block', 'throttle'] as const)(
  'a rate whose limit is raised, yet met, lets go when the new one says (%s)',
  async (action) => {
    const per = 3_600_000
    const rules = [{ id: 'hour', type: 'rate', threshold: 1, per, action }] as const
    const live = budgetBoard({ budgets: { rules }, clock: new VirtualClock(Date.UTC(2026, 4, 20, 10)) })
    await live.pay('openai', 0.2)
    live.clock.advance(per / 2)
    await live.pay('openai', 1.5, { estimate: { cost: 0.01, confidence: 1 } })
    live.keeper.raise('hour', 1.6, by)
    expect(statusOf(live, 'hour').standing).not.toBe('clear')
    // The first payment is forgotten a sixtieth after its hour.
    live.clock.advance(per / 2 + per / 60 - 1)
    expect(live.breaker('openai').path).toContain('budgetLimited')
    live.clock.advance(1)
    expect([live.breaker('openai').path, statusOf(live, 'hour').standing]).toEqual(['closed.watching', 'clear'])
    expect(replayed(live.records()).differences).toBe(0)
  },
)

it.each([
  ['a block', 'block', undefined],
  ['a throttle', 'throttle', 0.05],
] as const)(
  'an emergency that %s would let pass is still held to the throttle that allows none',
  async (_, action, throttleFactor) => {
    const soft = { id: 'soft', type: 'absolute_daily', threshold: 1, action, allowEmergencyOverride: true } as const
    const hard = { id: 'hard', type: 'absolute_daily', threshold: 1, action: 'throttle', throttleFactor: 0.1 } as const
    const live = budgetBoard({ budgets: { rules: [throttleFactor === undefined ? soft : { ...soft, throttleFactor }, hard] } })
    await live.pay('openai', 2)
    let passed = 0
    for (let i = 0; i < 200; i++) {
      const options = i % 2 === 0 ? { emergencyOverride: by } : {}
      await live.call('openai', () => passed++, options).catch(() => undefined)
    }
    expect(passed).toBeGreaterThan(5)
    expect(passed).toBeLessThanOrEqual(21)
    const { gate } = live.breaker('openai').save()
    const replayer = new Replayer()
    for (const [index, record] of live.records().entries()) replayer.take(record, index + 1)
    expect([replayer.result().differences, replayer.saved()[0]?.gate]).toEqual([0, gate])
  },
)
