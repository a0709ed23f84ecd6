// A process's link to its fleet over NATS: puts connection, messages, tables and lease together.
import type { NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../../model/clock.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { encodeRejection, type Rejection } from '../../model/fleet/rejection.ts'
import { rejectedSubject } from '../../model/fleet/subjects.ts'
import type { OutcomeMessage, WireMessage, WireType } from '../../model/fleet/wire.ts'
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
import { Subscriptions } from './subscriptions.ts'
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
  readonly #subscriptions: Subscriptions
  /** The server knows what is listened to here. */
  #connected = false
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
      deliver: (messages) => this.#subscriptions.deliver(messages),
      report: (rejection) => this.#report(rejection),
      trouble,
    })
    this.#subscriptions = new Subscriptions({
      fleet,
      client,
      take: (subject, bytes) => this.#inbox.take(subject, bytes),
      begins: (type) => this.#inbox.forget(type),
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
    return this.#connected
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
    return this.#subscriptions.add(type, listener)
  }

  hearOutcomes(listener: (outcomes: readonly OutcomeMessage[]) => void): () => void {
    return this.#subscriptions.addForOutcomes(listener)
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
        this.#rise(news.nc, news.fresh)
        return
      case 'disconnected':
        this.#fall()
        return
      case 'refused':
        this.#confirmed.refused(news.what)
        this.#troubles.refused(news.what)
        return
      case 'trouble':
        this.#troubles.trouble(news.code, () => news.message)
    }
  }

  #rise(client: NatsConnection, fresh: boolean): void {
    this.#subscriptions.connected(fresh)
    this.lease.connected()
    for (const table of [this.directives, this.nodes, this.ledger]) table.connected(client, fresh)
    this.#sender.connected()
    // The server reads in order: when it answers, it has the subscriptions, and what others send from then on is heard here.
    this.#connection.whileUp(client.flush()).then(
      () => this.#settle(client),
      () => undefined,
    )
  }

  #settle(client: NatsConnection): void {
    if (this.#connected || this.#connection.client !== client) return
    this.#connected = true
    this.#statuses.tell({ type: 'connected', server: client.getServer() })
  }

  #fall(): void {
    if (!this.#connected) return
    this.#connected = false
    this.#statuses.tell({ type: 'disconnected' })
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
