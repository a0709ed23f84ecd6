// Tells the fleet how this node is: every second, and at once when a breaker has moved. Used by fleetNode.ts.
import type { Bus } from '../../bus/bus.ts'
import type { FleetLink } from '../../bus/fleetLink.ts'
import type { NodeEntry, NodeService } from '../../model/fleet/entries.ts'
import type { Board } from '../board.ts'
import { parentOf } from '../keyedName.ts'
import { Alarm } from './alarm.ts'
import type { NodeName } from './nodeName.ts'

export interface NodeBeatOptions {
  readonly link: Pick<FleetLink, 'connected' | 'nodes' | 'counters' | 'onStatus'>
  readonly board: Board
  readonly bus: Pick<Bus, 'subscribe'>
  readonly name: NodeName
  readonly software: string
  readonly leads: () => boolean
}

/** ms */
const EVERY = 1000
/** Breakers often move together; ms. */
const GATHER = 20
/** What was there before is heard first, for another process may have the name; ms after a connection. */
const LISTENS = 200

export class NodeBeat {
  readonly #options: NodeBeatOptions
  readonly #alarm: Alarm
  readonly #stops: (() => void)[]
  #told: string
  #listens = false

  constructor(options: NodeBeatOptions) {
    this.#options = options
    const { link, board, bus, name } = options
    this.#told = name.current
    this.#alarm = new Alarm(board.clock, () => this.#beat())
    this.#stops = [
      link.onStatus(({ type }) => {
        if (type === 'connected') this.#listen()
        else if (type === 'disconnected') this.#alarm.off()
      }),
      bus.subscribe('transition', () => this.soon()),
    ]
    name.onChange(() => this.soon())
    if (link.connected) this.#listen()
  }

  /** Something is worth telling at once. Before the first beat of a connection it waits for that. */
  soon(): void {
    const { clock } = this.#options.board
    if (!this.#listens && this.#alarm.armed && this.#alarm.dueTick > clock.now() + GATHER) this.#alarm.in(GATHER)
  }

  /** Takes the entry back: this node is gone. */
  stop(): void {
    this.#alarm.off()
    for (const stop of this.#stops) stop()
    const { link, name } = this.#options
    const there = link.nodes.entries.get(this.#told)?.value.session
    // Another process may have the name: its entry is not this one's to take.
    if (there === undefined || there === name.session) link.nodes.remove(this.#told)
  }

  #listen(): void {
    this.#listens = true
    this.#alarm.in(LISTENS)
  }

  #beat(): void {
    this.#listens = false
    const { link, name } = this.#options
    if (!link.connected) return
    this.#told = name.current
    link.nodes.put(this.#told, this.#entry())
    this.#alarm.in(EVERY)
  }

  #entry(): NodeEntry {
    const { board, name, software, leads, link } = this.#options
    const at = board.now()
    const counted = new Map<string, { calls: number; failures: number }>()
    for (const breaker of board.breakers) {
      const { calls, failures } = breaker.counts(at)
      const service = parentOf(breaker.service)
      const before = counted.get(service)
      counted.set(service, before ? { calls: before.calls + calls, failures: before.failures + failures } : { calls, failures })
    }
    const services: Record<string, NodeService> = {}
    for (const { service, kind, path, context } of board.services) {
      const counts = counted.get(service) ?? { calls: 0, failures: 0 }
      services[service] = { kind, path, since: context.spell.since, ...counts }
    }
    const dropped = link.counters.dropped
    return { v: 1, node: name.current, session: name.session, at, software, leads: leads(), services, dropped }
  }
}
