// How an orchestrator goes on after a restart: what it remembered is in a journal's header, where each breaker stands says that
// breaker itself. Used by supervise.ts.
import type { Directive } from '../signals.ts'
import { asksSomething, type OrchestratorContext, type ServiceStand, type SupervisorEvent } from './context.ts'

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
  const present = <T>(record: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(record).filter(([service]) => Object.hasOwn(services, service)))
  const told = saved ? present(saved.told) : standing(present(event.directives), at)
  return {
    ...before,
    ...saved,
    config: before.config,
    services,
    epoch,
    findings,
    told,
    ...(saved?.fleet === undefined ? undefined : { fleet: present(saved.fleet) }),
    force: saved ? present(saved.force) : told,
    wanted: present(saved?.wanted),
    granted: { ...probing(services, at), ...present(saved?.granted) },
  }
}

/** Of what breakers were told before there was an orchestrator, all is by users. */
function standing(directives: Readonly<Record<string, Directive>>, at: number): OrchestratorContext['told'] {
  return Object.fromEntries(Object.entries(directives).filter(([, directive]) => asksSomething(directive, at)))
}

/** Whoever probes takes a place, known of or not. */
function probing(services: OrchestratorContext['services'], at: number): OrchestratorContext['granted'] {
  const whom = Object.entries(services).filter(([, { path, idle }]) => path === 'halfOpen' && !idle)
  return Object.fromEntries(whom.map(([service]) => [service, at]))
}
