// This process as a node of its fleet: puts the parts together, says when the fleet is out of reach, and answers who asks. Built
// with the board of a process that has a bus, and stopped before it.
import type { Bus } from '../../bus/bus.ts'
import type { FleetLink, LinkCounters, LinkStatus } from '../../bus/fleetLink.ts'
import type { Clock } from '../../model/clock.ts'
import { ClosedError, FleetError } from '../../model/errors.ts'
import type { DirectiveEntry, NodeEntry } from '../../model/fleet/entries.ts'
import { EVERYWHERE } from '../../model/orchestrator/alerts.ts'
import type { OrchestratorConfig } from '../../model/orchestrator/config.ts'
import type { BreakerPolicy, Kind } from '../../model/policy.ts'
import type { AlertRecord } from '../../model/records.ts'
import type { Command, SystemCommand } from '../../model/signals.ts'
import type { ServiceProfile } from '../../services/serviceProfile.ts'
import type { Board } from '../board.ts'
import type { BudgetKeeper } from '../budgets/budgetKeeper.ts'
import { Alarm } from './alarm.ts'
import { DirectiveFollower } from './directiveFollower.ts'
import { commandOf } from './fleetCommands.ts'
import { Leadership, type LeadershipOptions } from './leadership.ts'
import { NodeBeat } from './nodeBeat.ts'
import { NodeName } from './nodeName.ts'
import { OutcomeReporter } from './outcomeReporter.ts'
import { SharedLedger } from './sharedLedger.ts'

export interface FleetNodeOptions {
  readonly link: FleetLink
  readonly board: Board
  /** The board's own, in this process. */
  readonly bus: Pick<Bus, 'subscribe'>
  readonly clock: Clock
  readonly keeper?: BudgetKeeper | undefined
  /** Another one for each start of the process. */
  readonly session: string
  readonly software: string
  /** What it needs to lead the fleet; undefined: it never does. */
  readonly leading?:
    | {
        readonly services: Readonly<Record<string, { readonly kind: Kind; readonly policy: BreakerPolicy }>>
        readonly orchestrator: OrchestratorConfig
        readonly profileFor: (kind: Kind, service: string) => ServiceProfile
        readonly seed: number
        readonly journal?: LeadershipOptions['journal']
        readonly inspect?: LeadershipOptions['inspect']
      }
    | undefined
}

/** The fleet as a node of it sees it. */
export interface GearFleet {
  readonly fleet: string
  /** This process's name in it. */
  readonly node: string
  readonly connected: boolean
  /** Is it this node that leads? */
  readonly leads: boolean
  /** The node that leads, as far as it is known. */
  readonly leader: string | undefined
  /** The nodes that have been heard of lately, this one included, by name. */
  readonly nodes: ReadonlyMap<string, NodeEntry>
  /** What the leader wants, as far as it is in force here, by service. */
  readonly directives: ReadonlyMap<string, DirectiveEntry>
  readonly counters: LinkCounters & {
    /** Calls and happenings that the fleet was not told of, as there was no connection. */
    readonly unreported: number
  }
  /**
   * Tells the whole fleet what an operator wants of a service: the leader obeys it and asks it of every node, whoever has the
   * service, while `gear.command` is for this process only. Resolves when the server has it; the leader takes a few ms more, and what it
   * asks then stands in `directives`. Rejects with a ConfigError when it is no such command, with a FleetError when nobody
   * leads, when there is no connection, or when the server forbids it.
   */
  command(service: string, command: Command): Promise<void>
  /** The same of several services of the fleet, all of them unless some are named. */
  command(command: SystemCommand): Promise<void>
}

/** A moment without a connection is no news; ms. */
const GRACE = 1000
/** For so long its last words may take; ms. */
const LAST_WORDS = 1900
const REFUSALS_TOLD = 100

export class FleetNode implements GearFleet {
  readonly #options: FleetNodeOptions
  readonly #name: NodeName
  readonly #reporter: OutcomeReporter
  readonly #beat: NodeBeat
  readonly #follower: DirectiveFollower
  readonly #ledger: SharedLedger | undefined
  readonly #leadership: Leadership | undefined
  readonly #grace: Alarm
  readonly #stopListening: () => void
  readonly #refused = new Set<string>()
  #isAlone: boolean | undefined
  #commands = 0
  #closing: Promise<void> | undefined

  /** To be made once the board goes on from its journal, and before the first call. */
  constructor(options: FleetNodeOptions) {
    const { link, board, bus, clock, keeper, session, software, leading } = options
    this.#options = options
    this.#grace = new Alarm(clock, () => this.#tellAlone())
    this.#stopListening = link.onStatus((status) => this.#heard(status))
    const name = new NodeName({ link, clock, session, taken: (taken) => this.#tellTaken(taken) })
    this.#name = name
    this.#follower = new DirectiveFollower({ link, board, name, alert: (alert) => this.#alert(alert) })
    this.#ledger = keeper && new SharedLedger({ link, keeper, clock, name })
    this.#reporter = new OutcomeReporter({ link, board, bus, name, own: keeper && (() => keeper.own()) })
    this.#beat = new NodeBeat({ link, board, bus, name, software, leads: () => this.leads })
    this.#leadership = leading && new Leadership({ link, clock, software, ...leading, changed: () => this.#beat?.soon() })
    if (link.connected) this.#tellJoined()
    else this.#grace.in(GRACE)
  }

  get fleet(): string {
    return this.#options.link.fleet
  }

  get node(): string {
    return this.#name.current
  }

  get connected(): boolean {
    return this.#options.link.connected
  }

  get leads(): boolean {
    return this.#leadership?.leads ?? false
  }

  get leader(): string | undefined {
    const { leader } = this.#leadership ?? {}
    if (leader !== undefined) return leader
    // Who has not heard of the lease yet has heard of the nodes.
    for (const [node, { value }] of this.#options.link.nodes.entries) if (value.leads) return node
    return undefined
  }

  get nodes(): ReadonlyMap<string, NodeEntry> {
    return new Map([...this.#options.link.nodes.entries].map(([node, { value }]) => [node, value]))
  }

  get directives(): ReadonlyMap<string, DirectiveEntry> {
    return this.#follower.inForce
  }

  get counters(): GearFleet['counters'] {
    const { published, received, dropped, rejected, missed } = this.#options.link.counters
    return { published, received, dropped, rejected, missed, unreported: this.#reporter.unreported }
  }

  async command(to: string | SystemCommand, command?: Command): Promise<void> {
    const { link, clock } = this.#options
    const told = commandOf(to, command)
    if (this.#closing) throw new ClosedError(told.service === '*' ? told.command.name : told.service)
    if (link.connected && this.leader === undefined) throw new FleetError('nobody leads it now, as far as is known here')
    const id = `${this.#name.session}.command.${++this.#commands}`
    await link.send({ v: 1, type: 'command', id, at: Math.floor(clock.now()), node: this.#name.current, ...told })
  }

  /** Hands over what it leads, says what is left to say, and is gone, within two seconds. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { link, clock } = this.#options
    this.#grace.off()
    this.#stopListening()
    const patience = new Promise<void>((resolve) => new Alarm(clock, resolve).in(LAST_WORDS))
    this.#follower.stop()
    this.#reporter.stop()
    this.#ledger?.stop()
    // The lease first: a successor that hears of this node's end must find it free.
    await Promise.race([this.#leadership?.stop(), patience])
    this.#beat.stop()
    this.#name.stop()
    await Promise.race([Promise.all([link.close(), this.#leadership?.written()]), patience]).catch(() => undefined)
  }

  #heard(status: LinkStatus): void {
    switch (status.type) {
      case 'connected':
        this.#grace.off()
        this.#tellJoined()
        return
      case 'disconnected':
        this.#grace.within(GRACE)
        return
      case 'refused':
        if (this.#refused.has(status.what) || this.#refused.size >= REFUSALS_TOLD) return
        this.#refused.add(status.what)
        this.#tell('error', 'fleet_refused', `the fleet's server refuses: ${status.what}`)
        return
      case 'trouble':
        this.#tell('warning', `fleet_${status.code}`, status.message)
    }
  }

  #tellAlone(): void {
    if (this.#options.link.connected || this.#isAlone) return
    const first = this.#isAlone === undefined
    this.#isAlone = true
    const message = `no connection to the fleet ${this.fleet}: this node works alone until there is one`
    this.#tell('warning', 'fleet_alone', message)
    // Whoever starts a process without its server looks at its output, and has no listener for alerts yet.
    if (first) process.emitWarning(message, 'SwitchgearWarning')
  }

  #tellJoined(): void {
    if (this.#isAlone === false) return
    this.#isAlone = false
    this.#tell('info', 'fleet_joined', `${this.node} is connected to the fleet ${this.fleet}`)
  }

  #tellTaken(name: string): void {
    const message = `two processes of the fleet have the name ${name}; each needs one of its own, or what they say is mixed up`
    this.#tell('critical', 'fleet_name_taken', message)
  }

  #tell(level: AlertRecord['level'], code: string, message: string): void {
    this.#alert({ service: EVERYWHERE, level, code, message })
  }

  #alert(alert: Pick<AlertRecord, 'service' | 'level' | 'code' | 'message'>): void {
    const { board } = this.#options
    board.emit({ type: 'alert', at: board.now(), by: 'fleet', ...alert })
    board.deliver()
  }
}
