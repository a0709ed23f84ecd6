// The ledger's accounts: one for each service and operation, with what was spent this day and this month and what its calls
// cost. Bounded, as names of operations come from callers.
import { CostSamples } from './costSamples.ts'
import type { RuleSpend } from './ruleSpend.ts'
import type { SavedSpend } from './savedSpend.ts'

/** Operations of one service that are told apart, beside those that rules name; all others count as one. */
const OPERATIONS = 100
/** The same of all services together, so that a ledger is never too large for a journal's header. */
const ALL_OPERATIONS = 50_000
const LONGEST_NAME = 64
const ANY_OTHER = '*'

interface Account {
  readonly service: string
  /** Empty: none was told. */
  readonly operation: string
  day: number
  month: number
  readonly samples: CostSamples
  readonly rules: readonly RuleSpend[]
}

interface ServiceAccounts {
  readonly operations: Map<string, Account>
  /** Over all its operations. */
  readonly samples: CostSamples
}

/** Billionths of a dollar. */
export interface Spent {
  readonly day: number
  readonly month: number
}

/** Dollars. */
export interface SpentDollars {
  readonly day: number
  readonly month: number
}

export class SpendAccounts {
  readonly #rules: readonly RuleSpend[]
  readonly #named: ReadonlySet<string>
  readonly #services = new Map<string, ServiceAccounts>()
  /** Operations told apart, of all services together. */
  #apart = 0

  constructor(rules: readonly RuleSpend[]) {
    this.#rules = rules
    this.#named = new Set(rules.flatMap(({ rule }) => rule.operations ?? []))
  }

  /** Books what a call came to, under every rule that counts it. `isSample`: nobody guessed, and it succeeded. */
  book(at: number, service: string, operation: string | undefined, nanos: number, isSample: boolean): void {
    const accounts = this.#of(service)
    const account = this.#account(accounts, service, operation)
    account.day += nanos
    account.month += nanos
    for (const rule of account.rules) rule.add(at, nanos)
    if (!isSample) return
    account.samples.add(nanos)
    accounts.samples.add(nanos)
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
    for (const { rules, samples } of this.#all()) {
      const { mean } = samples
      if (mean !== undefined && rules.includes(rule)) least = Math.min(least ?? Number.POSITIVE_INFINITY, Math.ceil(mean))
    }
    return least
  }

  spent(service: string | undefined): Spent {
    let [day, month] = [0, 0]
    for (const account of this.#all()) {
      if (service !== undefined && account.service !== service) continue
      day += account.day
      month += account.month
    }
    return { day, month }
  }

  byService(): Map<string, Spent> {
    const sums = new Map<string, Spent>()
    for (const [service, { operations }] of this.#services) {
      let [day, month] = [0, 0]
      for (const account of operations.values()) {
        day += account.day
        month += account.month
      }
      sums.set(service, { day, month })
    }
    return sums
  }

  /** What counts under `rule` of the day or the month, billionths of a dollar. */
  sum(rule: RuleSpend): number {
    if (rule.span !== 'day' && rule.span !== 'month') return 0
    let sum = 0
    for (const account of this.#all()) if (account.rules.includes(rule)) sum += account[rule.span]
    return sum
  }

  /** A day or a month is over. */
  startAnew(span: 'day' | 'month'): void {
    for (const { operations } of this.#services.values()) {
      for (const [operation, account] of operations) {
        // An operation that nobody has paid for all month makes room for others.
        if (span === 'month' && account.month === 0 && operations.delete(operation) && this.#isApart(operation)) this.#apart--
        account[span] = 0
      }
    }
  }

  save(): Pick<SavedSpend, 'spent' | 'costs'> {
    return {
      spent: [...this.#all()].map(({ service, operation, day, month, samples }) => [
        service,
        operation,
        day,
        month,
        [...samples.save()],
      ]),
      costs: [...this.#services].map(([service, { samples }]) => [service, [...samples.save()]]),
    }
  }

  restore({ spent, costs }: Pick<SavedSpend, 'spent' | 'costs'>): void {
    this.#services.clear()
    this.#apart = 0
    for (const [service, operation, day, month, samples] of spent) {
      const account = this.#account(this.#of(service), service, operation)
      account.day += day
      account.month += month
      account.samples.restore(samples)
    }
    for (const [service, samples] of costs) this.#of(service).samples.restore(samples)
  }

  *#all(): Generator<Account, void> {
    for (const { operations } of this.#services.values()) yield* operations.values()
  }

  #of(service: string): ServiceAccounts {
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
    const crowded = operations.size >= OPERATIONS || this.#apart >= ALL_OPERATIONS || operation.length > LONGEST_NAME
    const name = crowded && operation !== '' && !this.#named.has(operation) ? ANY_OTHER : operation
    let account = operations.get(name)
    if (account === undefined) {
      const rules = this.#rules.filter((rule) => rule.counts(service, name === '' ? undefined : name))
      account = { service, operation: name, day: 0, month: 0, samples: new CostSamples(), rules }
      operations.set(name, account)
      if (this.#isApart(name)) this.#apart++
    }
    return account
  }

  #isApart(operation: string): boolean {
    return operation !== '' && operation !== ANY_OTHER && !this.#named.has(operation)
  }
}
