// Readers and iterators of a followed body, which tell its watch of each read. Used by the streams that guarded answers hand out.
import type { StreamReader } from '../../services/serviceProfile.ts'
import type { BodyWatch, ReadResult } from './bodyWatch.ts'

export interface Watched {
  readonly watch: BodyWatch
  /** Makes the reader of what passes, once reading begins. */
  readonly tap: () => StreamReader | undefined
}

type AnyReader = ReadableStreamDefaultReader<unknown> | ReadableStreamBYOBReader

/** A reader of either sort tells the watch, in its own methods' place. */
export function watchReader(reader: AnyReader, { watch, tap }: Watched): void {
  const read = reader.read as (...args: unknown[]) => Promise<ReadResult<unknown>>
  const { cancel, releaseLock } = reader
  let released = false
  const took = (result: ReadResult<unknown>): ReadResult<unknown> => {
    watch.heard(result)
    return result
  }
  const failed = (error: unknown): never => {
    if (!released) throw watch.broke(error)
    watch.takenBack()
    throw error
  }
  const set = (name: string, value: unknown): void =>
    void Object.defineProperty(reader, name, { value, writable: true, configurable: true })
  set('read', (...args: unknown[]) => {
    if (released) return read.apply(reader, args)
    watch.begin({ cancel: (reason) => cancel.call(reader, reason) }, watch.unread ? tap() : undefined)
    watch.asked()
    return read.apply(reader, args).then(took, failed)
  })
  set('cancel', (reason?: unknown) => {
    if (!released) watch.cancelled()
    return cancel.call(reader, reason)
  })
  set('releaseLock', () => {
    released = true
    releaseLock.call(reader)
  })
  // Told of what breaks while nobody reads: an abort, mostly.
  reader.closed.catch((error: unknown) => {
    if (!released) watch.broke(error)
  })
}

/** As the platform's own iterator, with one promise less a chunk. */
export class WatchedIterator implements AsyncIterator<unknown> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #watch: BodyWatch
  readonly #preventCancel: boolean
  #finished = false

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, { watch, tap }: Watched, preventCancel: boolean) {
    this.#reader = reader
    this.#preventCancel = preventCancel
    this.#watch = watch
    watch.begin(reader, watch.unread ? tap() : undefined)
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#finished) return Promise.resolve({ done: true, value: undefined })
    this.#watch.asked()
    return this.#reader.read().then(this.#took, this.#failed)
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    if (this.#finished) return { done: true, value }
    this.#finished = true
    if (!this.#preventCancel) this.#watch.cancelled()
    const cancelled = this.#preventCancel ? undefined : this.#reader.cancel(value)
    this.#reader.releaseLock()
    await cancelled
    return { done: true, value }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #took = (result: ReadResult): IteratorResult<unknown> => {
    try {
      this.#watch.heard(result)
    } catch (error) {
      this.#finish()
      throw error
    }
    if (!result.done) return result
    this.#finish()
    return { done: true, value: undefined }
  }

  readonly #failed = (error: unknown): never => {
    if (!this.#finished) {
      this.#finish()
      throw this.#watch.broke(error)
    }
    this.#watch.takenBack()
    throw error
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#reader.releaseLock()
  }
}
