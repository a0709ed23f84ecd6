// Lets a watch follow what is read from a body, without a second stream between the body and its reader: the body's own stream
// is given a getReader and an iterator that tell the watch of each read. (A stream in between costs 1.1 µs a chunk, half as much
// again as the body's own.) Only piping and teeing, which read from within, get one; it asks for a chunk when it is asked for one.
import type { StreamReader } from '../../services/serviceProfile.ts'
import type { BodyWatch, ReadResult } from './bodyWatch.ts'
import { type Watched, WatchedIterator, watchReader } from './watchedReader.ts'

/** A stream as the layer above sees it: the platform's, or one that another guarded fetch underneath watches already. */
export type StreamMethods = Pick<ReadableStream, 'getReader' | 'cancel' | 'tee' | 'pipeTo' | 'pipeThrough'>

/** One for each sort of stream that is watched: guarded fetches can be put over one another, and each watches for itself. */
interface Layer {
  readonly watched: WeakMap<ReadableStream, Watched>
  /** Goes between a stream and its class. */
  readonly prototype: object
}

/** Has `watch` follow what is read from `stream`; `tap` makes the reader of what passes. */
export function guardStream(stream: ReadableStream, watch: BodyWatch, tap: () => StreamReader | undefined): ReadableStream {
  const layer = layerOver(methodsOf(stream))
  layer.watched.set(stream, { watch, tap })
  return Object.setPrototypeOf(stream, layer.prototype) as ReadableStream
}

/** What `stream` is read by now: to be kept by who reads it past the watch that is put on it later. */
export function methodsOf(stream: ReadableStream): StreamMethods {
  return Object.getPrototypeOf(stream) as StreamMethods
}

/** A reader of `stream`, past the watches that were put on it since `methods` were its own. */
export function readerBeneath(stream: ReadableStream, methods: StreamMethods): ReadableStreamDefaultReader<Uint8Array> {
  return methods.getReader.call(stream) as ReadableStreamDefaultReader<Uint8Array>
}

const layers = new WeakMap<StreamMethods, Layer>()

function layerOver(beneath: StreamMethods): Layer {
  const known = layers.get(beneath)
  if (known !== undefined) return known
  const watched = new WeakMap<ReadableStream, Watched>()
  const bodyAt = (stream: ReadableStream): Body => ({ stream, beneath, ...(watched.get(stream) as Watched) })
  const methods = {
    getReader(this: ReadableStream, ...options: Parameters<StreamMethods['getReader']>): unknown {
      const reader = beneath.getReader.apply(this, options)
      watchReader(reader, bodyAt(this))
      return reader
    },
    values(this: ReadableStream, options?: { preventCancel?: boolean }): AsyncIterator<unknown> {
      return new WatchedIterator(readerBeneath(this, beneath), bodyAt(this), options?.preventCancel === true)
    },
    cancel(this: ReadableStream, reason?: unknown): Promise<void> {
      if (!this.locked) bodyAt(this).watch.cancelled()
      return beneath.cancel.call(this, reason)
    },
    tee(this: ReadableStream): unknown {
      return native.tee.call(passedOn(bodyAt(this), isOfBytes(this, beneath)))
    },
    pipeTo(this: ReadableStream, ...args: Parameters<StreamMethods['pipeTo']>): Promise<void> {
      return native.pipeTo.apply(this.locked ? this : passedOn(bodyAt(this)), args)
    },
    pipeThrough(this: ReadableStream, ...args: Parameters<StreamMethods['pipeThrough']>): unknown {
      return native.pipeThrough.apply(passedOn(bodyAt(this)), args)
    },
  }
  const members = Object.entries(methods).map(([name, value]) => [name, { value, writable: true, configurable: true }] as const)
  const prototype = Object.create(beneath, {
    ...Object.fromEntries(members),
    [Symbol.asyncIterator]: { value: methods.values, writable: true, configurable: true },
  })
  const layer = { watched, prototype }
  layers.set(beneath, layer)
  return layer
}

const native = ReadableStream.prototype

/** A stream with the watch of one layer. */
interface Body extends Watched {
  readonly stream: ReadableStream
  readonly beneath: StreamMethods
}

/** Only such a stream has readers that bring their own buffers; a reader is taken and given back to find out. */
function isOfBytes(stream: ReadableStream, beneath: StreamMethods): boolean {
  if (stream.locked) return false
  try {
    beneath.getReader.call(stream, { mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/** A stream that passes on what is read from `stream`, chunk by chunk, as it is asked for. */
function passedOn({ stream, beneath, watch, tap }: Body, ofBytes = false): ReadableStream {
  // Throws as the platform would where it is locked already.
  const reader = readerBeneath(stream, beneath)
  const source = {
    async pull(controller: ReadableStreamDefaultController | ReadableByteStreamController) {
      watch.begin(reader, watch.unread ? tap() : undefined)
      watch.asked()
      let result: ReadResult
      try {
        result = await reader.read()
      } catch (error) {
        throw watch.broke(error)
      }
      watch.heard(result)
      if (!result.done) return controller.enqueue(result.value)
      controller.close()
      // Answers a reader that waits with a buffer of its own.
      if ('byobRequest' in controller) controller.byobRequest?.respond(0)
    },
    cancel(reason: unknown) {
      watch.cancelled()
      return reader.cancel(reason)
    },
  }
  return ofBytes ? new ReadableStream({ type: 'bytes', ...source }) : new ReadableStream(source, { highWaterMark: 0 })
}
