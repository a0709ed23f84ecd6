// Sends what the link is given, a few ms later and batched by subject. What was sent is kept until the server has confirmed that
// it came (a flush), because a client that loses its connection forgets what it held: then it is sent again, with the same ids.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../model/clock.ts'
import { encodeBatches } from '../../model/fleet/encodeMessages.ts'
import { messageSubject } from '../../model/fleet/subjects.ts'
import type { WireMessage, WireType } from '../../model/fleet/wire.ts'
import { MAX_BODY } from '../../model/fleet/wireFields.ts'
import { Due, within } from './due.ts'
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

/** How long messages wait for others, ms. */
const GATHER = 3
/** How often they are weighed while they cannot be sent, ms. */
const WEIGH = 100

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
  #flying: Promise<void> | undefined
  /** Messages on their way. */
  #unconfirmed = 0
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
    if (this.#awake) return
    this.#awake = true
    setImmediate(() => this.#wait(GATHER))
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
    this.dropped += this.#outbox.take().length + this.#unconfirmed
    this.#options.clock.disarm(this.#due)
  }

  async #sendAll(): Promise<void> {
    await this.#flying
    while (this.#outbox.length > 0 && this.#options.client() !== undefined) await this.#fly()
  }

  #wait(ms: number): void {
    const { clock } = this.#options
    if (!this.#closed) clock.arm(this.#due, clock.now() + ms)
  }

  #send(): void {
    this.#awake = this.#outbox.length > 0
    if (!this.#awake || this.#flying !== undefined) {
      if (this.#awake) this.#outbox.weigh()
      return
    }
    if (this.#options.client() === undefined) {
      this.#outbox.weigh()
      this.#wait(WEIGH)
      return
    }
    this.#flying = this.#fly().finally(() => {
      this.#flying = undefined
      if (this.#outbox.length > 0) this.#wait(this.#options.client() === undefined ? WEIGH : GATHER)
      else this.#awake = false
    })
  }

  /** One flight at a time: while it is on its way others gather, so that the more there is to say the larger the batches. */
  async #fly(): Promise<void> {
    const client = this.#options.client()
    if (client === undefined) return
    const messages = this.#outbox.take().map((message) => this.#number(message))
    this.#unconfirmed = messages.length
    try {
      const maxBody = Math.min(MAX_BODY, client.info?.max_payload ?? MAX_BODY)
      for (const [subject, ofSubject] of this.#bySubject(messages)) {
        const { batches, tooBig } = encodeBatches(ofSubject, maxBody)
        if (tooBig > 0) this.#tooBig(tooBig, subject, maxBody)
        for (const { bytes } of batches) client.publish(subject, bytes)
      }
      await client.flush()
      this.published += messages.length
    } catch {
      this.#outbox.putBack(messages)
    } finally {
      this.#unconfirmed = 0
    }
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
