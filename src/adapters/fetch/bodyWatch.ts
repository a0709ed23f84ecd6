// Follows one answer's body while its caller reads it, and ends the call when the body ends: well, broken off, fallen silent,
// given up, or never looked at. It is told of reads and what they brought; it keeps no byte and holds nothing up.
import type { Clock } from '../../model/clock.ts'
import { CallTimeoutError } from '../../model/errors.ts'
import type { Classification } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import { Timer } from '../../model/timerWheel.ts'
import type { StreamEnd, StreamReader } from '../../services/serviceProfile.ts'
import { type CallEnding, perhapsBilled } from './callEnding.ts'
import { isTimeout } from './callersTimeout.ts'

/**
 * A body that nobody has begun to read within `idleTimeout` is one that nobody wants (a look at the status, say): the call counts
 * by its headers. One that holds a probe's place, for which others wait, has no longer than this, ms.
 */
const UNREAD_GRACE = 5_000
/** A reader that has asked for nothing more over so many idle timeouts has forgotten about the body. */
const LONGEST_REST = 10

export interface WatchedAnswer {
  readonly ending: CallEnding
  readonly service: string
  readonly clock: Clock
  /** ms. */
  readonly idleTimeout: number
  /** The caller's own. */
  readonly signal: AbortSignal | undefined
  readonly lifeline?: Lifeline | undefined
}

/** By which the caller's signal ends the body. */
export interface Lifeline {
  /** The body has ended. */
  release(): void
  /** The body may never be read to its end: it is to be held as long as it is there, and no longer. */
  loosen(): void
}

/** What a read of a stream brings. */
export type ReadResult<T = Uint8Array> =
  | { readonly done: false; readonly value: T }
  | { readonly done: true; readonly value?: T | undefined }

/** What is read from: cancelling it ends the request. */
export interface Cancellable {
  cancel(reason?: unknown): Promise<void>
}

export class BodyWatch extends Timer {
  readonly #answer: WatchedAnswer
  readonly #headersAt: number
  #source: Cancellable | undefined
  #tap: StreamReader | undefined
  /** The body's owner ends the call itself, once it has made something of the whole. */
  #owned = false
  /** Reads that have not been answered, and since when the oldest waits or, without any, the reader rests. */
  #waiting = 0
  #since: number
  #stall: CallTimeoutError | undefined
  #done = false

  constructor(answer: WatchedAnswer) {
    super()
    this.#answer = answer
    this.#headersAt = answer.clock.now()
    this.#since = this.#headersAt
    const { ending, idleTimeout } = answer
    answer.clock.arm(this, this.#headersAt + (ending.isProbe ? Math.min(idleTimeout, UNREAD_GRACE) : idleTimeout))
  }

  /** True until somebody reads. */
  get unread(): boolean {
    return this.#source === undefined
  }

  /** Reading begins. `owned`: the end is told by {@link conclude}. */
  begin(source: Cancellable, tap: StreamReader | undefined, owned = false): void {
    if (this.#source === undefined) {
      this.#tap = tap
      this.#owned = owned
    }
    this.#source = source
  }

  /** A read sets out. */
  asked(): void {
    if (this.#waiting++ === 0) this.#since = this.#answer.clock.now()
  }

  /** A read was taken back by its reader, who let go of the body and may come again. */
  takenBack(): void {
    this.#waiting--
    this.#since = this.#answer.clock.now()
  }

  /** A read came back. Throws where the body had fallen silent: what came then is its cancellation, not its end. */
  heard(result: ReadResult<unknown>): void {
    if (this.#stall !== undefined) throw this.#stall
    this.#waiting--
    if (result.done) this.#answer.lifeline?.release()
    if (this.#done) return
    if (result.done) {
      if (!this.#owned) this.#ended(this.#tapEnd())
    } else {
      this.#since = this.#answer.clock.now()
      if (this.#tap !== undefined && result.value instanceof Uint8Array) this.#push(result.value)
    }
  }

  /** A read failed, or the body did while nobody read. Returns the error its reader gets. */
  broke(error: unknown): unknown {
    if (this.#stall !== undefined) return this.#stall
    this.#answer.lifeline?.release()
    if (this.#done) return error
    if (this.#answer.signal?.aborted) {
      this.#aborted(this.#answer.signal)
      return error
    }
    const end = this.#tapEnd()
    if (end?.final) this.#ended(end)
    else this.#end(() => this.#answer.ending.threw(error, this.#at(), perhapsBilled(end?.measured)))
    return error
  }

  /** The body is cancelled: one that is thrown away unread was not wanted; one that was begun is given up. */
  cancelled(): void {
    this.#answer.lifeline?.release()
    if (this.unread) this.#left()
    else this.#gaveUp()
  }

  #aborted(signal: AbortSignal): void {
    if (!isTimeout(signal)) {
      this.#gaveUp()
      return
    }
    const end = this.#tapEnd()
    if (end?.final) this.#ended(end)
    else this.#end(() => this.#answer.ending.timedOut(end?.measured))
  }

  /** The reader wants no more. */
  #gaveUp(): void {
    if (this.#done) return
    const end = this.#tapEnd()
    if (end?.final) this.#ended(end)
    else this.#end(() => this.#answer.ending.abandon(end?.measured))
  }

  /** Nobody wants the body; the headers were good. */
  #left(): void {
    if (this.#done) return
    this.#end(() => this.#answer.ending.settle(undefined, undefined, undefined, this.#headersAt))
  }

  /** The owner has read the whole. */
  conclude(said: Classification | undefined, measured?: Measurement): void {
    if (this.#done) return
    this.#end(() => this.#answer.ending.settle(said, measured))
  }

  /** The owner has read the whole, and what the tap made of it is all there is to say. */
  concludeByTap(): void {
    if (!this.#done) this.#ended(this.#tapEnd())
  }

  fire(at: number): void {
    const { clock, idleTimeout, signal } = this.#answer
    if (this.#done) return
    if (signal?.aborted) this.#aborted(signal)
    else if (this.unread) {
      this.#left()
      this.#answer.lifeline?.loosen()
    } else if (this.#waiting > 0) {
      const due = this.#since + idleTimeout
      if (at < due) this.#wait(due)
      else this.#stalled()
    } else if (at >= this.#since + LONGEST_REST * idleTimeout) {
      this.#gaveUp()
      this.#answer.lifeline?.loosen()
    } else clock.arm(this, at + idleTimeout)
  }

  #wait(due: number): void {
    // Somebody waits for what this timer will tell, should the connection not keep the process alive.
    this.keepsProcessAlive = true
    this.#answer.clock.arm(this, due)
  }

  #stalled(): void {
    const { ending, service, idleTimeout } = this.#answer
    const error = new CallTimeoutError(service, idleTimeout)
    const end = this.#tapEnd()
    this.#stall = error
    this.#answer.lifeline?.release()
    this.#end(() => ending.threw(error, this.#at(), perhapsBilled(end?.measured)))
    // Ends the request, and answers the reads that wait.
    this.#source?.cancel(error).catch(() => undefined)
  }

  #ended(end: StreamEnd | undefined): void {
    const measured = end?.said === undefined ? end?.measured : perhapsBilled(end.measured)
    this.#end(() => this.#answer.ending.settle(end?.said, measured))
  }

  #end(tell: () => void): void {
    this.#done = true
    this.#tap = undefined
    this.#answer.clock.disarm(this)
    tell()
  }

  #push(chunk: Uint8Array): void {
    try {
      this.#tap?.push(chunk)
    } catch {
      // A reader of a user's own; what it cannot read passes all the same.
      this.#tap = undefined
    }
  }

  #tapEnd(): StreamEnd | undefined {
    try {
      return this.#tap?.end(this.#at())
    } catch {
      return undefined
    }
  }

  #at(): number {
    return Math.floor(this.#answer.clock.now())
  }
}
