import { describe, expect, it } from 'vitest'
import { toNanos } from '../../../src/model/budgets/money.ts'
import { type BudgetsInput, resolveBudgets } from '../../../src/model/budgets/rules.ts'
import { SpendLedger } from '../../../src/model/budgets/spendLedger.ts'

const NOON = Date.parse('2026-03-10T12:00:00Z')
const HOUR = 3_600_000
const DAY = 24 * HOUR
const daily = { id: 'daily', type: 'absolute_daily', threshold: 10, action: 'block' } as const
const rate = { id: 'rate', type: 'rate', threshold: 5, per: 60_000, action: 'block' } as const

function ledgerOf(input: BudgetsInput = { rules: [daily, rate] }, at = NOON): SpendLedger {
  return new SpendLedger(resolveBudgets(input), at)
}

/** What counts under rule `id`, dollars. */
function under(ledger: SpendLedger, id: string, at = NOON): number | undefined {
  const spent = ledger.rules.find(({ rule }) => rule.id === id)?.at(at)
  return spent === undefined ? undefined : spent / 1e9
}

const book = (ledger: SpendLedger, dollars: number, at = NOON, operation?: string, service = 'openai'): void =>
  ledger.book(at, service, operation, toNanos(dollars), true)

const restored = (ledger: SpendLedger, input?: BudgetsInput, at = NOON): SpendLedger => {
  const next = ledgerOf(input, at)
  next.restore(JSON.parse(JSON.stringify(ledger.save())))
  next.goTo(at)
  return next
}

describe('a ledger', () => {
  it('keeps days and months apart', () => {
    const ledger = ledgerOf()
    book(ledger, 3)
    book(ledger, 4, NOON + DAY)
    expect([ledger.spent(), under(ledger, 'daily')]).toEqual([{ day: 4, month: 7 }, 4])
    book(ledger, 1, NOON + 30 * DAY)
    expect(ledger.spent('openai')).toEqual({ day: 1, month: 1 })
    expect(ledger.spent('search')).toEqual({ day: 0, month: 0 })
  })

  it('comes back from what was saved however large it is, and stays within bounds', () => {
    const ledger = ledgerOf()
    for (let service = 0; service < 1000; service++) {
      for (let operation = 0; operation <= 100; operation++) {
        ledger.book(NOON, `s${service}`, operation === 0 ? undefined : `o${operation}`, 1000, true)
      }
    }
    const saved = ledger.save()
    expect(saved.spent.length).toBeLessThan(60_000)
    const next = restored(ledger)
    expect(next.save().spent).toEqual(saved.spent)
    expect(next.spent().day).toBe(0.101)
  })

  it('comes back from what was saved', () => {
    const ledger = ledgerOf()
    for (let i = 0; i < 7; i++) book(ledger, 0.1 + i / 100, NOON, i % 2 === 0 ? 'chat' : undefined)
    ledger.countCall(NOON, 'search')
    ledger.markWarned('search')
    const next = restored(ledger)
    expect(next.save()).toEqual(ledger.save())
    expect([next.expected('openai', 'chat'), next.callsOf('search'), next.warned('search')]).toEqual([
      ledger.expected('openai', 'chat'),
      1,
      true,
    ])
    expect([under(next, 'daily'), under(next, 'rate')]).toEqual([under(ledger, 'daily'), under(ledger, 'rate')])
  })

  it('that comes back the next day has the month', () => {
    const ledger = ledgerOf()
    book(ledger, 3)
    ledger.countCall(NOON, 'search')
    const next = restored(ledger, undefined, NOON + DAY)
    expect([next.spent(), under(next, 'daily', NOON + DAY), under(next, 'rate', NOON + DAY), next.callsOf('search')]).toEqual([
      { day: 0, month: 3 },
      0,
      0,
      1,
    ])
    expect(restored(ledger, undefined, NOON + 30 * DAY).spent()).toEqual({ day: 0, month: 0 })
  })

  it('applies rules that are new to what is spent already', () => {
    const ledger = ledgerOf()
    book(ledger, 3, NOON, 'chat')
    book(ledger, 4, NOON, 'report')
    const scope = { operations: ['report'] }
    const next = restored(ledger, { rules: [{ ...daily, id: 'reports', scope }], monthly: 100 })
    expect([under(next, 'reports'), under(next, 'monthly_block')]).toEqual([4, 7])
    expect(next.known).toEqual(expect.arrayContaining(['reports', 'monthly_block', 'daily', 'rate']))
  })

  it('that was ahead of the time has spent it by now', () => {
    const ledger = ledgerOf(undefined, NOON + 40 * DAY)
    book(ledger, 3, NOON + 40 * DAY)
    const next = restored(ledger)
    expect([next.spent(), under(next, 'daily'), under(next, 'rate')]).toEqual([{ day: 3, month: 3 }, 3, 3])
    expect(next.day.until).toBe(Date.parse('2026-03-11T00:00:00Z'))
    next.goTo(NOON + DAY)
    expect(under(next, 'rate', NOON + DAY)).toBe(0)
    expect(next.spent()).toEqual({ day: 0, month: 3 })
  })

  it('finishes the day of another time zone, and then keeps its own', () => {
    const ledger = ledgerOf()
    book(ledger, 3)
    const input = { rules: [daily], timeZone: 'America/New_York' }
    const next = restored(ledger, input)
    expect(next.spent().day).toBe(3)
    next.goTo(Date.parse('2026-03-11T00:00:00Z'))
    expect([next.spent(), new Date(next.day.until).toISOString()]).toEqual([{ day: 0, month: 3 }, '2026-03-11T04:00:00.000Z'])
  })

  it('keeps the limit a rule was given, until the configuration says another', () => {
    const ledger = ledgerOf()
    ledger.raise('daily', 25)
    ledger.raise('nobody', 25)
    const limit = (one: SpendLedger): number | undefined => one.rules.find(({ rule }) => rule.id === 'daily')?.limit
    expect(limit(ledger)).toBe(toNanos(25))
    expect(limit(restored(restored(ledger)))).toBe(toNanos(25))
    expect(limit(restored(ledger, { rules: [{ ...daily, threshold: 12 }] }))).toBe(toNanos(12))
  })

  it('tells a hundred operations of a service apart, those that rules name, and all others together', () => {
    const ledger = ledgerOf({ rules: [daily, { ...daily, id: 'reports', scope: { operations: ['report'] } }] })
    for (let i = 0; i < 500; i++) book(ledger, 0.01, NOON, `operation ${i}`)
    book(ledger, 1, NOON, 'report')
    book(ledger, 1, NOON, 'x'.repeat(1000))
    book(ledger, 1)
    expect(ledger.save().spent).toHaveLength(103)
    expect([ledger.spent().day, under(ledger, 'reports'), under(ledger, 'daily')]).toEqual([8, 1, 8])
    expect(restored(ledger, { rules: [daily] }).spent().day).toBe(8)
    // The month after, nobody remembers them.
    for (const days of [30, 61]) ledger.goTo(NOON + days * DAY)
    expect(ledger.save().spent).toHaveLength(0)
  })

  it('keeps names that objects are made of', () => {
    const ledger = ledgerOf()
    book(ledger, 2, NOON, '__proto__', 'constructor')
    expect(restored(ledger).spent('constructor').day).toBe(2)
  })

  it('knows the cheapest sort of calls under a rule', () => {
    const ledger = ledgerOf()
    const [rule] = ledger.rules
    if (!rule) throw new Error('no rule')
    expect(ledger.cheapest(rule)).toBeUndefined()
    book(ledger, 3, NOON, 'report')
    ledger.book(NOON, 'openai', 'chat', 10, true)
    ledger.book(NOON, 'openai', 'chat', 15, true)
    expect(ledger.cheapest(rule)).toBe(13)
  })

  it.each([
    ['nothing', null],
    ['another version', { version: 2 }],
    ['a day that does not end', { day: { from: 5, until: 5 } }],
    ['a day of a year', { day: { from: 0, until: 365 * DAY } }],
    ['money below zero', { spent: [['openai', '', -1, 0, [0, 0, 0]]] }],
    ['money that is none', { spent: [['openai', '', 'much', 0, [0, 0, 0]]] }],
    ['too many accounts', { spent: Array(500_001).fill(['openai', '', 1, 1, [0, 0, 0]]) }],
    ['a limit of nothing', { raised: [['daily', 0, 10]] }],
  ])('is not restored from %s', (_, part) => {
    const saved = part === null ? null : { ...ledgerOf().save(), ...part }
    expect(() => ledgerOf().restore(saved)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
  })
})
