// What Perplexity's errors say of it: `{ error: { message, type, code } }`, where the code is a status. Read from thrown errors,
// from bodies, and from runs that failed although they came with a 200.
//
// Sources: ErrorInfo and ResponseFailedEvent of @perplexity-ai/perplexity_ai 0.38.5; the table of errors and the failures that
// come with a 200 in perplexityai/api-platform-developers@228c88d (skills/migrate-sonar-to-agent-api/references).
import type { Classification, FailureType } from '../../model/failures.ts'
import { isObject, readField, readString } from '../foreignValue.ts'
import { failureInText } from '../http/errorText.ts'
import { codesOf } from '../http/httpAnswer.ts'
import { classifyAnswer } from '../http/httpStatus.ts'

/** Where a run failed for a reason that has no status. The rest of the types begin with `invalid_` or come with a status. */
const BY_TYPE: Readonly<Record<string, FailureType | 'ignored'>> = {
  insufficient_quota: 'quota_exceeded',
  request_rate_limit_exceeded: 'rate_limit',
  forbidden: 'authentication',
  authentication_error: 'authentication',
  invalid_api_key: 'authentication',
  internal_error: 'http_error',
  bad_gateway: 'http_error',
  gateway_timeout: 'http_error',
  upstream_structured_output_failed: 'http_error',
  not_found: 'ignored',
  payload_too_large: 'ignored',
  // An MCP server of the caller's that could not be reached.
  external_connector_error: 'ignored',
}

/** Words of a balance that is spent, beside those that are read in any error. */
const SPENT = /\b(?:insufficient|out of|not enough|no|negative) (?:api )?(?:credits?|balance|funds)\b/
/** What tells a quota that is paid for from one of requests in a minute. */
const MONEY = /\b(?:credits?|billing|plans?|month|monthly)\b/
const READ_AT_MOST = 1000

/**
 * A key is blocked when the prepaid credits are gone, and then a 401 says so by its type or by its words alone: that is a
 * quota, not a wrong key, and buying credits ends it. So does a 402.
 */
export function inPerplexitysTerms(said: Classification, error: unknown): Classification {
  if (said !== 'ignored' && (said.type === 'authentication' || said.type === 'rate_limit' || said.type === 'unknown_error')) {
    return namesSpentQuota(error, said.type === 'rate_limit') ? { ...said, type: 'quota_exceeded' } : byType(said, error)
  }
  return said === 'ignored' && statusIn(error) === 402 ? { type: 'quota_exceeded', status: 402 } : said
}

/** The error object of a failed run or of a stream's event. */
export function classifyPerplexityError(error: unknown, at: number): Classification {
  const codes = codesOf(error)
  const status = statusIn(error)
  const answered = status === undefined ? undefined : classifyAnswer({ status, header: undefined, codes }, at)
  if (answered !== undefined) return inPerplexitysTerms(answered, error)
  const message = readField(error, 'message')
  const inWords = typeof message === 'string' ? failureInText(message) : undefined
  return inPerplexitysTerms({ type: inWords ?? 'unknown_error' }, error)
}

/** A run that came to nothing, in a body that came with a 200; undefined for any other body. */
export function failedRun(body: unknown, at: number): Classification | undefined {
  if (readField(body, 'object') !== 'response') return undefined
  const status = readField(body, 'status')
  if (status === 'cancelled') return 'ignored'
  return status === 'failed' ? classifyPerplexityError(readField(body, 'error'), at) : undefined
}

/** What is not known by status or words may be known by its type. */
function byType<T extends Classification>(said: T, error: unknown): Classification {
  if (said === 'ignored' || said.type !== 'unknown_error') return said
  for (const code of codesOf(error)) {
    const type = Object.hasOwn(BY_TYPE, code) ? BY_TYPE[code] : code.startsWith('invalid_') ? 'ignored' : undefined
    if (type !== undefined) return type === 'ignored' ? type : { ...said, type }
  }
  return said
}

/** `byRate`: the status asks for patience, and then a quota is one of requests unless the words are about money. */
function namesSpentQuota(error: unknown, byRate: boolean): boolean {
  if (codesOf(error).includes('insufficient_quota')) return true
  return textsOf(error).some((text) => {
    const words = text.toLowerCase().replace(/[^a-z0-9]+/g, ' ')
    return SPENT.test(words) || (failureInText(words) === 'quota_exceeded' && (!byRate || MONEY.test(words)))
  })
}

/** Messages of an error, and of the error object in the body it carries. */
function textsOf(error: unknown): string[] {
  const inner = readField(error, 'error')
  const body = [readField(error, 'body'), readField(error, 'data'), readField(readField(error, 'response'), 'data')]
  const places = [error, inner, readField(inner, 'error'), ...body.map((place) => readField(place, 'error'))]
  return places.filter(isObject).flatMap((place) => {
    const message = readField(place, 'message')
    return typeof message === 'string' ? [message.slice(0, READ_AT_MOST)] : []
  })
}

/** A status, or the code that stands for one, as a number or in digits. */
function statusIn(error: unknown): number | undefined {
  const stated = [readField(error, 'status'), readField(error, 'statusCode'), readField(error, 'code')]
  for (const value of [...stated, Number(readString(error, 'code', 3))]) {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599) return value
  }
  return undefined
}
