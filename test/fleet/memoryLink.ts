// One node's link to a MemoryFleet. What it is told waits on the node's own clock, so that a paused node hears it when it goes on.
import type { FleetLink, FleetTable, Lease, LeaseAnswer, LinkStatus, TableEntry } from '../../src/bus/fleetLink.ts'
import { FleetError } from '../../src/model/errors.ts'
import type { DirectiveEntry, LedgerEntry, NodeEntry } from '../../src/model/fleet/entries.ts'
import type { WireMessage, WireType } from '../../src/model/fleet/wire.ts'
import { Timer } from '../../src/model/timerWheel.ts'
import type { MemoryFleet, TableName, TableValue } from './memoryFleet.ts'
import type { NodeClock } from './nodeClock.ts'

/** ms */
const READS_EVERY = 2000
const ANSWERS_WITHIN = 800
const BUFFER = 1000
const REMEMBERED_IDS = 10_000

export class MemoryLink implements FleetLink {
  readonly fleet = 'test'
  readonly counters = { published: 0, received: 0, dropped: 0, rejected: 0, missed: 0 }
  readonly directives: MemoryTable<DirectiveEntry>
  readonly nodes: MemoryTable<NodeEntry>
  readonly ledger: MemoryTable<LedgerEntry>
  readonly lease: Lease
  connected = false
  readonly #fleet: MemoryFleet
  readonly #statuses = new Set<(status: LinkStatus) => void>()
  readonly #listeners = new Map<WireType | '*', Set<(message: WireMessage) => void>>()
  #buffer: WireMessage[] = []
  /** When the last thing from each sender arrives, so that they stay in order. */
  readonly #last = new Map<string, number>()
  readonly #seen = new Set<string>()
  readonly #reading: Later
  #closed = false

  constructor(
    fleet: MemoryFleet,
    readonly node: string,
    /** The node's own. */
    readonly clock: NodeClock,
  ) {
    this.#fleet = fleet
    this.directives = new MemoryTable(this, fleet, 'directives')
    this.nodes = new MemoryTable(this, fleet, 'nodes')
    this.ledger = new MemoryTable(this, fleet, 'ledger')
    this.lease = {
      lifetime: fleet.leaseLifetime,
      take: () => this.#take(),
      release: () => this.#release(),
    }
    this.#reading = new Later(() => this.#read())
  }

  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.#statuses.add(listener)
    return () => this.#statuses.delete(listener)
  }

  publish(message: WireMessage): void {
    if (this.#closed) return
    this.counters.published++
    if (this.connected && this.#fleet.reaches(this.node)) {
      this.#fleet.relay(structuredClone(message), this.node)
      return
    }
    this.#buffer.push(message)
    if (this.#buffer.length <= BUFFER) return
    this.#buffer.shift()
    this.counters.dropped++
  }

  async send(message: WireMessage): Promise<void> {
    if (!this.connected || !this.#fleet.reaches(this.node)) throw new FleetError('there is no connection to its server')
    this.publish(message)
  }

  subscribe(type: WireType | '*', listener: (message: WireMessage) => void): () => void {
    const known = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, known.add(listener))
    return () => known.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.disconnect()
    // Another process may have the name by now.
    if (this.#fleet.links.get(this.node) === this) this.#fleet.links.delete(this.node)
  }

  // --- the network's side ---------------------------------------------------------------------------------------------------

  connect(): void {
    if (this.connected || this.#closed) return
    this.arrive('server', this.#fleet.delay(), () => {
      if (this.connected || !this.#fleet.reaches(this.node)) return
      this.connected = true
      for (const table of this.#tables()) table.flush()
      this.#read()
      const waiting = this.#buffer
      this.#buffer = []
      for (const message of waiting) this.#fleet.relay(structuredClone(message), this.node)
      this.#tell({ type: 'connected', server: 'memory' })
    })
  }

  disconnect(): void {
    if (!this.connected) return
    this.connected = false
    this.clock.disarm(this.#reading)
    this.#tell({ type: 'disconnected' })
  }

  /** Lets something from a sender arrive after `delay` ms, in order. */
  arrive(sender: string, delay: number, then: () => void): void {
    const due = Math.max(this.clock.now() + delay, this.#last.get(sender) ?? 0)
    this.#last.set(sender, due)
    this.clock.arm(new Later(then), due)
  }

  hear(message: WireMessage): void {
    if (!this.connected) return
    const { id } = message
    if (id !== undefined) {
      if (this.#seen.has(id)) return
      this.#seen.add(id)
      if (this.#seen.size > REMEMBERED_IDS) this.#seen.delete(this.#seen.values().next().value as string)
    }
    this.counters.received++
    for (const type of [message.type, '*'] as const) for (const listener of this.#listeners.get(type) ?? []) listener(message)
  }

  /** The server says something. */
  report(status: LinkStatus): void {
    this.#tell(status)
  }

  learn(table: TableName, key: string, entry: TableEntry<TableValue> | undefined, revision: number): void {
    if (this.connected) this[table].learn(key, entry as never, revision)
  }

  #tables(): readonly MemoryTable<TableValue>[] {
    return [this.directives, this.nodes, this.ledger] as unknown as MemoryTable<TableValue>[]
  }

  #read(): void {
    if (!this.connected) return
    for (const table of this.#tables()) table.read()
    this.clock.arm(this.#reading, this.clock.now() + READS_EVERY)
  }

  #take(): Promise<LeaseAnswer> {
    return new Promise((resolve, reject) => {
      const overdue = new Later(() => reject(new Error('the server does not answer')))
      this.clock.arm(overdue, this.clock.now() + ANSWERS_WITHIN)
      if (!this.#fleet.reaches(this.node)) return
      const answer = this.#fleet.take(this.node)
      if (!this.#fleet.answers()) return
      this.arrive('server', this.#fleet.delay(), () => {
        if (!this.#fleet.reaches(this.node)) return
        this.clock.disarm(overdue)
        resolve(answer)
      })
    })
  }

  async #release(): Promise<void> {
    if (this.#fleet.reaches(this.node)) this.#fleet.release(this.node)
  }

  #tell(status: LinkStatus): void {
    for (const listener of this.#statuses) listener(status)
  }
}

class MemoryTable<Entry extends TableValue> implements FleetTable<Entry> {
  readonly entries = new Map<string, TableEntry<Entry>>()
  readonly #link: MemoryLink
  readonly #fleet: MemoryFleet
  readonly #name: TableName
  readonly #listeners = new Set<(key: string, entry: TableEntry<Entry> | undefined) => void>()
  /** Put while there was no connection. */
  readonly #pending = new Map<string, Entry | undefined>()
  readonly #revisions = new Map<string, number>()

  constructor(link: MemoryLink, fleet: MemoryFleet, name: TableName) {
    this.#link = link
    this.#fleet = fleet
    this.#name = name
  }

  put(key: string, entry: Entry): void {
    this.#send(key, structuredClone(entry))
  }

  remove(key: string): void {
    this.#send(key, undefined)
  }

  listen(listener: (key: string, entry: TableEntry<Entry> | undefined) => void): () => void {
    this.#listeners.add(listener)
    for (const [key, entry] of this.entries) listener(key, entry)
    return () => this.#listeners.delete(listener)
  }

  flush(): void {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const [key, entry] of pending) this.#send(key, entry)
  }

  /** News: of an older revision than is known they are no news. */
  learn(key: string, entry: TableEntry<Entry> | undefined, revision: number): void {
    if (revision <= (this.#revisions.get(key) ?? 0)) return
    this.#revisions.set(key, revision)
    if (entry) this.entries.set(key, entry)
    else if (!this.entries.delete(key)) return
    for (const listener of this.#listeners) listener(key, entry)
  }

  read(): void {
    const now = this.#fleet.read(this.#name) as Map<string, TableEntry<Entry>>
    for (const [key, entry] of now) this.learn(key, entry, entry.revision)
    for (const [key, { revision }] of this.entries) if (!now.has(key)) this.learn(key, undefined, revision + 0.5)
  }

  #send(key: string, entry: Entry | undefined): void {
    if (this.#link.connected && this.#fleet.reaches(this.#link.node)) this.#fleet.write(this.#name, key, entry)
    else this.#pending.set(key, entry)
  }
}

class Later extends Timer {
  readonly #then: () => void

  constructor(then: () => void) {
    super()
    this.#then = then
  }

  fire(): void {
    this.#then()
  }
}
