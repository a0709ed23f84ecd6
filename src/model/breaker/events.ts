// What a breaker machine can be told. Every event carries `at` (epoch ms), and every number a guard may want.

import type { FailureType } from '../failures.ts'
import type { BreakerPolicy } from '../policy.ts'
import type { Directive, Signal } from '../signals.ts'
import type { DegradationLevel } from '../states.ts'
import type { LatencyStats, WindowStats } from '../stats.ts'
import type { BreakerContext } from './context.ts'

interface At {
  readonly at: number
}
interface Settled extends At {
  /** The generation the call was admitted in. */
  readonly generation: number
  /** The half-open probe it was, if it was one. */
  readonly probe?: number | undefined
  readonly stats: WindowStats
}
interface ByOperator extends At {
  readonly by: string
  readonly why: string
}

export interface CallSucceeded extends Settled {
  readonly type: 'call.succeeded'
  /** The profile's word on the service apart from what the window says. */
  readonly healthyOtherwise: boolean
}
export interface CallFailed extends Settled {
  readonly type: 'call.failed'
  readonly failure: FailureType
  readonly retryAfterMs?: number | undefined
  readonly healthyOtherwise: boolean
}
/** The caller gave up, or the fault was the caller's: a probe's place is freed, nothing else. */
export interface CallIgnored extends At {
  readonly type: 'call.ignored'
  readonly generation: number
  readonly probe?: number | undefined
}
export interface ProbeAdmitted extends At {
  readonly type: 'probe.admitted'
  readonly probe: number
  /** How long it may run before it counts as failed, ms. */
  readonly timeout: number
}
/** Calls have not come back for several times their usual latency, and none of the others succeeded. */
export interface CallsStalled extends At {
  readonly type: 'calls.stalled'
  readonly stalled: number
  readonly stats: WindowStats
}
/** The service's breakers on other nodes of the fleet are open, or its calls fail fleet-wide. */
export interface FleetTripped extends At {
  readonly type: 'fleet.tripped'
  readonly trip: Extract<Signal, { kind: 'fleetTrip' }>
  readonly stats: WindowStats
}
export interface LimitHit extends At {
  readonly type: 'limit.hit'
  readonly limit: Extract<Signal, { kind: 'limit' }>
  readonly stats: WindowStats
}
export interface BudgetLimited extends At {
  readonly type: 'budget.limited'
  readonly budget: Extract<Signal, { kind: 'budget' }>
}
export interface BudgetCleared extends At {
  readonly type: 'budget.cleared'
  /** Only this rule's; absent: all. */
  readonly rule?: string | undefined
}
export interface HealthChanged extends At {
  readonly type: 'health.changed'
  readonly level: DegradationLevel
  readonly why: string
}
/** The 95th percentile of latency has left its baseline. */
export interface LatencyRose extends At {
  readonly type: 'latency.rose'
  readonly latency: LatencyStats
}
export interface DirectiveSet extends At {
  readonly type: 'directive.set'
  readonly directive: Directive
}
/** The time after which a degraded service is looked at again. */
export interface TimerRecovered extends At {
  readonly type: 'timer.recovered'
  readonly stats: WindowStats
  /** Present while latency is still above its limit. */
  readonly latency?: LatencyStats | undefined
}
/** Deadlines whose failure to be met re-opens, so that the next wait depends on the traffic. */
export interface TimerOfRound extends At {
  readonly type: 'timer.probeOverdue' | 'timer.roundOverdue'
  readonly stats: WindowStats
}
export interface PlainTimer extends At {
  readonly type:
    | 'timer.cooled'
    | 'timer.permitOverdue'
    | 'timer.ramped'
    | 'timer.directiveExpired'
    | 'timer.limitReset'
    | 'timer.budgetRolledOver'
    | 'timer.maintenanceEnded'
}
export interface Simple extends At {
  readonly type: 'limit.cleared' | 'permit.granted'
}
export interface OperatorCommand extends ByOperator {
  readonly type: 'command.trip' | 'command.reset' | 'command.disable' | 'command.enable' | 'command.endMaintenance'
}
export interface BeginMaintenance extends ByOperator {
  readonly type: 'command.beginMaintenance'
  readonly until?: number | undefined
}
export interface Reconfigure extends At {
  readonly type: 'reconfigure'
  readonly policy: BreakerPolicy
}
/** Puts the machine where a saved one stood; overdue deadlines then come due as timers. */
export interface Restore extends At {
  readonly type: 'restore'
  readonly saved: BreakerContext
}

export type BreakerEvent =
  | CallSucceeded
  | CallFailed
  | CallIgnored
  | ProbeAdmitted
  | CallsStalled
  | FleetTripped
  | LimitHit
  | BudgetLimited
  | BudgetCleared
  | HealthChanged
  | LatencyRose
  | DirectiveSet
  | TimerRecovered
  | TimerOfRound
  | PlainTimer
  | Simple
  | OperatorCommand
  | BeginMaintenance
  | Reconfigure
  | Restore
