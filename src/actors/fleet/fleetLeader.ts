// What one node runs while it leads: it hears every node, keeps the fleet's board, and writes what the fleet should do. One object for
// each term; leadership.ts begins and ends it.
import type { FleetLink } from '../../bus/fleetLink.ts'
import { countsOutcomes } from '../../model/breaker/enter.ts'
import { type DesiredEntry, desiredEntry, isNeutral, settling } from '../../model/fleet/desiredEntries.ts'
import type { NodeEntry } from '../../model/fleet/entries.ts'
import { DEFAULT_QUORUM, meetsQuorum } from '../../model/fleet/quorum.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import { isDown } from '../../model/orchestrator/context.ts'
import { isKeyed } from '../keyedName.ts'
import { Alarm } from './alarm.ts'
import { DirectiveWriter } from './directiveWriter.ts'
import { FleetBoard, type FleetBoardOptions } from './fleetBoard.ts'
import { type CommandMessage, type HeardCommand, obey } from './fleetCommands.ts'
import { FleetView, type Stand } from './fleetView.ts'
import { LeaderNews } from './leaderNews.ts'
import { OutcomeIntake } from './outcomeIntake.ts'
import { OutlierWatch } from './outlierWatch.ts'
import { ProberWatch } from './proberWatch.ts'
import { ServiceRoom } from './serviceRoom.ts'
import { SoleWitness } from './soleWitness.ts'

export interface FleetLeaderOptions extends Omit<FleetBoardOptions, 'term' | 'changed'> {
  readonly link: FleetLink
  readonly epoch: number
  /** How many terms of this epoch have been led before: one that was lost can be had again, with a gap between. */
  readonly before?: number | undefined
  /** Does the lease still hold? Asked before each act. */
  readonly mayAct: () => boolean
  /** Commands that the leader before this one may not have lived to obey, oldest first. */
  readonly missed?: readonly HeardCommand[] | undefined
  /** The share of nodes that must be open for the fleet to trip, 0–1; default 0.5, and always two nodes at least. */
  readonly quorum?: number | undefined
  readonly limits?: Partial<FleetLimits> | undefined
}

export interface FleetLimits {
  readonly nodes: number
  readonly services: number
  readonly pairs: number
}

const FLEET_LIMITS: FleetLimits = { nodes: 1000, services: 1000, pairs: 60_000 }

/** ms */
const EVERY = 1000
/** One heartbeat may tell of a thousand breakers that have opened; so many are seen to at a time, or the lease could not be renewed. */
const LOT = 50
/** Between two lots, ms. */
const BREATH = 1
/** How long a new leader listens before it takes a node for the only one that calls a service; ms. */
const HEARD_ENOUGH = 3000
/** For so long it keeps up what its predecessor wanted and it sees no cause for; ms. */
const SETTLES = 5000

export class FleetLeader {
  readonly fleet: FleetBoard
  readonly view: FleetView
  readonly #options: FleetLeaderOptions
  readonly #limits: FleetLimits
  readonly #quorum: number
  readonly #writer: DirectiveWriter
  readonly #outliers: OutlierWatch
  readonly #timer: Alarm
  /** Services of which something was heard that has not been weighed yet. */
  readonly #unweighed = new Set<string>()
  readonly #weighing: Alarm
  readonly #since: number
  /** What the leader before this one wanted, until this one has settled. */
  readonly #found = new Map<string, DesiredEntry>()
  readonly #probers: ProberWatch
  readonly #witness: SoleWitness
  readonly #room: ServiceRoom
  readonly #intake: OutcomeIntake
  readonly #stops: (() => void)[] = []
  readonly #news: LeaderNews
  #stopped = false

  constructor(options: FleetLeaderOptions) {
    this.#options = options
    const { link, epoch, mayAct } = options
    this.#limits = { ...FLEET_LIMITS, ...options.limits }
    this.#quorum = options.quorum ?? DEFAULT_QUORUM
    this.view = new FleetView(this.#limits)
    // A node that has lost its lease and got it back leads another term under the same epoch.
    const term = `${link.node}.${epoch}${options.before ? `.${options.before}` : ''}`
    this.#news = new LeaderNews({ link, term, mayAct: () => !this.#stopped && mayAct(), now: () => this.#now() })
    this.fleet = new FleetBoard({
      ...options,
      term,
      changed: (service) => this.#changed(service),
    })
    this.#since = this.#now()
    this.#probers = new ProberWatch({ view: this.view, fleet: this.fleet, lease: options.orchestrator.recoveryLease })
    this.#witness = new SoleWitness({ view: this.view, fleet: this.fleet })
    const { services: most } = this.#limits
    this.#room = new ServiceRoom({
      view: this.view,
      fleet: this.fleet,
      configured: options.services,
      most,
      gone: (service, at) => this.#gone(service, at),
      full: (service) => this.#news.tell('fleet_services_full', `more than ${most} services; ${service} is left alone`),
    })
    this.#intake = new OutcomeIntake({
      link,
      view: this.view,
      fleet: this.fleet,
      room: this.#room,
      probers: this.#probers,
      quorum: this.#quorum,
      hasHeardEnough: (at) => this.#hasHeardEnough(at),
      now: () => this.#now(),
    })
    this.#timer = new Alarm(options.clock, () => this.#tick())
    this.#weighing = new Alarm(options.clock, () => this.#weigh(this.#now()))
    this.#outliers = new OutlierWatch({
      view: this.view,
      threshold: (service) => this.fleet.threshold(service),
      isShared: (view) => this.#intake.isCorroborated(view, this.#now()) || this.#isAway(view.service),
    })
    for (const [service, { value }] of link.directives.entries) this.#found.set(service, value)
    this.#writer = new DirectiveWriter({
      table: link.directives,
      epoch,
      mayAct,
      spoilt: (service) => this.#spoilt(service),
    })
    this.#adopt()
    this.#stops.push(
      link.nodes.listen((node, entry) => this.#beat(node, entry?.value)),
      this.#intake.start(),
      link.subscribe('transition', (message) => this.#heard(message)),
      link.subscribe('command', (message) => this.#heard(message)),
      this.fleet.bus.subscribe('alert', (event) => this.#news.publish(event)),
      this.fleet.bus.subscribe('finding', (event) => this.#news.publish(event)),
    )
    for (const { message, heardAt } of options.missed ?? []) this.#command(message, this.#since, heardAt)
    this.#tick()
  }

  /** The term is over, or the process ends. What is in the table stays: it lapses, or a successor takes it over. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer.off()
    this.#weighing.off()
    for (const stop of this.#stops) stop()
    this.#writer.stop()
    this.fleet.stop()
  }

  // --- what is heard --------------------------------------------------------------------------------------------------------

  #heard(message: WireMessage): void {
    if (this.#stopped) return
    const at = this.#now()
    const { service } = message
    if (message.type === 'command') {
      if (this.#options.mayAct()) this.#command(message, at, at)
    } else if (service === '*' || isKeyed(service) || !this.#room.knows(service, at)) return
    else if (message.type === 'transition') {
      const { node, to, reason } = message
      const stand = this.view.stand(node, service, at)
      if (!stand) return
      if (!this.view.moved(stand, to, message.at, !reason.startsWith('fleet_'), at)) return
      this.#judge(service, at)
      this.#settle(service, at)
    }
  }

  #beat(node: string, entry: NodeEntry | undefined): void {
    if (this.#stopped) return
    const at = this.#now()
    if (!entry) {
      this.view.forget(node)
      return
    }
    const services = Object.fromEntries(
      Object.entries(entry.services).filter(
        ([service, { kind }]) => service !== '*' && !isKeyed(service) && this.#room.knows(service, at, kind),
      ),
    )
    const byItself = (service: string): boolean => !this.#isAway(service) && !this.#wasReleased(service)
    for (const service of this.view.beat({ ...entry, node, services }, at, byItself)) this.#unweighed.add(service)
    if (!this.#weighing.armed) this.#weigh(at)
  }

  #command(message: CommandMessage, at: number, heardAt: number): void {
    const { service } = message
    if (service === '*' || (!isKeyed(service) && this.#room.knows(service, at))) obey(this.fleet.board, message, at, heardAt)
  }

  // --- what follows from it ---------------------------------------------------------------------------------------------------

  #tick(): void {
    if (this.#stopped) return
    const at = this.#now()
    this.#timer.in(EVERY)
    if (!this.#options.mayAct()) return
    this.#room.tidy(at)
    if (this.view.ignored > 0) {
      const { nodes, pairs } = this.#limits
      this.#news.tell(
        'fleet_nodes_full',
        `more than ${nodes} nodes, or ${pairs} pairs of node and service; the rest is not heard`,
      )
    }
    for (const view of this.view.services.values()) {
      const { service } = view
      this.view.look(view, this.fleet.threshold(service), at)
      this.fleet.setSingle(service, view.active === 1 && this.view.isSingle(view, at) && this.#hasHeardEnough(at))
      if (this.#intake.isCorroborated(view, at)) this.#intake.release(view, at)
      this.#probers.heal(view, at)
      if (!this.#unweighed.has(service)) this.#judge(service, at)
    }
    for (const made of this.#outliers.look(at)) this.fleet.board.find(made)
    if (at - this.#since >= SETTLES) this.#found.clear()
    for (const service of new Set([...this.#writer.services, ...this.view.services.keys()])) this.#settle(service, at)
  }

  /** What heartbeats told of, a lot at a time. */
  #weigh(at: number): void {
    let lot = LOT
    for (const service of this.#unweighed) {
      if (lot-- === 0) {
        this.#weighing.in(BREATH)
        return
      }
      this.#unweighed.delete(service)
      this.#judge(service, at)
      this.#settle(service, at)
    }
  }

  /** Has a quorum of the nodes opened? */
  #judge(service: string, at: number): void {
    const view = this.view.services.get(service)
    if (!view || !this.#options.mayAct()) return
    const { active, open } = this.view.openings(view, this.fleet.closedAt(service), at)
    if (!this.#isAway(service) && meetsQuorum(open.length, active, this.#quorum)) {
      this.fleet.trip(service, { nodes: active, open: open.length, ...this.view.counted(view) }, at)
    }
  }

  /** The fleet's breaker has moved, or is asked something else. */
  #changed(service: string): void {
    const view = this.view.services.get(service)
    const path = this.fleet.path(service)
    if (view?.holds && path !== undefined && !countsOutcomes(path)) this.#intake.drop(view)
    this.#settle(service, this.fleet.board.now())
  }

  /** The entry of the service, as things stand. */
  #settle(service: string, at: number): void {
    if (this.#stopped) return
    const view = this.view.services.get(service)
    const { active, open } = view
      ? this.view.openings(view, this.fleet.closedAt(service), at)
      : { active: 0, open: [] as Stand[] }
    this.fleet.setNumbers(service, active, open.length)
    const probe = this.#probers.choose(service, view, open, at)
    const stand = this.fleet.stand(service, probe, open.length, at, this.#witness.spares(view, at))
    const own = stand && desiredEntry(stand, at)
    const found = this.#found.get(service)
    // One that nobody here knows of lapses as soon as its time is up.
    const desired = own && found ? settling(own, found) : (own ?? found)
    if (desired) this.#writer.write(desired, at)
    else this.#writer.drop(service, at)
  }

  #gone(service: string, at: number): void {
    this.#probers.forget(service)
    this.#witness.forget(service)
    this.#settle(service, at)
  }

  // --- taking over --------------------------------------------------------------------------------------------------------------

  /** What stands in the table stands on this board too, so that nothing flaps. */
  #adopt(): void {
    const at = this.#now()
    for (const [service, found] of this.#found) {
      if (isNeutral(found) || service === '*' || isKeyed(service) || !this.#room.knows(service, at)) continue
      if (found.probe !== undefined) this.#probers.adopt(service, found.probe, at)
      this.fleet.recommand(found, at)
      if (found.trip && found.state !== 'maintenance') this.fleet.trip(service, found.trip, at, found.trip)
    }
  }

  /** Somebody older has written over what stands. */
  #spoilt(service: string): void {
    if (this.#stopped || !this.#writerIsReady()) return
    this.#settle(service, this.#now())
  }

  /** The table tells of itself while the writer is being made. */
  #writerIsReady(): boolean {
    return this.#stops.length > 0
  }

  /** The leader before this one had let go of the service: who is still open was opened before that. */
  #wasReleased(service: string): boolean {
    const found = this.#found.get(service)
    return found !== undefined && isNeutral(found)
  }

  // --- asked above ------------------------------------------------------------------------------------------------------------

  #now(): number {
    return Math.floor(this.#options.clock.now())
  }

  #isAway(service: string): boolean {
    const path = this.fleet.path(service)
    return path !== undefined && isDown(path)
  }

  #hasHeardEnough(at: number): boolean {
    return at - this.#since >= HEARD_ENOUGH
  }
}
