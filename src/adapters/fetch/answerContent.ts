// What the content of an answer tells, by the profile of its service: parsed JSON is judged and measured as it is, bytes are
// read in passing.
import type { Classification } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import type { CallRequest, ServiceProfile, StreamEnd, StreamReader } from '../../services/serviceProfile.ts'

/** JSON that passes in bytes is kept up to this size, to be parsed at its end; what a longer one used stays unknown. */
export const LARGEST_JSON = 4_194_304

/** An answer's content type; empty where it names none. */
export function typeOf(headers: Headers): string {
  return headers.get('content-type') ?? ''
}

export function isJson(contentType: string): boolean {
  return /^[a-z]+\/(?:[a-z0-9.+-]+\+)?json\b/i.test(contentType)
}

/** What a parsed answer says of the call. */
export function readParsed(profile: ServiceProfile, value: unknown, request: CallRequest | undefined, at: number): StreamEnd {
  let said: Classification | undefined
  let measured: Measurement | undefined
  try {
    said = profile.classifyResult?.(value, at)
    if (said === undefined) measured = profile.measure?.(value, request)
  } catch {
    // A profile of a user's own; what it cannot read tells nothing.
  }
  return { ...(said === undefined ? undefined : { said }), ...(measured === undefined ? undefined : { measured }) }
}

/** A reader for the bytes of an answer with these headers; undefined where they tell nothing. */
export function tapFor(profile: ServiceProfile, headers: Headers, request: CallRequest | undefined): StreamReader | undefined {
  const { measure, readStream, classifyResult } = profile
  if (measure === undefined && readStream === undefined && classifyResult === undefined) return undefined
  const type = typeOf(headers)
  try {
    const own = profile.readStream?.(type, request)
    if (own !== undefined) return own
  } catch {
    return undefined
  }
  return (measure || classifyResult) && isJson(type) ? new JsonTap(profile, request) : undefined
}

class JsonTap implements StreamReader {
  readonly #profile: ServiceProfile
  readonly #request: CallRequest | undefined
  #chunks: Buffer[] | undefined = []
  #length = 0

  constructor(profile: ServiceProfile, request: CallRequest | undefined) {
    this.#profile = profile
    this.#request = request
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.length
    if (this.#length > LARGEST_JSON) this.#chunks = undefined
    // A copy: its reader may hand the bytes on to somebody who takes them away.
    this.#chunks?.push(Buffer.from(chunk))
  }

  end(at: number): StreamEnd {
    if (this.#chunks === undefined || this.#length === 0) return {}
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder().decode(Buffer.concat(this.#chunks, this.#length)))
    } catch {
      return {}
    }
    return { ...readParsed(this.#profile, value, this.#request, at), final: true }
  }
}
