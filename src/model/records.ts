// The records of the journal, which are also the events of the bus: inputs (what was told to the board) and outputs (what
// it made of it). One shape for both, so that a log line, a bus message and an Observable's value read alike.
import type { FailureType } from './failures.ts'
import type { Finding } from './findings.ts'
import type { Kind } from './kinds.ts'
import type { TokenUsage } from './measurement.ts'
import type { OrchestratorConfig, SystemState } from './orchestrator/config.ts'
import type { Review } from './orchestrator/review.ts'
import type { BreakerPolicy } from './policy.ts'
import type { Command, Directive, Signal, SystemCommand } from './signals.ts'
import type { DegradationLevel, StateName, StatePath } from './states.ts'
import type { LatencyStats, WindowStats } from './stats.ts'

export type OutcomeResult = 'success' | 'failure' | 'ignored' | 'rejected'
export type AlertLevel = 'info' | 'warning' | 'error' | 'critical'

/** What a call came to. A `rejected` outcome is a call that was not let through. */
export interface OutcomeRecord {
  readonly type: 'outcome'
  /** When the call ended (or was rejected), epoch ms, whole. */
  readonly at: number
  readonly service: string
  readonly result: OutcomeResult
  /** How long the call took, ms, to the microsecond; 0 for a rejection. */
  readonly latency: number
  /** The breaker's generation when the call was admitted. */
  readonly generation: number
  readonly failure?: FailureType
  readonly status?: number
  readonly retryAfterMs?: number
  /** The half-open probe this was. */
  readonly probe?: number
  /** The state that rejected. */
  readonly state?: StateName
  /** The budget rule that a rejected call did not fit under, though the gate would have let it pass. */
  readonly budget?: string
  /** The degradation level the call ran at, above 0. */
  readonly level?: DegradationLevel
  /** The model that answered; of a rejected call, the model whose own breaker refused it, though the gate would have let it pass. */
  readonly model?: string
  readonly operation?: string
  readonly usage?: TokenUsage
  /** What the call cost, dollars; what was estimated where `costEstimated`. */
  readonly cost?: number
  readonly costEstimated?: true
  /** How good the answer was, 0–1. */
  readonly quality?: number
  /** How many calls of other processes it sums up, and how many of them were slow; absent: it is one call. */
  readonly calls?: number
  readonly slow?: number
  /** Budgets and quotas do not count it: part of a call that they have counted, or a probe whose end nobody saw. */
  readonly unbudgeted?: true
}

/** A call that was let through by a gate that was not plainly open, and so used something up: a probe's place, a token. */
export interface AdmissionRecord {
  readonly type: 'admission'
  readonly at: number
  readonly service: string
  readonly generation: number
  readonly probe?: number
  /** Why it passed where others may not. */
  readonly exemption?: Exemption
  /** Who claimed an emergency override, and why. */
  readonly by?: string
  readonly why?: string
}

/** A reason to pass where others may not: an emergency override of a budget, a health probe in maintenance. */
export type Exemption = 'emergency_override' | 'health_probe'

export interface SignalRecord {
  readonly type: 'signal'
  readonly at: number
  readonly service: string
  readonly signal: Signal
}

export interface DirectiveRecord {
  readonly type: 'directive'
  readonly at: number
  readonly service: string
  readonly directive: Directive
  /** Given by the board's own orchestrator, which a replay runs; absent: told from outside. */
  readonly by?: 'orchestrator'
}

export interface CommandRecord {
  readonly type: 'command'
  readonly at: number
  readonly service: string
  readonly command: Command
}

/** A deadline of a breaker that came due. */
export interface TimerRecord {
  readonly type: 'timer'
  readonly at: number
  readonly service: string
  readonly id: TimerId
}

/** A breaker that was hung on the board, changed or taken off while it ran. */
export interface ConfigRecord {
  readonly type: 'config'
  readonly at: number
  readonly service: string
  readonly change: 'added' | 'reconfigured' | 'removed'
  /** Present for `added` and `reconfigured`. */
  readonly kind?: Kind
  readonly policy?: BreakerPolicy
}

/** A change of state or substate. */
export interface TransitionRecord {
  readonly type: 'transition'
  readonly at: number
  readonly service: string
  readonly from: StatePath
  readonly to: StatePath
  readonly generation: number
  /** The rule, event or command that caused it, such as `failure_rate`, `probes_succeeded` or `command.trip`. */
  readonly reason: string
  /** When the new state's own deadline is, epoch ms. */
  readonly until?: number
  /** The numbers the decision was made on. */
  readonly stats?: WindowStats | LatencyStats
}

export interface AlertRecord {
  readonly type: 'alert'
  readonly at: number
  readonly service: string
  readonly level: AlertLevel
  /** Stable and machine-readable: `quota_exceeded`, `authentication`. */
  readonly code: string
  readonly message: string
  /** Who raised it, where it was not the breaker. A replay, which runs neither budgets nor monitors, passes over theirs. */
  readonly by?: 'budgets' | 'monitor' | 'orchestrator' | 'fleet'
  /** What the service depends on and what is down at the bottom of it: mend that first. */
  readonly root?: string
  /** The budget rule it is about. */
  readonly rule?: string
  /** Dollars, of `budget_raised`: what the rule's limit is from then on. */
  readonly limit?: number
  /** Dollars, of `budget_raised`: what the configuration said of the rule then; with another, the raise is over. */
  readonly over?: number
}

/** Who answered in a service's place, or which of several was chosen, and why. Told; nothing follows from it. */
export interface DecisionRecord {
  readonly type: 'decision'
  readonly at: number
  /** The service that was asked. */
  readonly service: string
  readonly decision: 'fallback' | 'model'
  /** Why the service itself did not answer: the code of a rejection (`ERR_SWITCHGEAR_OPEN`), or a failure type. */
  readonly why: string
  /** What was tried in its place, in order; the last one is the one that answered, if any did. */
  readonly steps: readonly DecisionStep[]
  readonly result: 'answered' | 'failed'
  /** From the first step's beginning to the last one's end, ms. */
  readonly duration: number
}

export interface DecisionStep {
  /** A service, or the name of a step that has no breaker, or a model. */
  readonly name: string
  readonly result: 'answered' | 'failed' | 'rejected'
  /** The code of the error of a step that did not answer. */
  readonly code?: string
}

/** What an operator wanted of several services. `service` is `*`, as in all that concerns the whole board. */
export interface SystemCommandRecord {
  readonly type: 'systemCommand'
  readonly at: number
  readonly service: '*'
  readonly command: SystemCommand
}

/** What the orchestrator was told of the counts of all services. */
export interface ReviewRecord extends Review {
  readonly service: '*'
}

/** A pattern that correlation found, or one that is over. */
export interface FindingRecord {
  readonly type: 'finding'
  readonly at: number
  readonly service: '*'
  readonly finding: Finding
  readonly over: boolean
}

/** The system as a whole went from one state to another. */
export interface SystemRecord {
  readonly type: 'system'
  readonly at: number
  readonly service: '*'
  readonly from: SystemState
  readonly to: SystemState
  /** 0–1. */
  readonly score: number
  readonly open: number
  readonly degraded: number
  readonly services: number
}

export type InputRecord =
  | OutcomeRecord
  | AdmissionRecord
  | SignalRecord
  | DirectiveRecord
  | CommandRecord
  | TimerRecord
  | ConfigRecord
  | SystemCommandRecord
  | ReviewRecord
  | FindingRecord
/** Of the directives, those that the board's own orchestrator gives. */
export type OutputRecord = TransitionRecord | AlertRecord | SystemRecord | DirectiveRecord
/** Everything that happens on the board. */
export type GearEvent = InputRecord | OutputRecord | DecisionRecord
export type GearEventType = GearEvent['type']

/** The deadlines a breaker can wait for; the machine hears `timer.<id>`. */
export const TIMER_IDS = [
  'cooled',
  'permitOverdue',
  'probeOverdue',
  'roundOverdue',
  'ramped',
  'recovered',
  'directiveExpired',
  'limitReset',
  'budgetRolledOver',
  'maintenanceEnded',
] as const
export type TimerId = (typeof TIMER_IDS)[number]

/** The state of one breaker, complete: what a restart or a replay goes on from. Plain JSON. */
export interface SavedBreaker {
  readonly service: string
  readonly kind: Kind
  readonly path: StatePath
  /** The machine's context, but for service and policy. */
  readonly context: unknown
  readonly window: unknown
  readonly gate: unknown
  readonly latency: unknown
}

/** Why a header stands where it stands. */
export type HeaderReason = 'start' | 'restart' | 'rotation' | 'gap'

/**
 * Opens a journal file, and every session within it. After a `restart` the saved breakers are restored (deadlines that
 * passed meanwhile count); after a `rotation` or a `gap` they simply go on.
 */
export interface HeaderRecord {
  readonly type: 'header'
  readonly format: 'switchgear-journal'
  readonly version: 1
  /** Behaviour of the software that wrote what follows: raised with each deliberate change, so that old logs replay. */
  readonly behaviour: number
  readonly reason: HeaderReason
  readonly startedAt: number
  readonly software: string
  readonly seed: number
  /** The services and their resolved policies. */
  readonly services: Readonly<Record<string, { readonly kind: Kind; readonly policy: BreakerPolicy }>>
  /** The breakers as they stood; absent: as their policies make them. */
  readonly saved?: readonly SavedBreaker[]
  /** How the services were coordinated; absent in journals from before there was an orchestrator. */
  readonly orchestrator?: {
    readonly config: OrchestratorConfig
    /** What it remembered; absent: nothing. */
    readonly saved?: unknown
  }
  /** What was spent by then, as the keeper of the budgets saves it. */
  readonly spend?: unknown
  /** Records dropped before a `gap`, because the disk could not keep up. */
  readonly dropped?: number
}

export type JournalRecord = HeaderRecord | GearEvent

/** The behaviour this software has; see {@link HeaderRecord.behaviour}. */
export const BEHAVIOUR = 1
