// What an HTTP answer says of the service, by its status first. Sources: RFC 9110 §15, RFC 6585 §4 (429); 529 is what
// several AI services send when overloaded; GitHub's REST API answers 403 to a client over its rate limit.
import type { Classification, Failure, FailureType } from '../../model/failures.ts'
import type { HeaderReader } from '../foreignValue.ts'
import { isBillingCode, isRejectionCode } from './errorCodes.ts'
import { isSpent, readSpentReset } from './rateLimitHeaders.ts'
import { readRetryAfter } from './retryAfter.ts'

/** Set on the answers by which a guarded fetch refuses a call, for those who see the answer and not its body. */
export const REJECTION_HEADER = 'x-switchgear-state'

export interface HttpAnswer {
  readonly status: number
  readonly header: HeaderReader | undefined
  /** Codes and types found on the error or in its parsed body. */
  readonly codes: readonly string[]
}

/**
 * Undefined for a status below 400. A 504 is an `http_error`, not a `timeout`: a gateway answered, in its own time, and said
 * that what is behind it is broken. A 4xx that is none of the named ones is the caller's fault.
 */
export function classifyAnswer(answer: HttpAnswer, at: number): Classification | undefined {
  const { status, header } = answer
  if (status < 400 || status > 599) return undefined
  if (isRejection(answer)) return 'ignored'
  const type = typeOf(answer, at)
  if (type === 'ignored') return 'ignored'
  const wait = header && waitOf(type, header, at)
  return failure(type, status, wait)
}

/** The answer that another breaker of ours gave in place of the service: nobody was called. */
function isRejection({ status, header, codes }: HttpAnswer): boolean {
  return status === 503 && (codes.some(isRejectionCode) || header?.(REJECTION_HEADER) !== undefined)
}

function typeOf({ status, header, codes }: HttpAnswer, at: number): FailureType | 'ignored' {
  if (status < 500 && codes.some(isBillingCode)) return 'quota_exceeded'
  switch (status) {
    case 403:
      return header && asksToWait(header, at) ? 'rate_limit' : 'authentication'
    case 401:
    case 407:
      return 'authentication'
    case 408:
      return 'timeout'
    case 429:
      return 'rate_limit'
    case 503:
    case 529:
      return 'service_unavailable'
    default:
      return status >= 500 ? 'http_error' : 'ignored'
  }
}

function asksToWait(header: HeaderReader, at: number): boolean {
  return readRetryAfter(header, at) !== undefined || isSpent(header, at)
}

function waitOf(type: FailureType, header: HeaderReader, at: number): number | undefined {
  const asked = readRetryAfter(header, at)
  return asked === undefined && type === 'rate_limit' ? readSpentReset(header, at) : asked
}

function failure(type: FailureType, status: number, retryAfterMs: number | undefined): Failure {
  return retryAfterMs === undefined ? { type, status } : { type, status, retryAfterMs }
}
