// Classifies an answer with an error status by what its body says, and leaves that body whole for the caller: the beginning is
// read from a copy, and the rest is never looked at. (Exhausted billing comes as a 429 like any rate limit; only the body tells.)
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'
import { headerReader, isObject, readField } from '../../services/foreignValue.ts'
import { bodyOf } from './guardedResponse.ts'

/** More of an error's body than this is not read, bytes. */
export const LARGEST_ERROR = 65_536

/** An error answer as profiles read thrown errors: status, headers, and the error in its body. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: unknown
  /** The parsed body; undefined where it is no JSON, or too long. */
  readonly body: unknown
  /** The error object in it, or all of it. */
  readonly error: unknown
}

/** Waits for the beginning of the body for at most `patience` ms. */
export async function readErrorAnswer(response: Response, clock: Clock, patience: number): Promise<ErrorAnswer> {
  const { status, headers } = response
  const text = mayBeJson(headers) ? await beginningOf(response, clock, patience) : undefined
  const body = text === undefined ? undefined : (parsed(text) ?? codesIn(text))
  return { status, headers, body, error: readField(body, 'error') ?? body }
}

/** Left unread where it says that it is something else; plain text is what several gateways call their JSON. */
function mayBeJson(headers: unknown): boolean {
  return /json|^text\/plain/i.test(headerReader(headers)?.('content-type') ?? 'json')
}

async function beginningOf(response: Response, clock: Clock, patience: number): Promise<string | undefined> {
  if (bodyOf(response) === undefined || response.bodyUsed) return undefined
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const timer = new Due(() => stop(), true)
  // Does not wait: one half of a copied stream is only done with when the other one is.
  const stop = (): void => void reader?.cancel().catch(() => undefined)
  clock.arm(timer, clock.now() + patience)
  try {
    reader = response.clone().body?.getReader()
    const chunks: Uint8Array[] = []
    let length = 0
    while (reader !== undefined && length < LARGEST_ERROR) {
      const { done, value } = await reader.read()
      if (done) break
      chunks.push(value)
      length += value.length
    }
    stop()
    return new TextDecoder().decode(Buffer.concat(chunks, Math.min(length, LARGEST_ERROR)))
  } catch {
    // Broken off: its reader will hear of it, and the status says enough.
    return undefined
  } finally {
    clock.disarm(timer)
  }
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Of a body that is cut off: the first code and type named in it. */
function codesIn(text: string): { readonly error: Record<string, string> } | undefined {
  const error: Record<string, string> = {}
  for (const [, key, value] of text.matchAll(/"(code|type)"\s{0,20}:\s{0,20}"([\w.-]{1,64})"/g)) {
    if (key !== undefined && value !== undefined) error[key] ??= value
    if (error.code !== undefined && error.type !== undefined) break
  }
  return error.code === undefined && error.type === undefined ? undefined : { error }
}
