// Budgets over restarts: the spend is a fold of the journal, and breakers end up told of what stands then, and of nothing else.
import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import type { JournalRecord } from '../../src/model/records.ts'
import { lastStand } from '../../src/replay/replayJournal.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { type BudgetBoard, type BudgetBoardOptions, budgetBoard, statusOf } from './budgetBoard.ts'
import { replayed } from './testBoard.ts'

const DAY = 86_400_000
const block = { id: 'block', type: 'absolute_daily', threshold: 10, action: 'block' } as const
const by = { by: 'ann', why: 'the launch' }
const budgets = { rules: [block] }

/** The same board once more, `ms` later, with options of its own. */
function again(live: BudgetBoard, options: Partial<BudgetBoardOptions> = {}, ms = 0, before = live.records()): BudgetBoard {
  live.close()
  live.clock.advance(ms)
  const next = budgetBoard({ budgets, clock: live.clock, before, ...options })
  expect(replayed([...before, ...next.records()]).differences).toBe(0)
  return next
}

describe('after a restart', () => {
  it('what was spent is spent, by the header and by what came after it', async () => {
    let live = budgetBoard({ budgets })
    await live.pay('openai', 3)
    live = again(live)
    await live.pay('openai', 4)
    live = again(live)
    expect([statusOf(live, 'block').spent, live.keeper.estimate('openai')?.cost]).toEqual([7, 4])
    const refused = await live.pay('openai', 4).catch((error) => error)
    expect(refused).toMatchObject({ reason: expect.stringContaining('budget') })
  })

  it('a new day begins with nothing spent, and the month goes on', async () => {
    let live = budgetBoard({ budgets: { daily: 10, monthly: 100 } })
    await live.pay('openai', 10)
    live = again(live, { budgets: { daily: 10, monthly: 100 } }, DAY)
    expect([live.breaker('openai').path, live.keeper.spent()]).toEqual(['closed.watching', { day: 0, month: 10 }])
  })

  it('a breaker that stands blocked still does, is told nothing twice, and is let go at midnight', async () => {
    let live = budgetBoard({ budgets })
    await live.pay('openai', 10)
    live = again(live, {}, DAY / 2)
    expect([live.breaker('openai').path, live.signals(), live.alerts()]).toEqual(['budgetLimited.blocked', [], []])
    live.clock.advance(DAY / 2)
    expect([live.breaker('openai').path, statusOf(live, 'block').standing]).toEqual(['closed.watching', 'clear'])
  })

  it.each([
    ['a higher limit', { rules: [{ ...block, threshold: 20 }] }],
    ['the rule gone', { rules: [{ ...block, id: 'other', threshold: 20 }] }],
    ['the rule for another service', { rules: [{ ...block, scope: { services: ['search'] } }] }],
    ['no rule at all', {}],
  ])('with %s, the breaker is let go', async (_, after) => {
    const services = { openai: {}, search: {} }
    let live = budgetBoard({ budgets, services })
    await live.pay('openai', 10)
    live = again(live, { budgets: after, services })
    expect(live.breaker('openai').path).toBe('closed.watching')
    expect(live.signals()).toMatchObject([{ service: 'openai', signal: { kind: 'budgetCleared', rule: 'block' } }])
  })

  it.each([
    ['a lower limit', { rules: [{ ...block, threshold: 5 }] }, 'budgetLimited.blocked'],
    ['a rule that throttles', { rules: [{ ...block, threshold: 5, action: 'throttle' as const }] }, 'budgetLimited.throttled'],
  ])('with %s that is passed already, the breaker is told', async (_, after, path) => {
    let live = budgetBoard({ budgets })
    await live.pay('openai', 6)
    live = again(live, { budgets: after })
    expect(live.breaker('openai').path).toBe(path)
  })

  it('with a rule that does something else now, the breaker is told anew', async () => {
    let live = budgetBoard({ budgets })
    await live.pay('openai', 10)
    live = again(live, { budgets: { rules: [{ ...block, action: 'throttle', throttleFactor: 0.2 }] } })
    expect([live.breaker('openai').path, live.signals().length]).toEqual(['budgetLimited.throttled', 1])
  })

  it('what others have told the breaker of budgets of theirs stays', async () => {
    let live = budgetBoard({ budgets })
    live.breaker('openai').signal(live.clock.now(), { kind: 'budget', mode: 'blocked', rule: 'finance department' })
    live = again(live)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
  })

  it('a limit that was raised is raised still, whether a header came after or not', async () => {
    let live = budgetBoard({ budgets })
    await live.pay('openai', 10)
    live.keeper.raise('block', 20, by)
    live = again(live)
    expect([live.breaker('openai').path, statusOf(live, 'block').limit]).toEqual(['closed.watching', 20])
    live = again(live)
    expect(statusOf(live, 'block').limit).toBe(20)
    live = again(live, { budgets: { rules: [{ ...block, threshold: 11 }] } })
    expect(statusOf(live, 'block').limit).toBe(11)
  })

  it('a budget spent but for less than any call costs stands still', async () => {
    let live = budgetBoard({ budgets })
    for (let i = 0; i < 3; i++) await live.pay('openai', 3)
    await live.pay('openai', 3).catch(() => undefined)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live = again(live)
    expect([live.breaker('openai').path, live.signals()]).toEqual(['budgetLimited.blocked', []])
    live = again(live, { budgets: { rules: [{ ...block, threshold: 12 }] } })
    expect(live.breaker('openai').path).toBe('closed.watching')
  })

  it('a rate goes on from what it looked back on', async () => {
    const rate = { rules: [{ id: 'rate', type: 'rate', threshold: 6, per: 60_000, action: 'block' }] } as const
    const input = { budgets: { rules: [...rate.rules] } }
    let live = budgetBoard(input)
    await live.pay('openai', 3)
    live = again(live, input, 30_000)
    await live.pay('openai', 3)
    live = again(live, input, 10_000)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(21_000)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })

  it('a clock that was a month ahead costs no more than today', async () => {
    const ahead = budgetBoard({ budgets, clock: new VirtualClock(Date.parse('2026-03-05T12:00:00Z')) })
    await ahead.pay('openai', 10)
    const before = ahead.records()
    ahead.close()
    const clock = new VirtualClock(Date.parse('2026-02-01T12:00:00Z'))
    const live = budgetBoard({ budgets, clock, before })
    expect([live.breaker('openai').path, statusOf(live, 'block').spent]).toEqual(['budgetLimited.blocked', 10])
    clock.runTo(Date.parse('2026-02-02T00:00:00Z'))
    expect([live.breaker('openai').path, statusOf(live, 'block').spent]).toEqual(['closed.watching', 0])
  })

  it('a quota counts on, and a higher one lets the service go', async () => {
    const services = { search: { quota: 10 } }
    let live = budgetBoard({ budgets: {}, services })
    for (let i = 0; i < 9; i++) await live.pay('search', undefined)
    live = again(live, { budgets: {}, services })
    await live.pay('search', undefined)
    expect([live.breaker('search').path, live.alerts().filter((one) => one.by === 'budgets')]).toEqual([
      'rateLimited.exhausted',
      [],
    ])
    live = again(live, { budgets: {}, services })
    expect([live.breaker('search').path, live.signals()]).toEqual(['rateLimited.exhausted', []])
    live = again(live, { budgets: {}, services: { search: { quota: 12 } } })
    expect(live.breaker('search').path).toBe('closed.watching')
    for (let i = 0; i < 2; i++) await live.pay('search', undefined)
    expect(live.breaker('search').path).toBe('rateLimited.exhausted')
    live = again(live, { budgets: {}, services: { search: {} } })
    expect(live.breaker('search').path).toBe('closed.watching')
  })

  it('a journal from before there were budgets tells the costs it has', async () => {
    const live = budgetBoard({ budgets })
    await live.pay('openai', 3)
    const before = live.records().map((record): JournalRecord => {
      if (record.type !== 'header') return record
      const { spend: _, ...header } = record
      return header
    })
    expect(statusOf(again(live, {}, 0, before), 'block').spent).toBe(3)
    live.close()
  })

  it('spend that no ledger has saved is refused', () => {
    const live = budgetBoard({ budgets })
    const [header] = live.records()
    if (header?.type !== 'header') throw new Error('no header')
    expect(() => live.keeper.recall({ ...header, spend: { version: 1 } })).toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringContaining('spend') }),
    )
  })
})

it.each([
  ['plain', undefined],
  ['encrypted', '0123456789abcdef0123456789abcdef'.repeat(2)],
])('a %s journal file gives back the spend, its torn last line excepted', async (_, hex) => {
  const key = hex === undefined ? undefined : Buffer.from(hex, 'hex')
  const file = join(temporaryDirectory(), 'board.jsonl')
  const live = budgetBoard({ budgets })
  const journal = new FileJournal({ file, clock: live.clock, ...(key && { key }) })
  await journal.open((reason) => live.board.header(reason))
  live.board.keep(journal)
  await live.pay('openai', 3)
  await journal.flush()
  await live.pay('openai', 4)
  await journal.close()
  live.close()
  truncateSync(file, statSync(file).size - 10)
  const seen: JournalRecord[] = []
  const { breakers: saved } = lastStand(file, live.clock.now(), key, (record) => seen.push(record))
  expect([saved.map(({ service }) => service), seen.map(({ type }) => type)]).toEqual([['openai'], ['header', 'outcome']])
  const next = budgetBoard({ budgets, clock: live.clock, before: seen })
  expect(statusOf(next, 'block').spent).toBe(3)
})

it('a board that is made as users make it goes on with its spend, and lets go of rules that are gone', async () => {
  const file = join(temporaryDirectory(), 'board.jsonl')
  const clock = new VirtualClock()
  const start = async (input: object | undefined) => {
    const gear = await createSwitchgear({
      services: { openai: { kind: 'custom' } },
      journal: { file },
      clock,
      ...(input && { budgets: input }),
    })
    onTestFinished(() => gear.close())
    return gear
  }
  const estimate = { cost: 5, confidence: 0.9 }
  const first = await start(budgets)
  await first.execute('openai', () => 1, { estimate })
  await first.close()
  const second = await start(budgets)
  await second.execute('openai', () => 1, { estimate })
  expect(second.state('openai')).toBe('budgetLimited')
  await second.close()
  const third = await start(undefined)
  expect(third.state('openai')).toBe('closed')
})
