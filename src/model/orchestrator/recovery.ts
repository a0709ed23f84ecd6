// The queue of recovery: who of those that are ready to probe may. Dependencies before dependents, then by priority, then who has
// waited longest; only so many at once.
import type { OrchestratorContext } from './context.ts'
import { dependenciesOf } from './graph.ts'
import { isBack, standingOf } from './standing.ts'

/** The services that wait for their turn, in the order in which they would get it; those that must wait for others come last. */
export function waitingOf({ config, services }: OrchestratorContext): string[] {
  const priority = (service: string): number => config?.places[service]?.recoveryPriority ?? 0
  return [...standingOf(services).waiting].sort(
    (a, b) => priority(a) - priority(b) || services[a]!.since - services[b]!.since || (a < b ? -1 : 1),
  )
}

/** Who may probe from now on. `isHeld` for those whom a directive keeps back. */
export function permitsAt(context: OrchestratorContext, isHeld: (service: string) => boolean): string[] {
  const { config, services, granted, system } = context
  const waiting = waitingOf(context).filter((service) => granted[service] === undefined && !isHeld(service))
  if (!config?.rules.recovery_coordination.enabled) return waiting
  // In an emergency one at a time: what little works must not be swamped.
  const places = (system.state === 'emergency' && coordinates(context) ? 1 : config.maxConcurrentRecoveries) - underWay(context)
  const ready = waiting.filter((service) => dependenciesOf(config.places, service).every((name) => isBack(services[name])))
  return ready.slice(0, Math.max(0, places))
}

/** How many recoveries take a place. */
export function underWay({ granted }: OrchestratorContext): number {
  return Object.keys(granted).length
}

/** A board of one service has nothing to coordinate: its breaker is left alone. */
export function coordinates({ services }: OrchestratorContext): boolean {
  return standingOf(services).all.length > 1
}

/**
 * Recoveries that still take a place: not those of breakers that have moved on, nor of those that nobody calls, after the lease;
 * they may stay half-open, and it costs nobody anything. A permit that was not taken is given back too.
 */
export function stillGranted(
  { config, services, granted }: OrchestratorContext,
  idle: readonly string[],
  at: number,
): OrchestratorContext['granted'] {
  const lease = config?.recoveryLease ?? 0
  const entries = Object.entries(granted)
  const kept = entries.filter(([service, since]) => {
    const path = services[service]?.path
    if (path === 'open.awaitingPermit') return since === at
    return path === 'halfOpen' && !(idle.includes(service) && at - since >= lease)
  })
  return kept.length === entries.length ? granted : Object.fromEntries(kept)
}
