// Reads what comes from the bus: queued, bounded, a little in each turn of the event loop; what is malformed or too much is
// counted, told, and reported back on the subject for rejections.
import type { Clock } from '../../model/clock.ts'
import { type ReadMessages, readMessages } from '../../model/fleet/readMessages.ts'
import { type Rejection, rejectionOf } from '../../model/fleet/rejection.ts'
import type { WireMessage, WireType } from '../../model/fleet/wire.ts'
import { NodeRates } from './nodeRates.ts'
import { SeenIds } from './seenIds.ts'

export interface InboxOptions {
  readonly clock: Clock
  /** This one. */
  readonly node: string
  /** Of each node. */
  readonly messagesPerSecond: number
  /** Those of one body that have not come before: one or more, of one type, node and service. */
  readonly deliver: (messages: readonly WireMessage[]) => void
  /** To be published for the sender to see. */
  readonly report: (rejection: Rejection) => void
  readonly trouble: (code: string, message: () => string) => void
}

interface Body {
  readonly subject: string
  readonly bytes: Uint8Array
}

/** Read in one turn: some ms of work at most. */
const BODIES_A_TURN = 64
const BYTES_A_TURN = 131_072
/** What may wait to be read. */
const MOST_BODIES = 50_000
const MOST_BYTES = 33_554_432
/** Rejections that are published a second. */
const REPORTS = 10

export class Inbox {
  received = 0
  rejected = 0
  readonly #options: InboxOptions
  readonly #rates: NodeRates
  readonly #reports = new NodeRates(REPORTS)
  readonly #seen = new SeenIds()
  #queue: Body[] = []
  #next = 0
  #bytes = 0
  #reading = false
  #closed = false
  /** Refused since the last one that was reported. */
  #unreported = 0

  constructor(options: InboxOptions) {
    this.#options = options
    this.#rates = new NodeRates(options.messagesPerSecond)
  }

  get missed(): number {
    return this.#seen.missed
  }

  take(subject: string, bytes: Uint8Array): void {
    if (this.#closed) return
    if (this.#queue.length - this.#next >= MOST_BODIES || this.#bytes > MOST_BYTES) {
      this.rejected++
      this.#options.trouble('flooded', () => 'more comes from the bus than this process can read; what is too much is dropped')
      return
    }
    this.#queue.push({ subject, bytes })
    this.#bytes += bytes.length
    if (this.#reading) return
    this.#reading = true
    setImmediate(this.#read)
  }

  /** What came of this type while nobody listened to it is not missed. */
  forget(type: WireType): void {
    this.#seen.forget(type)
  }

  /** Neither what waits to be read nor what comes is read any more. */
  close(): void {
    this.#closed = true
    this.#queue = []
    this.#next = 0
    this.#bytes = 0
  }

  readonly #read = (): void => {
    const now = this.#options.clock.now()
    let bytes = 0
    for (let bodies = 0; bodies < BODIES_A_TURN && bytes < BYTES_A_TURN; bodies++) {
      const body = this.#queue[this.#next]
      if (body === undefined) break
      this.#next++
      bytes += body.bytes.length
      this.#bytes -= body.bytes.length
      this.#hear(body, now)
    }
    if (this.#next < this.#queue.length) {
      if (this.#next > 4096) {
        this.#queue = this.#queue.slice(this.#next)
        this.#next = 0
      }
      setImmediate(this.#read)
      return
    }
    this.#queue = []
    this.#next = 0
    this.#reading = false
  }

  #hear({ subject, bytes }: Body, now: number): void {
    const sender = subject.slice(subject.lastIndexOf('.') + 1)
    if (!this.#rates.allows(sender, now)) {
      this.rejected++
      this.#options.trouble('too_many', () => {
        return `node ${sender} sends more than ${this.#options.messagesPerSecond} messages a second; what is too much is dropped`
      })
      return
    }
    const read = readMessages(subject, bytes, now)
    this.#rates.spend(sender, now, Math.max(1, read.messages.length + read.rejected))
    if (read.rejected > 0) this.#refuse(read, now)
    const fresh = this.#seen.fresh(read.messages)
    if (fresh.length === 0) return
    this.received += fresh.length
    this.#options.deliver(fresh)
  }

  #refuse(read: ReadMessages, now: number): void {
    this.rejected += read.rejected
    const [first] = read.problems
    this.#options.trouble('rejected', () => `messages on ${first?.subject} are refused: ${first?.reason}`)
    const rejection = rejectionOf(read, this.#options.node, now)
    this.#unreported += read.rejected
    if (rejection === undefined || !this.#reports.allows('', now)) return
    this.#reports.spend('', now, 1)
    this.#options.report({ ...rejection, count: this.#unreported })
    this.#unreported = 0
  }
}
