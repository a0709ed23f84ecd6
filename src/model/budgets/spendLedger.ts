// What has been spent: by service and operation, this day and this month, and so under every rule. It is a fold of what it is
// told, and so of the journal: the same bookings in the same order lead to the same ledger, live or read back.
import { checked } from '../checked.ts'
import { CostSamples } from './costSamples.ts'
import { dollarsOf, toNanos } from './money.ts'
import { Calendar, type Period } from './period.ts'
import { RuleSpend } from './ruleSpend.ts'
import type { Budgets } from './rules.ts'
import { type SavedSpend, savedSpendSchema } from './savedSpend.ts'

/** Operations of one service that are told apart, beside those that rules name; all others count as one. */
const OPERATIONS = 100
const LONGEST_NAME = 64
const ANY_OTHER = '*'

interface Account {
  readonly service: string
  readonly operation: string
  day: number
  month: number
  readonly samples: CostSamples
  readonly rules: readonly RuleSpend[]
}

interface ServiceAccounts {
  readonly operations: Map<string, Account>
  readonly samples: CostSamples
}

/** Dollars. */
export interface SpentDollars {
  readonly day: number
  readonly month: number
}

export class SpendLedger {
  readonly rules: readonly RuleSpend[]
  readonly #calendar: Calendar
  readonly #services = new Map<string, ServiceAccounts>()
  readonly #calls = new Map<string, { count: number; warned: boolean }>()
  readonly #raised = new Map<string, { readonly limit: number; readonly over: number }>()
  readonly #named: ReadonlySet<string>
  #day: Period
  #month: Period
  /** Rules of earlier sessions, which breakers may still obey. */
  #known: readonly string[]

  constructor(budgets: Budgets | undefined, at: number) {
    this.rules = (budgets?.rules ?? []).map((rule) => new RuleSpend(rule))
    this.#calendar = new Calendar(budgets?.timeZone ?? 'UTC')
    this.#named = new Set(this.rules.flatMap(({ rule }) => rule.operations ?? []))
    this.#known = this.rules.map(({ rule }) => rule.id)
    this.#day = this.#calendar.day(at)
    this.#month = this.#calendar.month(at)
  }

  get day(): Period {
    return this.#day
  }

  get month(): Period {
    return this.#month
  }

  /** When the next period begins, epoch ms. */
  get rollsAt(): number {
    return Math.min(this.#day.until, this.#month.until)
  }

  /** Names of rules, those of earlier sessions included. */
  get known(): readonly string[] {
    return this.#known
  }

  /** Goes on to `at`: what is over is over. What a clock that was ahead has booked in times to come was spent by now. */
  goTo(at: number): void {
    const ahead = this.#day.from > at || this.#month.from > at
    if (ahead) {
      if (this.#day.from > at) this.#day = this.#calendar.day(at)
      if (this.#month.from > at) this.#month = this.#calendar.month(at)
      for (const { sliding } of this.rules) sliding?.notAfter(at)
    }
    if (at >= this.#day.until) {
      this.#day = this.#calendar.day(at)
      this.#forget('day')
    }
    if (at >= this.#month.until) {
      this.#month = this.#calendar.month(at)
      this.#forget('month')
      for (const calls of this.#calls.values()) Object.assign(calls, { count: 0, warned: false })
    }
  }

  /** Books what a call came to. `isSample`: nobody guessed, and it succeeded. */
  book(at: number, service: string, operation: string | undefined, nanos: number, isSample: boolean): void {
    if (at >= this.rollsAt) this.goTo(at)
    const accounts = this.#accountsOf(service)
    const account = this.#account(accounts, service, operation)
    account.day += nanos
    account.month += nanos
    for (const rule of account.rules) rule.add(at, nanos)
    if (!isSample) return
    account.samples.add(nanos)
    accounts.samples.add(nanos)
  }

  /** Counts a call that was let through to a service with a quota. */
  countCall(at: number, service: string): void {
    if (at >= this.rollsAt) this.goTo(at)
    this.#callsOf(service).count++
  }

  callsOf(service: string): number {
    return this.#calls.get(service)?.count ?? 0
  }

  warned(service: string): boolean {
    return this.#calls.get(service)?.warned ?? false
  }

  markWarned(service: string): void {
    this.#callsOf(service).warned = true
  }

  /** Gives a rule another limit, dollars, for as long as the configuration says of it what it says now. */
  raise(id: string, limit: number): void {
    const rule = this.rules.find((one) => one.rule.id === id)
    if (rule === undefined) return
    rule.limit = toNanos(limit)
    this.#raised.set(id, { limit, over: rule.rule.limit })
  }

  /** What such a call has come to before, billionths of a dollar; of all calls of the service where no operation is told. */
  expected(service: string, operation: string | undefined): number | undefined {
    const accounts = this.#services.get(service)
    return operation === undefined ? accounts?.samples.expected : accounts?.operations.get(operation)?.samples.expected
  }

  /** True when calls of the service are known to be priced. */
  priced(service: string): boolean {
    return this.#services.get(service)?.samples.known ?? false
  }

  /** The mean of the cheapest sort of calls under `rule`, billionths of a dollar; undefined where none was priced. */
  cheapest(rule: RuleSpend): number | undefined {
    let least: number | undefined
    for (const { operations } of this.#services.values()) {
      for (const { rules, samples } of operations.values()) {
        if (rules.includes(rule) && samples.known)
          least = Math.min(least ?? Number.POSITIVE_INFINITY, Math.ceil(samples.mean ?? 0))
      }
    }
    return least
  }

  spent(service?: string): SpentDollars {
    let [day, month] = [0, 0]
    for (const [name, { operations }] of this.#services) {
      if (service !== undefined && name !== service) continue
      for (const account of operations.values()) {
        day += account.day
        month += account.month
      }
    }
    return { day: dollarsOf(day), month: dollarsOf(month) }
  }

  save(): SavedSpend {
    const services = [...this.#services]
    const accounts = services.flatMap(([, { operations }]) => [...operations.values()])
    return {
      version: 1,
      day: { ...this.#day },
      month: { ...this.#month },
      spent: accounts.map(({ service, operation, day, month, samples }) => [service, operation, day, month, [...samples.save()]]),
      costs: services.map(([service, { samples }]) => [service, [...samples.save()]]),
      rates: this.rules.flatMap(({ rule, sliding }) => (sliding === undefined ? [] : [[rule.id, sliding.save()]])),
      calls: [...this.#calls].map(([service, { count, warned }]) => [service, count, warned]),
      raised: [...this.#raised].map(([rule, { limit, over }]) => [rule, limit, over]),
      rules: this.rules.map(({ rule }) => rule.id),
    }
  }

  /** Goes on from what was saved, under the rules of now. Throws a ConfigError when it is not what {@link save} makes. */
  restore(saved: unknown): void {
    const { day, month, spent, costs, rates, calls, raised, rules } = checked(savedSpendSchema, saved, 'spend')
    this.#services.clear()
    this.#calls.clear()
    this.#raised.clear()
    // A period begun under another time zone runs to its end.
    this.#day = day
    this.#month = month
    this.#known = [...new Set([...this.rules.map(({ rule }) => rule.id), ...rules])]
    for (const [service, operation, ofDay, ofMonth, samples] of spent) {
      const account = this.#account(this.#accountsOf(service), service, operation === '' ? undefined : operation)
      account.day += ofDay
      account.month += ofMonth
      account.samples.restore(samples)
    }
    for (const [service, samples] of costs) this.#accountsOf(service).samples.restore(samples)
    for (const [service, count, warned] of calls) this.#calls.set(service, { count, warned })
    for (const rule of this.rules) {
      const { id, limit } = rule.rule
      rule.limit = toNanos(limit)
      const [, given, over] = raised.find(([name]) => name === id) ?? []
      if (given !== undefined && over === limit) this.raise(id, given)
      rule.startFrom(this.#sum(rule))
      rule.sliding?.restore(rates.find(([name]) => name === id)?.[1] ?? [])
    }
  }

  #forget(span: 'day' | 'month'): void {
    for (const { operations } of this.#services.values()) {
      for (const [operation, account] of operations) {
        // An operation that has had its day makes room for others.
        if (span === 'month' && account.month === 0) operations.delete(operation)
        account[span] = 0
      }
    }
    for (const rule of this.rules) if (rule.span === span) rule.startFrom(0)
  }

  #sum(rule: RuleSpend): number {
    if (rule.span !== 'day' && rule.span !== 'month') return 0
    let sum = 0
    for (const { operations } of this.#services.values()) {
      for (const account of operations.values()) if (account.rules.includes(rule)) sum += account[rule.span]
    }
    return sum
  }

  #accountsOf(service: string): ServiceAccounts {
    let accounts = this.#services.get(service)
    if (accounts === undefined) {
      accounts = { operations: new Map(), samples: new CostSamples() }
      this.#services.set(service, accounts)
    }
    return accounts
  }

  #account({ operations }: ServiceAccounts, service: string, operation = ''): Account {
    const known = operations.get(operation)
    if (known !== undefined) return known
    const full = operations.size >= OPERATIONS || operation.length > LONGEST_NAME
    const name = full && operation !== '' && !this.#named.has(operation) ? ANY_OTHER : operation
    let account = operations.get(name)
    if (account === undefined) {
      const rules = this.rules.filter((rule) => rule.counts(service, name === '' ? undefined : name))
      account = { service, operation: name, day: 0, month: 0, samples: new CostSamples(), rules }
      operations.set(name, account)
    }
    return account
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
