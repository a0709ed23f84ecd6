import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import OpenAI, { APIConnectionError, AuthenticationError, BadRequestError, InternalServerError, RateLimitError } from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseRedisInfo } from '../../src/adapters/cache/redisInfo.ts'
import type { OpenaiCondition } from '../../src/cli/demo/condition.ts'
import { type LightragUpstream, startLightragServer } from '../../src/cli/demo/lightragServer.ts'
import type { Upstream } from '../../src/cli/demo/loopbackServer.ts'
import { CacheUnreachableError, MemoryCache } from '../../src/cli/demo/memoryCache.ts'
import { formatDuration } from '../../src/cli/demo/openaiAllowance.ts'
import { startOpenaiServer } from '../../src/cli/demo/openaiServer.ts'
import { forever, pause } from '../../src/cli/demo/pause.ts'
import { type PerplexityUpstream, startPerplexityServer } from '../../src/cli/demo/perplexityServer.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { profileFor } from '../../src/services/profiles.ts'
import type { Reading } from '../../src/services/serviceProfile.ts'

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
  let server: Upstream<OpenaiCondition>
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

describe('the Perplexity upstream, seen by its profile', () => {
  let server: PerplexityUpstream
  beforeEach(async () => {
    server = await startPerplexityServer({ clock })
  })
  afterEach(() => server.close())

  const perplexity = profileFor('perplexity')
  const whole = { model: 'perplexity/sonar', input: 'What is a relay?', tools: [{ type: 'web_search' }] as object[] }
  const post = (body: unknown, init: RequestInit = {}) =>
    fetch(`${server.url}/v1/agent`, {
      ...{ method: 'POST', headers: { authorization: 'Bearer pplx-demo' } },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    })
  const measured = async (body: object) => {
    const response = await post(body)
    const answer = (await response.json()) as { usage: { cost: { total_cost: number } } }
    const measurement = perplexity.measure?.(answer, perplexity.readRequest?.('/v1/agent', body))
    expect(measurement?.cost).toBeCloseTo(answer.usage.cost.total_cost, 9)
    return measurement ?? {}
  }

  test('answers with sources, and says what it cost', async () => {
    expect(await measured(whole)).toMatchObject({ model: 'perplexity/sonar', operation: 'agent', quality: 1 })
    expect(server.withoutSearch).toBe(0)
  })

  test('is cheaper when less is asked for, and has no sources when none are', async () => {
    const full = await measured(whole)
    const small = await measured({ ...whole, tools: [{ type: 'web_search', search_context_size: 'low' }] })
    const { tools: _, ...bare } = whole
    const none = await measured(bare)
    expect(small.cost).toBeLessThan(full.cost ?? 0)
    expect(none.cost).toBeLessThan((full.cost ?? 0) / 4)
    expect([small.quality, none.quality]).toEqual([1, undefined])
    expect(server.withoutSearch).toBe(1)
  })

  test('is well below its floor when its answers are poor', async () => {
    server.setCondition({ kind: 'poor' })
    expect((await measured(whole)).quality).toBeLessThan(0.4)
    server.setCondition({ kind: 'healthy' })
    expect((await measured(whole)).quality).toBe(1)
  })

  test.each([
    [
      { kind: 'rateLimited', retryAfterSeconds: 1.5 },
      { type: 'rate_limit', status: 429, retryAfterMs: 2000 },
    ],
    [
      { kind: 'outage', status: 503 },
      { type: 'service_unavailable', status: 503 },
    ],
  ] as const)('%o is %o', async (condition, expected) => {
    server.setCondition(condition)
    expect(perplexity.classifyResult?.(await post(whole), clock.now())).toEqual(expected)
  })

  test('takes no request that is none, from nobody it does not know, nowhere else', async () => {
    expect((await post('{')).status).toBe(400)
    expect((await post({ model: 'm' })).status).toBe(400)
    expect((await post(whole, { headers: {} })).status).toBe(401)
    expect((await fetch(`${server.url}/v1/agent`)).status).toBe(405)
    expect((await fetch(`${server.url}/v1/other`)).status).toBe(404)
  })
})

describe('the LightRAG upstream, seen by its profile', () => {
  let server: LightragUpstream
  beforeEach(async () => {
    server = await startLightragServer({ clock })
    reading = undefined
  })
  afterEach(() => server.close())

  let reading: Reading | undefined
  const lightrag = profileFor('lightrag')
  const query = (body: unknown, init: RequestInit = {}) =>
    fetch(`${server.url}/query`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init })
  const qualityOf = async (body: object) => {
    const response = await query(body)
    return lightrag.measure?.(await response.json(), lightrag.readRequest?.('/query', body))?.quality
  }
  /** The conditions that a monitor would find, above level 0. */
  const standing = async () => {
    const answers: Record<string, { status: number; body: unknown }> = {}
    for (const path of lightrag.monitoring?.paths ?? []) {
      const response = await fetch(`${server.url}${path}`)
      answers[path] = { status: response.status, body: await response.json() }
    }
    reading = lightrag.monitoring?.read({ answers, memory: undefined }, reading)
    return reading?.conditions.filter(({ level }) => level > 0).map(({ name, level }) => `${name} ${level}`)
  }
  test('answers from its documents, and is well', async () => {
    expect(await qualityOf({ query: 'What is a relay?', mode: 'mix' })).toBe(1)
    expect(await standing()).toEqual([])
    expect(server.naiveQueries).toBe(0)
  })

  test('without its index has nothing to say but by vectors, until the index is back', async () => {
    expect(await standing()).toEqual([])
    server.setCondition({ kind: 'indexLost' })
    expect(await standing()).toEqual(['index 2'])
    expect(await qualityOf({ query: 'What is a relay?' })).toBe(0)
    expect(await qualityOf({ query: 'What is a relay?', mode: 'naive' })).toBe(1)
    expect(server.naiveQueries).toBe(1)
    server.setCondition({ kind: 'healthy' })
    expect(await standing()).toEqual([])
  })

  test('is down with any status', async () => {
    server.setCondition({ kind: 'outage', status: 503 })
    const down = { type: 'service_unavailable', status: 503 }
    expect(lightrag.classifyResult?.(await query({ query: 'Why?!' }), clock.now())).toEqual(down)
  })

  test('takes no query that is none, and nothing else', async () => {
    expect((await query('{')).status).toBe(422)
    expect((await query({ query: 'a' })).status).toBe(422)
    expect((await fetch(`${server.url}/other`)).status).toBe(404)
  })
})

describe('a server on loopback', () => {
  let server: LightragUpstream
  beforeEach(async () => {
    server = await startLightragServer({ clock })
  })
  afterEach(() => server.close())

  const http = profileFor('http')
  const health = () => fetch(`${server.url}/health`)

  test('answers again once it is healthy', async () => {
    server.setCondition({ kind: 'outage', status: 503 })
    expect((await health()).status).toBe(503)
    server.setCondition({ kind: 'healthy' })
    expect(server.condition).toEqual({ kind: 'healthy' })
    expect((await health()).status).toBe(200)
  })

  test('listens there only, and on a port of its own', async () => {
    const other = await startLightragServer({ clock })
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect(other.url).not.toBe(server.url)
    await other.close()
    await other.close()
  })

  test('leaves no connection behind when it is closed, idle ones included', async () => {
    await (await health()).text()
    server.setCondition({ kind: 'hang' })
    const waiting = failureOf(health())
    await until(() => server.received === 2)
    await server[Symbol.asyncDispose]()
    expect(http.classifyError(await waiting, clock.now())).toEqual({ type: 'service_unavailable' })
    expect(http.classifyError(await failureOf(health()), clock.now())).toEqual({ type: 'service_unavailable' })
  })

  test('does not fall over a broken request line', async () => {
    const odd = request(`${server.url}`, { path: '//[' })
    odd.end()
    await failureOf(new Promise((resolve, reject) => odd.on('response', (r) => resolve(text(r))).on('error', reject)))
    expect((await health()).status).toBe(200)
  })
})

describe('the memory cache', () => {
  test('keeps values for their time, or for ever', async () => {
    const cache = new MemoryCache({ clock })
    expect(await cache.set('a', '1', 'PX', 1000)).toBe('OK')
    await cache.set('b', '2')
    clock.advance(999)
    expect(await cache.get('a')).toBe('1')
    clock.advance(1)
    expect([await cache.get('a'), await cache.get('b')]).toEqual([null, '2'])
  })

  test('removes one key, or all', async () => {
    const cache = new MemoryCache({ clock })
    for (const key of ['a', 'b']) await cache.set(key, '1', 'PX', 1000)
    expect([await cache.del('a'), await cache.del('a')]).toEqual([1, 0])
    await cache.flushdb()
    expect(await cache.get('b')).toBeNull()
  })

  test('tells of itself as Redis does', async () => {
    const cache = new MemoryCache({ clock })
    const empty = parseRedisInfo(await cache.info())
    expect(empty).toMatchObject({ policy: 'noeviction', evictedKeys: 0, keyspaceHits: 0, keyspaceMisses: 0, keys: 0 })
    await cache.set('a', '123', 'PX', 1000)
    await cache.get('a')
    await cache.get('b')
    const info = parseRedisInfo(await cache.info())
    expect(info).toMatchObject({ keyspaceHits: 1, keyspaceMisses: 1, keys: 1, usedMemory: (empty.usedMemory ?? 0) + 4 })
    cache.condition = { kind: 'full' }
    const { usedMemory = 0, maxMemory = 1 } = parseRedisInfo(await cache.info())
    expect(usedMemory / maxMemory).toBeGreaterThanOrEqual(0.95)
    expect(usedMemory / maxMemory).toBeLessThan(1)
  })

  test('is gone when it is unreachable', async () => {
    const cache = new MemoryCache({ clock })
    cache.condition = { kind: 'unreachable' }
    const error = await failureOf(cache.get('a'))
    expect(error).toBeInstanceOf(CacheUnreachableError)
    expect(profileFor('cache').classifyError(error, clock.now())).toEqual({ type: 'service_unavailable' })
  })

  test('is as slow as the clock says', async () => {
    const cache = new MemoryCache({ clock })
    cache.condition = { kind: 'slow', ms: 50 }
    let done = false
    const set = cache.set('a', '1').then(() => {
      done = true
    })
    clock.advance(49)
    await Promise.resolve()
    expect(done).toBe(false)
    clock.advance(1)
    await set
  })
})

describe('a pause', () => {
  test('ends with its signal, before it begins or in its midst, and leaves no timer behind', async () => {
    const leaving = new AbortController()
    const [paused, waiting] = [failureOf(pause(clock, 50, leaving.signal)), failureOf(forever(leaving.signal))]
    leaving.abort()
    for (const signal of [
      paused,
      waiting,
      failureOf(pause(clock, 50, AbortSignal.abort())),
      failureOf(forever(AbortSignal.abort())),
    ]) {
      expect(await signal).toBeInstanceOf(DOMException)
    }
    expect(clock.pending).toBe(0)
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
