// What a link hears: who listens to which type of message, and the subscriptions that this takes. A type that nobody listens to
// any more is not asked for any more, so that a former leader does not read the outcomes of a whole fleet.
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { messageWildcard } from '../../model/fleet/subjects.ts'
import { type OutcomeMessage, WIRE_TYPES, type WireMessage, type WireType } from '../../model/fleet/wire.ts'
import { Listeners } from './listeners.ts'

export interface SubscriptionsOptions {
  readonly fleet: string
  readonly client: () => NatsConnection | undefined
  readonly take: (subject: string, bytes: Uint8Array) => void
  /** A type is listened to again: what came meanwhile was not missed. */
  readonly begins: (type: WireType) => void
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #listeners = new Map<WireType | '*', Listeners<[message: WireMessage]>>()
  readonly #outcomes = new Listeners<[outcomes: readonly OutcomeMessage[]]>('outcomes of the fleet')
  /** Types that are listened to, each with its subscription on the present client, once there is one. */
  readonly #wanted = new Map<WireType, Subscription | undefined>()

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  add(type: WireType | '*', listener: (message: WireMessage) => void): () => void {
    let listeners = this.#listeners.get(type)
    if (listeners === undefined) {
      listeners = new Listeners(`${type === '*' ? 'all' : type} messages of the fleet`)
      this.#listeners.set(type, listeners)
    }
    return this.#added(listeners.add(listener))
  }

  /** One or more at once, all of one node and service. */
  addForOutcomes(listener: (outcomes: readonly OutcomeMessage[]) => void): () => void {
    return this.#added(this.#outcomes.add(listener))
  }

  /** There is a client; on a `fresh` one nothing is subscribed yet. */
  connected(fresh: boolean): void {
    if (fresh) for (const type of this.#wanted.keys()) this.#wanted.set(type, undefined)
    this.#follow()
  }

  /** One or more messages of one type. */
  deliver(messages: readonly WireMessage[]): void {
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

  #added(stop: () => void): () => void {
    this.#follow()
    return () => {
      stop()
      this.#follow()
    }
  }

  #wants(type: WireType): boolean {
    const heard = this.#listeners.get('*')?.some || this.#listeners.get(type)?.some
    return heard || (type === 'outcome' && this.#outcomes.some)
  }

  /** Subscribes to what is wanted, and to nothing else. */
  #follow(): void {
    for (const type of WIRE_TYPES) {
      if (this.#wants(type)) this.#want(type)
      else this.#giveUp(type)
    }
  }

  #want(type: WireType): void {
    if (!this.#wanted.has(type)) {
      this.#wanted.set(type, undefined)
      this.#options.begins(type)
    }
    const client = this.#options.client()
    if (client === undefined || this.#wanted.get(type) !== undefined) return
    const subscription = client.subscribe(messageWildcard(this.#options.fleet, { type }), {
      callback: (error, { subject, data }) => {
        if (error === null) this.#options.take(subject, data)
        // Refused: the client forgets it, and it is asked for again when there is another connection.
        else if (this.#wanted.get(type) === subscription) this.#wanted.set(type, undefined)
      },
    })
    this.#wanted.set(type, subscription)
  }

  #giveUp(type: WireType): void {
    this.#wanted.get(type)?.unsubscribe()
    this.#wanted.delete(type)
  }
}
