import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import OpenAI, { APIConnectionError, AuthenticationError, BadRequestError, InternalServerError, RateLimitError } from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Condition } from '../../src/cli/demo/condition.ts'
import type { Upstream } from '../../src/cli/demo/loopbackServer.ts'
import { CacheUnreachableError, MemoryCache } from '../../src/cli/demo/memoryCache.ts'
import { formatDuration } from '../../src/cli/demo/openaiAllowance.ts'
import { startOpenaiServer } from '../../src/cli/demo/openaiServer.ts'
import { startSearchServer } from '../../src/cli/demo/searchServer.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { profileFor } from '../../src/services/profiles.ts'

let clock: VirtualClock
beforeEach(() => {
  clock = new VirtualClock()
})

/** What the promise was rejected with. */
function failureOf(call: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(call).then(
    () => {
      throw new Error('it did not fail')
    },
    (reason: unknown) => reason,
  )
}

/** Resolves once `ready` holds; real sockets stand between the test and the server's clock. */
async function until(ready: () => boolean): Promise<void> {
  while (!ready()) await new Promise((resolve) => setImmediate(resolve))
}

describe('the OpenAI upstream, seen by the official client', () => {
  let server: Upstream
  let client: OpenAI
  beforeEach(async () => {
    server = await startOpenaiServer({ clock })
    client = new OpenAI({ apiKey: 'sk-demo', baseURL: `${server.url}/v1`, maxRetries: 0 })
  })
  afterEach(() => server.close())

  const question = { model: 'gpt-4o-mini', messages: [{ role: 'user' as const, content: 'What is a breaker?' }] }
  const ask = (body: object = {}) => client.chat.completions.create({ ...question, ...body, stream: false })

  test('completes a chat, with usage, an id and what is left of the allowance', async () => {
    const { data, response, request_id } = await ask().withResponse()
    expect(data.object).toBe('chat.completion')
    expect(data.created).toBe(clock.now() / 1000)
    expect(data.choices[0]?.message).toMatchObject({ role: 'assistant', content: expect.stringContaining('What is a breaker?') })
    expect(data.choices[0]?.finish_reason).toBe('stop')
    expect(data.usage?.prompt_tokens).toBe(5)
    expect(data.usage?.total_tokens).toBe(5 + (data.usage?.completion_tokens ?? 0))
    expect(request_id).toBe('req_demo00000001')
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('10000')
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('9999')
    expect(response.headers.get('x-ratelimit-reset-requests')).toBe('6ms')
    expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe(String(2_000_000 - (data.usage?.total_tokens ?? 0)))
  })

  test('refills its allowance as time passes', async () => {
    await ask()
    clock.advance(6)
    const { response } = await ask().withResponse()
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('9999')
  })

  test('keeps to the number of tokens asked for', async () => {
    const answer = await ask({ max_completion_tokens: 2 })
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'You aske' } })
    expect(answer.usage?.completion_tokens).toBe(2)
  })

  test('streams the same answer in chunks, with the usage last when asked for', async () => {
    const whole = await ask()
    const stream = await client.chat.completions.create({ ...question, stream: true, stream_options: { include_usage: true } })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(whole.choices[0]?.message.content)
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({ object: 'chat.completion.chunk', choices: [], usage: whole.usage })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
  })

  test('streams no usage when nobody asked, and ends with the word that says so', async () => {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-demo' },
      body: JSON.stringify({ ...question, stream: true }),
    })
    expect(response.headers.get('content-type')).toMatch('text/event-stream')
    const events = (await response.text()).split('\n\n')
    expect(events.slice(-2)).toEqual(['data: [DONE]', ''])
    expect(events.join('')).not.toContain('usage')
  })

  test.each([
    [
      'rate limit',
      { kind: 'rateLimited', retryAfterSeconds: 1.5 },
      RateLimitError,
      429,
      'rate_limit_exceeded',
      'rate_limit',
      1500,
    ],
    ['spent quota', { kind: 'quotaExhausted' }, RateLimitError, 429, 'insufficient_quota', 'quota_exceeded', undefined],
    [
      'overload',
      { kind: 'outage', status: 503 },
      InternalServerError,
      503,
      'server_is_overloaded',
      'service_unavailable',
      undefined,
    ],
    ['breakdown', { kind: 'outage', status: 500 }, InternalServerError, 500, null, 'http_error', undefined],
    ['refused key', { kind: 'outage', status: 401 }, AuthenticationError, 401, 'invalid_api_key', 'authentication', undefined],
  ] as const)('its %s is the client’s own error, and classified', async (_, condition, type, status, code, failure, wait) => {
    server.setCondition(condition)
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ status, code, requestID: 'req_demo00000001', error: { message: expect.any(String) } })
    const said = profileFor('openai').classifyError(error, clock.now())
    expect(said).toEqual(wait === undefined ? { type: failure, status } : { type: failure, status, retryAfterMs: wait })
  })

  test('a rate limit says in its headers when it ends, in seconds and in ms', async () => {
    server.setCondition({ kind: 'rateLimited', retryAfterSeconds: 61 })
    const error = await failureOf(ask())
    if (!(error instanceof RateLimitError)) throw error
    expect(error.headers.get('retry-after')).toBe('61')
    expect(error.headers.get('retry-after-ms')).toBe('61000')
    expect(error.headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(error.headers.get('x-ratelimit-reset-requests')).toBe('1m1s')
  })

  test('an outage may have any status', async () => {
    server.setCondition({ kind: 'outage', status: 418 })
    expect(await failureOf(ask())).toMatchObject({ status: 418, type: 'invalid_request_error' })
  })

  test('a wrong key is refused', async () => {
    const stranger = new OpenAI({ apiKey: 'sk-other', baseURL: `${server.url}/v1`, maxRetries: 0 })
    expect(await failureOf(stranger.chat.completions.create(question))).toBeInstanceOf(AuthenticationError)
  })

  test('a request that is none is the caller’s fault', async () => {
    const error = await failureOf(ask({ messages: [] }))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(profileFor('openai').classifyError(error, clock.now())).toBe('ignored')
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-demo' },
      body: '{',
    })
    expect(response.status).toBe(400)
    expect((await fetch(`${server.url}/v1/other`)).status).toBe(404)
    expect((await fetch(`${server.url}/v1/chat/completions`)).status).toBe(405)
  })

  test('slow is as late as the clock says, and right', async () => {
    server.setCondition({ kind: 'slow', ms: 3000 })
    let answered = false
    const asked = ask().then((answer) => {
      answered = true
      return answer
    })
    await until(() => clock.pending === 1)
    clock.advance(2999)
    await new Promise((resolve) => setImmediate(resolve))
    expect([answered, clock.pending]).toEqual([false, 1])
    clock.advance(1)
    expect((await asked).object).toBe('chat.completion')
  })

  test('a caller that leaves takes its wait along', async () => {
    server.setCondition({ kind: 'slow', ms: 3000 })
    const leaving = new AbortController()
    const asked = failureOf(client.chat.completions.create(question, { signal: leaving.signal }))
    await until(() => clock.pending === 1)
    leaving.abort()
    expect(profileFor('openai').classifyError(await asked, clock.now())).toBe('ignored')
    await until(() => clock.pending === 0)
  })

  test('hangs until it is closed, and then the connection is gone', async () => {
    server.setCondition({ kind: 'hang' })
    const asked = failureOf(ask())
    await until(() => server.received === 1)
    await server.close()
    const error = await asked
    expect(error).toBeInstanceOf(APIConnectionError)
    expect(profileFor('openai').classifyError(error, clock.now())).toEqual({ type: 'service_unavailable' })
  })

  test('takes no body over a MiB', async () => {
    const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: 'x'.repeat(1_048_577) })
    expect(response.status).toBe(413)
  })

  test('a request that breaks off in the middle harms nobody', async () => {
    const broken = request(`${server.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-length': 100 } })
    broken.on('error', () => {})
    broken.write('{')
    await until(() => server.received === 1)
    broken.destroy()
    expect((await ask()).object).toBe('chat.completion')
  })
})

describe('the search upstream, seen by fetch', () => {
  let server: Upstream
  beforeEach(async () => {
    server = await startSearchServer({ clock, quota: 10, windowSeconds: 10 })
  })
  afterEach(() => server.close())

  const http = profileFor('http')
  const search = (query = '?q=relay', init: RequestInit = {}) => fetch(`${server.url}/search${query}`, init)

  test('answers, and states its limit', async () => {
    const response = await search('?q=relay&limit=2')
    expect(await response.json()).toMatchObject({
      query: 'relay',
      results: [{ title: 'relay, part 1' }, { title: 'relay, part 2' }],
    })
    expect(response.headers.get('ratelimit-policy')).toBe('"default";q=10;w=10')
    expect(response.headers.get('ratelimit')).toBe('"default";r=9;t=10')
    expect(http.classifyResult?.(response, clock.now())).toBeUndefined()
    expect(http.readSignals?.(response, clock.now())).toEqual([])
  })

  test('refuses what is over its quota until the window ends', async () => {
    for (let i = 0; i < 9; i++) await (await search()).text()
    clock.advance(4000)
    const last = await search()
    expect(http.readSignals?.(last, clock.now())).toMatchObject([{ mode: 'paced', perSecond: 0, until: clock.now() + 6000 }])
    const over = await search()
    expect(http.classifyResult?.(over, clock.now())).toEqual({ type: 'rate_limit', status: 429, retryAfterMs: 6000 })
    clock.advance(6000)
    expect((await search()).status).toBe(200)
  })

  test.each([
    [
      { kind: 'rateLimited', retryAfterSeconds: 4 },
      { type: 'rate_limit', status: 429, retryAfterMs: 4000 },
    ],
    [{ kind: 'quotaExhausted' }, { type: 'rate_limit', status: 429 }],
    [
      { kind: 'outage', status: 503 },
      { type: 'service_unavailable', status: 503 },
    ],
    [
      { kind: 'outage', status: 500 },
      { type: 'http_error', status: 500 },
    ],
    [{ kind: 'outage', status: 404 }, 'ignored'],
  ] as const)('%o is %o', async (condition: Condition, expected) => {
    server.setCondition(condition)
    const response = await search()
    expect(http.classifyResult?.(response, clock.now())).toEqual(expected)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  test('a spent quota names itself in the body, for callers that parse it', async () => {
    server.setCondition({ kind: 'quotaExhausted' })
    const response = await search()
    const error = Object.assign(new Error('refused'), { status: response.status, error: await response.json() })
    expect(http.classifyError(error, clock.now())).toEqual({ type: 'quota_exceeded', status: 429 })
  })

  test.each([
    ['', 400],
    ['?q=%20', 400],
    ['/x?q=1', 404],
  ])('/search%s is answered with %d', async (query, status) => {
    expect((await search(query)).status).toBe(status)
    expect((await search('?q=a', { method: 'POST' })).status).toBe(405)
  })

  test('answers again once it is healthy', async () => {
    server.setCondition({ kind: 'outage', status: 503 })
    expect((await search()).status).toBe(503)
    server.setCondition({ kind: 'healthy' })
    expect(server.condition).toEqual({ kind: 'healthy' })
    expect((await search()).status).toBe(200)
  })

  test('listens on loopback only, and on a port of its own', async () => {
    const other = await startSearchServer({ clock })
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect(other.url).not.toBe(server.url)
    await other.close()
    await other.close()
  })

  test('close leaves no connection behind, idle ones included', async () => {
    await (await search()).text()
    server.setCondition({ kind: 'hang' })
    const waiting = failureOf(search())
    await until(() => server.received === 2)
    await server[Symbol.asyncDispose]()
    expect(http.classifyError(await waiting, clock.now())).toEqual({ type: 'service_unavailable' })
    expect(http.classifyError(await failureOf(search()), clock.now())).toEqual({ type: 'service_unavailable' })
  })

  test('a broken request line is no reason to fall over', async () => {
    const odd = request(`${server.url}`, { path: '//[' })
    odd.end()
    await failureOf(new Promise((resolve, reject) => odd.on('response', (r) => resolve(text(r))).on('error', reject)))
    expect((await search()).status).toBe(200)
  })
})

describe('the memory cache', () => {
  test('keeps values for their time', async () => {
    const cache = new MemoryCache({ clock })
    await cache.set('a', 1, 1000)
    clock.advance(999)
    expect(await cache.get('a')).toBe(1)
    clock.advance(1)
    expect(await cache.get('a')).toBeUndefined()
    expect([cache.hits, cache.misses, cache.size]).toEqual([1, 1, 0])
  })

  test('lets the least recently used go', async () => {
    const cache = new MemoryCache({ clock, maxEntries: 2 })
    await cache.set('a', 1, 1000)
    await cache.set('b', 2, 1000)
    await cache.get('a')
    await cache.set('c', 3, 1000)
    expect([await cache.get('a'), await cache.get('b'), await cache.get('c')]).toEqual([1, undefined, 3])
  })

  test('is gone when it is unreachable', async () => {
    const cache = new MemoryCache({ clock })
    cache.condition = { kind: 'unreachable' }
    const error = await failureOf(cache.get('a'))
    expect(error).toBeInstanceOf(CacheUnreachableError)
    expect(profileFor('cache').classifyError(error, clock.now())).toEqual({ type: 'service_unavailable' })
  })

  test('is slow, or hangs, until its caller gives up', async () => {
    const cache = new MemoryCache({ clock })
    cache.condition = { kind: 'slow', ms: 50 }
    const set = cache.set('a', 1, 1000)
    clock.advance(50)
    await set
    for (const condition of [cache.condition, { kind: 'hang' } as const]) {
      cache.condition = condition
      const leaving = new AbortController()
      const got = failureOf(cache.get('a', leaving.signal))
      leaving.abort()
      expect(profileFor('cache').classifyError(await got, clock.now())).toBe('ignored')
      expect(await failureOf(cache.get('a', AbortSignal.abort()))).toBeInstanceOf(DOMException)
      expect(clock.pending).toBe(0)
    }
  })
})

test.each([
  [-1, '0ms'],
  [12, '12ms'],
  [999.5, '1s'],
  [8640, '8.64s'],
  [360_000, '6m0s'],
  [3_661_500, '1h1m1.5s'],
])('%d ms reads %s in a header', (ms, expected) => {
  expect(formatDuration(ms)).toBe(expected)
})
