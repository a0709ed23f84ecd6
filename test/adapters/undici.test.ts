// The fetch of an undici of one's own, with classes of its own, underneath a guarded fetch.
import OpenAI from 'openai'
import * as undici from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { VirtualClock } from '../../src/testing/index.ts'
import { fetchBoard } from './fetchBoard.ts'
import { openaiWire } from './openaiWire.ts'
import { json, upstream } from './upstream.ts'

/** The types of Node 20's fetch are those of an older undici. */
const underneath = undici.fetch as unknown as typeof fetch

test('answers stay undici’s own, and are followed to their end', async () => {
  const { url } = await upstream((response) => json(response, 200, { some: 'thing' }))
  const board = fetchBoard()
  const guarded = board.fetch({ fetch: underneath })
  const ways: ((response: Response) => Promise<unknown>)[] = [
    (response) => response.json(),
    async (response) => JSON.parse(await response.text()),
    async (response) => JSON.parse(Buffer.from(await response.arrayBuffer()).toString()),
    async (response) => JSON.parse(await (await response.blob()).text()),
    async (response) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of response.body ?? []) chunks.push(chunk)
      return JSON.parse(Buffer.concat(chunks).toString())
    },
    (response) => response.clone().json(),
  ]
  for (const [index, read] of ways.entries()) {
    const response = await guarded(url)
    expect(response).toBeInstanceOf(undici.Response)
    expect([response.status, response.url, response.headers.get('content-type')]).toEqual([200, `${url}/`, 'application/json'])
    expect(board.breaker.inFlight).toBe(1)
    expect(await read(response)).toEqual({ some: 'thing' })
    await board.idle()
    expect(board.breaker.successes).toBe(index + 1)
  }
})

test('its Requests are read, and written anew where the service is degraded', async () => {
  const { url, received } = await upstream((response) => json(response, 200, {}))
  const step = { overrides: {}, expected: { performanceImpact: 0, costSaved: 0 } }
  const board = fetchBoard({
    clock: new VirtualClock(),
    profile: {
      readRequest: (path, body) => ({ path, body }),
      ladder: [
        { ...step, level: 1, rewrite: ({ body }) => ({ body: { ...(body as object), n: 1 } }) },
        { ...step, level: 2, rewrite: ({ body }) => ({ path: '/small', body: { ...(body as object), n: 1 } }) },
        { ...step, level: 3 },
      ],
    },
  })
  for (const level of [1, 2, 3] as const) {
    board.breaker.signal(Math.floor(board.breaker.clock.now()), { kind: 'health', level, reason: 'test' })
    const headers = { 'content-type': 'application/json' }
    const request = new undici.Request(`${url}/big`, { method: 'POST', body: '{"n":10}', headers })
    await (await board.fetch({ fetch: underneath })(request as unknown as Request)).json()
  }
  expect(received.map(({ url: path, body }) => [path, body])).toEqual([
    ['/big', '{"n":1}'],
    ['/small', '{"n":1}'],
    ['/big', '{"n":10}'],
  ])
})

test('its errors, breaks, aborts and forms', async () => {
  const { url } = await upstream((response, { url: path }) => {
    if (path === '/error') json(response, 429, { error: { code: 'insufficient_quota' } })
    else if (path === '/form') response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' }).end('a=b')
    else {
      response.writeHead(200, { 'content-length': '100' })
      response.write('beginning', () => path === '/break' && response.destroy())
    }
  })
  const board = fetchBoard({ policy: { timeout: 60_000 } })
  const guarded = board.fetch({ fetch: underneath })
  const broken = await guarded(`${url}/break`)
  await expect(broken.text()).rejects.toThrow()
  const controller = new AbortController()
  const aborted = await guarded(`${url}/open`, { signal: controller.signal })
  const text = aborted.text()
  controller.abort(new Error('left'))
  await expect(text).rejects.toThrow('left')
  expect((await (await guarded(`${url}/form`)).formData()).get('a')).toBe('b')
  await expect(guarded('http://127.0.0.1:1/')).rejects.toThrow('fetch failed')
  await expect(guarded(url, { body: 'x' })).rejects.toThrow(TypeError)
  expect(await (await guarded(`${url}/error`)).json()).toEqual({ error: { code: 'insufficient_quota' } })
  expect(board.outcomes.map(({ result, failure }) => failure ?? result)).toEqual([
    'service_unavailable',
    'ignored',
    'success',
    'service_unavailable',
    'ignored',
    'quota_exceeded',
  ])
})

test('its dispatcher comes through, and its mocks answer', async () => {
  const agent = new undici.MockAgent()
  agent.disableNetConnect()
  onTestFinished(() => agent.close())
  agent.get('http://mock.test').intercept({ path: '/v1', method: 'POST' }).reply(200, { mocked: true })
  const board = fetchBoard()
  const init = { method: 'POST', body: '{}', dispatcher: agent } as unknown as RequestInit
  const response = await board.fetch({ fetch: underneath })('http://mock.test/v1', init)
  expect(await response.json()).toEqual({ mocked: true })
  expect(board.breaker.successes).toBe(1)
})

test('the OpenAI client over it', async () => {
  const wire = await openaiWire()
  const board = fetchBoard({ kind: 'openai' })
  const openai = new OpenAI({ apiKey: 'sk-test', baseURL: wire.baseURL, fetch: board.fetch({ fetch: underneath }) })
  const stream = await openai.chat.completions.create({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Well?' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  let pieces = 0
  for await (const _chunk of stream) pieces++
  expect(pieces).toBeGreaterThan(3)
  expect(board.outcomes).toMatchObject([{ result: 'success', operation: 'chat', usage: { input: 2 } }])
})
