// The fleet's own board: a breaker for each service that pools the outcomes of all nodes, with the same trip arithmetic, rules,
// correlation and permits as within one process. Here outcomes go in, and how each service stands comes out. Used by fleetLeader.ts.
import type { Journal } from '../../bus/journal.ts'
import { MemoryBus } from '../../bus/memoryBus.ts'
import { warnOfThrown } from '../../bus/thrownWarning.ts'
import { ownDeadline } from '../../model/breaker/deadline.ts'
import { countsOutcomes } from '../../model/breaker/enter.ts'
import type { Clock } from '../../model/clock.ts'
import { CallRejectedError } from '../../model/errors.ts'
import type { FailureType } from '../../model/failures.ts'
import { COMMANDED, type DesiredEntry, type FleetStand } from '../../model/fleet/desiredEntries.ts'
import type { FleetTrip } from '../../model/fleet/entries.ts'
import { fleetPolicy } from '../../model/fleet/fleetPolicy.ts'
import type { OutcomeMessage } from '../../model/fleet/wire.ts'
import type { OrchestratorConfig } from '../../model/orchestrator/config.ts'
import { isDown } from '../../model/orchestrator/context.ts'
import { inForce } from '../../model/orchestrator/desired.ts'
import { type BreakerPolicy, type Kind, resolvePolicy } from '../../model/policy.ts'
import type { TransitionRecord } from '../../model/records.ts'
import { stateOf } from '../../model/states.ts'
import type { ServiceProfile } from '../../services/serviceProfile.ts'
import { Board } from '../board.ts'
import type { Breaker } from '../breaker.ts'
import { Correlator } from '../correlator.ts'
import type { CodeRule } from '../reviewer.ts'

export interface FleetBoardOptions {
  readonly clock: Clock
  /** Those of the leader's own configuration. */
  readonly services: Readonly<Record<string, { readonly kind: Kind; readonly policy: BreakerPolicy }>>
  readonly orchestrator: OrchestratorConfig
  readonly profileFor: (kind: Kind, service: string) => ServiceProfile
  readonly rules?: readonly CodeRule[] | undefined
  readonly seed: number
  readonly software: string
  /** Keeps what the fleet's board hears and makes of it; a run of it replays as any other's does. */
  readonly journal?: Pick<Journal, 'open' | 'append'> | undefined
  /** Begins the ids of trips; no other term of any leader has it. */
  readonly term: string
  /** A breaker of the fleet has moved, or was directed. */
  readonly changed: (service: string) => void
}

interface FleetService {
  readonly policy: BreakerPolicy
  /** A single node calls it. */
  single: boolean
  trip: FleetTrip | undefined
  /** When its breaker was last back, epoch ms. */
  closedAt: number
}

export class FleetBoard {
  readonly board: Board
  readonly bus = new MemoryBus()
  readonly #options: FleetBoardOptions
  readonly #services = new Map<string, FleetService>()
  /** Trips that are being made. */
  readonly #coming = new Map<string, FleetTrip>()
  #trips = 0

  constructor(options: FleetBoardOptions) {
    this.#options = options
    const { clock, orchestrator, journal, profileFor, rules, seed, software } = options
    const correlator = orchestrator.correlation
      ? new Correlator({ clock, places: orchestrator.places, breakers: () => this.board.breakers })
      : undefined
    const { bus } = this
    this.board = new Board({ clock, bus, orchestrator, profileFor, rules: rules ?? [], seed, software, correlator })
    this.bus.subscribe('transition', (event) => event.type === 'transition' && this.#moved(event))
    this.bus.subscribe('directive', ({ service }) => options.changed(service))
    for (const [service, { kind, policy }] of Object.entries(options.services)) this.#hang(service, kind, policy, false)
    if (!journal) return
    const opened = journal.open((reason, dropped) => this.board.header(reason, dropped))
    opened.catch((error: unknown) => warnOfThrown('the journal of a term that this process leads', error))
    this.board.keep(journal)
  }

  has(service: string): boolean {
    return this.#services.has(service)
  }

  get size(): number {
    return this.#services.size
  }

  get names(): IterableIterator<string> {
    return this.#services.keys()
  }

  /** An operator's word stands for it, which nobody but an operator, or its time, takes back. */
  isCommanded(service: string): boolean {
    const { maintenance, forced, bypass } = this.board.get(service)?.context.standing ?? {}
    return maintenance !== undefined || forced !== undefined || bypass !== undefined
  }

  /** A service that is only heard of on the bus. */
  add(service: string, kind: Kind): void {
    if (!this.has(service)) this.#hang(service, kind, resolvePolicy(kind), true)
  }

  /** Those of the configuration stay. */
  remove(service: string): void {
    if (this.#options.services[service] || !this.#services.delete(service)) return
    this.board.remove(service, this.board.now())
  }

  /** The rate at which a node's failures say something of the service. */
  threshold(service: string): number {
    const { failureRate } = this.#services.get(service)?.policy.trip ?? { failureRate: false }
    return failureRate ? failureRate.threshold : 0.5
  }

  /** When the fleet's breaker was last back, epoch ms. */
  closedAt(service: string): number {
    return this.#services.get(service)?.closedAt ?? Number.NEGATIVE_INFINITY
  }

  path(service: string): Breaker['path'] | undefined {
    return this.board.get(service)?.path
  }

  /** Streaks mean something only where one node alone calls the service. */
  setSingle(service: string, single: boolean): void {
    const known = this.#services.get(service)
    if (!known || known.single === single) return
    known.single = single
    this.board.get(service)?.reconfigure(this.board.now(), fleetPolicy(known.policy, single))
  }

  // --- what nodes tell --------------------------------------------------------------------------------------------------------

  /** Calls as the gate would have let them pass; those of a breaker that is away count nowhere. */
  count(message: OutcomeMessage, at: number, breaker = this.board.get(message.service)): void {
    if (!breaker || !countsOutcomes(breaker.path)) return
    const microseconds = inMicroseconds(message.latency)
    const { count = 1, result } = message
    if (count === 1 && message.slow === undefined) {
      const { generation } = breaker.gate
      if (result === 'success') breaker.succeed(at, microseconds, generation, undefined)
      else breaker.fail(at, microseconds, generation, undefined, failureOf(message))
      return
    }
    const limit = breaker.policy.trip.slowCallRate
    const slow = message.slow ?? (limit !== false && message.latency > limit.slowerThanMs ? count : 0)
    const failure = result === 'success' ? undefined : failureOf(message).type
    breaker.tally(at, { calls: count, slow: Math.min(slow, count), microseconds, failure })
  }

  /** Failures that were held back until others bore them out. */
  countHeld(service: string, calls: number, failure: FailureType, at: number): void {
    const breaker = this.board.get(service)
    if (breaker && countsOutcomes(breaker.path)) breaker.tally(at, { calls, slow: 0, microseconds: 0, failure })
  }

  /** The probing node's calls are the probes of the fleet's breaker. */
  probe(message: OutcomeMessage, at: number): void {
    const breaker = this.board.get(message.service)
    if (!breaker) return
    for (let left = Math.min(message.count ?? 1, breaker.policy.maxProbes); left > 0 && breaker.path === 'halfOpen'; left--) {
      const admission = breaker.admit(at)
      if (admission instanceof CallRejectedError) return
      const { generation, probe } = admission
      const microseconds = inMicroseconds(message.latency)
      if (message.result === 'success') breaker.succeed(at, microseconds, generation, probe)
      else breaker.fail(at, microseconds, generation, probe, failureOf(message))
    }
  }

  /** The breakers of a quorum of nodes are open. */
  trip(service: string, numbers: Omit<FleetTrip, 'id' | 'why'>, at: number, found?: FleetTrip): void {
    const trip = found ?? { id: this.#nextId(), why: 'quorum', ...numbers }
    const breaker = this.board.get(service)
    if (!breaker || !countsOutcomes(breaker.path)) return
    this.#coming.set(service, trip)
    breaker.signal(at, { kind: 'fleetTrip', ...trip })
  }

  /** The numbers of a trip that the board's own arithmetic made. */
  setNumbers(service: string, nodes: number, open: number): void {
    const known = this.#services.get(service)
    if (known?.trip?.why === 'failure_rate' && known.trip.nodes === 0) known.trip = { ...known.trip, nodes, open }
  }

  /** No node's breaker is away any more: there is nothing to be away for. */
  reset(service: string, why: string, at: number): void {
    this.board.get(service)?.command(at, { name: 'reset', by: 'fleet', why })
  }

  /** What an operator told the leader before this one stands. */
  recommand(found: DesiredEntry, at: number): void {
    const breaker = this.board.get(found.service)
    const { by, why } = saidBy(found.reason)
    if (found.rule === COMMANDED['open.forced']) {
      if (found.trip) this.#coming.set(found.service, found.trip)
      breaker?.command(at, { name: 'trip', by, why })
    } else if (found.rule === COMMANDED['closed.bypassed']) breaker?.command(at, { name: 'disable', by, why })
    else if (found.rule === COMMANDED.maintenance) {
      const until = found.retryAfterMs === undefined ? undefined : at + found.retryAfterMs
      breaker?.command(at, { name: 'beginMaintenance', by, why, ...(until === undefined ? undefined : { until }) })
    }
  }

  // --- how services stand ---------------------------------------------------------------------------------------------------

  /** `spared`: what the fleet's rules ask of it does not count, but that it waits for its turn. */
  stand(service: string, probe: string | undefined, open: number, at: number, spared = false): FleetStand | undefined {
    const breaker = this.board.get(service)
    if (!breaker) return undefined
    const { context } = breaker
    const path = spared ? pathOfItself(breaker) : breaker.path
    const { maintenance, forced, bypass } = context.standing
    const directive = inForce(context.standing.directive, at)
    const commanded = path === 'maintenance' ? maintenance : path === 'open.forced' ? forced : bypass
    return {
      service,
      path,
      cause: COMMANDED[path] !== undefined && commanded ? inWords(commanded) : context.reason,
      until: path === 'open.cooling' ? context.standing.open?.until : ownDeadline(context)?.at,
      directive: spared && directive ? { ...directive, level: 0, admissionRatio: 1 } : directive,
      trip: this.#services.get(service)?.trip,
      probe,
      open,
    }
  }

  stop(): void {
    this.board.stop()
    void this.bus.close()
  }

  #hang(service: string, kind: Kind, policy: BreakerPolicy, announced: boolean): void {
    this.#services.set(service, { policy, single: false, trip: undefined, closedAt: Number.NEGATIVE_INFINITY })
    this.board.add(service, kind, fleetPolicy(policy, false), this.board.now(), announced)
  }

  #moved({ service, from, to, at, stats }: TransitionRecord): void {
    const known = this.#services.get(service)
    if (!known) return
    if (to.startsWith('open') && !isDown(from)) {
      const calls = stats?.calls ?? 0
      const failures = stats && 'failures' in stats ? stats.failures : 0
      const why = to === 'open.forced' ? 'quorum' : 'failure_rate'
      known.trip = this.#coming.get(service) ?? { id: this.#nextId(), why, nodes: 0, open: 0, calls, failures }
      this.#coming.delete(service)
    } else if (isDown(from) && !isDown(to)) {
      known.trip = undefined
      known.closedAt = at
    }
    this.#options.changed(service)
  }

  #nextId(): string {
    return `${this.#options.term}.${++this.#trips}`
  }
}

/** Where it would stand if it had not been asked to do less. */
function pathOfItself({ path, context }: Breaker): Breaker['path'] {
  if (stateOf(path) !== 'degraded') return path
  const { health } = context.standing
  return health ? `degraded.level${health.level}` : 'closed.watching'
}

/** Who has commanded it and why, as an entry tells it; and read back from there. */
function inWords({ by, why }: { readonly by: string; readonly why: string }): string {
  return `${by}: ${why}`.slice(0, 500)
}

function saidBy(reason: string): { readonly by: string; readonly why: string } {
  const end = reason.indexOf(': ')
  return end > 0 && end <= 200 ? { by: reason.slice(0, end), why: reason.slice(end + 2) } : { by: 'fleet', why: reason }
}

function inMicroseconds(ms: number): number {
  return Math.round(ms * 1000)
}

function failureOf({ failure = 'unknown_error', status, retryAfterMs }: OutcomeMessage) {
  return {
    type: failure,
    ...(status === undefined ? undefined : { status }),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
  }
}
