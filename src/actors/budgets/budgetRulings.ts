// Which budget rules have taken hold, and what breakers are told of it: a signal when a rule takes hold of a service, another
// when it lets go, and none in between.

import type { BudgetCondition, Standing } from '../../model/breaker/context.ts'
import type { SpendLedger } from '../../model/budgets/spendLedger.ts'
import type { Signal } from '../../model/signals.ts'
import type { BudgetAccount } from './budgetAccount.ts'
import type { DeskAccounts } from './deskAccounts.ts'

export interface RulingsOptions {
  readonly ledger: SpendLedger
  readonly accounts: readonly BudgetAccount[]
  /** All services by name, with their kinds; those without a desk may yet have been told something by an earlier session. */
  readonly services: ReadonlyMap<string, string>
  /** By service. */
  readonly desks: ReadonlyMap<string, DeskAccounts>
  readonly tell: (service: string, signal: Signal, at: number) => void
  /** What stands in the service's breaker. */
  readonly standing: (service: string) => Pick<Standing, 'budgets' | 'quota' | 'pace'> | undefined
}

export class BudgetRulings {
  readonly #options: RulingsOptions

  constructor(options: RulingsOptions) {
    this.#options = options
  }

  /**
   * Looks at a rule again after something was spent, has lapsed or was `raised`: then what stands may end sooner, too. Returns
   * whether the rule has just taken hold.
   */
  review(account: BudgetAccount, at: number, raised = false): boolean {
    const { spend, limit } = account
    if (spend.span === 'call') return false
    const spent = spend.at(at)
    if (!account.standing) {
      if (spent < limit) return false
      this.#takeHold(account, at)
      return true
    }
    if (spent < this.#letsGoBelow(account)) this.#letGo(account, at)
    else if (spend.sliding !== undefined && (raised || this.#lastsUntil(account, at) > account.until)) this.#tellAll(account, at)
    return false
  }

  /**
   * A call was refused under a rule, though nothing is in flight. Where not even the cheapest sort of call fits any more, the
   * budget is as good as gone: better one state that says so than a refusal for each call.
   */
  doesNotFit(account: BudgetAccount, at: number): void {
    if (account.standing || account.reserved > 0) return
    const cheapest = this.#options.ledger.cheapest(account.spend)
    if (cheapest === undefined || cheapest > account.limit || account.limit - account.spend.at(at) >= cheapest) return
    account.spentOut = true
    this.#takeHold(account, at)
  }

  /** The service's calls cost something after all, so that rules for everybody's money concern it too. */
  nowCharges(desk: DeskAccounts, at: number): void {
    for (const account of desk.under(undefined))
      if (account.standing && !account.told.has(desk.service)) this.#tell(account, desk, at)
  }

  /**
   * After a restart: what stands in the breakers, restored from the journal, against what stands now. The configuration may be
   * another, a period may be over; breakers are told the difference.
   */
  reconcile(at: number): void {
    const { accounts, ledger, desks, services } = this.#options
    for (const account of accounts) {
      if (account.spend.span === 'call') continue
      account.spentOut = this.#wasSpentOut(account, at)
      account.standing = account.spend.at(at) >= (account.spentOut ? this.#letsGoBelow(account) : account.limit)
      if (account.standing) account.until = this.#end(account, at)
    }
    const rules = new Map(accounts.map((account) => [account.rule.id, account]))
    for (const service of services.keys()) {
      const standing = this.#standingIn(service)
      const desk = desks.get(service)
      for (const account of desk?.accounts ?? []) {
        if (desk === undefined || !account.standing || !concerns(account, desk)) continue
        account.told.add(service)
        const wanted = signalOf(account)
        if (!standing.some((one) => isSame(one, wanted))) this.#tell(account, desk, at)
      }
      for (const { rule } of standing) {
        // Only rules of ours: others may have told the breaker of budgets of theirs.
        if (ledger.known.includes(rule) && rules.get(rule)?.told.has(service) !== true) this.#clear(rule, service, at)
      }
    }
  }

  /** When a rule that looks back lets go if nothing more is spent, epoch ms; Infinity when none stands. */
  nextLapse(at: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const account of this.#options.accounts) {
      const { sliding } = account.spend
      if (account.standing && sliding !== undefined) next = Math.min(next, sliding.below(this.#letsGoBelow(account), at))
    }
    return next
  }

  #takeHold(account: BudgetAccount, at: number): void {
    account.standing = true
    this.#tellAll(account, at)
  }

  #tellAll(account: BudgetAccount, at: number): void {
    account.until = this.#end(account, at)
    for (const desk of this.#options.desks.values()) if (concerns(account, desk)) this.#tell(account, desk, at)
  }

  #tell(account: BudgetAccount, desk: DeskAccounts, at: number): void {
    if (!concerns(account, desk)) return
    account.told.add(desk.service)
    this.#options.tell(desk.service, signalOf(account), at)
  }

  #letGo(account: BudgetAccount, at: number): void {
    account.standing = false
    account.spentOut = false
    const told = [...account.told]
    account.told.clear()
    for (const service of told) {
      // A breaker lets the rule go by itself at the end it was told; it may have been first.
      if (this.#standingIn(service).some(({ rule }) => rule === account.rule.id)) this.#clear(account.rule.id, service, at)
    }
  }

  #clear(rule: string, service: string, at: number): void {
    this.#options.tell(service, { kind: 'budgetCleared', rule }, at)
  }

  #standingIn(service: string): readonly BudgetCondition[] {
    return this.#options.standing(service)?.budgets ?? []
  }

  /** With less spent than this the rule lets go, billionths of a dollar. */
  #letsGoBelow({ spend, limit, rule, spentOut }: BudgetAccount): number {
    const share = limit * rule.recoverBelow
    return spentOut ? Math.min(share, limit - (this.#options.ledger.cheapest(spend) ?? 0) + 1) : share
  }

  /** A rule whose breakers stand blocked with money left was spent out, and is, if what is left still buys nothing. */
  #wasSpentOut(account: BudgetAccount, at: number): boolean {
    const { rule, spend, limit } = account
    if (rule.action !== 'block' || spend.at(at) >= limit) return false
    const { services, ledger } = this.#options
    const stood = [...services.keys()].some((service) => this.#standingIn(service).some((one) => one.rule === rule.id))
    const cheapest = ledger.cheapest(spend)
    return stood && cheapest !== undefined && cheapest <= limit && limit - spend.at(at) < cheapest
  }

  /** How long breakers are told that the rule stands. */
  #end(account: BudgetAccount, at: number): number {
    const { spend, rule } = account
    const { ledger } = this.#options
    if (spend.sliding === undefined) return spend.span === 'day' ? ledger.day.until : ledger.month.until
    // While calls go on being made the end moves with every one: told generously, it need not be told anew each time.
    return rule.action === 'block' ? this.#lastsUntil(account, at) : spend.sliding.emptyFrom(at) + rule.per
  }

  #lastsUntil(account: BudgetAccount, at: number): number {
    const { sliding } = account.spend
    if (sliding === undefined) return account.until
    return account.rule.action === 'block' ? sliding.below(this.#letsGoBelow(account), at) : sliding.emptyFrom(at)
  }
}

/** Is the rule the business of the service's breaker? A rule for everybody's money is not that of a service that costs none. */
function concerns({ rule, spend, callByCall }: BudgetAccount, { service, charges }: DeskAccounts): boolean {
  if (callByCall || rule.action === 'alert_only') return false
  return spend.counts(service, undefined) && (rule.services !== undefined || charges)
}

function signalOf({ rule, until }: BudgetAccount): Extract<Signal, { kind: 'budget' }> {
  return {
    kind: 'budget',
    mode: rule.action === 'block' ? 'blocked' : 'throttled',
    share: rule.action === 'block' ? 0 : rule.throttleFactor,
    until,
    rule: rule.id,
    allowEmergencyOverride: rule.allowEmergencyOverride,
  }
}

function isSame(one: BudgetCondition, other: Extract<Signal, { kind: 'budget' }>): boolean {
  return (
    one.rule === other.rule &&
    one.mode === other.mode &&
    one.share === other.share &&
    one.until === other.until &&
    one.allowEmergencyOverride === other.allowEmergencyOverride
  )
}
