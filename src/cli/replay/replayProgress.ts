// Tells on a terminal how far a long replay has come. A short one says nothing.
import type { Clock } from '../../model/clock.ts'

interface ProgressStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const PATIENCE_MS = 2000
const EVERY_MS = 200

export class ReplayProgress {
  readonly #clock: Clock
  readonly #stream: ProgressStream
  #nextAt: number
  #shown = false

  constructor(clock: Clock, stream: ProgressStream) {
    this.#clock = clock
    this.#stream = stream
    this.#nextAt = clock.now() + PATIENCE_MS
  }

  show(records: number): void {
    const now = this.#clock.now()
    if (this.#stream.isTTY !== true || now < this.#nextAt) return
    this.#nextAt = now + EVERY_MS
    this.#shown = true
    this.#stream.write(`\rreplaying: ${records.toLocaleString('en')} records `)
  }

  /** Takes the line away again. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[K')
    this.#shown = false
  }
}
