// Keeps the budgets of a live board: desks set money aside and book what calls came to, rulings tell the breakers, and the
// keeper counts quotas, minds the calendar, and answers who asks. What has been spent is in the ledger, and so in the journal.
import { DEFAULT_CONFIDENCE, defaultEstimate, LEARNED_CONFIDENCE } from '../../model/budgets/defaultEstimates.ts'
import { dollarsOf } from '../../model/budgets/money.ts'
import type { Budgets } from '../../model/budgets/rules.ts'
import type { Spent, SpentDollars } from '../../model/budgets/spendAccounts.ts'
import { SpendLedger } from '../../model/budgets/spendLedger.ts'
import type { Clock } from '../../model/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import type { Estimate } from '../../model/measurement.ts'
import type { AlertRecord, JournalRecord } from '../../model/records.ts'
import { Timer } from '../../model/timerWheel.ts'
import type { BudgetDesk } from '../callFollower.ts'
import { isKeyed, parentOf } from '../keyedName.ts'
import { BudgetAccount } from './budgetAccount.ts'
import { costlyAlert, limitAlert, raiseAlert } from './budgetAlerts.ts'
import { type DeskHost, ServiceDesk } from './budgetDesk.ts'
import { BudgetRulings } from './budgetRulings.ts'
import { type BudgetStatus, budgetStatus } from './budgetStatus.ts'
import { DeskAccounts } from './deskAccounts.ts'
import { QuotaCount, type QuotaOptions } from './quotaCount.ts'
import { foldSpend, type SpendScope } from './spendFold.ts'

export interface OwnSpend {
  readonly day: number
  readonly month: number
  readonly services: ReadonlyMap<string, Spent>
}

export interface BudgetKeeperOptions extends QuotaOptions {
  readonly budgets: Budgets | undefined
  readonly clock: Clock
}

export class BudgetKeeper implements DeskHost {
  readonly #options: BudgetKeeperOptions
  readonly #ledger: SpendLedger
  readonly #accounts: readonly BudgetAccount[]
  readonly #desks = new Map<string, DeskAccounts>()
  readonly #rulings: BudgetRulings
  readonly quotas: QuotaCount
  readonly #timer: RolloverTimer
  readonly #scope: SpendScope = {
    spends: (service) => this.#desks.has(service) || this.#passesOn(service),
    hasQuota: (service) => this.#options.quotas.has(service) || this.#passesOn(service),
  }
  /** An earlier session has kept budgets: what it spent is kept for a later one, though this one has none. */
  #hasRecalled = false
  #disposed = false

  constructor(options: BudgetKeeperOptions) {
    const { budgets, services, tell, standing } = options
    this.#options = options
    const ledger = new SpendLedger(budgets, this.#now())
    this.#ledger = ledger
    this.quotas = new QuotaCount(ledger, options)
    this.#accounts = ledger.rules.map((spend) => new BudgetAccount(spend))
    for (const [service, kind] of services) {
      const accounts = this.#accounts.filter(({ rule }) => rule.services?.includes(service) ?? true)
      const quota = this.quotas.of(service)
      if (accounts.length > 0 || quota !== undefined) this.#desks.set(service, new DeskAccounts(service, kind, quota, accounts))
    }
    this.#rulings = new BudgetRulings({ ledger, services, accounts: this.#accounts, desks: this.#desks, tell, standing })
    this.#timer = new RolloverTimer(this)
  }

  /** Where calls of `service`, or of the breaker of one of its keys, ask; undefined where nothing limits them. */
  desk(service: string): BudgetDesk | undefined {
    const accounts = this.#desks.get(parentOf(service))
    return accounts && new ServiceDesk(this, accounts, isKeyed(service))
  }

  /** Takes in a record of the last session, before {@link begin}. Throws a ConfigError for spend that is not what was saved. */
  recall(record: JournalRecord): void {
    if (record.type === 'header' && record.spend !== undefined) this.#hasRecalled = true
    foldSpend(this.#ledger, record, this.#scope)
  }

  /** What was spent by now, for the journal's header; undefined where there is nothing to count. */
  save(): unknown {
    if (this.#isIdle && !this.#hasRecalled) return undefined
    this.#ledger.goTo(this.#now())
    return this.#ledger.save()
  }

  /** Begins to mind the calendar; once the breakers are restored and the journal is open, as they are told what has changed. */
  begin(): void {
    const at = this.#now()
    this.#ledger.goTo(at)
    for (const desk of this.#desks.values()) desk.charges ||= this.#hasCharged(desk)
    this.#rulings.reconcile(at)
    this.quotas.reconcile(at)
    this.#arm(at)
  }

  /** Stops; calls in flight may still end, and are booked no more. */
  dispose(): void {
    this.#disposed = true
    this.#options.clock.disarm(this.#timer)
  }

  // --- what users ask ---------------------------------------------------------------------------------------------------

  /** How every rule stands, in the order of the configuration. */
  statuses(): readonly BudgetStatus[] {
    const at = this.#now()
    this.goTo(at)
    return this.#accounts.map((account) => budgetStatus(account, this.#ledger, at))
  }

  /** What was spent this day and this month, by one service or by all, as far as rules count it. */
  spent(service?: string): SpentDollars {
    this.goTo(this.#now())
    return this.#ledger.spent(service)
  }

  // --- what the fleet asks ----------------------------------------------------------------------------------------------

  /** Told whenever something was spent here, or a period is over. */
  onSpend: (() => void) | undefined

  /** What this node has spent itself, billionths of a dollar, by service; `day` and `month`: when those began, epoch ms. */
  own(): OwnSpend {
    this.goTo(this.#now())
    const ledger = this.#ledger
    return { day: ledger.day.from, month: ledger.month.from, services: ledger.own() }
  }

  /** Other nodes of the fleet have spent so much more on a service; `rate`: of it, what was spent lately. */
  bookOthers(service: string, more: Spent & { readonly rate: number }): void {
    if (this.#disposed) return
    const at = this.#now()
    this.goTo(at)
    this.#ledger.bookOthers(at, service, more)
    const desk = this.#desks.get(service)
    if (desk && more.month > 0 && !desk.charges) this.charges(desk, at)
    for (const account of this.#accounts) {
      if (account.spend.span === 'call' || !account.spend.counts(service, undefined)) continue
      this.#review(account, desk ? service : this.#concernedBy(account), at)
    }
  }

  /** What a call that nobody has said anything of is expected to cost; undefined where it is not known to cost anything. */
  estimate(service: string, operation?: string): Estimate | undefined {
    const desk = this.#desks.get(service)
    if (desk === undefined) return undefined
    const nanos = this.expected(desk, operation)
    const learned = this.#ledger.expected(service, operation) !== undefined
    return nanos === 0 ? undefined : { cost: dollarsOf(nanos), confidence: learned ? LEARNED_CONFIDENCE : DEFAULT_CONFIDENCE }
  }

  /**
   * Gives a rule another limit in dollars, higher or lower. It holds over restarts, until it is given another or the
   * configuration says another limit of it than now. Throws a ConfigError for a rule there is not, or what is no limit.
   */
  raise(rule: string, limit: number, claim: { readonly by: string; readonly why: string }): void {
    const account = this.#accounts.find((one) => one.rule.id === rule)
    if (account === undefined) {
      throw new ConfigError('budgets.rules', rule, `one of ${this.#accounts.map((one) => one.rule.id).join(', ') || 'no rules'}`)
    }
    if (!(typeof limit === 'number' && limit > 0 && limit <= 1e9)) {
      throw new ConfigError(`budgets.rules.${rule}.limit`, limit, 'a number of dollars above 0 and at most 1000000000')
    }
    if (typeof claim?.by !== 'string' || claim.by === '' || typeof claim.why !== 'string') {
      throw new ConfigError('claim', undefined, '{ by, why }: who changes the limit, and why')
    }
    const at = this.#now()
    this.goTo(at)
    const service = this.#concernedBy(account)
    const record = raiseAlert(account, service, at, limit, claim)
    this.#ledger.raise(rule, limit)
    this.alert(record)
    this.#review(account, service, at, true)
  }

  // --- what desks ask ---------------------------------------------------------------------------------------------------

  goTo(at: number): void {
    if (at >= this.#ledger.rollsAt) this.#rollOver(at)
  }

  expected({ service, kind }: DeskAccounts, operation: string | undefined): number {
    const ledger = this.#ledger
    const known = ledger.expected(service, operation) ?? defaultEstimate(kind, operation)
    return known ?? (operation === undefined ? undefined : ledger.expected(service, undefined)) ?? 0
  }

  priced({ service }: DeskAccounts): boolean {
    return this.#ledger.priced(service)
  }

  charges(desk: DeskAccounts, at: number): void {
    desk.charges = true
    this.#rulings.nowCharges(desk, at)
  }

  callEnded(service: string, quota: number, at: number): void {
    if (!this.#disposed) this.quotas.counts(service, quota, at)
  }

  book(
    desk: DeskAccounts,
    at: number,
    operation: string | undefined,
    nanos: number,
    isSample: boolean,
    accounts: readonly BudgetAccount[],
  ): void {
    if (this.#disposed) return
    const { service } = desk
    this.#ledger.book(at, service, operation, nanos, isSample)
    this.onSpend?.()
    if (nanos > 0 && !desk.charges) this.charges(desk, at)
    for (const account of accounts) {
      if (account.spend.span !== 'call') this.#review(account, service, at)
      else if (nanos > account.limit && account.mayAlert(at)) {
        this.alert(costlyAlert(account, { service, operation }, at, nanos, true))
      }
    }
  }

  doesNotFit(account: BudgetAccount, at: number): void {
    this.#rulings.doesNotFit(account, at)
    if (account.standing) this.#arm(at)
  }

  fitsIn({ spend, limit }: BudgetAccount, at: number, expected: number): number | undefined {
    if (expected > limit) return undefined
    if (spend.sliding !== undefined) return Math.max(0, spend.sliding.below(limit - expected + 1, at) - at)
    return (spend.span === 'day' ? this.#ledger.day : this.#ledger.month).until - at
  }

  alert(record: AlertRecord): void {
    this.#options.alert(record)
  }

  // --- within -----------------------------------------------------------------------------------------------------------

  /** A period is over, or what a rule looks back on has lapsed. */
  lookUp(): void {
    this.#rollOver(this.#now())
  }

  #rollOver(at: number): void {
    if (this.#disposed) return
    this.#ledger.goTo(at)
    for (const account of this.#accounts) if (account.standing) this.#rulings.review(account, at)
    this.#arm(at)
    this.onSpend?.()
  }

  #concernedBy({ rule }: BudgetAccount): string {
    return rule.services?.[0] ?? [...this.#desks.keys()][0] ?? ''
  }

  /** By what the last session has left: prices, spend, or a breaker that was told. */
  #hasCharged(desk: DeskAccounts): boolean {
    const { service } = desk
    if (this.priced(desk) || this.#ledger.spent(service).month > 0) return true
    return this.#options.standing(service)?.budgets?.some(({ rule }) => this.#ledger.known.includes(rule)) ?? false
  }

  #review(account: BudgetAccount, service: string, at: number, raised = false): void {
    const { standing, until } = account
    const takesHold = this.#rulings.review(account, at, raised)
    const mayLapse = raised || account.standing !== standing || account.until !== until
    if (account.spend.sliding !== undefined && mayLapse) this.#arm(at)
    if (takesHold && account.mayAlert(at)) this.alert(limitAlert(account, service, at))
  }

  #passesOn(service: string): boolean {
    return this.#isIdle && this.#hasRecalled && this.#options.services.has(service)
  }

  /** Without rules and quotas it is here only to take back what an earlier session has told the breakers. */
  get #isIdle(): boolean {
    return this.#desks.size === 0
  }

  #arm(at: number): void {
    if (!this.#disposed && !this.#isIdle)
      this.#options.clock.arm(this.#timer, Math.min(this.#ledger.rollsAt, this.#rulings.nextLapse(at)))
  }

  #now(): number {
    return Math.floor(this.#options.clock.now())
  }
}

class RolloverTimer extends Timer {
  constructor(readonly keeper: BudgetKeeper) {
    super()
  }

  fire(): void {
    this.keeper.lookUp()
  }
}
