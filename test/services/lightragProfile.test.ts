import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const lightrag = () => profileFor('lightrag', resolveSettings('lightrag'))

describe('a request to', () => {
  test.each([
    ['/query', 'query'],
    ['/query/', 'query'],
    ['/site01/query', 'query'],
    ['/query/stream', 'query_stream'],
    ['/query/data', 'query_data'],
    ['/documents/text', 'documents'],
    ['/documents', 'documents'],
    ['/health', 'health'],
    ['/graphs', undefined],
    ['/myquery', undefined],
    ['/api/chat', undefined],
  ])('%s is read as %s', (path, operation) => {
    const request = lightrag().readRequest?.(path, { query: 'x', mode: 'mix' })
    expect(request?.operation).toBe(operation)
    expect(request?.model).toBeUndefined()
    expect(request?.path).toBe(path)
  })
})

/** How clients throw a 500 with FastAPI's body. */
const shapes: [string, (detail: unknown) => unknown][] = [
  ['on the error itself', (detail) => Object.assign(new Error('500'), { status: 500, headers: {}, detail })],
  ['as axios does', (detail) => Object.assign(new Error('500'), { response: { status: 500, headers: {}, data: { detail } } })],
  ['as got does', (detail) => Object.assign(new Error('500'), { response: { statusCode: 500, headers: {}, body: { detail } } })],
  ['as the OpenAI client does', (detail) => Object.assign(new Error('500'), { status: 500, error: { detail } })],
]

describe.each(shapes)('a detail %s', (_, thrown) => {
  test.each([
    ['Internal server error', 'http_error'],
    ['Failed to process query: LLM service unavailable', 'service_unavailable'],
    ['RetryError: embedding func failed', 'service_unavailable'],
    ['MemoryError()', 'memory_error'],
    ['the embedder was embedded', 'http_error'],
    ['the authors of rememoryerrors', 'http_error'],
  ])('%s is told as %s', (detail, type) => {
    expect(lightrag().classifyError(thrown(detail), AT)).toMatchObject({ type })
  })

  test.each([[undefined], [null], [7], [['x']], [{}], ['']])('of %s adds nothing', (detail) => {
    expect(lightrag().classifyError(thrown(detail), AT)).toMatchObject({ type: 'http_error', status: 500 })
  })
})

test.each([
  ['complaints about the request', { status: 422, headers: {}, detail: [{ type: 'value_error', msg: 'embedding' }] }, 'ignored'],
  ['a key that is missing', { status: 403, headers: {}, detail: 'API Key required' }, { type: 'authentication', status: 403 }],
  [
    'a server that is full, with its wait',
    { status: 503, headers: { 'retry-after': '2' }, detail: 'embedding queue is full' },
    { type: 'service_unavailable', status: 503, retryAfterMs: 2000 },
  ],
  ['a limit of its own', { status: 429, headers: {}, detail: 'MemoryError' }, { type: 'rate_limit', status: 429 }],
  ['a lost connection', Object.assign(new TypeError('fetch failed'), {}), { type: 'service_unavailable' }],
  ['text', 'the embedding service failed', { type: 'service_unavailable' }],
  ['nothing', undefined, { type: 'unknown_error' }],
])('%s stays what it is', (_, error, expected) => {
  expect(lightrag().classifyError(error, AT)).toEqual(expected)
})

test('a returned answer is judged by its status, and by its detail where that says more', () => {
  const value = { status: 500, headers: {}, data: { detail: 'Unable to allocate 3 GiB' } }
  expect(lightrag().classifyResult?.(value, AT)).toEqual({ type: 'memory_error', status: 500 })
})

describe('calls that fail for want of the embedding service', () => {
  const failure = { status: 500, headers: {}, detail: 'embedding func: connection refused' }
  const levelOf = (profile: ReturnType<typeof lightrag>) =>
    profile.monitoring?.read({ answers: {}, memory: undefined }, undefined).conditions.find(({ name }) => name === 'embedding')
      ?.level

  function afterFour(): ReturnType<typeof lightrag> {
    const profile = lightrag()
    for (let i = 0; i < 3; i++) profile.classifyError(failure, AT)
    expect(levelOf(profile)).toBe(0)
    profile.classifyResult?.({ error: 'embedding failed' }, AT)
    return profile
  }

  test('are a condition of it after more than 3 in a row', () => {
    expect(levelOf(afterFour())).toBe(2)
  })

  test('are over with an answer that needed embeddings, and with no other', () => {
    const profile = afterFour()
    const answer = { response: 'It opens.', references: [{ file_path: '/a.md' }] }
    profile.measure?.(answer, { path: '/query', body: { mode: 'bypass' }, operation: 'query' })
    profile.measure?.({ response: '[no-context]' }, { path: '/query', body: {}, operation: 'query' })
    profile.classifyError({ status: 422, headers: {}, detail: 'embedding' }, AT)
    expect(levelOf(profile)).toBe(2)
    profile.measure?.(answer, { path: '/query', body: { mode: 'mix' }, operation: 'query' })
    expect(levelOf(profile)).toBeUndefined()
  })

  test('are none where the fault is the caller’s', () => {
    const profile = lightrag()
    for (let i = 0; i < 4; i++) profile.classifyError({ status: 422, headers: {}, detail: 'no such embedding' }, AT)
    expect(levelOf(profile)).toBeUndefined()
  })

  test('are told by streams as well', () => {
    const profile = lightrag()
    const stream = (line: string) => {
      const reader = profile.readStream?.('application/x-ndjson', undefined)
      reader?.push(new TextEncoder().encode(line))
      reader?.end(AT)
    }
    for (let i = 0; i < 4; i++) stream('{"error":"embedding timeout"}')
    expect(levelOf(profile)).toBe(2)
    stream('{"response":"It opens."}')
    expect(levelOf(profile)).toBeUndefined()
  })
})

test('a detail of 10 MB is read by its beginning', () => {
  const detail = `${'x '.repeat(5_000_000)}out of memory`
  expect(lightrag().classifyError({ status: 500, headers: {}, detail }, AT)).toMatchObject({ type: 'http_error' })
})

test('nothing that is thrown, returned or asked makes the profile throw', () => {
  const profile = lightrag()
  const field = fc.constantFrom('response', 'references', 'error', 'detail', 'data', 'metadata', 'status', 'message', 'mode')
  const value = fc.oneof(
    fc.anything({ withNullPrototype: true, withBigInt: true, maxDepth: 2, maxKeys: 4 }),
    fc.dictionary(field, fc.oneof(fc.anything({ maxDepth: 1, maxKeys: 3 }), fc.string(), fc.integer())),
  )
  fc.assert(
    fc.property(value, fc.string(), (body, path) => {
      const request = profile.readRequest?.(path, body)
      profile.classifyError(body, AT)
      profile.classifyResult?.(body, AT)
      const { quality } = profile.measure?.(body, request) ?? {}
      if (quality !== undefined) expect(quality).toBeGreaterThanOrEqual(0)
      expect(quality ?? 0).toBeLessThanOrEqual(1)
      for (const step of profile.ladder ?? []) step.rewrite?.({ path: '/query', body, operation: 'query' }, step.overrides)
    }),
    { numRuns: 200 },
  )
})
