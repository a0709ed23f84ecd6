// Root causes: who is at the bottom of what is down, and what is put down to it. Used by supervise.ts.
import type { OrchestratorContext, RootCause, SupervisorEvent } from './context.ts'
import { dependentsOf, rootsOf } from './graph.ts'
import { unlessSame } from './named.ts'
import type { Review } from './review.ts'
import { isGone, standingOf } from './standing.ts'

/** Who is at the bottom of what is down, and the failures of others that are put down to it. */
export function rootsAfter(
  context: OrchestratorContext,
  event: SupervisorEvent,
  at: number,
): { readonly roots: OrchestratorContext['roots']; readonly fresh: readonly string[] } {
  const { config, services, roots: before } = context
  const places = config?.places ?? {}
  const away = (service: string): boolean => isGone(services[service])
  const failed: Review['failed'] = event.type === 'review' ? event.failed : {}
  const roots: Record<string, RootCause> = {}
  const fresh: string[] = []
  for (const service of standingOf(services).useless) {
    if (rootsOf(places, service, away)[0] !== service) continue
    const dependents = dependentsOf(places, service)
    if (dependents.length === 0) continue
    const known = before[service]
    if (!known) fresh.push(service)
    const root = known ?? { since: at, failures: {} }
    const more = dependents.filter((name) => (failed[name] ?? 0) > 0)
    const failures = Object.fromEntries(more.map((name) => [name, (root.failures[name] ?? 0) + failed[name]!]))
    roots[service] = more.length === 0 ? root : { ...root, failures: { ...root.failures, ...failures } }
  }
  return { roots: unlessSame(before, roots), fresh }
}
