// What the orchestrator makes of an event: another context, and what it wants done. The pure heart of orchestratorMachine. It
// hears the event (hear.ts), judges how the system is and which rules stand, and says what it wants of whom.
import { afterCooldown, EVERYWHERE, findingAlert, type Raised, rootAlerts, systemAlerts } from './alerts.ts'
import { commandsFor } from './commands.ts'
import { type Effect, type Judgement, NO_NUMBERS, type OrchestratorContext, type SupervisorEvent } from './context.ts'
import { directivesAt, isHeldBy } from './desired.ts'
import { hear, isFall } from './hear.ts'
import { isEmpty, withAll } from './named.ts'
import { coordinates, permitsAt, underWay } from './recovery.ts'
import { restored } from './restore.ts'
import { rootsAfter } from './roots.ts'
import { latchesAfter, type RuleView, viewOf, withoutThoseGoneAt } from './rules.ts'
import { isSettled, noteSettled } from './settled.ts'
import { standingOf } from './standing.ts'
import { systemHealth, systemStateAfter } from './systemState.ts'
import { wantedBy, wishesOf } from './wishes.ts'

/** Services that fall in one second: so many are looked at by themselves, the others with the next review. */
const FALLS_LOOKED_AT = 50

export interface Supervision {
  readonly context: OrchestratorContext
  readonly effects: readonly Effect[]
  /** Undefined where nothing is coordinated. */
  readonly judgement?: Judgement
}

export function supervise(before: OrchestratorContext, event: SupervisorEvent): Supervision {
  const { at } = event
  if (event.type === 'restore') {
    const context = restored(before, event)
    return before.config ? { context, effects: [], judgement: judgementOf(context, at) } : { context, effects: [] }
  }
  const heard = hear(before, event)
  // A key's breaker recovers by itself: it neither takes a place nor waits for one.
  const isOfKey = event.type === 'breaker.moved' && !before.services[event.service]
  if (!before.config || isOfKey) return { context: heard, effects: permitAtOnce(event) }
  // Whoever comes is well. Where all others are too, nothing is to be done about it.
  if (event.type === 'breaker.added' && isQuiet(heard, at)) return { context: heard, effects: [] }
  // Where hundreds fall at once, a look at each of them would take longer than the second until all are looked at anyway.
  const isOneOfMany = event.type === 'breaker.moved' && isFall(event) && (heard.falls?.count ?? 0) > FALLS_LOOKED_AT
  if (isOneOfMany) return { context: heard, effects: [] }
  const effects: Effect[] = []
  if (event.type === 'finding.made') effects.push({ type: 'finding', at, finding: event.finding, over: event.over })
  if (event.type === 'command.given') effects.push(...commandsFor(before, event.command, at))
  const { context: judged, view } = judge(heard, event, effects)
  let context = order(judged, view, at, effects)
  // What was counted says something while something is the matter; kept longer, it would only be old.
  if (context.numbers !== NO_NUMBERS && isQuiet(context, at)) context = { ...context, numbers: NO_NUMBERS }
  return { context, effects, judgement: judgementOf(context, at) }
}

/** Nothing of the board's own needs it to be looked at again. */
export function isQuiet(
  { services, latches, told, fleet = {}, force, findings, roots, system, granted }: OrchestratorContext,
  at: number,
): boolean {
  if (system.state !== 'healthy' || findings.length > 0) return false
  if (!isEmpty(latches) || !isEmpty(told) || !isEmpty(fleet) || !isEmpty(roots) || !isEmpty(granted)) return false
  for (const service in force) if (force[service]!.expiresAt > at) return false
  const { failing, waiting } = standingOf(services)
  return failing.length === 0 && waiting.length === 0
}

type Heard = Exclude<SupervisorEvent, { type: 'restore' }>

/** How the system is, which rules stand, who is at the root; and the alerts of it, into `effects`. */
function judge(heard: OrchestratorContext, event: Heard, effects: Effect[]): { context: OrchestratorContext; view: RuleView } {
  const { at } = event
  const raised: Raised[] = event.type === 'finding.made' && !event.over ? [findingAlert(event.finding)] : []
  const health = systemHealth(heard, at)
  const { state: from, since } = heard.system
  const to = systemStateAfter(heard, health, at)
  // A board of one service is its service: its transitions say it all.
  if (to !== from && coordinates(heard)) {
    const { score, open, degraded, services } = health
    const numbers = { score: Math.round(score * 1000) / 1000, open, degraded, services }
    effects.push({ type: 'told', at, record: { type: 'system', at, service: EVERYWHERE, from, to, ...numbers } })
  }
  let { system } = heard
  const isLookedAtAfresh = to === 'emergency' && at - since >= (heard.config?.emergencyReview ?? 0)
  if (to !== from || isLookedAtAfresh) {
    raised.push(...systemAlerts(heard, to, health))
    system = { state: to, since: at }
  }
  const view = viewOf(heard, health, to)
  const { roots, fresh } = rootsAfter(heard, event, at)
  raised.push(...rootAlerts(heard, fresh))
  const { alerts, alerted } = afterCooldown(heard, raised, at)
  for (const record of alerts) effects.push({ type: 'told', at, record })
  let latches = latchesAfter(heard, view, at)
  // What an operator has ended is not waited for.
  if (event.type === 'command.given' && event.command.name === 'recoverAll') latches = withoutThoseGoneAt(latches, at)
  return { context: { ...heard, system, latches, roots, alerted }, view }
}

/** What is wanted of whom: directives and permits, into `effects`. */
function order(judged: OrchestratorContext, view: RuleView, at: number, effects: Effect[]): OrchestratorContext {
  if (isSettled(judged, at)) return judged
  const wishes = wishesOf(judged, view)
  const permits = permitsAt(judged, isHeldBy(judged, wishes))
  let { granted, force, epoch } = judged
  if (permits.length > 0) granted = { ...granted, ...Object.fromEntries(permits.map((service) => [service, at])) }
  const directives = directivesAt({ ...judged, granted }, wishes, at)
  for (const { service, directive } of directives) effects.push({ type: 'directive', at, service, directive })
  // A hold that is lifted is a permit already; another permit is passed over.
  for (const service of permits) effects.push({ type: 'permit', at, service })
  if (directives.length > 0) {
    force = withAll(
      force,
      directives.map(({ service, directive }) => [service, directive] as const),
    )
    epoch++
  }
  const context = { ...judged, granted, wanted: wantedBy(judged.wanted, wishes), force, epoch }
  // Whoever gets leave moves, and then it is looked at again.
  if (permits.length === 0) noteSettled(context, at)
  return context
}

function judgementOf(context: OrchestratorContext, at: number): Judgement {
  const recovering = underWay(context) + standingOf(context.services).waiting.length
  return { type: 'system.judged', at, to: context.system.state, recovering }
}

function permitAtOnce(event: SupervisorEvent): Effect[] {
  if (event.type !== 'breaker.moved' || event.to !== 'open.awaitingPermit') return []
  return [{ type: 'permit', at: event.at, service: event.service }]
}
