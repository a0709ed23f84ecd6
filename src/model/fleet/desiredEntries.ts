// What the leader writes for a service, from how the fleet's breaker for it stands; and whether it differs from what is written.
// Level-triggered: always the whole of what is wanted, never a change of it. Used by the leader.
import { isDown, RELEASED } from '../orchestrator/context.ts'
import type { Directive } from '../signals.ts'
import { type DegradationLevel, type StatePath, stateOf } from '../states.ts'
import type { DirectiveEntry, FleetTrip } from './entries.ts'

/** An entry before the leader puts its name to it. */
export type DesiredEntry = Omit<DirectiveEntry, 'v' | 'epoch' | 'at' | 'lifetime'>

/** How the fleet stands to a service. */
export interface FleetStand {
  readonly service: string
  /** Of the fleet's breaker, with what led there. */
  readonly path: StatePath
  readonly cause: string
  /** When the state ends by itself, epoch ms. */
  readonly until?: number | undefined
  /** That of the fleet's orchestrator, in force. */
  readonly directive?: Directive | undefined
  readonly trip?: FleetTrip | undefined
  /** The one node that may probe. */
  readonly probe?: string | undefined
  /** Nodes whose breakers have opened by themselves. */
  readonly open: number
}

/** An operator's word that must outlive the leader that took it. */
export const COMMANDED: Readonly<Partial<Record<StatePath, string>>> = {
  'open.forced': 'command.trip',
  'closed.bypassed': 'command.disable',
  maintenance: 'command.beginMaintenance',
}

/** Two nodes or more that are open take turns, though the fleet has not tripped. */
const TURNS_FROM = 2

export function desiredEntry(stand: FleetStand, at: number): DesiredEntry {
  const { service, path, until, directive, trip, probe, open } = stand
  const away = isDown(path) || path === 'maintenance'
  const turns = !away && path !== 'closed.bypassed' && open >= TURNS_FROM
  const named = probe !== undefined && (turns || path === 'halfOpen')
  const waits = until !== undefined && (away || path === 'rateLimited.exhausted')
  return {
    service,
    state: stateOf(path),
    level: levelOf(path) || (directive?.level ?? 0),
    admissionRatio: path === 'maintenance' ? 0 : (directive?.admissionRatio ?? 1),
    hold: away || turns || directive?.hold === true,
    ...(named ? { probe } : undefined),
    ...(trip ? { trip } : undefined),
    ...(waits ? { retryAfterMs: Math.max(0, Math.ceil(until - at)) } : undefined),
    ...causeOf(stand, turns),
  }
}

/** Nothing is wanted: the entry may go. */
export function isNeutral({ state, level, admissionRatio, hold, trip, rule }: DesiredEntry): boolean {
  return (
    state === 'closed' &&
    level === 0 &&
    admissionRatio === 1 &&
    !hold &&
    trip === undefined &&
    rule !== COMMANDED['closed.bypassed']
  )
}

/** The same in all that is obeyed; how long a caller has to wait is told with each renewal. */
export function asksTheSame(one: DesiredEntry, other: DesiredEntry): boolean {
  return (
    one.state === other.state &&
    one.level === other.level &&
    one.admissionRatio === other.admissionRatio &&
    one.hold === other.hold &&
    one.probe === other.probe &&
    one.trip?.id === other.trip?.id &&
    one.rule === other.rule
  )
}

/**
 * What a new leader goes by until it has seen enough: what its predecessor wanted stands with what it wants itself, whichever is
 * graver.
 */
export function settling(own: DesiredEntry, found: DesiredEntry): DesiredEntry {
  const graver = isNeutral(own) ? { ...own, state: found.state, rule: found.rule, reason: found.reason } : own
  const probe = own.probe ?? found.probe
  return {
    ...graver,
    level: Math.max(own.level, found.level) as DegradationLevel,
    admissionRatio: Math.min(own.admissionRatio, found.admissionRatio),
    hold: own.hold || found.hold,
    ...(probe === undefined ? undefined : { probe }),
  }
}

function levelOf(path: StatePath): DegradationLevel {
  return stateOf(path) === 'degraded' ? (Number(path.at(-1)) as DegradationLevel) : 0
}

function causeOf({ path, cause, directive, trip, open }: FleetStand, turns: boolean): Pick<DirectiveEntry, 'rule' | 'reason'> {
  const commanded = COMMANDED[path]
  if (commanded !== undefined) return { rule: commanded, reason: cause }
  if (trip) {
    const { why, nodes, calls, failures } = trip
    const reason =
      why === 'quorum' ? `open on ${trip.open} of ${nodes} nodes` : `${failures} of ${calls} calls of all nodes failed`
    return { rule: `fleet_${why}`, reason }
  }
  if (directive && (directive.level > 0 || directive.admissionRatio < 1 || directive.hold)) {
    return { rule: directive.rule, reason: directive.reason }
  }
  if (turns) return { rule: 'one_probe', reason: `open on ${open} nodes, which probe one at a time` }
  return path === 'closed.watching' || path === 'closed.ramping'
    ? { rule: RELEASED, reason: 'nothing is the matter' }
    : { rule: cause, reason: cause }
}
