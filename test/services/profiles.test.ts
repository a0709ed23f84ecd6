import { describe, expect, test } from 'vitest'
import { KINDS } from '../../src/model/policy.ts'
import { NO_STATS } from '../../src/model/stats.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const http = profileFor('http')

test.each(KINDS)('the kind %s has a profile of its own name', (kind) => {
  expect(profileFor(kind).kind).toBe(kind)
})

test.each(['custom', 'cache'] as const)('every value of a %s is a success, at no cost', (kind) => {
  expect(profileFor(kind).classifyResult).toBeUndefined()
  expect(profileFor(kind).readSignals).toBeUndefined()
})

describe('a returned value', () => {
  test.each([
    ['a 200', new Response('{}'), undefined],
    ['a 304', new Response(null, { status: 304 }), undefined],
    ['a 503', new Response('', { status: 503, headers: { 'retry-after': '3' } }), 'service_unavailable'],
    ['a 404', new Response('', { status: 404 }), 'ignored'],
    ['a 429', new Response('', { status: 429 }), 'rate_limit'],
    ['a 401', new Response('', { status: 401 }), 'authentication'],
    ['a network error response', Response.error(), undefined],
    ['undici’s and Node’s shape', { statusCode: 500, headers: {} }, 'http_error'],
    ['axios’s shape', { status: 429, headers: {}, data: { error: { code: 'insufficient_quota' } } }, 'quota_exceeded'],
    ['a row with a status and no headers', { status: 500, id: 7 }, undefined],
    ['a table with headers and no status', { headers: ['a', 'b'] }, undefined],
    ['nothing', undefined, undefined],
    ['text', 'status 503', undefined],
  ])('%s', (_, value, expected) => {
    const classification = http.classifyResult?.(value, AT)
    expect(typeof classification === 'object' ? classification.type : classification).toBe(expected)
  })

  test('carries its wait', () => {
    const response = new Response('', { status: 503, headers: { 'retry-after': '3' } })
    expect(http.classifyResult?.(response, AT)).toEqual({ type: 'service_unavailable', status: 503, retryAfterMs: 3000 })
  })

  test('keeps its body for the caller', async () => {
    const response = new Response('the body', { status: 503 })
    http.classifyResult?.(response, AT)
    http.readSignals?.(response, AT)
    expect(response.bodyUsed).toBe(false)
    expect(await response.text()).toBe('the body')
  })
})

describe('signals', () => {
  const low = { 'ratelimit-policy': '"d";q=100;w=60', ratelimit: '"d";r=5;t=10' }
  const pacing = [{ kind: 'limit', mode: 'paced', perSecond: 0.5, until: AT + 10_000, reason: '5 of 100 calls left for 10 s' }]

  test('come with a success whose limit runs low', () => {
    expect(http.readSignals?.(new Response('', { headers: low }), AT)).toEqual(pacing)
  })

  test('come with thrown errors as well', () => {
    expect(http.readSignals?.(Object.assign(new Error('x'), { status: 404, headers: low }), AT)).toEqual(pacing)
    expect(http.readSignals?.({ response: { status: 404, headers: low } }, AT)).toEqual(pacing)
  })

  test.each([
    ['there is room', new Response('', { headers: { ...low, ratelimit: '"d";r=50;t=10' } })],
    ['nothing is said', new Response('')],
    ['Retry-After takes precedence', new Response('', { status: 503, headers: { ...low, 'retry-after': '1' } })],
    ['the 429 itself carries the wait', new Response('', { status: 429, headers: low })],
    ['the value has no headers', { hits: [] }],
    ['the value is no object', 5],
  ])('do not come when %s', (_, from) => {
    expect(http.readSignals?.(from, AT)).toEqual([])
  })
})

describe('apart from what tripped, a service is', () => {
  test.each([
    ['healthy', 'slow, but answering', { calls: 20, failures: 1, slow: 18, consecutiveFailures: 0 }],
    ['healthy', 'failing now and then', { calls: 20, failures: 9, slow: 0, consecutiveFailures: 2 }],
    ['sick', 'failing half the time', { calls: 20, failures: 10, slow: 0, consecutiveFailures: 1 }],
    ['sick', 'failing without a break after a good time', { calls: 100, failures: 3, slow: 0, consecutiveFailures: 3 }],
    ['sick', 'not known at all', {}],
  ])('%s when %s', (verdict, _, stats) => {
    expect(http.assess({ ...NO_STATS, ...stats })).toBe(verdict)
  })
})
