// Who follows the calls of a live service: its quality, what its degradation is worth, what it costs. A replay has none, as what
// they make of it is in the journal.
import type { FailureType } from '../model/failures.ts'
import type { Estimate, Measurement } from '../model/measurement.ts'
import type { DegradationLevel } from '../model/states.ts'
import type { Impact } from './impactMeter.ts'

export type CallResult = 'success' | 'failure' | 'ignored'

export interface CallFollower {
  /** What the service's degradation has cost and saved so far. */
  readonly impact: Impact
  /** What a call that is not degraded costs on the mean, dollars; undefined where it is not known. */
  readonly meanCost: number | undefined
  /** A call that had been admitted has ended, and its outcome is recorded. `at`: epoch ms, whole. */
  ended(at: number, result: CallResult, microseconds: number, level: DegradationLevel, measured: Measurement | undefined): void
}

/** What is known of a call before it is made, for the budget it is to fit under. */
export interface BudgetRequest {
  readonly operation?: string | undefined
  /** Undefined: what such calls have cost so far. */
  readonly estimate?: Estimate | undefined
  /** Passes rules that allow emergency overrides. */
  readonly override: boolean
  /** Passes every rule, and is booked all the same: an operator has switched the breaker off. */
  readonly bypass: boolean
}

/** The budgets as one service sees them. */
export interface BudgetDesk {
  /** Sets aside what the call is expected to cost, or names the rule under which that does not fit. */
  reserve(at: number, request: BudgetRequest): Reservation | BudgetRefusal
}

export interface BudgetRefusal {
  readonly rule: string
  /** When the rule's period is over, ms from now; undefined where nobody knows. */
  readonly retryAfterMs: number | undefined
}

/** Dollars set aside for one call. Ends once, by either. */
export interface Reservation {
  /**
   * Books what the call came to, an estimate where nobody says and it may have been billed; returns the measurement with the
   * cost that was booked. A measurement with `costEstimated` and no cost says that it may have been billed.
   */
  settle(at: number, result: CallResult, measured: Measurement | undefined, failure?: FailureType): Measurement | undefined
  /** The call was not made. */
  release(at: number): void
}
