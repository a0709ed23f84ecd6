// How an orchestrator goes on after a restart: what it remembered is in a journal's header, where each breaker stands says that
// breaker itself. Used by supervise.ts.
import type { OrchestratorContext, ServiceStand, SupervisorEvent } from './context.ts'

/** The context with what was saved, if anything was. */
export function restored(before: OrchestratorContext, event: Extract<SupervisorEvent, { type: 'restore' }>): OrchestratorContext {
  const { at, saved, paths } = event
  const services = Object.fromEntries(
    Object.keys(before.services).map((service): [string, ServiceStand] => {
      const path = paths[service] ?? 'closed.watching'
      const known = saved?.services[service]
      if (known?.path === path) return [service, known]
      return [service, { path, since: at, failing: path === 'open.cooling' || path === 'open.awaitingPermit' }]
    }),
  )
  const epoch = Math.max(saved?.epoch ?? 0, event.epoch)
  // Where nobody looks any more, what was found would stand for ever.
  const isLooked = before.config?.correlation === true && Object.keys(before.config.places).length > 1
  const findings = isLooked ? (saved?.findings ?? []) : []
  return { ...before, ...saved, config: before.config, services, epoch, findings }
}
