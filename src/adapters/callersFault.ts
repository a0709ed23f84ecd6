// Tells a request that could not be made at all from one that got no answer: fetch has a TypeError for both.
import { readField, readString } from '../services/foreignValue.ts'
import type { FetchInput } from './requestParts.ts'

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
    return true
  }
}
