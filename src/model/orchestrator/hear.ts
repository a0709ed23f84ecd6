// What an event itself says, before anything is made of it: who stands where, what was heard, counted and found. Used by
// supervise.ts.
import { findingKey } from '../findings.ts'
import type { SystemCommand } from '../signals.ts'
import type { StatePath } from '../states.ts'
import { isDown, type Moved, NO_NUMBERS, type OrchestratorContext, type ServiceStand, type SupervisorEvent } from './context.ts'
import { without } from './named.ts'
import { stillGranted } from './recovery.ts'
import type { Numbers } from './review.ts'
import { withStand, withStands } from './standing.ts'
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
    case 'breaker.moved':
      return afterMoves(context, event.others ? [...event.others, event] : [event])
    case 'directive.heard':
      return afterDirective(context, event)
    case 'command.given':
      return commanded(context, event.command)
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

function afterMoves(context: OrchestratorContext, moves: readonly Moved[]): OrchestratorContext {
  const { services } = context
  let { granted } = context
  const stands = new Map<string, ServiceStand>()
  for (const { service, to, at } of moves) {
    const known = stands.get(service) ?? services[service]
    if (!known) continue
    stands.set(service, { path: to, since: at, failing: failsIn(to, known) })
    if (to === 'halfOpen') granted = { [service]: at, ...granted }
    else if (granted[service] !== undefined) granted = without(granted, service)
  }
  if (stands.size === 0) return context
  const last = moves.at(-1)!
  const falls = isFall(last) ? fallsAt(context, last.at) : context.falls
  return { ...context, services: withStands(services, stands), granted, ...(falls && { falls }) }
}

export function isFall({ to, others }: Moved): boolean {
  return to === 'open.cooling' && others === undefined
}

function fallsAt({ falls }: OrchestratorContext, at: number): NonNullable<OrchestratorContext['falls']> {
  const second = Math.floor(at / 1000)
  return { second, count: falls?.second === second ? falls.count + 1 : 1 }
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

/** Where each goes is told by itself, in a moment; what is asked of others meanwhile must not go by where it was. */
function commanded(context: OrchestratorContext, { name, services: named }: SystemCommand): OrchestratorContext {
  const going = (path: StatePath): StatePath | undefined => {
    if (path === 'maintenance') return undefined
    if (name === 'tripAll') return 'open.forced'
    if (name === 'beginMaintenance') return 'maintenance'
    return name === 'recoverAll' && isDown(path) ? 'closed.watching' : undefined
  }
  const services = Object.fromEntries(
    Object.entries(context.services).map(([service, { path, since }]): [string, ServiceStand] => {
      const to = (named?.includes(service) ?? true) ? going(path) : undefined
      return [service, to === undefined ? context.services[service]! : { path: to, since, failing: false }]
    }),
  )
  // An operator says that all is well: what stood because of it stands no longer.
  const isAllWell = name === 'recoverAll' && named === undefined
  if (isAllWell) return { ...context, services, latches: {}, numbers: NO_NUMBERS, verdicts: [] }
  return name === 'recoverAll'
    ? { ...context, services, numbers: uncounted(context.numbers, named ?? []) }
    : { ...context, services }
}

function uncounted(numbers: Numbers, gone: readonly string[]): Numbers {
  const kept = Object.entries(numbers.services).filter(([service]) => !gone.includes(service))
  if (kept.length === Object.keys(numbers.services).length) return numbers
  const less = gone.reduce((sum, service) => sum + (numbers.services[service]?.calls ?? 0), 0)
  return { calls: numbers.calls - less, services: Object.fromEntries(kept) }
}

function failsIn(path: StatePath, before: ServiceStand): boolean {
  if (path === 'open.cooling' || path === 'open.awaitingPermit') return true
  return path === 'halfOpen' && before.failing
}

function withService(context: OrchestratorContext, service: string, stand: ServiceStand): OrchestratorContext {
  return { ...context, services: withStand(context.services, service, stand) }
}
