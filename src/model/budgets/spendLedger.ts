// What has been spent: this day and this month, by service and operation, and so under every rule. It is a fold of what it is
// told, and so of the journal: the same bookings in the same order lead to the same ledger, live or read back.
import { checked } from '../checked.ts'
import { dollarsOf, toNanos } from './money.ts'
import { OthersSpend } from './othersSpend.ts'
import { Calendar, type Period } from './period.ts'
import { RuleSpend } from './ruleSpend.ts'
import type { Budgets } from './rules.ts'
import { type SavedSpend, savedSpendSchema } from './savedSpend.ts'
import { SpendAccounts, type Spent, type SpentDollars } from './spendAccounts.ts'

export class SpendLedger {
  readonly rules: readonly RuleSpend[]
  readonly #calendar: Calendar
  readonly #accounts: SpendAccounts
  readonly #others = new OthersSpend()
  readonly #calls = new Map<string, { count: number; warned: boolean }>()
  readonly #raised = new Map<string, { readonly limit: number; readonly over: number }>()
  #day: Period
  #month: Period
  #rollsAt: number
  #known: readonly string[]
  /** Of rules that a session without any passes on. */
  #passedOn: Pick<SavedSpend, 'rates' | 'raised' | 'rules'> = { rates: [], raised: [], rules: [] }

  /** `at`: epoch ms. */
  constructor(budgets: Budgets | undefined, at: number) {
    this.rules = (budgets?.rules ?? []).map((rule) => new RuleSpend(rule))
    this.#calendar = new Calendar(budgets?.timeZone ?? 'UTC')
    this.#accounts = new SpendAccounts(this.rules)
    this.#known = this.rules.map(({ rule }) => rule.id)
    this.#day = this.#calendar.day(at)
    this.#month = this.#calendar.month(at)
    this.#rollsAt = Math.min(this.#day.until, this.#month.until)
  }

  get day(): Period {
    return this.#day
  }

  get month(): Period {
    return this.#month
  }

  /** When the next period begins, epoch ms. */
  get rollsAt(): number {
    return this.#rollsAt
  }

  /** Names of rules, those of earlier sessions included, which breakers may still obey. */
  get known(): readonly string[] {
    return this.#known
  }

  /** Goes on to `at`: what is over is over. What a clock that was ahead has booked in times to come was spent by now. */
  goTo(at: number): void {
    if (this.#day.from > at) this.#day = this.#calendar.day(at)
    if (this.#month.from > at) this.#month = this.#calendar.month(at)
    if (at >= this.#day.until) {
      this.#day = this.#calendar.day(at)
      this.#startAnew('day')
    }
    if (at >= this.#month.until) {
      this.#month = this.#calendar.month(at)
      this.#startAnew('month')
      for (const calls of this.#calls.values()) Object.assign(calls, { count: 0, warned: false })
    }
    for (const rule of this.rules) rule.notAfter(at)
    this.#rollsAt = Math.min(this.#day.until, this.#month.until)
  }

  /** Books what a call came to, billionths of a dollar. `isSample`: nobody guessed, and it succeeded. */
  book(at: number, service: string, operation: string | undefined, nanos: number, isSample: boolean): void {
    if (at >= this.#rollsAt) this.goTo(at)
    this.#accounts.book(at, service, operation, nanos, isSample)
  }

  /** See {@link SpendAccounts.expected}. */
  expected(service: string, operation: string | undefined): number | undefined {
    return this.#accounts.expected(service, operation)
  }

  /** See {@link SpendAccounts.priced}. */
  priced(service: string): boolean {
    return this.#accounts.priced(service)
  }

  /** See {@link SpendAccounts.cheapest}. */
  cheapest(rule: RuleSpend): number | undefined {
    return this.#accounts.cheapest(rule)
  }

  /** Dollars of this day and this month, those of other nodes included. */
  spent(service?: string): SpentDollars {
    const [own, others] = [this.#accounts.spent(service), this.#others.spent(service)]
    return { day: dollarsOf(own.day + others.day), month: dollarsOf(own.month + others.month) }
  }

  /** Billionths of a dollar of this day and this month that this node has spent itself, by service. */
  own(): Map<string, Spent> {
    return this.#accounts.byService()
  }

  /** Other nodes have spent so much more on a service; `rate`: of it, what was spent lately. Billionths of a dollar. */
  bookOthers(at: number, service: string, more: Spent & { readonly rate: number }): void {
    if (at >= this.#rollsAt) this.goTo(at)
    this.#others.book(service, more)
    for (const rule of this.rules) {
      if (rule.span !== 'call' && rule.counts(service, undefined)) rule.addOthers(at, more[rule.span])
    }
  }

  /** Counts a call that was let through to a service with a quota. */
  countCall(at: number, service: string): void {
    if (at >= this.#rollsAt) this.goTo(at)
    this.#callsOf(service).count++
  }

  /** Calls counted this month. */
  callsOf(service: string): number {
    return this.#calls.get(service)?.count ?? 0
  }

  /** Was it told this month that the service's calls run out? */
  warned(service: string): boolean {
    return this.#calls.get(service)?.warned ?? false
  }

  markWarned(service: string): void {
    this.#callsOf(service).warned = true
  }

  /**
   * Gives a rule another limit, dollars, for as long as the configuration says of it what it says now; `over` is what it said when
   * that was decided, where it may have changed since.
   */
  raise(id: string, limit: number, over?: number): void {
    const rule = this.rules.find((one) => one.rule.id === id)
    if (rule === undefined || (over !== undefined && over !== rule.rule.limit)) return
    rule.limit = toNanos(limit)
    this.#raised.set(id, { limit, over: rule.rule.limit })
  }

  save(): SavedSpend {
    const ofRules = this.rules.length === 0 ? this.#passedOn : this.#saveRules()
    return {
      version: 1,
      day: { ...this.#day },
      month: { ...this.#month },
      ...this.#accounts.save(),
      calls: [...this.#calls].map(([service, { count, warned }]) => [service, count, warned]),
      ...ofRules,
    }
  }

  /** Goes on from what was saved, under the rules of now. Throws a ConfigError when it is not what {@link save} makes. */
  restore(value: unknown): void {
    const saved = checked(savedSpendSchema, value, 'spend')
    // A period begun under another time zone runs to its end.
    this.#day = saved.day
    this.#month = saved.month
    this.#rollsAt = Math.min(this.#day.until, this.#month.until)
    this.#known = [...new Set([...this.rules.map(({ rule }) => rule.id), ...saved.rules])]
    this.#passedOn = { rates: saved.rates, raised: saved.raised, rules: saved.rules }
    this.#accounts.restore(saved)
    this.#calls.clear()
    for (const [service, count, warned] of saved.calls) this.#calls.set(service, { count, warned })
    this.#raised.clear()
    for (const rule of this.rules) this.#restoreRule(rule, saved)
  }

  #saveRules(): Pick<SavedSpend, 'rates' | 'raised' | 'rules'> {
    return {
      rates: this.rules.flatMap((spend) => (spend.sliding === undefined ? [] : [[spend.rule.id, spend.saveOwn()]])),
      raised: [...this.#raised].map(([rule, { limit, over }]) => [rule, limit, over]),
      rules: this.rules.map(({ rule }) => rule.id),
    }
  }

  #restoreRule(rule: RuleSpend, { raised, rates }: SavedSpend): void {
    const { id, limit } = rule.rule
    rule.limit = toNanos(limit)
    const [, given, over] = raised.find(([name]) => name === id) ?? []
    if (given !== undefined) this.raise(id, given, over)
    rule.startFrom(this.#accounts.sum(rule))
    rule.sliding?.restore(rates.find(([name]) => name === id)?.[1] ?? [])
  }

  #startAnew(span: 'day' | 'month'): void {
    this.#accounts.startAnew(span)
    this.#others.startAnew(span)
    for (const rule of this.rules) if (rule.span === span) rule.startFrom(0)
  }

  #callsOf(service: string): { count: number; warned: boolean } {
    let calls = this.#calls.get(service)
    if (calls === undefined) {
      calls = { count: 0, warned: false }
      this.#calls.set(service, calls)
    }
    return calls
  }
}
