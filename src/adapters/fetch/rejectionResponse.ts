// A refused call as the answer to an HTTP request, so that clients handle it as they handle any other: they parse the error,
// see when to come back, and do not retry.
import type { CallRejectedError } from '../../model/errors.ts'
import { toWireName } from '../../model/states.ts'
import { REJECTION_HEADER } from '../../services/http/httpStatus.ts'

/** A 503 whose body has the shape of an OpenAI error (https://platform.openai.com/docs/guides/error-codes). */
export function rejectionResponse(rejection: CallRejectedError): Response {
  const { message, code, service, retryAfterMs } = rejection
  const state = toWireName(rejection.state)
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    // Obeyed by the official OpenAI client and its kin before anything else.
    'x-should-retry': 'false',
    [REJECTION_HEADER]: state,
  }
  if (retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
    headers['retry-after-ms'] = String(Math.ceil(retryAfterMs))
  }
  const error = {
    message,
    type: 'switchgear_rejected',
    code,
    param: null,
    service,
    state,
    retry_after_ms: retryAfterMs === undefined ? null : Math.ceil(retryAfterMs),
  }
  return new Response(JSON.stringify({ error }), { status: 503, statusText: 'Service Unavailable', headers })
}
