import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai'
import { describe, expect, test } from 'vitest'
import { BreakerOpenError, CallTimeoutError } from '../../src/model/errors.ts'
import type { Classification } from '../../src/model/failures.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const http = profileFor('http')
const custom = profileFor('custom')

/** An error with fields, as clients make them. */
function error(fields: object, message = 'it went wrong'): Error {
  return Object.assign(new Error(message, 'cause' in fields ? { cause: fields.cause } : {}), fields)
}

function named(name: string, fields: object = {}): Error {
  return error({ name, ...fields })
}

function typeOf(classification: Classification): string {
  return classification === 'ignored' ? 'ignored' : classification.type
}

describe('a status says most', () => {
  test.each([
    [400, 'ignored'],
    [401, 'authentication'],
    [402, 'ignored'],
    [403, 'authentication'],
    [404, 'ignored'],
    [407, 'authentication'],
    [408, 'timeout'],
    [409, 'ignored'],
    [418, 'ignored'],
    [422, 'ignored'],
    [429, 'rate_limit'],
    [499, 'ignored'],
    [500, 'http_error'],
    [501, 'http_error'],
    [502, 'http_error'],
    [503, 'service_unavailable'],
    [504, 'http_error'],
    [529, 'service_unavailable'],
    [599, 'http_error'],
  ])('%d is %s', (status, expected) => {
    const classification = http.classifyError(error({ status }), AT)
    expect(typeOf(classification)).toBe(expected)
    if (classification !== 'ignored') expect(classification.status).toBe(status)
    expect(custom.classifyError(error({ status }), AT)).toEqual(classification)
  })

  test.each([
    ['status', { status: 503 }],
    ['statusCode', { statusCode: 503 }],
    ['response.status', { response: { status: 503 } }],
    ['response.statusCode', { response: { statusCode: 503 } }],
    ['$metadata.httpStatusCode', { $metadata: { httpStatusCode: 503 } }],
    ['the status of its cause', { cause: { status: 503 } }],
  ])('wherever the client puts it: %s', (_, fields) => {
    expect(http.classifyError(error(fields), AT)).toEqual({ type: 'service_unavailable', status: 503 })
  })

  test('a thrown Response is judged like a returned one', () => {
    const thrown = new Response('', { status: 503, headers: { 'retry-after': '5' } })
    expect(http.classifyError(thrown, AT)).toEqual({ type: 'service_unavailable', status: 503, retryAfterMs: 5000 })
  })

  test.each([0, 1, 99, 200, 302, 600, 503.5, '503', Number.NaN])('a status of %s is none', (status) => {
    expect(http.classifyError(error({ status }), AT)).toEqual({ type: 'unknown_error' })
  })

  test('the status wins over code, class and words', () => {
    const fields = { status: 500, code: 'ETIMEDOUT', name: 'TimeoutError' }
    expect(http.classifyError(error(fields, 'rate limit'), AT)).toEqual({ type: 'http_error', status: 500 })
  })
})

describe('how long to stay away', () => {
  test.each([
    ['a Headers instance', new Headers({ 'Retry-After': '20' })],
    ['a plain object', { 'retry-after': '20' }],
    ['a plain object in another letter case', { 'Retry-After': '20' }],
    ['lists of values', { 'retry-after': ['20'] }],
    ['a number', { 'retry-after': 20 }],
    ['a Map', new Map([['retry-after', '20']])],
  ])('is read from %s', (_, headers) => {
    expect(http.classifyError(error({ status: 429, headers }), AT)).toMatchObject({ retryAfterMs: 20_000 })
    expect(http.classifyError(error({ response: { status: 503, headers } }), AT)).toMatchObject({ retryAfterMs: 20_000 })
    expect(http.classifyError(error({ statusCode: 503, responseHeaders: headers }), AT)).toMatchObject({ retryAfterMs: 20_000 })
  })

  test('is left out when absent or absurd', () => {
    expect(http.classifyError(error({ status: 429 }), AT)).toEqual({ type: 'rate_limit', status: 429 })
    expect(http.classifyError(error({ status: 429, headers: { 'retry-after': '-1' } }), AT)).not.toHaveProperty('retryAfterMs')
  })

  test('of a 429 without Retry-After is the reset of the limit that is spent', () => {
    const headers = { ratelimit: '"burst";r=0;t=2, "day";r=70;t=3600' }
    expect(http.classifyError(error({ status: 429, headers }), AT)).toMatchObject({ retryAfterMs: 2000 })
  })

  test('of a 429 whose headers say that something remains is not known', () => {
    const headers = { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '60' }
    expect(http.classifyError(error({ status: 429, headers }), AT)).not.toHaveProperty('retryAfterMs')
  })
})

describe('a 403', () => {
  test('with Retry-After or nothing remaining is a rate limit, as GitHub sends it', () => {
    const retry = error({ status: 403, headers: { 'retry-after': '60' } })
    const spent = error({ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' } })
    for (const thrown of [retry, spent]) {
      expect(http.classifyError(thrown, AT)).toEqual({ type: 'rate_limit', status: 403, retryAfterMs: 60_000 })
    }
  })

  test('without any word on what remains is not: absent headers are unknown, never zero', () => {
    expect(http.classifyError(error({ status: 403, headers: { 'x-ratelimit-limit': '60' } }), AT)).toMatchObject({
      type: 'authentication',
    })
  })
})

describe('money gone is not patience gone', () => {
  const codes = [
    'insufficient_quota',
    'credit_balance_exhausted',
    'organization_spend_limit_exceeded',
    'project_spend_limit_exceeded',
    'organization_usage_limit_exceeded',
  ]
  test.each(codes)('429 with code %s is quota_exceeded', (code) => {
    for (const fields of [
      { status: 429, code },
      { status: 429, type: code },
      { status: 429, error: { code } },
      { status: 429, error: { error: { type: code } } },
      { status: 429, body: { error: { code } } },
      { response: { status: 429, data: { error: { code, type: 'insufficient_quota' } } } },
    ]) {
      expect(http.classifyError(error(fields), AT)).toEqual({ type: 'quota_exceeded', status: 429 })
    }
  })

  test('so is a 402 that names it, and a broken stream without a status', () => {
    expect(http.classifyError(error({ status: 402, code: 'insufficient_quota' }), AT)).toMatchObject({ type: 'quota_exceeded' })
    expect(http.classifyError(error({ type: 'insufficient_quota' }), AT)).toEqual({ type: 'quota_exceeded' })
  })

  test.each(['rate_limit_exceeded', 'slow_down'])('429 with code %s stays a rate limit', (code) => {
    expect(http.classifyError(error({ status: 429, code }), AT)).toEqual({ type: 'rate_limit', status: 429 })
  })
})

describe('a code of the system or of a client', () => {
  test.each([
    ['ECONNREFUSED', 'service_unavailable'],
    ['ECONNRESET', 'service_unavailable'],
    ['ENOTFOUND', 'service_unavailable'],
    ['EAI_AGAIN', 'service_unavailable'],
    ['EPIPE', 'service_unavailable'],
    ['EHOSTUNREACH', 'service_unavailable'],
    ['UND_ERR_SOCKET', 'service_unavailable'],
    ['server_is_overloaded', 'service_unavailable'],
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['rate_limit_exceeded', 'rate_limit'],
    ['invalid_api_key', 'authentication'],
    ['server_error', 'http_error'],
    ['ENOMEM', 'memory_error'],
    ['ERR_INVALID_URL', 'ignored'],
    ['ERR_CANCELED', 'ignored'],
    ['UND_ERR_ABORTED', 'ignored'],
    ['ENOENT', 'unknown_error'],
    ['constructor', 'unknown_error'],
  ])('%s is %s', (code, expected) => {
    expect(typeOf(http.classifyError(error({ code }), AT))).toBe(expected)
    expect(typeOf(http.classifyError(new TypeError('fetch failed', { cause: error({ code }) }), AT))).toBe(
      expected === 'unknown_error' ? 'service_unavailable' : expected,
    )
    expect(typeOf(custom.classifyError(error({ code }), AT))).toBe(expected)
  })

  test('ECONNABORTED is a timeout only where axios says so', () => {
    const code = 'ECONNABORTED'
    expect(http.classifyError(error({ code }, 'timeout of 1000ms exceeded'), AT)).toEqual({ type: 'timeout' })
    expect(http.classifyError(error({ code }), AT)).toEqual({ type: 'service_unavailable' })
  })
})

describe('aborts and timeouts', () => {
  test('an abort by the caller is ignored', async () => {
    const aborted = AbortSignal.abort()
    const thrown = await fetch('http://127.0.0.1:1/', { signal: aborted }).catch((reason: unknown) => reason)
    expect(http.classifyError(thrown, AT)).toBe('ignored')
    expect(http.classifyError(new APIUserAbortError(), AT)).toBe('ignored')
    expect(http.classifyError(named('CanceledError'), AT)).toBe('ignored')
  })

  test('the abort of AbortSignal.timeout is a timeout, wrapped or not', () => {
    const timeout = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    expect(http.classifyError(timeout, AT)).toEqual({ type: 'timeout' })
    expect(http.classifyError(named('AbortError', { code: 'ABORT_ERR', cause: timeout }), AT)).toEqual({ type: 'timeout' })
  })

  test('an abort for any other reason stays the caller’s', () => {
    expect(http.classifyError(named('AbortError', { cause: error({ code: 'ECONNRESET' }) }), AT)).toBe('ignored')
  })

  test('our own timeout is a timeout, also as the reason of an abort', () => {
    const timeout = new CallTimeoutError('search', 100)
    expect(http.classifyError(timeout, AT)).toEqual({ type: 'timeout' })
    expect(http.classifyError(named('AbortError', { cause: timeout }), AT)).toEqual({ type: 'timeout' })
    expect(custom.classifyError(timeout, AT)).toEqual({ type: 'timeout' })
  })

  test('the rejection of a nested breaker says nothing of this service', () => {
    const rejection = new BreakerOpenError('open', { service: 'cache', state: 'open', reason: 'timeout', retryAfterMs: 5 })
    expect(http.classifyError(rejection, AT)).toBe('ignored')
    expect(http.classifyError(new APIConnectionError({ cause: rejection }), AT)).toBe('ignored')
    expect(custom.classifyError(rejection, AT)).toBe('ignored')
  })

  test.each(['APIConnectionTimeoutError', 'ConnectTimeoutError', 'ReadTimeout'])('a class called %s is a timeout', (name) => {
    expect(http.classifyError(named(name), AT)).toEqual({ type: 'timeout' })
  })
})

describe('errors of the OpenAI client', () => {
  const headers = new Headers({ 'retry-after-ms': '1500', 'x-request-id': 'req_1' })
  test.each([
    [401, { code: 'invalid_api_key' }, { type: 'authentication', status: 401, retryAfterMs: 1500 }],
    [429, { code: 'rate_limit_exceeded', type: 'requests' }, { type: 'rate_limit', status: 429, retryAfterMs: 1500 }],
    [429, { type: 'insufficient_quota' }, { type: 'quota_exceeded', status: 429, retryAfterMs: 1500 }],
    [503, { code: 'server_is_overloaded' }, { type: 'service_unavailable', status: 503, retryAfterMs: 1500 }],
  ])('%d %o', (status, body, expected) => {
    expect(http.classifyError(APIError.generate(status, { error: body }, undefined, headers), AT)).toEqual(expected)
  })

  test('an error inside a stream has no status, only its code', () => {
    const inStream = new APIError(undefined, { code: 'rate_limit_exceeded' }, undefined, undefined)
    expect(http.classifyError(inStream, AT)).toEqual({ type: 'rate_limit' })
  })

  test('a connection error is what its cause is, or else the service being away', () => {
    expect(http.classifyError(new APIConnectionError({ cause: error({ code: 'UND_ERR_HEADERS_TIMEOUT' }) }), AT)).toEqual({
      type: 'timeout',
    })
    expect(http.classifyError(new APIConnectionError({}), AT)).toEqual({ type: 'service_unavailable' })
    expect(http.classifyError(new APIConnectionTimeoutError(), AT)).toEqual({ type: 'timeout' })
  })
})

describe('causes', () => {
  test('are followed through aggregates', () => {
    const refused = error({ code: 'ECONNREFUSED' })
    expect(http.classifyError(new AggregateError([new Error('x'), refused]), AT)).toEqual({ type: 'service_unavailable' })
  })

  test('that go round in circles end', () => {
    const one: Error = new Error('one')
    one.cause = new Error('two', { cause: one })
    expect(http.classifyError(one, AT)).toEqual({ type: 'unknown_error' })
  })

  test('are not followed for ever', () => {
    let deep: Error = error({ status: 503 })
    for (let i = 0; i < 1000; i++) deep = new Error('wrapped', { cause: deep })
    expect(http.classifyError(deep, AT)).toEqual({ type: 'unknown_error' })
  })

  test('of a fetch to a port where nobody listens any more', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const thrown = await fetch(`http://127.0.0.1:${port}/`).catch((reason: unknown) => reason)
    expect(thrown).toBeInstanceOf(TypeError)
    expect(http.classifyError(thrown, AT)).toEqual({ type: 'service_unavailable' })
    expect(custom.classifyError(thrown, AT)).toEqual({ type: 'service_unavailable' })
  })
})

describe('words come last and are read whole', () => {
  test.each([
    ['Request timed out.', 'timeout'],
    ['timeout: no answer', 'timeout'],
    ['rate_limit_exceeded', 'rate_limit'],
    ['Too many requests, slow down', 'rate_limit'],
    ['You exceeded your current quota', 'quota_exceeded'],
    ['Unauthorized', 'authentication'],
    ['Incorrect API key provided', 'authentication'],
    ['JavaScript heap out of memory', 'memory_error'],
    ['Service Unavailable', 'service_unavailable'],
    ['socket hang up', 'service_unavailable'],
    ['Request failed with status code 503', 'service_unavailable'],
    ['Request failed with status code 404', 'ignored'],
    ['HTTP 500', 'http_error'],
    ['the author is unknown', 'unknown_error'],
    ['authority rejected', 'unknown_error'],
    ['no authentication was tried', 'unknown_error'],
    ['corporate limits apply', 'unknown_error'],
    ['timeouts.json is missing', 'unknown_error'],
    ['5030 rows', 'unknown_error'],
    ['', 'unknown_error'],
  ])('"%s" is %s', (message, expected) => {
    expect(typeOf(http.classifyError(new Error(message), AT))).toBe(expected)
    expect(typeOf(http.classifyError(message, AT))).toBe(expected)
  })

  test('words far into a long message are not looked for', () => {
    expect(http.classifyError(new Error(`${'x '.repeat(600)}timeout`), AT)).toEqual({ type: 'unknown_error' })
  })

  test('a custom service’s words prove nothing', () => {
    expect(custom.classifyError(new Error('rate limit, timeout, unauthorized'), AT)).toEqual({ type: 'unknown_error' })
  })
})

test.each([undefined, null, 0, '', Symbol('x'), 7n, () => {}, []])('thrown oddities are unknown errors: %s', (thrown) => {
  expect(http.classifyError(thrown, AT)).toEqual({ type: 'unknown_error' })
  expect(custom.classifyError(thrown, AT)).toEqual({ type: 'unknown_error' })
})
