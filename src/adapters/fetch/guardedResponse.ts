// Lets a watch follow how a Response's body is read. The Response stays the one that the fetch underneath made, with its url,
// headers and class; only the methods that read its body are ours, put between it and its class. Nothing is copied.

import { tapFor } from './answerContent.ts'
import { guardStream, methodsOf } from './guardedStream.ts'
import { type GuardedBody, readJson, readWhole, WHOLE } from './wholeBody.ts'

interface Guarded extends GuardedBody {
  /** Its stream has been handed out, and is followed itself. */
  handedOut: boolean
  /** Its body has become one half of a copied stream, which is followed itself; the methods are the platform's again. */
  copied: boolean
}

/**
 * The body of `response` if it can be followed: a stream that the methods of its class read from, as fetch defines it.
 * Undefined where there is no body, or somebody's idea of a Response.
 */
export function bodyOf(response: unknown): ReadableStream | undefined {
  if (typeof response !== 'object' || response === null || !Object.isExtensible(response)) return undefined
  if (Object.hasOwn(response, 'body') || Object.hasOwn(response, 'json') || Object.hasOwn(response, 'text')) return undefined
  const body = readingOf(Object.getPrototypeOf(response))?.getBody.call(response)
  return body instanceof ReadableStream ? body : undefined
}

/** Follows how `body`, which {@link bodyOf} found to be that of `response`, is read. */
export function guardResponse(response: Response, body: ReadableStream, followed: Omit<GuardedBody, 'methods'>): void {
  const reading = readingOf(Object.getPrototypeOf(response))
  if (reading === undefined) return
  const { watch, ending, headers, now } = followed
  reading.guarded.set(response, { watch, ending, headers, now, methods: methodsOf(body), handedOut: false, copied: false })
  Object.setPrototypeOf(response, reading.prototype)
}

type BodyGetter = (this: unknown) => ReadableStream | null

/** How the answers of one class are read: those of the global fetch, of an undici of one's own, of a guarded fetch underneath. */
interface Reading {
  readonly getBody: BodyGetter
  /** Goes between an answer and its class. */
  readonly prototype: object
  readonly guarded: WeakMap<Response, Guarded>
}

/** Worked out once for each class: looking for its members costs more than the rest of what an answer needs. */
const readings = new WeakMap<Response, Reading | 'none'>()

function readingOf(native: Response | null): Reading | undefined {
  if (native === null) return undefined
  let reading = readings.get(native)
  if (reading === undefined) {
    const getBody = bodyGetter(native)
    reading = getBody === undefined || typeof native.clone !== 'function' ? 'none' : readingOver(native, getBody)
    readings.set(native, reading)
  }
  return reading === 'none' ? undefined : reading
}

function readingOver(native: Response, getBody: BodyGetter): Reading {
  const guarded = new WeakMap<Response, Guarded>()
  // Only of answers that have a body.
  const members = membersOver(native, getBody as () => ReadableStream, guarded)
  return { getBody, guarded, prototype: Object.create(native, members) }
}

function bodyGetter(prototype: object | null): BodyGetter | undefined {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, 'body')
    if (found) return found.get as BodyGetter | undefined
  }
  return undefined
}

function membersOver(
  native: Response,
  getBody: (this: unknown) => ReadableStream,
  guarded: WeakMap<Response, Guarded>,
): PropertyDescriptorMap {
  /** What is followed of `response`; undefined where the platform's own method is right: it has the words for a used body. */
  const follow = (response: Response): Guarded | undefined => {
    const own = guarded.get(response)
    if (own === undefined || own.copied || response.bodyUsed || getBody.call(response).locked) return undefined
    return own
  }
  const members: Record<string, PropertyDescriptor> = {
    body: {
      get(this: Response) {
        const body = getBody.call(this)
        const own = guarded.get(this)
        return own === undefined || own.copied ? body : guardBody(body, own)
      },
    },
    clone: {
      value: function clone(this: Response) {
        const own = follow(this)
        if (own === undefined) return native.clone.call(this)
        // The platform copies a body by teeing its stream, which is followed from here on.
        guardBody(getBody.call(this), own)
        own.copied = true
        return native.clone.call(this)
      },
    },
    json: {
      value: async function json(this: Response) {
        const own = follow(this)
        return own === undefined ? native.json.call(this) : readJson(getBody.call(this), own)
      },
    },
  }
  for (const [name, make] of Object.entries(WHOLE)) {
    const plain = Reflect.get(native, name) as unknown
    if (typeof plain !== 'function') continue
    const value = async function (this: Response) {
      const own = follow(this)
      return own === undefined ? Reflect.apply(plain, this, []) : make(await readWhole(getBody.call(this), own), this)
    }
    members[name] = { value: Object.defineProperty(value, 'name', { value: name }) }
  }
  for (const member of Object.values(members)) {
    member.configurable = true
    if ('value' in member) member.writable = true
  }
  return members
}

function guardBody(body: ReadableStream, own: Guarded): ReadableStream {
  if (own.handedOut) return body
  own.handedOut = true
  const { watch, ending, headers } = own
  return guardStream(body, watch, () => tapFor(ending.profile, headers, ending.request))
}
