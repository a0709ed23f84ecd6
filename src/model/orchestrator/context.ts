// What the orchestrator remembers, and what it hears and does. Plain JSON, so that a journal's header can keep it and a replay go
// on from it.
import type { Finding } from '../findings.ts'
import type { AlertRecord, SystemRecord } from '../records.ts'
import type { Command, Directive, SystemCommand } from '../signals.ts'
import type { StatePath } from '../states.ts'
import type { OrchestratorConfig, SystemState } from './config.ts'
import type { Latch } from './hysteresis.ts'
import type { Numbers, Review } from './review.ts'

/** One service as the orchestrator sees it. */
export interface ServiceStand {
  readonly path: StatePath
  readonly since: number
  /** It tripped, and has not come back; an operator's trip and a maintenance are no failing. */
  readonly failing: boolean
  /** Half-open, and nobody has called it for the time of the lease: it lets the next call pass, and keeps nobody back. */
  readonly idle?: boolean | undefined
}

/** Someone at the bottom of what is down, and what it took with it. */
export interface RootCause {
  readonly since: number
  /** Failures of its dependents while it was down, by service. */
  readonly failures: Readonly<Record<string, number>>
}

export interface OrchestratorContext {
  /** Undefined: nothing is coordinated, and who is ready to probe may (journals from before there was an orchestrator). */
  readonly config: OrchestratorConfig | undefined
  /** Those on the board; breakers of keys are not among them. */
  readonly services: Readonly<Record<string, ServiceStand>>
  readonly system: { readonly state: SystemState; readonly since: number }
  /** Of the last directives given or heard. */
  readonly epoch: number
  /** What each breaker was last told, by whomever. */
  readonly force: Readonly<Record<string, Directive>>
  /** What users have told breakers and still stands: a wish among those of the rules. */
  readonly told: Readonly<Record<string, Directive>>
  /** What the leader of the fleet has told them; undefined until it has told any. */
  readonly fleet?: Readonly<Record<string, Directive>> | undefined
  /** Rules that stand, by name; of dependency_chain_protection one for each dependency, `rule:dependency`. */
  readonly latches: Readonly<Record<string, Latch>>
  /** The rules that last wanted something of each service. */
  readonly wanted: Readonly<Record<string, readonly string[]>>
  readonly findings: readonly Finding[]
  readonly roots: Readonly<Record<string, RootCause>>
  /** Recoveries under way and since when; those that nobody calls have given their place back. */
  readonly granted: Readonly<Record<string, number>>
  readonly numbers: Numbers
  /** Rules in code that say yes. */
  readonly verdicts: readonly string[]
  /** When each alert was last raised. */
  readonly alerted: Readonly<Record<string, number>>
  /** How many services have fallen in which second since 1970, the last in which any has. */
  readonly falls?: { readonly second: number; readonly count: number } | undefined
}

/** All of it but the configuration, which the header tells apart. */
export type SavedOrchestrator = Omit<OrchestratorContext, 'config'>

export interface Moved {
  readonly type: 'breaker.moved'
  readonly at: number
  readonly service: string
  readonly from: StatePath
  readonly to: StatePath
  /** Services that moved before it because they were told to: one look is enough for all. */
  readonly others?: readonly Moved[] | undefined
}

export type SupervisorEvent =
  | { readonly type: 'breaker.added' | 'breaker.removed'; readonly at: number; readonly service: string }
  | Moved
  | { readonly type: 'directive.heard'; readonly at: number; readonly service: string; readonly directive: Directive }
  | { readonly type: 'command.given'; readonly at: number; readonly command: SystemCommand }
  | { readonly type: 'finding.made'; readonly at: number; readonly finding: Finding; readonly over: boolean }
  | {
      readonly type: 'restore'
      readonly at: number
      readonly saved: SavedOrchestrator | undefined
      readonly paths: Readonly<Record<string, StatePath>>
      /** Of the directives the breakers have had: later ones must not be older. */
      readonly epoch: number
      /** What the breakers have been told and keep to. */
      readonly directives?: Readonly<Record<string, Directive>> | undefined
    }
  | Review

/** What it wants done. */
export type Effect =
  | { readonly type: 'directive'; readonly at: number; readonly service: string; readonly directive: Directive }
  | { readonly type: 'permit'; readonly at: number; readonly service: string }
  | { readonly type: 'command'; readonly at: number; readonly service: string; readonly command: Command }
  | { readonly type: 'finding'; readonly at: number; readonly finding: Finding; readonly over: boolean }
  | { readonly type: 'told'; readonly at: number; readonly record: AlertRecord | SystemRecord }

/** What the region of system states goes by. */
export interface Judgement {
  readonly type: 'system.judged'
  readonly at: number
  readonly to: SystemState
  readonly recovering: number
}

export const NO_NUMBERS: Numbers = { calls: 0, services: {} }

export function initialContext(config: OrchestratorConfig | undefined, at: number): OrchestratorContext {
  return {
    config,
    services: {},
    system: { state: 'healthy', since: at },
    epoch: 0,
    force: {},
    told: {},
    latches: {},
    wanted: {},
    findings: [],
    roots: {},
    granted: {},
    numbers: NO_NUMBERS,
    verdicts: [],
    alerted: {},
  }
}

/** The rule of a directive that takes back what others asked. */
export const RELEASED = 'released'

/** No calls pass, or only probes, because it failed or an operator shut it. */
export function isDown(path: StatePath): boolean {
  return path === 'halfOpen' || path.startsWith('open')
}

/** Whoever depends on it cannot recover. */
export function isAway(path: StatePath): boolean {
  return isDown(path) || path === 'maintenance'
}

/** Whoever depends on it has nothing to depend on. */
export function isUseless(path: StatePath): boolean {
  return isAway(path) || path === 'rateLimited.exhausted' || path === 'budgetLimited.blocked'
}

/** It wants something of its breaker at `at`. */
export function asksSomething({ level, admissionRatio, hold, expiresAt }: Directive, at: number): boolean {
  return expiresAt > at && (level > 0 || admissionRatio < 1 || hold)
}
