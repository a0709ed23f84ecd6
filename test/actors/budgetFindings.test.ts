// Ways past a budget or a quota that were found in review, each with the case that showed it.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { admitCall } from '../../src/actors/admitCall.ts'
import { Call } from '../../src/actors/call.ts'
import type { BudgetsInput } from '../../src/model/budgets/rules.ts'
import type { JournalRecord } from '../../src/model/records.ts'
import { Replayer } from '../../src/replay/replayer.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { recordsIn, temporaryDirectory } from '../bus/journalRecords.ts'
import { type BudgetBoard, type BudgetBoardOptions, budgetBoard, statusOf } from './budgetBoard.ts'
import { ofType, replayed } from './testBoard.ts'

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
  const live = budgetBoard({ budgets: { rules: [...rules] } })
  await live.pay('openai', 2)
  const [own, keyed] = [await made(live, 'openai', 1000), await made(live, 'openai/gpt', 1000)]
  for (const passed of [own, keyed]) expect(Math.abs(passed - 300)).toBeLessThanOrEqual(1)
})

it.each(['block', 'throttle'] as const)(
  'a rate whose limit is raised, yet met, lets go when the new one says (%s)',
  async (action) => {
    const per = 3_600_000
    const rules = [{ id: 'hour', type: 'rate', threshold: 1, per, action }] as const
    const live = budgetBoard({ budgets: { rules: [...rules] }, clock: new VirtualClock(Date.UTC(2026, 4, 20, 10)) })
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

/** The board that goes on from what `live` has journalled. */
function again(live: BudgetBoard, options: Partial<BudgetBoardOptions>, before = live.records()): BudgetBoard {
  live.close()
  return budgetBoard({ budgets: {}, clock: live.clock, before, ...options })
}

it('a limit that was raised is raised no more when the configuration says another, whether a header came after or not', () => {
  const rules = (threshold: number): BudgetsInput => ({
    rules: [{ id: 'day', type: 'absolute_daily', threshold, action: 'block' }],
  })
  const live = budgetBoard({ budgets: rules(10) })
  live.keeper.raise('day', 100, by)
  expect(statusOf(again(live, { budgets: rules(10) }), 'day').limit).toBe(100)
  expect(statusOf(again(live, { budgets: rules(5) }), 'day').limit).toBe(5)
  const later = again(live, { budgets: rules(10) })
  expect(statusOf(again(later, { budgets: rules(5) }), 'day').limit).toBe(5)
})

it('part of a call that the budgets have counted is not counted after a restart either', async () => {
  const services = { openai: { quota: 100 } }
  const live = budgetBoard({ budgets: { daily: 10 }, services })
  const model = live.breaker('openai/gpt')
  const whole = admitCall(live.breaker('openai'), live.clock.now(), {})
  const part = admitCall(model, live.clock.now(), { unbudgeted: true })
  if (!(whole instanceof Call && part instanceof Call)) throw new Error('not admitted')
  whole.settle(undefined, { cost: 2 })
  part.settle(undefined, { cost: 2 })
  const counted = [{ day: 2, month: 2 }, 1]
  expect([live.keeper.spent(), calls(live, 'openai')]).toEqual(counted)
  const next = again(live, { budgets: { daily: 10 }, services })
  expect([next.keeper.spent(), calls(next, 'openai')]).toEqual(counted)
})

it('a probe that a stopped process took with it is counted neither while the board runs nor after the next restart', async () => {
  const services = { openai: { quota: 100, trip: { consecutiveFailures: 1 }, degrade: false } } as const
  const live = budgetBoard({ budgets: {}, services })
  await live.call('openai', () => Promise.reject(new Error('down'))).catch(() => undefined)
  live.clock.advance(600_000)
  live.call('openai', () => new Promise<never>(() => undefined)).catch(() => undefined)
  const next = again(live, { services })
  next.breaker('openai').forgetProbes(next.clock.now())
  expect(ofType(next.journal.records, 'outcome')).toMatchObject([{ result: 'ignored', unbudgeted: true }])
  const last = again(next, { services })
  expect([calls(next, 'openai'), calls(last, 'openai')]).toEqual([1, 1])
})

it('a call that runs longer than others use their keys is in the journal, as it is in the ledger', async () => {
  const services = { openai: { quota: 100, maxKeys: 1 } } as const
  const file = join(temporaryDirectory(), 'board.jsonl')
  const clock = new VirtualClock()
  const start = () => createSwitchgear({ services, journal: { file }, clock, budgets: { daily: 100 } })
  const first = await start()
  let answer = (): void => undefined
  const late = first.services.openai.for('x').execute(() => new Promise<void>((resolve) => (answer = resolve)), given(7))
  await first.services.openai.for('y').execute(() => 1, given(1))
  answer()
  await late
  expect(first.budgets.spent().day).toBe(8)
  await first.services.openai.for('z').execute(() => 1, given(1))
  await first.close()
  const second = await start()
  expect(second.budgets.spent().day).toBe(9)
  await second.close()
  const kept = ofType(recordsIn(file) as JournalRecord[], 'config').filter(({ change }) => change === 'removed')
  // Both go as soon as they are idle, as one alone is to be kept.
  expect(kept.map(({ service }) => service)).toEqual(['openai/x', 'openai/y'])
})

it('a session without budgets keeps what was spent for one that has some', async () => {
  const rules: BudgetsInput = {
    rules: [
      { id: 'day', type: 'absolute_daily', threshold: 10, action: 'block' },
      { id: 'hour', type: 'rate', threshold: 10, action: 'block' },
    ],
  }
  let live = budgetBoard({ budgets: rules, services: { openai: { quota: 100 } } })
  await live.pay('openai', 3)
  live.keeper.raise('day', 50, by)
  live = again(live, { budgets: rules, services: { openai: { quota: 100 } } })
  await live.pay('openai', 4)
  for (let i = 0; i < 2; i++) live = again(live, { services: { openai: {} } })
  live = again(live, { budgets: rules, services: { openai: { quota: 100 } } })
  expect([live.keeper.spent().day, statusOf(live, 'day').limit, calls(live, 'openai')]).toEqual([7, 50, 2])
  // Of a rate it is what the last header with the rule had.
  expect(statusOf(live, 'hour').spent).toBe(3)
})

/** Calls counted against the quota. */
function calls({ keeper }: BudgetBoard, service: string): number | undefined {
  const { calls: counted } = keeper.save() as { readonly calls: readonly (readonly [string, number])[] }
  return counted.find(([name]) => name === service)?.[1]
}

function given(cost: number) {
  return { estimate: { cost, confidence: 0.9 } }
}
