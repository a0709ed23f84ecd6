// Does what the fleet's leader wants: gives the board its directives and trips. What the leader wrote holds for as long as it said
// from when it came, by this node's own clock, and what an earlier leader writes is void. Used by fleetNode.ts.
import type { FleetLink, TableEntry } from '../../bus/fleetLink.ts'
import { countsOutcomes } from '../../model/breaker/enter.ts'
import type { DirectiveEntry, FleetTrip } from '../../model/fleet/entries.ts'
import { isFailing } from '../../model/fleet/quorum.ts'
import { FLEET_RULE } from '../../model/orchestrator/told.ts'
import type { AlertRecord } from '../../model/records.ts'
import type { Directive } from '../../model/signals.ts'
import type { Board } from '../board.ts'
import type { Breaker } from '../breaker.ts'
import { Alarm } from './alarm.ts'
import type { NodeName } from './nodeName.ts'

export interface DirectiveFollowerOptions {
  readonly link: Pick<FleetLink, 'directives'>
  readonly board: Board
  readonly name: NodeName
  readonly alert: (alert: Pick<AlertRecord, 'service' | 'level' | 'code' | 'message'>) => void
}

/** What is known of one service. */
interface Followed {
  readonly alarm: Alarm
  revision: number
  entry: DirectiveEntry | undefined
  /** When the entry lapses, by the node's own clock. */
  until: number
  /** What the board was told last. */
  told: Directive | undefined
}

/** A directive of the board's is renewed so long before it lapses, at the latest; ms. */
const EARLY = 500
const TRIPS_REMEMBERED = 1000
/** The rate at which a node's calls go ill where its policy names none, 0–1. */
const USUAL_RATE = 0.5
const LONGEST_WORDS = 500

export class DirectiveFollower {
  readonly #options: DirectiveFollowerOptions
  readonly #followed = new Map<string, Followed>()
  readonly #trips = new Set<string>()
  readonly #stop: () => void
  #epoch = -1

  constructor(options: DirectiveFollowerOptions) {
    this.#options = options
    this.#stop = options.link.directives.listen((service, entry) => this.#hear(service, entry))
    options.name.onChange(() => {
      for (const service of this.#followed.keys()) this.#settle(service)
    })
  }

  /** The entries in force here, by service. */
  get inForce(): ReadonlyMap<string, DirectiveEntry> {
    const now = this.#options.board.clock.now()
    const standing = new Map<string, DirectiveEntry>()
    for (const [service, { entry, until }] of this.#followed) if (entry && until > now) standing.set(service, entry)
    return standing
  }

  stop(): void {
    this.#stop()
    for (const { alarm } of this.#followed.values()) alarm.off()
  }

  #hear(service: string, heard: TableEntry<DirectiveEntry> | undefined): void {
    const { board } = this.#options
    // Others have services that this node has not.
    if (board.get(service) === undefined) return
    const followed = this.#followed.get(service) ?? this.#follow(service)
    if (!heard) {
      followed.entry = undefined
      this.#settle(service)
      return
    }
    const { value, revision } = heard
    if (value.epoch < this.#epoch || revision <= followed.revision) return
    this.#epoch = value.epoch
    followed.revision = revision
    followed.entry = value
    followed.until = board.clock.now() + value.lifetime
    // First what keeps calls away: the rest can wait a millisecond.
    if (value.trip && (value.state === 'open' || value.state === 'halfOpen')) this.#trip(service, value.trip)
    this.#settle(service)
  }

  #follow(service: string): Followed {
    const alarm = new Alarm(this.#options.board.clock, () => this.#settle(service))
    const followed: Followed = { alarm, revision: 0, entry: undefined, until: 0, told: undefined }
    this.#followed.set(service, followed)
    return followed
  }

  /** Tells the board what differs from what it was told. */
  #settle(service: string): void {
    const { board } = this.#options
    const followed = this.#followed.get(service)
    const breaker = board.get(service)
    if (!followed || !breaker || breaker.disposed) return
    const at = board.now()
    const { told, alarm } = followed
    const stands = told !== undefined && told.expiresAt > at
    const wanted = this.#wanted(followed, breaker, at)
    if (!wanted) {
      alarm.off()
      followed.told = undefined
      if (stands) breaker.direct(at, letGo(told, breaker, at))
      return
    }
    const early = Math.min(EARLY, (followed.entry?.lifetime ?? 0) / 4)
    const lasts = stands && (told.expiresAt >= wanted.expiresAt || at < told.expiresAt - early)
    const stays = lasts && isSame(told, wanted) ? told : wanted
    followed.told = stays
    alarm.in(Math.max(1, stays.expiresAt - (stays.expiresAt < wanted.expiresAt ? early : 0) - at))
    if (stays === wanted) breaker.direct(at, wanted)
  }

  #wanted({ entry, until }: Followed, breaker: Breaker, at: number): Directive | undefined {
    if (!entry || until <= at) return undefined
    const { level, admissionRatio, rule, reason } = entry
    const hold = entry.hold && entry.probe !== this.#options.name.current
    if (level === 0 && admissionRatio >= 1 && !hold) return undefined
    return {
      epoch: nextEpoch(breaker),
      level,
      admissionRatio,
      hold,
      expiresAt: Math.floor(until),
      rule: `${FLEET_RULE}${rule}`.slice(0, LONGEST_WORDS),
      reason,
    }
  }

  /** Once for each trip; and where calls pass in the ordinary way, for elsewhere there is nothing left to open. */
  #trip(service: string, trip: FleetTrip): void {
    const { board, alert } = this.#options
    const key = `${service} ${trip.id}`
    const breaker = board.get(service)
    if (!breaker || this.#trips.has(key) || isDoubted(trip, breaker, board.now())) return
    this.#trips.add(key)
    if (this.#trips.size > TRIPS_REMEMBERED) this.#trips.delete(this.#trips.values().next().value as string)
    if (!countsOutcomes(breaker.path)) return
    const { id, why, nodes, open, calls, failures } = trip
    const whole = { nodes, open, calls: Math.round(calls), failures: Math.round(failures) }
    const cause = why === 'quorum' ? `open on ${open} of ${nodes} nodes` : `${whole.failures} of ${whole.calls} calls fail`
    alert({ service, level: 'error', code: 'fleet_tripped', message: `the fleet has tripped ${service}: ${cause}` })
    breaker.signal(board.now(), { kind: 'fleetTrip', id, why, ...whole })
  }
}

/** What one node alone has seen may be that node: the leader did not hear of this one, whose own calls go well. */
function isDoubted({ nodes }: FleetTrip, breaker: Breaker, at: number): boolean {
  if (nodes !== 1) return false
  const { failureRate } = breaker.policy.trip
  const counted = breaker.counts(at)
  return counted.calls > 0 && !isFailing(counted, failureRate ? failureRate.threshold : USUAL_RATE)
}

/** One that is not older than what the breaker has heard, whoever told it. */
function nextEpoch({ context }: Breaker): number {
  return Math.max(0, context.directiveEpoch)
}

function letGo({ rule }: Directive, breaker: Breaker, at: number): Directive {
  const reason = `${rule} has let go`
  return {
    epoch: nextEpoch(breaker),
    level: 0,
    admissionRatio: 1,
    hold: false,
    expiresAt: at,
    rule: `${FLEET_RULE}released`,
    reason,
  }
}

function isSame(one: Directive, other: Directive): boolean {
  return (
    one.level === other.level && one.admissionRatio === other.admissionRatio && one.hold === other.hold && one.rule === other.rule
  )
}
