// What a breaker machine remembers: the conditions that stand, the data of the one state it is in, and a few counters. Plain
// JSON, so that a snapshot can be journalled and restored.
import type { BreakerPolicy } from '../policy.ts'
import type { Directive } from '../signals.ts'
import type { StatePath } from '../states.ts'

/** One budget rule's word. */
export interface BudgetCondition {
  readonly rule: string
  readonly mode: 'throttled' | 'blocked'
  /** Share of the calls still admitted, 0–1. */
  readonly share: number
  readonly until: number | undefined
  readonly allowEmergencyOverride: boolean
}

/**
 * Conditions that stand, each with its own deadline (epoch ms). The state is always that of the gravest one; the others
 * wait beneath it and are not forgotten.
 */
export interface Standing {
  readonly maintenance?: { readonly until: number | undefined; readonly by: string; readonly why: string } | undefined
  /** An operator's "disable". */
  readonly bypass?: { readonly by: string; readonly why: string } | undefined
  /** An operator's "trip". */
  readonly forced?: { readonly by: string; readonly why: string } | undefined
  /** Stands from the trip until enough probes have succeeded. */
  readonly open?: { readonly openedAt: number; readonly until: number; readonly why: string } | undefined
  /** One for each rule; never an empty list. */
  readonly budgets?: readonly BudgetCondition[] | undefined
  /** The quota is gone. */
  readonly quota?: { readonly until: number; readonly why: string } | undefined
  readonly pace?:
    | {
        readonly until: number
        /** Calls a second the service leaves us. */
        readonly perSecond: number
        readonly why: string
      }
    | undefined
  /** The service's own condition: from its calls, or from signals of quality and memory. */
  readonly health?:
    | {
        readonly level: 1 | 2 | 3
        readonly recoverAt: number
        readonly cause: 'calls' | 'signal'
        readonly why: string
      }
    | undefined
  readonly directive?: Directive | undefined
}

/** A probe in flight, and when it counts as failed. */
export interface Probe {
  readonly probe: number
  readonly until: number
}

/** One stay in a state: each state owns its data, and only while it lasts. */
export type Spell =
  | { readonly in: 'closed.ramping'; readonly since: number; readonly until: number }
  | { readonly in: 'open.awaitingPermit'; readonly since: number; readonly until: number }
  | {
      readonly in: 'halfOpen'
      readonly since: number
      /** When the round is overdue; runs from its first probe, so that a round without calls just waits. */
      readonly until: number | undefined
      /** Probes admitted in this round, ignored ones excepted. */
      readonly admitted: number
      readonly successes: number
      readonly failures: number
      readonly inFlight: readonly Probe[]
    }
  | { readonly in: Exclude<StatePath, 'closed.ramping' | 'open.awaitingPermit' | 'halfOpen'>; readonly since: number }

export interface BreakerContext {
  readonly service: string
  readonly policy: BreakerPolicy
  /** State of the seeded generator the jitter is drawn from. */
  readonly random: number
  /** Raised at each transition. */
  readonly generation: number
  /** Outcomes of calls admitted in an earlier generation are measured and decide nothing. */
  readonly countsFrom: number
  readonly standing: Standing
  readonly spell: Spell
  /** Openings in a row without a stable close between them. */
  readonly openings: number
  /** Since when the breaker has not been open, epoch ms; undefined while it is. */
  readonly closedSince: number | undefined
  /** When the first of the openings in a row was. */
  readonly outageSince: number | undefined
  /** The latest time before which failures asked us not to come back, epoch ms; counted as the window counts. */
  readonly notBefore: number | undefined
  /** The highest epoch a directive came with, in force or lapsed; -1 before the first. */
  readonly directiveEpoch: number
  /** Number of the next probe. */
  readonly nextProbe: number
  /** What led into the present state: a trip rule, or the event's name. */
  readonly reason: string
}
