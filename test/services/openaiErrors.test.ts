import OpenAI, { APIError } from 'openai'
import { describe, expect, test } from 'vitest'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const openai = profileFor('openai')

const typeOf = (said: unknown): unknown => (typeof said === 'object' && said !== null ? (said as { type: unknown }).type : said)

/** As the official client throws it. */
function thrown(status: number, error: object, headers: Record<string, string> = {}): unknown {
  return APIError.generate(status, { error }, undefined, new Headers(headers))
}

describe('an error that the official client throws is', () => {
  test.each([
    ['rate_limit', 429, { code: 'rate_limit_exceeded', type: 'requests' }],
    ['rate_limit', 429, { code: 'rate_limit_exceeded', type: 'tokens' }],
    ['rate_limit', 429, { code: 'slow_down', type: 'rate_limit_error' }],
    ['rate_limit', 503, { code: 'slow_down', type: null }],
    ['rate_limit', 429, { code: null, type: null }],
    ['quota_exceeded', 429, { code: 'insufficient_quota', type: 'insufficient_quota' }],
    ['quota_exceeded', 429, { code: null, type: 'insufficient_quota' }],
    ['quota_exceeded', 429, { code: 'credit_balance_exhausted', type: 'insufficient_quota' }],
    ['quota_exceeded', 429, { code: 'organization_spend_limit_exceeded', type: 'insufficient_quota' }],
    ['quota_exceeded', 429, { code: 'project_spend_limit_exceeded', type: 'insufficient_quota' }],
    ['quota_exceeded', 429, { code: 'organization_usage_limit_exceeded', type: 'insufficient_quota' }],
    ['quota_exceeded', 403, { code: 'insufficient_quota', type: null }],
    ['quota_exceeded', 503, { code: 'credit_balance_exhausted', type: null }],
    ['quota_exceeded', 429, { code: 'rate_limit_exceeded', type: 'insufficient_quota' }],
    ['service_unavailable', 503, { code: 'server_is_overloaded', type: 'service_unavailable_error' }],
    ['service_unavailable', 429, { code: 'server_is_overloaded', type: null }],
    ['service_unavailable', 503, { code: null, type: 'server_error' }],
    ['authentication', 401, { code: 'invalid_api_key', type: 'invalid_request_error' }],
    ['authentication', 401, { code: null, type: 'invalid_request_error' }],
    ['authentication', 403, { code: 'unsupported_country_region_territory', type: 'request_forbidden' }],
    ['authentication', 403, { code: null, type: null }],
    ['ignored', 404, { code: 'model_not_found', type: 'invalid_request_error' }],
    ['ignored', 403, { code: 'model_not_found', type: 'invalid_request_error' }],
    ['ignored', 400, { code: 'context_length_exceeded', type: 'invalid_request_error' }],
    ['ignored', 400, { code: 'unsupported_parameter', type: 'invalid_request_error' }],
    ['ignored', 400, { code: 'content_filter', type: null }],
    ['ignored', 403, { code: 'moderation_blocked', type: null }],
    ['ignored', 422, { code: null, type: null }],
    ['timeout', 408, { code: null, type: null }],
    ['http_error', 500, { code: null, type: 'server_error' }],
    ['http_error', 502, { code: null, type: null }],
    ['http_error', 504, { code: 'invalid_prompt', type: null }],
    ['http_error', 500, { code: 'something_new', type: 'something_else' }],
  ])('%s: status %i with %o', (expected, status, error) => {
    const said = openai.classifyError(thrown(status, { message: 'The author of this is told.', ...error }), AT)
    expect(typeOf(said)).toBe(expected)
    if (typeof said === 'object') expect(said.status).toBe(status)
  })

  test.each([
    'insufficient_quota',
    'credit_balance_exhausted',
    'organization_spend_limit_exceeded',
    'project_spend_limit_exceeded',
    'organization_usage_limit_exceeded',
  ])('about money whatever the status: %s', (code) => {
    for (const status of [400, 402, 403, 429, 500, 503])
      expect(openai.classifyError(thrown(status, { code, type: null }), AT)).toEqual({ type: 'quota_exceeded', status })
    expect(openai.classifyError({ error: { code } }, AT)).toEqual({ type: 'quota_exceeded' })
  })

  test('told how long to wait, by either header', () => {
    const error = { code: 'slow_down' }
    expect(openai.classifyError(thrown(429, error, { 'retry-after-ms': '250' }), AT)).toEqual({
      type: 'rate_limit',
      status: 429,
      retryAfterMs: 250,
    })
    expect(openai.classifyError(thrown(503, { code: 'server_is_overloaded' }, { 'retry-after': '7' }), AT)).toEqual({
      type: 'service_unavailable',
      status: 503,
      retryAfterMs: 7000,
    })
  })
})

describe('an error without a status is', () => {
  test.each([
    ['quota_exceeded', { code: 'credit_balance_exhausted', type: 'insufficient_quota' }],
    ['rate_limit', { code: 'rate_limit_exceeded' }],
    ['http_error', { code: 'server_error' }],
    ['http_error', { type: 'server_error', code: null }],
    ['ignored', { type: 'invalid_request_error', code: null }],
    ['ignored', { type: 'invalid_request_error', code: 'context_length_exceeded' }],
    ['rate_limit', { message: 'Rate limit reached for requests' }],
    ['unknown_error', { message: 'An author was not found' }],
  ])('%s, thrown in the middle of a stream: %o', (expected, error) => {
    const fromStream = new APIError(undefined, error, undefined, new Headers())
    expect(typeOf(openai.classifyError(fromStream, AT))).toBe(expected)
  })

  test('looked for in its causes', () => {
    expect(openai.classifyError(new Error('outer', { cause: { code: 'context_length_exceeded' } }), AT)).toBe('ignored')
    const error = new Error('outer', { cause: new Error('middle', { cause: { code: 'project_spend_limit_exceeded' } }) })
    expect(openai.classifyError(error, AT)).toEqual({ type: 'quota_exceeded' })
  })

  test.each([
    ['service_unavailable', new OpenAI.APIConnectionError({ message: 'x' })],
    ['timeout', new OpenAI.APIConnectionTimeoutError()],
    ['ignored', new OpenAI.APIUserAbortError()],
    ['service_unavailable', Object.assign(new Error('x'), { code: 'ECONNRESET' })],
  ])('%s, as for every HTTP service: %s', (expected, error) => {
    expect(typeOf(openai.classifyError(error, AT))).toBe(expected)
  })
})

describe('a returned value is', () => {
  const headers = {}
  test.each([
    ['a failure by its code', { status: 429, headers, error: { code: 'insufficient_quota' } }, 'quota_exceeded'],
    ['a failure by its status', { status: 500, headers }, 'http_error'],
    ['a failed response', { object: 'response', status: 'failed', error: { code: 'server_error', message: '' } }, 'http_error'],
    ['a failed response of no known code', { object: 'response', status: 'failed', error: { code: 'new' } }, 'unknown_error'],
    [
      'a failed response, rate limited',
      { object: 'response', status: 'failed', error: { code: 'rate_limit_exceeded' } },
      'rate_limit',
    ],
    [
      'a response that was the caller’s fault',
      { object: 'response', status: 'failed', error: { code: 'invalid_prompt' } },
      'ignored',
    ],
    ['an error with a 200, as gateways send it', { error: { code: 503, message: 'no' } }, 'service_unavailable'],
    ['an error in words', { error: { message: 'The engine is overloaded' } }, 'service_unavailable'],
    ['a success: a completed response', { object: 'response', status: 'completed', error: null }, undefined],
    ['a success: an incomplete response', { object: 'response', status: 'incomplete', error: null }, undefined],
    ['a success: a background response that still runs', { object: 'response', status: 'queued', error: null }, undefined],
    ['a success: a completion', { object: 'chat.completion', choices: [] }, undefined],
    ['a success: a completion that mentions an error', { choices: [], error: { message: 'x' } }, undefined],
    ['a success: a 200', new Response('{}'), undefined],
    ['a success: nothing', undefined, undefined],
    ['a success: text', 'error', undefined],
  ])('%s', (_, value, expected) => {
    expect(typeOf(openai.classifyResult?.(value, AT))).toBe(expected)
  })
})
