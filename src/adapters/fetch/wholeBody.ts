// Reads a followed body as a whole, for a Response's `json`, `text` and the like: chunk by chunk, so that a silence is noticed.
import { isJson, readParsed, tapFor, typeOf } from './answerContent.ts'
import type { BodyWatch, ReadResult } from './bodyWatch.ts'
import type { CallEnding } from './callEnding.ts'
import { readerBeneath, type StreamMethods } from './guardedStream.ts'

/** A body that is being followed. */
export interface GuardedBody {
  readonly watch: BodyWatch
  readonly ending: CallEnding
  readonly headers: Headers
  /** What its stream was read by before it was followed. */
  readonly methods: StreamMethods
  /** Whole epoch ms. */
  readonly now: () => number
}

/** What the platform's methods of these names make of the bytes. */
export const WHOLE: Readonly<Record<string, (bytes: Uint8Array, response: Response) => unknown>> = {
  text: decoded,
  // Copies, as the platform's are: the bytes may lie in a buffer with others'.
  bytes: (bytes) => new Uint8Array(bytes),
  arrayBuffer: (bytes) => new Uint8Array(bytes).buffer,
  blob: (bytes, response) => plainly(response, bytes).blob(),
  formData: (bytes, response) => plainly(response, bytes).formData(),
}

/** The body parsed. What it tells is read from the object itself, so that nothing is parsed twice. */
export async function readJson(body: ReadableStream, own: GuardedBody): Promise<unknown> {
  const bytes = await readAll(body, own)
  const { watch, ending } = own
  let value: unknown
  try {
    value = JSON.parse(decoded(bytes))
  } catch (error) {
    // An answer that says it is JSON and is not is broken; one that never said so was not meant to be parsed.
    watch.conclude(isJson(typeOf(own.headers)) && bytes.length > 0 ? { type: 'unknown_error' } : undefined)
    throw error
  }
  const { said, measured } = readParsed(ending.profile, value, ending.request, own.now())
  watch.conclude(said, measured)
  return value
}

/** The bytes of the body, which a tap has read by then. */
export async function readWhole(body: ReadableStream, own: GuardedBody): Promise<Uint8Array> {
  const { ending, headers, watch } = own
  const bytes = await readAll(body, own, tapFor(ending.profile, headers, ending.request))
  watch.concludeByTap()
  return bytes
}

async function readAll(
  body: ReadableStream,
  { watch, methods }: GuardedBody,
  tap?: Parameters<typeof watch.begin>[1],
): Promise<Uint8Array> {
  const reader = readerBeneath(body, methods)
  watch.begin(reader, tap, true)
  let first: Uint8Array | undefined
  let all: Uint8Array[] | undefined
  for (;;) {
    watch.asked()
    let result: ReadResult
    try {
      result = await reader.read()
    } catch (error) {
      throw watch.broke(error)
    }
    watch.heard(result)
    if (result.done) return all === undefined ? (first ?? NOTHING) : Buffer.concat(all)
    if (!(result.value instanceof Uint8Array)) throw refused(watch)
    if (first === undefined) first = result.value
    else if (all === undefined) all = [first, result.value]
    else all.push(result.value)
  }
}

const NOTHING = new Uint8Array(0)

/** Streams of a mock's own may bring anything; fetch takes bytes only. */
function refused(watch: GuardedBody['watch']): TypeError {
  const error = new TypeError('Received non-Uint8Array chunk')
  watch.broke(error)
  return error
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** A Response of the same class over the bytes, for what the platform does best itself. */
function plainly(response: Response, bytes: Uint8Array): Response {
  const ResponseClass = response.constructor as typeof Response
  const contentType = response.headers.get('content-type')
  const init = contentType === null ? {} : { headers: { 'content-type': contentType } }
  return new ResponseClass(bytes as Uint8Array<ArrayBuffer>, init)
}
