// Messages that wait to be sent: bounded in number and in bytes. When there are too many, summaries go first, as each stands for
// calls that went well, and the oldest of what is dropped goes before the younger.
import type { WireMessage } from '../../model/fleet/wire.ts'

export interface OutboxLimits {
  readonly messages: number
  /** Of their JSON, bytes. */
  readonly bytes: number
}

/** Room is made for this share of the limit at once, so that a full box does not search itself for each message. */
const ROOM = 1 / 8

export class Outbox {
  readonly #limits: OutboxLimits
  readonly #onDrop: (message: WireMessage) => void
  #messages: WireMessage[] = []
  /** Of the first so many messages: their sizes. The rest is weighed when there is time for it. */
  #sizes: number[] = []
  #bytes = 0

  constructor(limits: OutboxLimits, onDrop: (message: WireMessage) => void) {
    this.#limits = limits
    this.#onDrop = onDrop
  }

  get length(): number {
    return this.#messages.length
  }

  add(message: WireMessage): void {
    if (this.#messages.push(message) > this.#limits.messages) this.#makeRoom()
  }

  /** All of them, in order. */
  take(): WireMessage[] {
    const messages = this.#messages
    this.#messages = []
    this.#sizes = []
    this.#bytes = 0
    return messages
  }

  /** In front of the others: they were to be sent before. */
  putBack(messages: readonly WireMessage[]): void {
    this.#messages = [...messages, ...this.#messages]
    this.#sizes = []
    this.#bytes = 0
    if (this.#messages.length > this.#limits.messages) this.#makeRoom()
  }

  /** Weighs what has come since the last time, while it cannot be sent; drops what is too much. */
  weigh(): void {
    for (let i = this.#sizes.length; i < this.#messages.length; i++) {
      const size = sizeOf(this.#messages[i] as WireMessage)
      this.#sizes.push(size)
      this.#bytes += size
    }
    if (this.#bytes > this.#limits.bytes) this.#makeRoom()
  }

  #makeRoom(): void {
    const messages = this.#limits.messages * (1 - ROOM)
    const bytes = this.#limits.bytes * (1 - ROOM)
    let surplus = this.#messages.length - messages
    let surplusBytes = this.#bytes - bytes
    for (const onlySummaries of [true, false]) {
      const kept: WireMessage[] = []
      const sizes: number[] = []
      for (const [i, message] of this.#messages.entries()) {
        const size = this.#sizes[i]
        if ((surplus > 0 || surplusBytes > 0) && (!onlySummaries || isSummary(message))) {
          surplus--
          surplusBytes -= size ?? 0
          this.#bytes -= size ?? 0
          this.#onDrop(message)
          continue
        }
        kept.push(message)
        if (size !== undefined) sizes.push(size)
      }
      this.#messages = kept
      this.#sizes = sizes
    }
  }
}

function isSummary(message: WireMessage): boolean {
  return message.type === 'outcome' && (message.count ?? 1) > 1
}

/** What cannot be JSON weighs nothing, and is dropped when it is to be sent. */
function sizeOf(message: WireMessage): number {
  try {
    return JSON.stringify(message).length
  } catch {
    return 0
  }
}
