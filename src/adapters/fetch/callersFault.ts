// Tells a request that could not be made at all from one that got no answer: fetch has a TypeError for both.
import { readField, readString } from '../../services/foreignValue.ts'
import type { FetchInput } from './requestParts.ts'

/** True where the body has been read before: no request can be made of it any more. */
export function isUsedUp(input: FetchInput, init: RequestInit | undefined): boolean {
  const body = init?.body
  if (body == null) return typeof input === 'object' && input !== null && 'bodyUsed' in input && input.bodyUsed
  return typeof body === 'object' && body instanceof ReadableStream && isDisturbed(body)
}

/** True where `input` and `init` make no request: a used body, a GET with a body, a header that cannot be one. */
export function isCallersFault(error: unknown, input: FetchInput, init: RequestInit | undefined): boolean {
  // An unanswered one has the connection's error for its cause, or these words (Node's, https://fetch.spec.whatwg.org has none).
  if (readString(error, 'name', 20) !== 'TypeError' || readField(error, 'cause') != null) return false
  if (readString(error, 'message', 20) === 'fetch failed') return false
  const RequestClass = input instanceof URL || typeof input === 'string' ? Request : (input?.constructor as typeof Request)
  try {
    new RequestClass(input, init)
    return false
  } catch {
    // What the fetch underneath has used up itself proves nothing.
    return !isUsedUp(input, init)
  }
}

function isDisturbed(body: ReadableStream): boolean {
  try {
    new Response(body)
    return false
  } catch {
    return true
  }
}
