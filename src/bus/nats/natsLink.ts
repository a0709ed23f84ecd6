// A process's link to its fleet over NATS: puts connection, messages, tables and lease together.
import type { NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../../model/clock.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { encodeRejection, type Rejection } from '../../model/fleet/rejection.ts'
import { messageWildcard, rejectedSubject } from '../../model/fleet/subjects.ts'
import { type OutcomeMessage, WIRE_TYPES, type WireMessage, type WireType } from '../../model/fleet/wire.ts'
import type { FleetLink, LinkCounters, LinkStatus } from '../fleetLink.ts'
import { ConfirmedSend } from './confirmedSend.ts'
import { BusConnection, type ConnectionNews } from './connection.ts'
import { within } from './due.ts'
import { Inbox } from './inbox.ts'
import { Listeners } from './listeners.ts'
import { NatsLease } from './natsLease.ts'
import { NatsTable } from './natsTable.ts'
import { Sender } from './sender.ts'
import { newSession } from './session.ts'
import { StreamFit } from './streamFit.ts'
import { Troubles } from './troubles.ts'

export interface NatsLinkOptions {
  /** Another one for each start of the process. Default: drawn. */
  readonly session?: string
  readonly clock?: Clock
}

/** Nodes that have not been heard of for so long are gone, ms. */
const NODE_LIFETIME = 10_000
/**
 * A leader renews its directives every few seconds. What one wrote who has gone must not be found by those who start tomorrow, and
 * hold from then on; ms.
 */
const DIRECTIVE_LIFETIME = 60_000
/** What was spent counts for a month at most; names of nodes that are gone for good would fill the table, ms. */
const LEDGER_LIFETIME = 40 * 86_400_000
/** For how long `close` sends what is buffered, ms. */
const LAST_WORDS = 2000

export class NatsLink implements FleetLink {
  readonly fleet: string
  readonly node: string
  readonly directives: NatsTable<'directives'>
  readonly nodes: NatsTable<'nodes'>
  readonly ledger: NatsTable<'ledger'>
  readonly lease: NatsLease
  readonly counters: LinkCounters
  readonly #clock: Clock
  readonly #connection: BusConnection
  readonly #sender: Sender
  readonly #confirmed: ConfirmedSend
  readonly #inbox: Inbox
  readonly #troubles: Troubles
  readonly #statuses = new Listeners<[status: LinkStatus]>('the status of the link to the fleet')
  readonly #listeners = new Map<WireType | '*', Listeners<[message: WireMessage]>>()
  readonly #outcomes = new Listeners<[outcomes: readonly OutcomeMessage[]]>('outcomes of the fleet')
  /** Types that are subscribed to on this client. */
  readonly #subscribed = new Set<WireType>()
  #closing: Promise<void> | undefined

  /** Begins to connect, and is usable at once. */
  constructor(config: BusConfig & { readonly node: string }, options: NatsLinkOptions = {}) {
    const { clock = systemClock, session = newSession() } = options
    const { fleet, node, limits, replicas, lease: lifetime } = config
    this.fleet = fleet
    this.node = node
    this.#clock = clock
    this.#troubles = new Troubles(clock, (status) => this.#statuses.tell(status))
    const trouble = (code: string, message: () => string): void => this.#troubles.trouble(code, message)
    const differs = (words: string, stream: string): void => this.#troubles.trouble('bucket_options', () => words, stream)
    const fit = new StreamFit({ mends: config.lead, tell: differs })
    this.#connection = new BusConnection(config, `switchgear ${node}`, clock, (news) => this.#hear(news))
    const client = (): NatsConnection | undefined => this.#connection.client
    const outbox = { messages: limits.outboxMessages, bytes: limits.outboxBytes }
    this.#sender = new Sender({ clock, fleet, session, limits: outbox, client, trouble })
    this.#inbox = new Inbox({
      clock,
      node,
      messagesPerSecond: limits.messagesPerSecond,
      deliver: (messages) => this.#deliver(messages),
      report: (rejection) => this.#report(rejection),
      trouble,
    })
    const { whileUp } = this.#connection
    this.#confirmed = new ConfirmedSend({ clock, fleet, client, whileUp })
    const bounds = { replicas, maxKeys: limits.tableKeys, entryBytes: limits.entryBytes }
    const shared = { clock, fleet, client, whileUp, trouble, fit, ...bounds }
    this.directives = new NatsTable({ ...shared, table: 'directives', ttl: DIRECTIVE_LIFETIME })
    this.nodes = new NatsTable({ ...shared, table: 'nodes', ttl: NODE_LIFETIME })
    this.ledger = new NatsTable({ ...shared, table: 'ledger', ttl: LEDGER_LIFETIME })
    const seen = (): number => {
      let highest = 0
      for (const { value } of this.directives.entries.values()) highest = Math.max(highest, value.epoch)
      return highest
    }
    this.lease = new NatsLease({ fleet, node, session, lifetime, replicas, client, whileUp, seen, trouble, fit })
    this.counters = countersOf(this.#sender, this.#inbox)
  }

  get connected(): boolean {
    return this.#connection.client !== undefined
  }

  onStatus(listener: (status: LinkStatus) => void): () => void {
    return this.#statuses.add(listener)
  }

  publish(message: WireMessage): void {
    this.#sender.publish(message)
  }

  send(message: WireMessage): Promise<void> {
    return this.#confirmed.send(message)
  }

  subscribe(type: WireType | '*', listener: (message: WireMessage) => void): () => void {
    let listeners = this.#listeners.get(type)
    if (listeners === undefined) {
      listeners = new Listeners(`${type === '*' ? 'all' : type} messages of the fleet`)
      this.#listeners.set(type, listeners)
    }
    return this.#add(listeners, listener)
  }

  hearOutcomes(listener: (outcomes: readonly OutcomeMessage[]) => void): () => void {
    return this.#add(this.#outcomes, listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const until = this.#clock.now() + LAST_WORDS
    const tables = [this.directives, this.nodes, this.ledger]
    await Promise.all([
      this.#sender.close(LAST_WORDS),
      within(this.#clock, LAST_WORDS, Promise.all(tables.map((table) => table.drain()))),
    ])
    for (const table of tables) table.close()
    this.#inbox.close()
    await this.#connection.close(Math.max(0, until - this.#clock.now()))
  }

  #hear(news: ConnectionNews): void {
    switch (news.type) {
      case 'connected':
        this.#connected(news.nc, news.fresh)
        return
      case 'disconnected':
        this.#statuses.tell(news)
        return
      case 'refused':
        this.#confirmed.refused(news.what)
        this.#troubles.refused(news.what)
        return
      case 'trouble':
        this.#troubles.trouble(news.code, () => news.message)
    }
  }

  #connected(client: NatsConnection, fresh: boolean): void {
    if (fresh) this.#subscribed.clear()
    this.#subscribeTo(client)
    this.lease.connected(client, fresh)
    for (const table of [this.directives, this.nodes, this.ledger]) table.connected(client, fresh)
    this.#sender.connected()
    this.#statuses.tell({ type: 'connected', server: client.getServer() })
  }

  #add<Args extends readonly unknown[]>(listeners: Listeners<Args>, listener: (...args: Args) => void): () => void {
    const stop = listeners.add(listener)
    const client = this.#connection.client
    if (client !== undefined) this.#subscribeTo(client)
    return stop
  }

  #wants(type: WireType): boolean {
    return this.#listeners.has('*') || this.#listeners.has(type) || (type === 'outcome' && this.#outcomes.some)
  }

  #subscribeTo(client: NatsConnection): void {
    for (const type of WIRE_TYPES) {
      if (this.#subscribed.has(type) || !this.#wants(type)) continue
      this.#subscribed.add(type)
      client.subscribe(messageWildcard(this.fleet, { type }), {
        callback: (error, message) => {
          if (error === null) this.#inbox.take(message.subject, message.data)
        },
      })
    }
  }

  #deliver(messages: readonly WireMessage[]): void {
    const [first] = messages
    if (first === undefined) return
    if (first.type === 'outcome') this.#outcomes.tell(messages as readonly OutcomeMessage[])
    const ofType = this.#listeners.get(first.type)
    const ofAll = this.#listeners.get('*')
    if (ofType === undefined && ofAll === undefined) return
    for (const message of messages) {
      ofType?.tell(message)
      ofAll?.tell(message)
    }
  }

  #report(rejection: Rejection): void {
    try {
      this.#connection.client?.publish(rejectedSubject(this.fleet), encodeRejection(rejection))
    } catch {
      // The connection went away: it was told here, which is enough.
    }
  }
}

function countersOf(sender: Sender, inbox: Inbox): LinkCounters {
  return {
    get published() {
      return sender.published
    },
    get received() {
      return inbox.received
    },
    get dropped() {
      return sender.dropped
    },
    get rejected() {
      return inbox.rejected
    },
    get missed() {
      return inbox.missed
    },
  }
}
