// What the orchestrator makes of an event: another context, and what it wants done. The pure heart of orchestratorMachine.
import type { AlertRecord } from '../records.ts'
import type { StatePath } from '../states.ts'
import { afterCooldown, EVERYWHERE, findingAlert, rootAlerts, systemAlerts } from './alerts.ts'
import { commandsFor } from './commands.ts'
import {
  type Effect,
  isDown,
  type Judgement,
  NO_NUMBERS,
  type OrchestratorContext,
  type ServiceStand,
  type SupervisorEvent,
} from './context.ts'
import { directivesAt, isHeldBy } from './desired.ts'
import { coordinates, permitsAt, stillGranted, underWay, waitingOf } from './recovery.ts'
import { rootsAfter } from './roots.ts'
import { latchesAfter, viewOf, type Wish, wishesOf } from './rules.ts'
import { systemHealth, systemStateAfter } from './systemState.ts'
import { afterDirective, withoutLapsed } from './told.ts'

export interface Supervision {
  readonly context: OrchestratorContext
  readonly effects: readonly Effect[]
  /** Undefined where nothing is coordinated. */
  readonly judgement?: Judgement
}

export function supervise(before: OrchestratorContext, event: SupervisorEvent): Supervision {
  const { at } = event
  if (event.type === 'restore') return restored(before, event)
  const heard = hear(before, event)
  if (!before.config) return { context: heard, effects: permitAtOnce(event) }
  const effects: Effect[] = []
  const raised: Pick<AlertRecord, 'service' | 'level' | 'code' | 'message'>[] = []
  if (event.type === 'finding.made') {
    effects.push({ type: 'finding', at, finding: event.finding, over: event.over })
    if (!event.over) raised.push(findingAlert(event.finding))
  }
  if (event.type === 'command.given') effects.push(...commandsFor(before, event.command, at))
  // A key's breaker recovers by itself: it neither takes a place nor waits for one.
  if (event.type === 'breaker.moved' && !before.services[event.service]) return { context: heard, effects: permitAtOnce(event) }

  const health = systemHealth(heard, at)
  const state = systemStateAfter(heard, health, at)
  const reviewed = state === 'emergency' && at - heard.system.since >= before.config.emergencyReview
  let context = heard
  // A board of one service is its service: its transitions say it all.
  if (state !== heard.system.state && coordinates(heard)) {
    const { score, open, degraded, services } = health
    const numbers = { score: Math.round(score * 1000) / 1000, open, degraded, services }
    effects.push({
      type: 'told',
      at,
      record: { type: 'system', at, service: EVERYWHERE, from: heard.system.state, to: state, ...numbers },
    })
  }
  if (state !== heard.system.state || reviewed) {
    raised.push(...systemAlerts(heard, state, health))
    context = { ...context, system: { state, since: at } }
  }
  const view = viewOf(context, health, state)
  context = { ...context, latches: latchesAfter(context, view, at) }
  const { roots, fresh } = rootsAfter(context, event, at)
  raised.push(...rootAlerts(context, fresh))
  context = { ...context, roots }
  const { alerts, alerted } = afterCooldown(context, raised, at)
  effects.push(...alerts.map((record): Effect => ({ type: 'told', at, record })))
  context = { ...context, alerted }

  const wishes = wishesOf(context, view)
  const permits = permitsAt(context, isHeldBy(context, wishes))
  if (permits.length > 0) {
    context = { ...context, granted: { ...context.granted, ...Object.fromEntries(permits.map((service) => [service, at])) } }
  }
  context = { ...context, wanted: wantedBy(context.wanted, wishes) }
  const directives = directivesAt(context, wishes, at)
  for (const { service, directive } of directives) effects.push({ type: 'directive', at, service, directive })
  // A hold that is lifted is a permit already; another permit is passed over.
  for (const service of permits) effects.push({ type: 'permit', at, service })
  if (directives.length > 0) {
    const force = { ...context.force }
    for (const { service, directive } of directives) force[service] = directive
    context = { ...context, force, epoch: context.epoch + 1 }
  }
  // What was counted says something while something is the matter; kept longer, it would only be old.
  if (context.numbers !== NO_NUMBERS && isQuiet(context, at)) context = { ...context, numbers: NO_NUMBERS }
  return { context, effects, judgement: judgementOf(context, at) }
}

function judgementOf(context: OrchestratorContext, at: number): Judgement {
  const recovering = underWay(context) + waitingOf(context).length
  return { type: 'system.judged', at, to: context.system.state, recovering }
}

/** By service, the rules that want something of it; the same object where nothing has changed. */
function wantedBy(
  before: OrchestratorContext['wanted'],
  wishes: ReadonlyMap<string, readonly Wish[]>,
): OrchestratorContext['wanted'] {
  const now = Object.fromEntries([...wishes].map(([service, own]) => [service, own.map(({ rule }) => rule)]))
  return isDeepEqual(before, now) ? before : now
}

function isDeepEqual(one: OrchestratorContext['wanted'], other: OrchestratorContext['wanted']): boolean {
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => one[key]!.join() === other[key]?.join())
}

/** Nothing of the board's own needs it to be looked at again. */
export function isQuiet(
  { services, latches, told, fleet = {}, force, findings, roots, system, granted }: OrchestratorContext,
  at: number,
): boolean {
  return (
    system.state === 'healthy' &&
    isEmpty(latches) &&
    isEmpty(told) &&
    isEmpty(fleet) &&
    isEmpty(roots) &&
    isEmpty(granted) &&
    findings.length === 0 &&
    Object.values(force).every(({ expiresAt }) => expiresAt <= at) &&
    Object.values(services).every(({ path, failing }) => !failing && path !== 'open.awaitingPermit')
  )
}

/** The context with what the event itself says. */
function hear(before: OrchestratorContext, event: Exclude<SupervisorEvent, { type: 'restore' }>): OrchestratorContext {
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
      const key = keyOf(event.finding)
      const others = context.findings.filter((finding) => keyOf(finding) !== key)
      return { ...context, findings: event.over ? others : [...others, event.finding] }
    }
    case 'review': {
      const { at, calls, services, verdicts, idle } = event
      return { ...context, numbers: { calls, services }, verdicts, granted: stillGranted(context, idle, at) }
    }
  }
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

function permitAtOnce(event: SupervisorEvent): Effect[] {
  if (event.type !== 'breaker.moved' || event.to !== 'open.awaitingPermit') return []
  return [{ type: 'permit', at: event.at, service: event.service }]
}

/** Goes on from what was saved; where each breaker stands, it says itself. */
function restored(before: OrchestratorContext, event: Extract<SupervisorEvent, { type: 'restore' }>): Supervision {
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
  const context = { ...before, ...saved, config: before.config, services, epoch }
  return before.config ? { context, effects: [], judgement: judgementOf(context, at) } : { context, effects: [] }
}

function keyOf({ pattern, services, node }: OrchestratorContext['findings'][number]): string {
  return node === undefined ? `${pattern}:${services.join()}` : `${pattern}:${node}`
}

function withService(context: OrchestratorContext, service: string, stand: ServiceStand): OrchestratorContext {
  return { ...context, services: { ...context.services, [service]: stand } }
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  if (!(key in record)) return record
  const { [key]: _gone, ...rest } = record
  return rest
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false
  return true
}
