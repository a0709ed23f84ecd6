import Perplexity from '@perplexity-ai/perplexity_ai'
import { describe, expect, test } from 'vitest'
import { BreakerOpenError } from '../../src/model/errors.ts'
import type { Classification } from '../../src/model/failures.ts'
import { resolveSettings } from '../../src/model/settings.ts'
import { queryOf } from '../../src/services/perplexity/perplexityRequest.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { agentAnswer, searchAnswer, sonarAnswer } from '../adapters/perplexityWire.ts'

const AT = Date.UTC(2026, 10, 1)
const profile = profileFor('perplexity')

function typeOf(said: Classification | undefined): string | undefined {
  return typeof said === 'object' ? said.type : said
}

/** As the official client throws it. */
function thrown(status: number, type: string, message: string, headers: Record<string, string> = {}): Error {
  return Perplexity.APIError.generate(status, { error: { message, type, code: status } }, undefined, new Headers(headers))
}

describe('what errors say', () => {
  test.each([
    [400, 'invalid_request', 'unknown field "X"', 'ignored'],
    [400, 'invalid_model', 'no such model', 'ignored'],
    [401, 'forbidden', 'Invalid API key', 'authentication'],
    [401, 'authentication_error', 'Invalid API key provided', 'authentication'],
    [401, 'insufficient_quota', 'You exceeded your current quota, please check your plan', 'quota_exceeded'],
    [401, 'forbidden', 'You exceeded your current quota, please check your plan', 'quota_exceeded'],
    [401, 'forbidden', 'Insufficient credits. Add more in the console.', 'quota_exceeded'],
    [401, 'forbidden', 'Your account is out of API credits', 'quota_exceeded'],
    [401, 'forbidden', 'no credit where credit is due', 'quota_exceeded'],
    [401, 'forbidden', 'discredited key', 'authentication'],
    [402, 'payment_required', 'Payment required', 'quota_exceeded'],
    [403, 'forbidden', 'Blocked', 'authentication'],
    [404, 'not_found', 'No such response', 'ignored'],
    [413, 'payload_too_large', 'Too large', 'ignored'],
    [422, 'invalid_request', 'No', 'ignored'],
    [424, 'external_connector_error', 'MCP server unreachable', 'ignored'],
    [429, 'request_rate_limit_exceeded', 'Slow down', 'rate_limit'],
    [429, 'insufficient_quota', 'You exceeded your current quota', 'quota_exceeded'],
    [429, 'request_rate_limit_exceeded', 'You exceeded your current quota', 'rate_limit'],
    [429, 'request_rate_limit_exceeded', 'Quota exceeded: 50 requests per minute', 'rate_limit'],
    [429, 'request_rate_limit_exceeded', 'Quota exceeded: check your billing', 'quota_exceeded'],
    [429, 'request_rate_limit_exceeded', 'You exceeded your current quota, please check your plan', 'quota_exceeded'],
    [429, 'request_rate_limit_exceeded', 'Monthly quota exceeded', 'quota_exceeded'],
    [429, 'request_rate_limit_exceeded', 'Insufficient credits', 'quota_exceeded'],
    [500, 'internal_error', 'Oops', 'http_error'],
    [502, 'bad_gateway', 'Oops', 'http_error'],
    [503, 'service_unavailable', 'Oops', 'service_unavailable'],
    [504, 'gateway_timeout', 'Oops', 'http_error'],
  ])('%d %s "%s" is %s', (status, type, message, expected) => {
    const error = thrown(status, type, message)
    const said = profile.classifyError(error, AT)
    expect(typeOf(said)).toBe(expected)
    if (said !== 'ignored') expect(said.status).toBe(status)
    const body = { error: { message, type, code: status } }
    // The same, of clients that return what was answered.
    expect(typeOf(profile.classifyResult?.({ status, headers: {}, data: body }, AT))).toBe(expected)
    // Of a stream or a failed run, which have no status of their own.
    if (status !== 503)
      expect(typeOf(profile.classifyResult?.({ object: 'response', status: 'failed', ...body }, AT))).toBe(expected)
  })

  test('a 429 carries its wait', () => {
    const error = thrown(429, 'request_rate_limit_exceeded', 'Slow down', { 'retry-after': '7' })
    expect(profile.classifyError(error, AT)).toEqual({ type: 'rate_limit', status: 429, retryAfterMs: 7000 })
  })

  test.each([
    ['a connection that is lost', new Perplexity.APIConnectionError({ message: 'x' }), 'service_unavailable'],
    ['a timeout of the client', new Perplexity.APIConnectionTimeoutError(), 'timeout'],
    ['a caller that gives up', new Perplexity.APIUserAbortError(), 'ignored'],
    ['anything else', new Error('x'), 'unknown_error'],
  ])('%s', (_, error, expected) => {
    expect(typeOf(profile.classifyError(error, AT))).toBe(expected)
  })
})

describe('a run that failed comes with a 200', () => {
  const failed = (error: unknown) => typeOf(profile.classifyResult?.(agentAnswer({ status: 'failed', error }), AT))
  test.each([
    ['a status for a code', { message: 'x', code: 503 }, 'service_unavailable'],
    ['in digits', { message: 'x', code: '429' }, 'rate_limit'],
    ['a type alone', { message: 'x', type: 'internal_error' }, 'http_error'],
    ['a rate limit by its type', { message: 'x', type: 'request_rate_limit_exceeded' }, 'rate_limit'],
    ['a quota by its type', { message: 'x', type: 'insufficient_quota' }, 'quota_exceeded'],
    ['a key by its type', { message: 'x', type: 'invalid_api_key' }, 'authentication'],
    ['the caller’s fault', { message: 'x', type: 'invalid_date_format' }, 'ignored'],
    ['another’s fault', { message: 'x', type: 'external_connector_error' }, 'ignored'],
    ['words alone', { message: 'The request timed out' }, 'timeout'],
    ['an unknown type', { message: 'x', type: 'constructor' }, 'unknown_error'],
    ['nothing', undefined, 'unknown_error'],
    ['null', null, 'unknown_error'],
    ['text', 'it broke', 'unknown_error'],
  ])('%s', (_, error, expected) => {
    expect(failed(error)).toBe(expected)
  })

  test('one that was cancelled says nothing of the service', () => {
    expect(profile.classifyResult?.(agentAnswer({ status: 'cancelled' }), AT)).toBe('ignored')
  })

  test.each([
    ['a whole answer', agentAnswer()],
    ['an incomplete one', agentAnswer({ status: 'incomplete' })],
    ['a queued one', agentAnswer({ status: 'queued' })],
    ['a chat completion', sonarAnswer()],
    ['a search', searchAnswer()],
    ['nothing', undefined],
    ['an error beside an answer', { ...sonarAnswer(), error: { message: 'x', code: 500 } }],
    ['an error that is none', { error: { text: 'x' } }],
    ['a job that failed elsewhere', { status: 'failed', error: 'x' }],
  ])('%s is a success', (_, value) => {
    expect(profile.classifyResult?.(value, AT)).toBeUndefined()
  })

  test('a body that is an error and nothing else is one', () => {
    expect(typeOf(profile.classifyResult?.({ error: { message: 'x', type: 'internal_error', code: 500 } }, AT))).toBe(
      'http_error',
    )
  })
})

describe('what a request asks for', () => {
  test.each([
    ['/v1/agent', 'agent'],
    ['/v1/responses', 'responses'],
    ['/gateway/v1/responses/', 'responses'],
    ['/chat/completions', 'chat'],
    ['/v1/chat/completions', 'chat'],
    ['/v1/sonar', 'chat'],
    ['/search', 'search'],
    ['/v1/embeddings', 'embeddings'],
    ['/v1/contextualizedembeddings', 'embeddings'],
    ['/v1/responses/resp_1', 'retrieve'],
    ['/async/chat/completions/a', 'retrieve'],
    ['/async/chat/completions', 'chat'],
    ['/research', undefined],
    ['/v1/models', undefined],
    ['', undefined],
    [`/${'a/'.repeat(1_000_000)}v1/agent`, 'agent'],
  ])('%.40s is %s', (path, operation) => {
    expect(profile.readRequest?.(path, undefined).operation).toBe(operation)
  })

  test.each([
    ['a model', { model: 'perplexity/sonar', preset: 'low' }, 'perplexity/sonar'],
    ['the first of several', { models: ['a', 'b'] }, 'a'],
    ['a preset', { preset: 'low' }, 'preset:low'],
    ['nothing', {}, undefined],
    ['what is no name', { model: 7, models: 'ab', preset: null }, undefined],
    ['an endless name', { model: 'a'.repeat(201) }, undefined],
  ])('%s', (_, body, model) => {
    expect(profile.readRequest?.('/v1/agent', body).model).toBe(model)
  })

  test.each([
    ['a string', { input: 'why' }, 'why'],
    [
      'the last message of the user',
      { input: [user('a'), { role: 'assistant', content: 'b' }, user('c'), { role: 'system', content: 'd' }] },
      'c',
    ],
    [
      'its parts',
      { input: [user([{ type: 'input_text', text: 'a' }, { type: 'input_image' }, { type: 'input_text', text: 'b' }])] },
      'a b',
    ],
    ['of chat completions', { messages: [user('a'), user('b')] }, 'b'],
    ['a search', { query: 'why' }, 'why'],
    ['several searches', { query: ['why', 'how'] }, 'why\nhow'],
    ['no words', { messages: [user(null)] }, undefined],
    ['nobody', { messages: [{ role: 'assistant', content: 'a' }] }, undefined],
    ['what is no list', { messages: 'a' }, undefined],
    ['a list of anything', { query: ['a', 7] }, undefined],
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['10 MB', { input: 'a'.repeat(10_000_000) }, 'a'.repeat(8000)],
    ['a long conversation', { messages: [user('a'), ...new Array(1000).fill(user('b'))] }, 'b'],
  ])('in the words of %s', (_, body, query) => {
    expect(queryOf(body)).toBe(query)
    expect(profile.readRequest?.('/v1/agent', body)).toEqual(expect.objectContaining(query === undefined ? {} : { query }))
  })
})

function user(content: unknown): object {
  return { role: 'user', content }
}

describe('the pace of a plan', () => {
  const paced = (requestsPerMinute: number) => {
    const own = profileFor('perplexity', resolveSettings('perplexity', { requestsPerMinute }))
    return (at: number, from: unknown = new Response('')) => own.readSignals?.(from, at) ?? []
  }

  test('begins at 90% of a minute’s calls, and spreads the rest over what is left of it', () => {
    const answered = paced(50)
    for (let i = 0; i < 44; i++) expect(answered(AT + i * 1000)).toEqual([])
    const signal = { kind: 'limit', mode: 'paced', perSecond: 5 / 16, until: AT + 60_000, reason: '45 of 50 calls a minute' }
    expect(answered(AT + 44_000)).toEqual([signal])
    // It is said once; and again when nothing is left.
    for (let i = 0; i < 4; i++) expect(answered(AT + 45_000)).toEqual([])
    expect(answered(AT + 50_000)).toMatchObject([{ perSecond: 0, until: AT + 60_000 }])
    expect(answered(AT + 51_000)).toEqual([])
  })

  test('ends with the minute, which begins with the first call after the one before', () => {
    const answered = paced(2)
    expect(answered(AT)).toEqual([])
    expect(answered(AT + 1)).toHaveLength(1)
    expect(answered(AT + 60_000)).toEqual([])
    expect(answered(AT + 119_999)).toMatchObject([{ until: AT + 120_000, perSecond: 0 }])
  })

  test('begins anew where the clock was set back', () => {
    const answered = paced(2)
    answered(AT)
    expect(answered(AT - 3_600_000)).toEqual([])
  })

  test('is kept by plans of less than one call a minute, too', () => {
    expect(paced(0.5)(AT)).toMatchObject([{ perSecond: 0, until: AT + 60_000 }])
  })

  test('counts errors, and not the refusals of other breakers', () => {
    const answered = paced(1)
    const refusal = { service: 'a', state: 'open' as const, reason: 'x', retryAfterMs: undefined }
    expect(answered(AT, new BreakerOpenError('x', refusal))).toEqual([])
    expect(answered(AT, thrown(500, 'internal_error', 'x'))).toHaveLength(1)
  })

  test('is not asked for where no plan is told of', () => {
    for (let i = 0; i < 100; i++) expect(profile.readSignals?.(new Response(''), AT)).toEqual([])
  })

  test('goes beside what headers say', () => {
    const low = new Response('', {
      headers: { 'x-ratelimit-limit': '50', 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '10' },
    })
    expect(paced(1)(AT, low)).toMatchObject([{ perSecond: 0.1 }, { perSecond: 0 }])
    expect(profile.readSignals?.(low, AT)).toMatchObject([{ perSecond: 0.1, until: AT + 10_000 }])
  })
})
