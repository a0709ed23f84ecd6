// One of the fleet's tables, kept in step with a bucket: every change is heard of as a message within milliseconds, and as a
// message may be lost, the bucket is asked every few seconds, and after each reconnection, for what was not heard.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../model/clock.ts'
import type { TableEntries } from '../../model/fleet/entrySchemas.ts'
import { readEntry } from '../../model/fleet/readEntry.ts'
import { bucketName, keyOfName, nameOfKey, type TableName, tableWildcard } from '../../model/fleet/subjects.ts'
import { Due } from '../../model/timer.ts'
import type { FleetTable, TableEntry } from '../fleetLink.ts'
import { Bucket, isMissing, isWithoutJetstream, republished, type Stored } from './bucket.ts'
import type { WhileUp } from './connection.ts'
import { KnownKeys } from './knownKeys.ts'
import { Listeners } from './listeners.ts'
import { NodeRates } from './nodeRates.ts'
import { prevails } from './ownWord.ts'
import type { StreamFit } from './streamFit.ts'
import { TableStore } from './tableStore.ts'

export interface NatsTableOptions<Table extends TableName> {
  readonly clock: Clock
  readonly fleet: string
  readonly table: Table
  /** ms after which an entry that is not renewed is gone. */
  readonly ttl: number
  readonly maxKeys: number
  readonly entryBytes: number
  readonly replicas: number
  readonly client: () => NatsConnection | undefined
  readonly whileUp: WhileUp
  readonly fit: StreamFit
  readonly trouble: (code: string, message: () => string) => void
}

const REMOVED: { readonly entry?: undefined; readonly reason?: undefined } = {}
/** Between two looks at the bucket, ms. */
const LOOK_EVERY = 5000
/** While there is no bucket, or it has not been read on this connection, ms. */
const LOOK_FOR_BUCKET = 1000
const TIMEOUT = 2000
/** Heard of one key in a second at most. */
const CHANGES = 100

export class NatsTable<Table extends TableName> implements FleetTable<TableEntries[Table]> {
  readonly entries = new Map<string, TableEntry<TableEntries[Table]>>()
  readonly #options: NatsTableOptions<Table>
  readonly #name: string
  readonly #listeners: Listeners<[key: string, entry: TableEntry<TableEntries[Table]> | undefined]>
  readonly #store: TableStore
  readonly #known: KnownKeys
  readonly #rates = new NodeRates(CHANGES)
  readonly #look: Due
  readonly #lapse: Due
  #bucket: Bucket | undefined
  #created: string | undefined
  /** All up to this revision has been heard of. */
  #heard = 0
  /** All of the bucket has been read once, and what it has not is gone from here. */
  #whole = false
  /** Added to the revisions of a bucket that was made anew, so that they grow all the same. */
  #offset = 0
  #top = 0
  #looking = false
  #lookAgain = false
  /** The revision of the last change that was told of. */
  #toldOf = 0
  /** A change was told of since the bucket was last asked for its state. */
  #overheard = false
  /** What is in the bucket has not been read since there is a connection. */
  #behind = true
  #closed = false
  /** The server does not tell of changes. */
  #isRefused = false

  constructor(options: NatsTableOptions<Table>) {
    const { clock, fleet, table, trouble } = options
    this.#options = options
    this.#name = bucketName(fleet, table)
    this.#known = new KnownKeys(options.ttl)
    this.#listeners = new Listeners(`the table ${table} of the fleet`)
    this.#look = new Due(() => void this.#sync())
    this.#lapse = new Due((at) => this.#dropLapsed(at))
    this.#store = new TableStore({
      clock,
      bucket: () => (options.client() === undefined ? undefined : this.#bucket),
      revisionOf: (key) => this.#known.get(key)?.revision ?? 0,
      learn: (stored) => this.#hear(stored),
      prevails: (key, value, stored) => this.#prevails(key, value as TableEntries[Table], stored),
      failed: (error) => this.#failed(error),
      trouble,
      entryBytes: options.entryBytes,
      maxKeys: options.maxKeys,
    })
  }

  put(key: string, entry: TableEntries[Table]): void {
    this.#want(key, entry)
  }

  remove(key: string): void {
    this.#want(key, undefined)
  }

  listen(listener: (key: string, entry: TableEntry<TableEntries[Table]> | undefined) => void): () => void {
    // Told of what is there before all that comes later, and by the same way, so that it may throw.
    const first = new Listeners<[string, TableEntry<TableEntries[Table]>]>(`the table ${this.#options.table} of the fleet`)
    first.add(listener)
    for (const [key, entry] of [...this.entries]) first.tell(key, entry)
    return this.#listeners.add(listener)
  }

  get behind(): boolean {
    return this.#behind && this.#options.client() !== undefined
  }

  /** There is a connection (again). */
  connected(client: NatsConnection, fresh: boolean): void {
    this.#bucket = undefined
    this.#behind = true
    if (fresh || this.#isRefused) this.#subscribe(client)
    void this.#sync()
  }

  /** Resolves when what was put is stored, or cannot be now. */
  drain(): Promise<void> {
    return this.#store.drain()
  }

  close(): void {
    const { clock } = this.#options
    this.#closed = true
    clock.disarm(this.#look)
    clock.disarm(this.#lapse)
    this.#store.close()
    this.#bucket = undefined
  }

  #subscribe(client: NatsConnection): void {
    const bucket = { name: this.#name, republish: tableWildcard(this.#options.fleet, this.#options.table) }
    this.#isRefused = false
    client.subscribe(bucket.republish, {
      callback: (error, message) => {
        // The client forgets it; another connection may be allowed more.
        if (error !== null) this.#isRefused = true
        const change = error === null ? republished(message, bucket) : undefined
        if (change === undefined) return
        this.#overheard = true
        // Before the first look at the bucket all of it is still to be read.
        if (this.#created === undefined || !this.#isBearable(change)) return
        // Changes are told of in order: this one is most likely of a bucket that was made anew.
        if (change.revision < this.#toldOf) void this.#sync()
        this.#toldOf = change.revision
        this.#hear(change)
      },
    })
  }

  #want(name: string, entry: TableEntries[Table] | undefined): void {
    const key = keyOfName(this.#options.table, name)
    if (key === undefined) {
      this.#options.trouble('unsendable', () => `${JSON.stringify(name.slice(0, 80))} cannot be a key of ${this.#options.table}`)
      return
    }
    this.#store.want(key, entry, this.#created === undefined ? undefined : (this.#known.get(key)?.revision ?? 0))
  }

  #prevails(key: string, own: TableEntries[Table], stored: Stored): boolean {
    const { table, entryBytes } = this.#options
    const name = nameOfKey(table, key)
    return name !== undefined && prevails({ table, name, own, stored, entryBytes })
  }

  /** Of a key that changes all the time the next look finds the last value. */
  #isBearable({ key }: Stored): boolean {
    const { clock, trouble } = this.#options
    const now = clock.now()
    if (this.#rates.allows(key, now)) {
      this.#rates.spend(key, now, 1)
      return true
    }
    trouble('too_many', () => `${key} of ${this.#name} changes more than ${CHANGES} times a second; not all of it is heard`)
    return false
  }

  async #sync(): Promise<void> {
    const { client, clock } = this.#options
    if (this.#closed) return
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = true
    try {
      do {
        this.#lookAgain = false
        const connection = client()
        if (connection === undefined) return
        this.#bucket ??= await this.#open(connection)
        await this.#catchUp(this.#bucket)
      } while (this.#lookAgain)
      this.#behind = false
      this.#store.go()
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#looking = false
      // Without a connection we are told when there is one.
      if (client() !== undefined && !this.#closed) clock.arm(this.#look, clock.now() + this.#pause())
    }
  }

  /** Until the next look, ms. */
  #pause(): number {
    // There is a new connection since the look that has failed.
    if (this.#lookAgain) return 0
    return this.#bucket === undefined || this.#behind ? LOOK_FOR_BUCKET : LOOK_EVERY
  }

  async #open(client: NatsConnection): Promise<Bucket> {
    const { fleet, table, ttl, entryBytes, replicas, whileUp, fit } = this.#options
    return Bucket.open(client, {
      name: this.#name,
      republish: tableWildcard(fleet, table),
      ttl,
      entryBytes,
      replicas,
      timeout: TIMEOUT,
      whileUp,
      fit,
    })
  }

  async #catchUp(bucket: Bucket): Promise<void> {
    // A change may be heard of before an answer that is older.
    const heard = this.#heard
    this.#overheard = false
    const { created, revision } = await bucket.state()
    if (created !== this.#created || revision < heard) {
      this.#beginAnew(created)
      // What was told of until now was taken for nothing, or for another bucket's, and may be later than the answer.
      this.#lookAgain ||= this.#overheard
    }
    while (this.#heard < revision) {
      const change = await bucket.next(this.#heard + 1)
      if (change === undefined) this.#heard = Math.max(this.#heard, revision)
      else {
        this.#hear(change)
        // All between that and what came before it has been replaced, or has expired.
        this.#heard = Math.max(this.#heard, change.revision)
      }
    }
    if (!this.#whole) this.#dropUnknown()
    this.#whole = true
  }

  /** The first look, and one at a bucket that is not the one we knew. */
  #beginAnew(created: string): void {
    if (this.#created !== undefined) this.#offset = this.#top
    this.#created = created
    this.#known.clear()
    this.#heard = 0
    this.#whole = false
  }

  /** What the bucket that we knew before had, and this one has not. */
  #dropUnknown(): void {
    for (const name of [...this.entries.keys()]) {
      const key = keyOfName(this.#options.table, name)
      if (key === undefined || !this.#known.has(key)) this.#take(name, undefined)
    }
  }

  /** False for what cannot be read. */
  #hear(stored: Stored): boolean {
    const { key, revision } = stored
    const last = this.#known.get(key)
    if (last !== undefined && revision <= last.revision) return last.readable
    if (revision === this.#heard + 1) this.#heard = revision
    const name = nameOfKey(this.#options.table, key)
    if (name === undefined) return this.#refuse(key, 'its key names nothing')
    if (!this.#known.has(key) && this.#known.size >= this.#options.maxKeys) return this.#full()
    const { clock, ttl, table, entryBytes } = this.#options
    const { entry, reason } = stored.bytes === undefined ? REMOVED : readEntry(table, name, stored.bytes, entryBytes)
    const readable = reason === undefined
    this.#known.set(key, { revision, at: clock.now(), readable })
    if (!this.#lapse.armed) clock.arm(this.#lapse, clock.now() + ttl)
    if (!readable) return this.#refuse(key, reason)
    this.#top = Math.max(this.#top, this.#offset + revision)
    this.#take(name, entry === undefined ? undefined : { value: entry, revision: this.#offset + revision })
    return true
  }

  #take(name: string, entry: TableEntry<TableEntries[Table]> | undefined): void {
    if (entry !== undefined) this.entries.set(name, entry)
    else if (!this.entries.delete(name)) return
    this.#listeners.tell(name, entry)
  }

  #dropLapsed(now: number): void {
    for (const key of this.#known.lapse(now)) {
      const name = nameOfKey(this.#options.table, key)
      if (name !== undefined) this.#take(name, undefined)
    }
    const { due } = this.#known
    if (due !== undefined) this.#options.clock.arm(this.#lapse, due)
  }

  #refuse(key: string, reason: string): false {
    this.#options.trouble('bad_entry', () => `the entry ${key.slice(0, 80)} of ${this.#name} is ignored: ${reason}`)
    return false
  }

  /** What is in the bucket beyond the bound may be as good as any other. */
  #full(): true {
    const { maxKeys, trouble } = this.#options
    trouble('table_full', () => `${this.#name} has more than ${maxKeys} keys; the rest is ignored`)
    return true
  }

  #failed(error: unknown): void {
    const { trouble, client } = this.#options
    // A bucket that is gone is made again at the next look.
    if (isMissing(error) || isWithoutJetstream(error)) this.#bucket = undefined
    if (client() === undefined || this.#closed) return
    const text = error instanceof Error ? error.message : String(error)
    if (isWithoutJetstream(error)) {
      trouble('no_jetstream', () => 'there is no JetStream, or nobody leads it now: what the fleet should share is not shared')
    } else trouble('table', () => `${this.#name} cannot be reached: ${text}`)
  }
}
