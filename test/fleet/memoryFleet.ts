// A fleet's bus in one process and virtual time: a server with messages, tables and a lease, and a link to it for each node. What
// can go wrong on a network goes wrong when it is told to: nodes cut off or paused, messages lost, late or twice, the server away.
import type { DirectiveEntry, LedgerEntry, NodeEntry } from '../../src/model/fleet/entries.ts'
import type { WireMessage } from '../../src/model/fleet/wire.ts'
import { type Random, seededRandom } from '../../src/model/random.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { MemoryLink } from './memoryLink.ts'
import { NodeClock } from './nodeClock.ts'

export interface Faults {
  /** Shares of the messages and of the news of tables, 0–1. News of tables that are lost come with the next read. */
  lose: number
  duplicate: number
  /** Of the lease's answers: what was asked is done, and nobody hears of it. */
  loseAnswers: number
  /** On the way from a node to another through the server, ms: drawn between the two. Outcomes of one sender stay in order, and so does all else. */
  delay: readonly [from: number, to: number]
}

export interface MemoryFleetOptions {
  readonly clock?: VirtualClock
  readonly seed?: number
  readonly leaseLifetime?: number
}

export type TableName = 'directives' | 'nodes' | 'ledger'
export type TableValue = DirectiveEntry | NodeEntry | LedgerEntry

interface Stored {
  readonly value: TableValue
  readonly revision: number
  readonly at: number
}

/** What is not renewed for so long is gone from its table, as with a server of NATS; ms. */
const LIFETIMES: Readonly<Partial<Record<TableName, number>>> = { directives: 60_000, nodes: 10_000 }

export class MemoryFleet {
  readonly clock: VirtualClock
  readonly random: Random
  readonly leaseLifetime: number
  readonly faults: Faults = { lose: 0, duplicate: 0, loseAnswers: 0, delay: [1, 1] }
  readonly links = new Map<string, MemoryLink>()
  readonly #tables: Record<TableName, Map<string, Stored>> = { directives: new Map(), nodes: new Map(), ledger: new Map() }
  #revision = 0
  #lease: { holder: string; epoch: number; until: number } | undefined
  #up = true
  readonly #cut = new Set<string>()

  constructor({ clock = new VirtualClock(), seed = 1, leaseLifetime = 3000 }: MemoryFleetOptions = {}) {
    this.clock = clock
    this.random = seededRandom(seed)
    this.leaseLifetime = leaseLifetime
  }

  /** A process comes: its link, with a clock of its own at `link.clock`. */
  join(node: string, { offset = 0 }: { readonly offset?: number } = {}): MemoryLink {
    const link = new MemoryLink(this, node, new NodeClock(this.clock, offset))
    this.links.set(node, link)
    if (this.reaches(node)) link.connect()
    return link
  }

  /** It dies at once, saying nothing: `kill -9`. */
  kill(node: string): void {
    this.links.get(node)?.clock.pause()
    this.links.delete(node)
  }

  /** SIGSTOP, until {@link resume}. */
  pause(node: string): void {
    this.links.get(node)?.clock.pause()
  }

  resume(node: string): void {
    this.links.get(node)?.clock.resume()
  }

  /** Nothing passes between the node and the server until {@link heal}. */
  partition(node: string): void {
    this.#cut.add(node)
    this.links.get(node)?.disconnect()
  }

  heal(node: string): void {
    this.#cut.delete(node)
    if (this.reaches(node)) this.links.get(node)?.connect()
  }

  /** The server is away; its tables survive. */
  stopServer(): void {
    this.#up = false
    for (const link of this.links.values()) link.disconnect()
  }

  startServer(): void {
    this.#up = true
    for (const link of this.links.values()) if (this.reaches(link.node)) link.connect()
  }

  reaches(node: string): boolean {
    return this.#up && !this.#cut.has(node) && this.links.has(node)
  }

  /** What the server holds. */
  stored<Value extends TableValue = TableValue>(table: TableName): Map<string, Value> {
    return new Map([...this.#live(table)].map(([key, { value }]) => [key, value as Value]))
  }

  /** Writes past every link: what a deposed leader, or a program of somebody else's, had under way. */
  store(table: TableName, key: string, value: TableValue): void {
    this.write(table, key, value)
  }

  /** Who holds the lease by the server's reckoning. */
  get leader(): string | undefined {
    return this.#holder()?.holder
  }

  /** Sends as if from a program that has no link. */
  send(message: WireMessage): void {
    this.relay(message, message.node)
  }

  // --- the server's side, for links ---------------------------------------------------------------------------------------

  relay(message: WireMessage, from: string): void {
    for (const link of this.links.values()) {
      if (!this.reaches(link.node) || this.#happens(this.faults.lose)) continue
      // Outcomes wait to be sent together, and what cannot wait overtakes them.
      const way = `${from} ${message.type === 'outcome' ? 'outcomes' : 'others'}`
      link.arrive(way, this.delay(), () => link.hear(message))
      if (this.#happens(this.faults.duplicate)) link.arrive(way, this.delay(), () => link.hear(message))
    }
  }

  write(table: TableName, key: string, value: TableValue | undefined): void {
    const stored = this.#tables[table]
    if (value === undefined && !stored.has(key)) return
    const revision = ++this.#revision
    if (value === undefined) stored.delete(key)
    else stored.set(key, { value: structuredClone(value), revision, at: this.clock.now() })
    for (const link of this.links.values()) {
      if (!this.reaches(link.node) || this.#happens(this.faults.lose)) continue
      const entry = value === undefined ? undefined : { value: structuredClone(value), revision }
      link.arrive(`table ${table}`, this.delay(), () => link.learn(table, key, entry, revision))
    }
  }

  read(table: TableName): Map<string, { value: TableValue; revision: number }> {
    const live = [...this.#live(table)].map(
      ([key, { value, revision }]) => [key, { value: structuredClone(value), revision }] as const,
    )
    return new Map(live)
  }

  take(node: string): { held: true; epoch: number } | { held: false; holder: string | undefined } {
    const holder = this.#holder()
    if (holder && holder.holder !== node) return { held: false, holder: holder.holder }
    const epoch = holder?.epoch ?? ++this.#revision
    this.#lease = { holder: node, epoch, until: this.clock.now() + this.leaseLifetime }
    return { held: true, epoch }
  }

  release(node: string): void {
    if (this.#lease?.holder === node) this.#lease = undefined
  }

  /** False when the answer gets lost. */
  answers(): boolean {
    return !this.#happens(this.faults.loseAnswers)
  }

  delay(): number {
    const [from, to] = this.faults.delay
    return from + (to - from) * this.random.next()
  }

  #happens(share: number): boolean {
    return share > 0 && this.random.next() < share
  }

  #holder(): { holder: string; epoch: number } | undefined {
    return this.#lease && this.#lease.until > this.clock.now() ? this.#lease : undefined
  }

  #live(table: TableName): Map<string, Stored> {
    const stored = this.#tables[table]
    const lifetime = LIFETIMES[table]
    if (lifetime !== undefined) for (const [key, { at }] of stored) if (this.clock.now() - at > lifetime) stored.delete(key)
    return stored
  }
}
