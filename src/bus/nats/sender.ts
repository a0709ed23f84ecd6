// Sends what the link is given, batched by subject: at once after a pause, and else what has gathered in a few ms. What was sent is
// kept until the server has confirmed that it came (a flush), because a client that loses its connection forgets what it held: then
// it is sent again, with the same ids.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../model/clock.ts'
import { encodeBatches } from '../../model/fleet/encodeMessages.ts'
import { messageSubject } from '../../model/fleet/subjects.ts'
import type { WireMessage, WireType } from '../../model/fleet/wire.ts'
import { MAX_BODY } from '../../model/fleet/wireFields.ts'
import { Due } from '../../model/timer.ts'
import { within } from './due.ts'
import { Outbox, type OutboxLimits } from './outbox.ts'

export interface SenderOptions {
  readonly clock: Clock
  readonly fleet: string
  /** Another one for each start: no id of an earlier session comes again. */
  readonly session: string
  readonly limits: OutboxLimits
  readonly client: () => NatsConnection | undefined
  readonly trouble: (code: string, message: () => string) => void
}

/** How long messages wait for others while there is more than one in that time, ms. */
const GATHER = 3
/** The fleet waits for these: they leave at the end of the turn, whatever else is on its way. */
const URGENT: ReadonlySet<WireType> = new Set(['transition', 'command'])
/** How often they are weighed while they cannot be sent, ms. */
const WEIGH = 100
/** Flights at a time: the second and the rest are of those that hurry. */
const MOST_FLIGHTS = 4

/** Messages that the client was given, and that the server has not confirmed. */
interface Flight {
  readonly messages: readonly WireMessage[]
  readonly landed: Promise<void>
}

export class Sender {
  published = 0
  dropped = 0
  readonly #options: SenderOptions
  readonly #outbox: Outbox
  readonly #due: Due
  /** By type, as receivers subscribe by type and would see gaps where they do not listen. */
  readonly #numbers = new Map<WireType, number>()
  #ids = 0
  #awake = false
  /** Something urgent is among what waits. */
  #hurries = false
  /** When the last flight left. */
  #left = Number.NEGATIVE_INFINITY
  /** In the order in which they left, which is that in which they land. */
  #flights: Flight[] = []
  #closed = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#outbox = new Outbox(options.limits, (message) => this.#drop(message))
    this.#due = new Due(() => this.#send())
  }

  /** Costs the caller a push into an array. */
  publish(message: WireMessage): void {
    if (this.#closed) return
    this.#outbox.add(message)
    if (URGENT.has(message.type)) {
      if (this.#hurries) return
      this.#hurries = true
      setImmediate(() => this.#send())
    } else if (!this.#awake) setImmediate(() => this.#sendOrGather())
    this.#awake = true
  }

  /** There is a connection (again). */
  connected(): void {
    if (this.#outbox.length > 0) this.#send()
  }

  /** Sends what is there, as far as that can be done within `ms`; what is published later is not taken. */
  async close(ms: number): Promise<void> {
    this.#closed = true
    this.#options.clock.disarm(this.#due)
    await within(this.#options.clock, ms, this.#sendAll())
    // What is on its way may arrive all the same: it is counted as lost as long as nobody knows.
    this.dropped += this.#outbox.take().length + this.#flights.reduce((sum, { messages }) => sum + messages.length, 0)
    this.#options.clock.disarm(this.#due)
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      while (this.#flights.length > 0) await this.#flights[0]?.landed
      const client = this.#options.client()
      if (this.#outbox.length === 0 || client === undefined) return
      this.#fly(client)
    }
  }

  #wait(ms: number): void {
    const { clock } = this.#options
    if (!this.#closed) clock.arm(this.#due, clock.now() + ms)
  }

  /** What comes after a pause is told at once; what comes thick and fast waits for more of it. */
  #sendOrGather(): void {
    const { clock } = this.#options
    if (clock.now() - this.#left >= GATHER) this.#send()
    else this.#wait(GATHER)
  }

  #send(): void {
    if (this.#closed) return
    const flights = this.#flights.length
    if (this.#outbox.length === 0) {
      this.#awake = flights > 0
      this.#hurries = false
      return
    }
    const client = this.#options.client()
    const mayLeave = flights === 0 || (this.#hurries && flights < MOST_FLIGHTS)
    if (client !== undefined && mayLeave) this.#fly(client)
    else {
      this.#outbox.weigh()
      // Whoever lands will look.
      if (flights === 0) this.#wait(WEIGH)
    }
  }

  /** While a flight is on its way others gather, so that the more there is to say the larger the batches. */
  #fly(client: NatsConnection): void {
    this.#left = this.#options.clock.now()
    this.#hurries = false
    const messages = this.#outbox.take().map((message) => this.#number(message))
    const landed = this.#carry(client, messages).then((arrived) => this.#land(flight, arrived))
    const flight: Flight = { messages, landed }
    this.#flights.push(flight)
  }

  async #carry(client: NatsConnection, messages: readonly WireMessage[]): Promise<boolean> {
    try {
      const maxBody = Math.min(MAX_BODY, client.info?.max_payload ?? MAX_BODY)
      for (const [subject, ofSubject] of this.#bySubject(messages)) {
        const { batches, tooBig } = encodeBatches(ofSubject, maxBody)
        if (tooBig > 0) this.#tooBig(tooBig, subject, maxBody)
        for (const bytes of batches) client.publish(subject, bytes)
      }
      await client.flush()
      return true
    } catch {
      return false
    }
  }

  #land(flight: Flight, arrived: boolean): void {
    // One before it was lost, and took it back along.
    if (!this.#flights.includes(flight)) return
    if (arrived) {
      this.published += flight.messages.length
      this.#flights = this.#flights.filter((other) => other !== flight)
    } else {
      this.#outbox.putBack(this.#flights.flatMap(({ messages }) => messages))
      this.#flights = []
    }
    const flights = this.#flights.length
    if (this.#outbox.length === 0) this.#awake = flights > 0
    else if (this.#options.client() === undefined) this.#wait(WEIGH)
    else if (this.#hurries) this.#send()
    else if (flights === 0) this.#wait(GATHER)
  }

  #number(message: WireMessage): WireMessage {
    // It has been on its way before.
    if (message.seq !== undefined) return message
    const seq = (this.#numbers.get(message.type) ?? 0) + 1
    this.#numbers.set(message.type, seq)
    this.#ids++
    return { ...message, seq, id: message.id ?? `${this.#options.session}.${this.#ids}` }
  }

  #bySubject(messages: readonly WireMessage[]): Map<string, WireMessage[]> {
    const { fleet } = this.#options
    const known = new Map<string, WireMessage[]>()
    for (const message of messages) {
      let subject: string
      try {
        subject = messageSubject({ fleet, type: message.type, service: message.service, node: message.node })
      } catch (error) {
        this.dropped++
        this.#options.trouble('unsendable', () => (error instanceof Error ? error.message : String(error)))
        continue
      }
      const ofSubject = known.get(subject)
      if (ofSubject === undefined) known.set(subject, [message])
      else ofSubject.push(message)
    }
    return known
  }

  #tooBig(count: number, subject: string, maxBody: number): void {
    this.dropped += count
    this.#options.trouble(
      'too_big',
      () => `a message to ${subject} is too big, or no JSON, and was dropped; allowed: ${maxBody} bytes`,
    )
  }

  /** Its number is used up, so that receivers see that something is missing. */
  #drop({ type, seq }: WireMessage): void {
    this.dropped++
    if (seq === undefined) this.#numbers.set(type, (this.#numbers.get(type) ?? 0) + 1)
  }
}
