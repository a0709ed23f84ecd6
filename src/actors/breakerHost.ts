// What a breaker needs of the board it hangs on.
import type { Clock } from '../model/clock.ts'
import type { Failure } from '../model/failures.ts'
import type { GearEvent, TransitionRecord } from '../model/records.ts'
import type { Directive } from '../model/signals.ts'
import type { CallFacts } from './outcomeRecord.ts'

/** Hears of a call that failed: how long it took (microseconds), the probe it was, and what is known of it. */
export type FailureListener = (
  service: string,
  at: number,
  failure: Failure,
  microseconds: number,
  probe: number | undefined,
  facts: CallFacts | undefined,
) => void

export interface BreakerHost {
  readonly clock: Clock
  /** True when somebody keeps or hears outcomes, so that none is built for nobody. */
  readonly wantsOutcomes: boolean
  /** Writes `event` to the journal at once; listeners hear it when {@link deliver} is called. */
  emit(event: GearEvent): void
  /** Tells the orchestrator of a transition that {@link emit} has had. */
  moved(transition: TransitionRecord): void
  /** Tells the orchestrator what a user has told a breaker. */
  directed(service: string, at: number, directive: Directive): void
  /** Notes a failure, for reviews and correlation. Nothing is noted of a success: a healthy call must not pay for it. */
  failed: FailureListener
  /** The service at the bottom of what is down beneath `service`, if there is one. */
  rootOf(service: string): string | undefined
  /**
   * Lets listeners hear what was emitted. Called when an input has been worked off, so that a listener's own commands come
   * after it in the journal and in truth.
   */
  deliver(): void
}
