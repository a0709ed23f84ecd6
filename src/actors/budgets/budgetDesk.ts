// The budgets as one service's calls meet them: a call sets aside what it may cost, or is refused; when it ends, what it came
// to is booked. Breakers of keys share the money of their service and have a desk of their own at it.
import { dollarsOf, nanosOf } from '../../model/budgets/money.ts'
import type { FailureType } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import type { AlertRecord } from '../../model/records.ts'
import type { BudgetDesk, BudgetRefusal, BudgetRequest, CallResult, Reservation } from '../callFollower.ts'
import type { BudgetAccount } from './budgetAccount.ts'
import { costlyAlert, refusalAlert } from './budgetAlerts.ts'
import type { DeskAccounts } from './deskAccounts.ts'
import type { QuotaCount } from './quotaCount.ts'

/** What desks ask of their keeper. Money is in billionths of a dollar. */
export interface DeskHost {
  /** It is `at` now: what is over is over. */
  goTo(at: number): void
  /** What a call nobody has said anything of is expected to cost. */
  expected(of: DeskAccounts, operation: string | undefined): number
  /** True when calls of the service have had a price. */
  priced(of: DeskAccounts): boolean
  /** The service's calls turn out to cost something. */
  charges(of: DeskAccounts, at: number): void
  readonly quotas: QuotaCount
  /** A call was made to a service with a quota. */
  callEnded(service: string, quota: number, at: number): void
  book(
    of: DeskAccounts,
    at: number,
    operation: string | undefined,
    nanos: number,
    isSample: boolean,
    accounts: readonly BudgetAccount[],
  ): void
  /** A call was refused because what is left does not cover it. */
  doesNotFit(account: BudgetAccount, at: number): void
  /** How long until a call that is expected to cost so much fits, if nothing is spent meanwhile, ms; undefined where it never will. */
  fitsIn(account: BudgetAccount, at: number, expected: number): number | undefined
  alert(record: AlertRecord): void
}

export class ServiceDesk implements BudgetDesk {
  readonly #keeper: DeskHost
  readonly #of: DeskAccounts
  /** True for breakers that the signals of standing rules do not reach. */
  readonly #unsignalled: boolean

  constructor(keeper: DeskHost, of: DeskAccounts, unsignalled: boolean) {
    this.#keeper = keeper
    this.#of = of
    this.#unsignalled = unsignalled
  }

  reserve(at: number, request: BudgetRequest): Reservation | BudgetRefusal {
    const keeper = this.#keeper
    const of = this.#of
    keeper.goTo(at)
    const { operation, estimate } = request
    const stated = nanosOf(estimate?.cost)
    if (stated !== undefined && stated > 0 && !of.charges) keeper.charges(of, at)
    const expected = stated ?? keeper.expected(of, operation)
    const accounts = of.under(operation)
    const throttle = this.#throttle(accounts, request)
    for (const account of accounts) {
      if (request.bypass) break
      if (request.override && account.rule.allowEmergencyOverride) continue
      const refusal = this.#refusal(account, at, request, expected, stated, throttle)
      if (refusal !== undefined) return refusal
    }
    if (of.quota !== undefined) {
      const { quotas } = keeper
      const isLeft = quotas.hasLeft(of.service, of.quota, at)
      if (!isLeft && this.#unsignalled && !request.bypass) return { rule: 'quota', retryAfterMs: quotas.renewedIn(at) }
      quotas.comes(of.service)
    }
    for (const account of accounts) account.reserved += expected
    return new Held(this, accounts, operation, expected, stated !== undefined)
  }

  /** What `held` came to is booked; the measurement comes back with what was. */
  settle(
    at: number,
    held: Held,
    result: CallResult,
    measured: Measurement | undefined,
    failure: FailureType | undefined,
  ): Measurement | undefined {
    const keeper = this.#keeper
    const of = this.#of
    keeper.goTo(at)
    this.release(held)
    if (of.quota !== undefined) keeper.callEnded(of.service, of.quota, at)
    const known = measured?.cost === undefined ? undefined : nanosOf(measured.cost)
    let nanos = known
    let guessed = measured?.costEstimated === true
    if (nanos === undefined && held.expected > 0) {
      const billed = result === 'success' || failure === 'timeout' || guessed
      if (billed && (held.stated || keeper.priced(of))) {
        nanos = held.expected
        guessed = true
      }
    }
    if (nanos === undefined) return withoutCost(measured)
    const operation = held.operation ?? measured?.operation
    const accounts = operation === held.operation ? held.accounts : of.under(operation)
    keeper.book(of, at, operation, nanos, result === 'success' && !guessed, accounts)
    // Mostly it says all that is to be said, and a copy would cost more than all else here together.
    if (measured !== undefined && known !== undefined && measured.operation === operation && !Object.is(measured.cost, -0)) {
      return measured
    }
    return withCost(measured, operation, known === undefined ? dollarsOf(nanos) : (measured?.cost ?? 0) + 0, guessed)
  }

  release({ accounts, expected }: Held): void {
    for (const account of accounts) account.reserved -= expected
    if (this.#of.quota !== undefined) this.#keeper.quotas.leaves(this.#of.service)
  }

  /** Of the throttling rules that stand and are kept here, the one that leaves the smallest share: as a breaker obeys but one. */
  #throttle(accounts: readonly BudgetAccount[], { override }: BudgetRequest): BudgetAccount | undefined {
    let smallest: BudgetAccount | undefined
    for (const account of accounts) {
      const { rule } = account
      if (!account.standing || rule.action !== 'throttle' || !(account.callByCall || this.#unsignalled)) continue
      if (override && rule.allowEmergencyOverride) continue
      if (smallest === undefined || rule.throttleFactor < smallest.rule.throttleFactor) smallest = account
    }
    return smallest
  }

  #refusal(
    account: BudgetAccount,
    at: number,
    { operation }: BudgetRequest,
    expected: number,
    stated: number | undefined,
    throttle: BudgetAccount | undefined,
  ): BudgetRefusal | undefined {
    const { rule, limit, spend } = account
    const { action, id } = rule
    if (action === 'alert_only') return undefined
    const { service, charges } = this.#of
    if (spend.span === 'call') {
      // Only by what was said of this call: a guess from others that refuses would never be put right by a new price.
      if (stated === undefined || stated <= limit || (action === 'throttle' && account.takesShare())) return undefined
      if (account.mayAlert(at)) this.#keeper.alert(costlyAlert(account, { service, operation }, at, stated, false))
      return { rule: id, retryAfterMs: undefined }
    }
    if (expected === 0 && rule.services === undefined && !charges) return undefined
    if (account.standing && (account.callByCall || this.#unsignalled || action === 'block')) {
      if (action === 'throttle' && (account !== throttle || account.takesShare())) return undefined
      return { rule: id, retryAfterMs: action === 'block' ? Math.max(0, account.until - at) : undefined }
    }
    if (action !== 'block' || expected === 0) return undefined
    const spent = spend.at(at)
    if (spent + account.reserved + expected <= limit) return undefined
    // Only others in flight are in its way, and may yet cost less than was set aside for them: nobody knows when it fits.
    if (spent + expected <= limit) return { rule: id, retryAfterMs: undefined }
    this.#keeper.doesNotFit(account, at)
    if (account.mayAlert(at)) this.#keeper.alert(refusalAlert(account, service, at, expected))
    return { rule: id, retryAfterMs: this.#keeper.fitsIn(account, at, expected) }
  }
}

/** Money set aside for one call. */
class Held implements Reservation {
  readonly #desk: ServiceDesk
  #ended = false

  constructor(
    desk: ServiceDesk,
    readonly accounts: readonly BudgetAccount[],
    readonly operation: string | undefined,
    /** Billionths of a dollar. */
    readonly expected: number,
    /** Somebody said so, of this very call. */
    readonly stated: boolean,
  ) {
    this.#desk = desk
  }

  settle(at: number, result: CallResult, measured: Measurement | undefined, failure?: FailureType): Measurement | undefined {
    if (this.#ended) return measured
    this.#ended = true
    return this.#desk.settle(at, this, result, measured, failure)
  }

  release(): void {
    if (this.#ended) return
    this.#ended = true
    this.#desk.release(this)
  }
}

function withCost(measured: Measurement | undefined, operation: string | undefined, cost: number, guessed: boolean): Measurement {
  const told = operation === undefined ? { ...measured, cost } : { ...measured, operation, cost }
  return guessed ? { ...told, costEstimated: true } : told
}

function withoutCost(measured: Measurement | undefined): Measurement | undefined {
  if (measured === undefined || (measured.cost === undefined && measured.costEstimated === undefined)) return measured
  const { cost: _, costEstimated: __, ...rest } = measured
  return rest
}
