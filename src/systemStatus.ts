// The whole board at a glance, for `gear.system`: how it is, why, and what the orchestrator wants of each service.
import type { Board } from './actors/board.ts'
import type { Finding } from './model/findings.ts'
import type { SystemState } from './model/orchestrator/config.ts'
import type { RootCause } from './model/orchestrator/context.ts'
import { inForce } from './model/orchestrator/desired.ts'
import { waitingOf } from './model/orchestrator/recovery.ts'
import { systemHealth } from './model/orchestrator/systemState.ts'
import type { Directive } from './model/signals.ts'

export interface SystemStatus {
  readonly state: SystemState
  /** Since when, epoch ms. */
  readonly since: number
  /** 0–1: what the services are worth on average, critical ones counting twice. */
  readonly health: number
  /** Services at the bottom of what is down, that others depend on, with the failures of those others while they were. */
  readonly roots: Readonly<Record<string, RootCause>>
  /** Rules that stand; of dependency_chain_protection one for each dependency, `rule:dependency`. */
  readonly rules: readonly string[]
  /** What is asked of services now, by the orchestrator or by users. */
  readonly directives: Readonly<Record<string, Directive>>
  /** Patterns in the failures of services that stand. */
  readonly findings: readonly Finding[]
  /** Services that probe, and those that wait for their turn to. */
  readonly recovering: readonly string[]
  readonly waiting: readonly string[]
  /** Of the last directives; one of yours must not have a lower one. */
  readonly epoch: number
}

export function systemStatus(board: Board): SystemStatus {
  const { context } = board
  const at = board.now()
  const directives = Object.entries(context.force).filter(([, directive]) => inForce(directive, at))
  return {
    state: context.system.state,
    since: context.system.since,
    health: systemHealth(context, at).score,
    roots: context.roots,
    rules: Object.keys(context.latches),
    directives: Object.fromEntries(directives),
    findings: context.findings,
    recovering: Object.keys(context.services).filter((service) => context.services[service]?.path === 'halfOpen'),
    waiting: waitingOf(context),
    epoch: context.epoch,
  }
}
