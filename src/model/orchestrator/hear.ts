// What an event itself says, before anything is made of it: who stands where, what was heard, counted and found. Used by
// supervise.ts.
import { findingKey } from '../findings.ts'
import type { StatePath } from '../states.ts'
import { isDown, NO_NUMBERS, type OrchestratorContext, type ServiceStand, type SupervisorEvent } from './context.ts'
import { without } from './named.ts'
import { stillGranted } from './recovery.ts'
import { withStand } from './standing.ts'
import { afterDirective, withoutLapsed } from './told.ts'

/** The context with what the event itself says. */
export function hear(before: OrchestratorContext, event: Exclude<SupervisorEvent, { type: 'restore' }>): OrchestratorContext {
  const context = withoutLapsed(before, event.at)
  switch (event.type) {
    case 'breaker.added':
      return withService(context, event.service, { path: 'closed.watching', since: event.at, failing: false })
    case 'breaker.removed': {
      const { service } = event
      return {
        ...context,
        services: without(context.services, service),
        force: without(context.force, service),
        wanted: without(context.wanted, service),
        told: without(context.told, service),
        fleet: context.fleet && without(context.fleet, service),
        granted: without(context.granted, service),
      }
    }
    case 'breaker.moved': {
      const known = context.services[event.service]
      if (!known) return context
      const { service, to, at } = event
      const moved = withService(context, service, { path: to, since: at, failing: failsIn(to, known) })
      if (to === 'halfOpen') return { ...moved, granted: { [service]: at, ...moved.granted } }
      return moved.granted[service] === undefined ? moved : { ...moved, granted: without(moved.granted, service) }
    }
    case 'directive.heard':
      return afterDirective(context, event)
    case 'command.given':
      // An operator says that all is well: what stood because of it stands no longer.
      return event.command.name === 'recoverAll' ? recovered(context, event.command.services) : context
    case 'finding.made': {
      const key = findingKey(event.finding)
      const others = context.findings.filter((finding) => findingKey(finding) !== key)
      return { ...context, findings: event.over ? others : [...others, event.finding] }
    }
    case 'review': {
      const { at, calls, services, verdicts, idle } = event
      const granted = stillGranted(context, idle, at)
      return { ...withIdle(context, granted), numbers: { calls, services }, verdicts, granted }
    }
  }
}

/** Whoever is half-open and gives its place back has not been called: it neither fails nor keeps others back. */
function withIdle(context: OrchestratorContext, granted: OrchestratorContext['granted']): OrchestratorContext {
  let next = context
  for (const service in context.granted) {
    const stand = context.services[service]
    if (granted[service] !== undefined || stand?.path !== 'halfOpen') continue
    next = withService(next, service, { ...stand, failing: false, idle: true })
  }
  return next
}

function recovered(context: OrchestratorContext, among: readonly string[] | undefined): OrchestratorContext {
  const services = Object.fromEntries(
    Object.entries(context.services).map(([service, stand]): [string, ServiceStand] =>
      // Where each goes from there is told by itself, in a moment.
      isDown(stand.path) && (among?.includes(service) ?? true)
        ? [service, { ...stand, path: 'closed.watching', failing: false }]
        : [service, stand],
    ),
  )
  return { ...context, services, latches: {}, numbers: NO_NUMBERS, verdicts: [] }
}

function failsIn(path: StatePath, before: ServiceStand): boolean {
  if (path === 'open.cooling' || path === 'open.awaitingPermit') return true
  return path === 'halfOpen' && before.failing
}

function withService(context: OrchestratorContext, service: string, stand: ServiceStand): OrchestratorContext {
  return { ...context, services: withStand(context.services, service, stand) }
}
