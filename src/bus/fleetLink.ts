// What a process needs of the fleet's bus: messages that may be lost, small tables that may not, and a lease. NATS provides it
// (src/bus/nats); tests provide one in memory and virtual time. Nothing here blocks, throws or must be awaited by a call.
import type { DirectiveEntry, LedgerEntry, NodeEntry } from '../model/fleet/entries.ts'
import type { OutcomeMessage, WireMessage, WireType } from '../model/fleet/wire.ts'

export interface FleetLink {
  readonly fleet: string
  /** This process; no other one of the fleet has its name. */
  readonly node: string
  /** The server is there and knows what is subscribed to here: what others send from now on is heard. */
  readonly connected: boolean
  /** Told of each connection and loss of it, and of what the server refuses; returns the way to stop. */
  onStatus(listener: (status: LinkStatus) => void): () => void
  /** Sends soon, in batches. A full buffer drops summaries first, oldest first, and counts what it drops. */
  publish(message: WireMessage): void
  /** Sends at once, past the buffer; resolves when the server has it, and rejects with a FleetError when that is not so. */
  send(message: WireMessage): Promise<void>
  /** Hears messages of a type from every node, this one's own too; `*`: of every type. Malformed ones never get here. */
  subscribe(type: WireType | '*', listener: (message: WireMessage) => void): () => void
  /** Hears outcomes as they come: one or more at once, all of one node and one service. Left out: one by one. */
  hearOutcomes?(listener: (outcomes: readonly OutcomeMessage[]) => void): () => void
  /** What the leader wants, by service. */
  readonly directives: FleetTable<DirectiveEntry>
  /** How each node is, by node; those that have not been heard of for a while are gone from it. */
  readonly nodes: FleetTable<NodeEntry>
  /** What each node has spent, by node. */
  readonly ledger: FleetTable<LedgerEntry>
  readonly lease: Lease
  readonly counters: LinkCounters
  /** Sends what is buffered, as far as that can be done within 2 s, and disconnects. */
  close(): Promise<void>
}

export type LinkStatus =
  | { readonly type: 'connected'; readonly server: string }
  | { readonly type: 'disconnected' }
  /** The server forbids it: a permission that this user lacks. */
  | { readonly type: 'refused'; readonly what: string }
  /** Something else went wrong that a person should know of; told at most once a minute for each `code`. */
  | { readonly type: 'trouble'; readonly code: string; readonly message: string }

export interface LinkCounters {
  readonly published: number
  readonly received: number
  /** Messages that a full buffer gave up, those of a disconnected time included. */
  readonly dropped: number
  /** Messages of others that were malformed, too big or too many. */
  readonly rejected: number
  /** Messages of others that never came, by the gaps in their numbers. */
  readonly missed: number
}

/** Latest value wins, key by key. What was put while there is no connection is stored once there is. */
export interface FleetTable<Entry> {
  /** Stores soon; only the last of several values put to one key in a moment is. */
  put(key: string, entry: Entry): void
  remove(key: string): void
  /** As last heard, this node's own included. */
  readonly entries: ReadonlyMap<string, TableEntry<Entry>>
  /** Told of every new revision, and of a removal with `undefined`; of what is there at the start too. */
  listen(listener: (key: string, entry: TableEntry<Entry> | undefined) => void): () => void
  /** True while what is there has not been read since the connection was made. */
  readonly behind?: boolean
}

export interface TableEntry<Entry> {
  readonly value: Entry
  /** Grows with every change to the table. */
  readonly revision: number
}

/** At most one node holds it at a time. */
export interface Lease {
  /** ms. A node that could not renew for so long, less a margin, no longer holds it, whatever it believes. Known once it was asked for. */
  readonly lifetime: number
  /** Takes the lease if it is free, or renews it if it is this node's; rejects when the server cannot be asked in time. */
  take(): Promise<LeaseAnswer>
  /** Gives it up at once, for a successor to take. Never rejects. */
  release(): Promise<void>
}

export type LeaseAnswer =
  /** `epoch` fences: that of each holder is higher than those of all before, and stays while the lease is renewed. */
  { readonly held: true; readonly epoch: number } | { readonly held: false; readonly holder: string | undefined }
