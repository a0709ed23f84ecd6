// Codes and class names that say by themselves what went wrong: Node's and undici's system errors, axios and node-fetch, and
// the error codes of OpenAI-like APIs. Matched whole, never by part.
import type { FailureType } from '../../model/failures.ts'

/** `aborted`: the caller took the call back, unless the cause of it was a timeout. */
export type Meaning = FailureType | 'ignored' | 'aborted'

const MEANINGS: Readonly<
  Record<Exclude<Meaning, 'budget_exceeded' | 'quality_degradation' | 'unknown_error'>, readonly string[]>
> = {
  service_unavailable: [
    ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME'],
    ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'ENOTCONN', 'ERR_NETWORK', 'UND_ERR_SOCKET'],
    ...['ERR_STREAM_PREMATURE_CLOSE', 'ERR_HTTP2_STREAM_ERROR', 'ERR_HTTP2_SESSION_ERROR', 'ERR_HTTP2_GOAWAY_SESSION'],
    ...['server_is_overloaded', 'overloaded_error', 'service_unavailable', 'service_unavailable_error', 'engine_overloaded'],
  ],
  timeout: [
    ...['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'ERR_SWITCHGEAR_TIMEOUT', 'ERR_HTTP_REQUEST_TIMEOUT'],
    ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'request-timeout', 'body-timeout'],
  ],
  rate_limit: ['rate_limit_exceeded', 'rate_limit_error', 'slow_down', 'too_many_requests'],
  quota_exceeded: [
    ...['insufficient_quota', 'credit_balance_exhausted', 'organization_spend_limit_exceeded', 'project_spend_limit_exceeded'],
    ...['organization_usage_limit_exceeded', 'billing_hard_limit_reached'],
  ],
  authentication: ['invalid_api_key', 'authentication_error', 'permission_error'],
  http_error: ['server_error', 'internal_server_error'],
  memory_error: ['ENOMEM', 'ERR_WORKER_OUT_OF_MEMORY', 'ERR_MEMORY_ALLOCATION_FAILED'],
  ignored: ['ERR_INVALID_URL'],
  aborted: ['ABORT_ERR', 'ERR_CANCELED', 'UND_ERR_ABORTED', 'aborted'],
}

const BY_CODE: ReadonlyMap<string, Meaning> = new Map(
  Object.entries(MEANINGS).flatMap(([meaning, codes]) => codes.map((code) => [code, meaning as Meaning] as const)),
)

/** A fault that `switchgear/testing` puts in place of the service's own: an error like any other. */
const INJECTED = 'ERR_SWITCHGEAR_INJECTED_FAULT'

/** What a `code` or `type` means; undefined for those not known. Ours but the timeout are rejections: nobody was called. */
export function meaningOfCode(code: string): Meaning | undefined {
  return BY_CODE.get(code) ?? (code.startsWith('ERR_SWITCHGEAR_') && code !== INJECTED ? 'ignored' : undefined)
}

/** The code of a call that one of our breakers did not let through. */
export function isRejectionCode(code: string): boolean {
  return code.startsWith('ERR_SWITCHGEAR_') && meaningOfCode(code) === 'ignored'
}

/** Money is gone, not patience: these come with 429 like a rate limit, and waiting a little does not help. */
export function isBillingCode(code: string): boolean {
  return BY_CODE.get(code) === 'quota_exceeded'
}

/** What the name of an error's class means. */
export function meaningOfName(name: string): Meaning | undefined {
  if (name === 'AbortError' || name === 'APIUserAbortError' || name === 'CanceledError') return 'aborted'
  return /Timeout(?:Error|Exception)?$/.test(name) ? 'timeout' : undefined
}

/** Class names that only say that no answer came; the cause may know better. */
export function isConnectionError(name: string): boolean {
  return name === 'APIConnectionError' || name === 'FetchError' || name === 'SocketError' || name === 'ConnectionError'
}
