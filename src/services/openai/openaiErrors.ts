// What OpenAI's errors say of it, by their code first: whether a 429 asks for patience or for money, and whether a 400 or an
// event in the middle of a stream is the caller's fault, is told by the code and not by the status. Used by the openai profile.
//
// Sources: the error codes guide and the rate limits guide of the API (developers.openai.com/api/docs/guides), and the codes
// that openai-node's `ResponseError` lists for failed responses.
import type { Classification } from '../../model/failures.ts'
import { type HeaderReader, isObject, readField } from '../foreignValue.ts'
import { classifyThrown } from '../http/classifyThrown.ts'
import { answerOf, codesOf, headersOf, returnedAnswer } from '../http/httpAnswer.ts'
import { classifyAnswer } from '../http/httpStatus.ts'

type Verdict = 'quota_exceeded' | 'rate_limit' | 'service_unavailable' | 'timeout' | 'authentication' | 'http_error' | 'ignored'

/** Codes and types, most telling first: the first row with a code that an error has decides. */
const CODES: readonly (readonly [Verdict, readonly string[]])[] = [
  [
    'quota_exceeded',
    [
      ...['insufficient_quota', 'credit_balance_exhausted', 'organization_spend_limit_exceeded', 'project_spend_limit_exceeded'],
      ...['organization_usage_limit_exceeded', 'billing_hard_limit_reached', 'billing_not_active', 'access_terminated'],
    ],
  ],
  ['service_unavailable', ['server_is_overloaded', 'engine_overloaded', 'service_unavailable_error', 'overloaded_error']],
  ['rate_limit', ['rate_limit_exceeded', 'slow_down', 'rate_limit_error', 'too_many_requests']],
  [
    'authentication',
    [
      ...['invalid_api_key', 'invalid_organization', 'mismatched_organization', 'mismatched_project', 'ip_not_authorized'],
      ...['account_deactivated', 'unsupported_country_region_territory', 'authentication_error', 'permission_error'],
    ],
  ],
  ['timeout', ['request_timeout', 'vector_store_timeout', 'timeout']],
  [
    'ignored',
    [
      ...['model_not_found', 'context_length_exceeded', 'string_above_max_length', 'invalid_prompt'],
      ...['content_filter', 'content_policy_violation', 'moderation_blocked', 'bio_policy', 'data_residency_mismatch'],
      ...['unsupported_value', 'unsupported_parameter', 'unknown_parameter', 'missing_required_parameter', 'invalid_type'],
      ...['invalid_image', 'invalid_image_format', 'invalid_base64_image', 'invalid_image_url', 'image_too_large'],
      ...['image_too_small', 'image_parse_error', 'image_content_policy_violation', 'invalid_image_mode'],
      ...['image_file_too_large', 'unsupported_image_media_type', 'empty_image_file', 'failed_to_download_image'],
      ...['image_file_not_found', 'DeploymentNotFound', 'OperationNotSupported'],
    ],
  ],
  ['http_error', ['server_error', 'internal_server_error', 'internal_error', 'api_error']],
  ['ignored', ['invalid_request_error']],
]
/** The rows from here on say less than a status does: a 401 comes with the type `invalid_request_error`. */
const VAGUE = CODES.length - 2
const RANK: ReadonlyMap<string, number> = new Map(CODES.flatMap(([, codes], rank) => codes.map((code) => [code, rank] as const)))

/** The status each verdict commonly comes with, to read the wait by that belongs to it. */
const USUAL_STATUS: Readonly<Record<Exclude<Verdict, 'ignored'>, number>> = {
  quota_exceeded: 429,
  service_unavailable: 503,
  rate_limit: 429,
  authentication: 401,
  timeout: 408,
  http_error: 500,
}

/** Causes looked at for a code, the error itself included. */
const LONGEST_CHAIN = 8

/** Code first, then status and class, then words. */
export function classifyOpenaiError(error: unknown, at: number): Classification {
  return codedInChain(error, at) ?? classifyThrown(error, at, { words: true })
}

/** A returned HTTP answer, and a parsed body that tells of a failure although it came with a 200. */
export function classifyOpenaiResult(value: unknown, at: number): Classification | undefined {
  if (!isObject(value)) return undefined
  const answer = returnedAnswer(value)
  if (answer !== undefined) {
    if (answer.status < 400) return undefined
    return classifyCoded(answer.codes, answer.status, answer.header, at) ?? classifyAnswer(answer, at)
  }
  const error = readField(value, 'error')
  if (!isObject(error)) return undefined
  const failed = readField(value, 'object') === 'response' ? readField(value, 'status') === 'failed' : isBareError(value)
  return failed ? classifyOpenaiBody(error, at) : undefined
}

/**
 * The error object of a body or of an event in a stream: `{ code, type, message }`, with no status beside it; some compatible
 * servers give the status as its code.
 */
export function classifyOpenaiBody(error: unknown, at: number): Classification {
  const status = statusIn(error)
  return (
    classifyCoded(codesOf(error), status, undefined, at) ??
    classifyThrown(isObject(error) ? { status, message: readField(error, 'message') } : error, at, { words: true })
  )
}

function statusIn(error: unknown): number | undefined {
  const stated = [readField(error, 'status'), readField(error, 'code')]
  return stated.find((value): value is number => Number.isInteger(value) && Number(value) >= 400 && Number(value) <= 599)
}

function codedInChain(error: unknown, at: number): Classification | undefined {
  let link = error
  for (let i = 0; i < LONGEST_CHAIN && isObject(link); i++) {
    const coded = classifyCoded(codesOf(link), answerOf(link)?.status, headersOf(link), at)
    if (coded !== undefined) return coded
    link = readField(link, 'cause')
  }
  return undefined
}

function classifyCoded(
  codes: readonly string[],
  status: number | undefined,
  header: HeaderReader | undefined,
  at: number,
): Classification | undefined {
  const verdict = verdictOf(codes, status)
  if (verdict === undefined || verdict === 'ignored') return verdict
  const usual = classifyAnswer({ status: USUAL_STATUS[verdict], header, codes: [] }, at)
  const wait = typeof usual === 'object' ? usual.retryAfterMs : undefined
  return {
    type: verdict,
    ...(status === undefined ? {} : { status }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  }
}

/**
 * The first row decides that an error has a code of, as a type is often broader than the code beside it. What says that the
 * request is at fault gives way to a status of the server's own, and what is vague to any status.
 */
function verdictOf(codes: readonly string[], status: number | undefined): Verdict | undefined {
  let row = CODES.length
  for (const code of codes) row = Math.min(row, RANK.get(code) ?? CODES.length)
  const verdict = CODES[row]?.[0]
  if (status !== undefined && (row >= VAGUE || (verdict === 'ignored' && status >= 500))) return undefined
  return verdict
}

/** Nothing but an error, as some compatible servers answer with a 200. */
function isBareError(value: unknown): boolean {
  return ['choices', 'output', 'data', 'object'].every((key) => readField(value, key) === undefined)
}
