// What reaches the upstream: the caller's request as it is, or, where the service is degraded or has moved, the one that goes out
// in its place. The caller's own objects stay as they were.
import { describe, expect, test } from 'vitest'
import type { CallRequest, Ladder, ServiceProfile } from '../../src/services/serviceProfile.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, type FetchBoardOptions, fetchBoard } from './fetchBoard.ts'
import { json, type Received, type TestUpstream, upstream } from './upstream.ts'

const expected = { performanceImpact: 0, costSaved: 0 }

/** Each level asks for fewer answers; level 2 asks elsewhere, level 3 has nothing to lessen. */
const ladder: Ladder = [
  { level: 1, overrides: { n: 5 }, expected, rewrite: ({ body }, { n }) => ({ body: { ...(body as object), n } }) },
  {
    level: 2,
    overrides: { n: 1, path: '/small' },
    expected,
    rewrite: ({ body }, { n, path }) => ({ path: String(path), body: { ...(body as object), n } }),
  },
  { level: 3, overrides: {}, expected, rewrite: () => undefined },
]

const seen: CallRequest[] = []
const profile: Partial<ServiceProfile> = {
  ladder,
  readRequest(path, body) {
    const request = { path, body, operation: 'search' }
    seen.push(request)
    return request
  },
}

function degrade({ breaker }: FetchBoard, level: 1 | 2 | 3): void {
  const at = Math.floor(breaker.clock.now())
  breaker.signal(at, { kind: 'health', level, reason: 'test' })
}

async function setUp(options: FetchBoardOptions = {}): Promise<FetchBoard & { upstream: TestUpstream; url: string }> {
  seen.length = 0
  const server = await upstream((response) => json(response, 200, {}))
  const board = fetchBoard({ profile, ...options })
  return Object.assign(Object.create(board) as FetchBoard, { upstream: server, url: server.url })
}

const bodyOf = (received: Received | undefined): unknown => JSON.parse(received?.body ?? '')

describe('an undegraded request', () => {
  test.each<[string, RequestInit, unknown]>([
    ['JSON in a string', { body: '{"n":10}' }, { n: 10 }],
    ['JSON in bytes', { body: new TextEncoder().encode('{"n":10}') }, { n: 10 }],
    ['broken JSON', { body: '{"n":' }, undefined],
    ['a form', { body: new URLSearchParams({ n: '10' }) }, undefined],
    ['no body', {}, undefined],
  ])('is read by its kind and sent as it is: %s', async (_, init, body) => {
    const board = await setUp()
    const { fetch, url, upstream: server } = board
    await (await fetch()(`${url}/search?q=1`, { method: 'POST', ...init })).json()
    expect(seen).toEqual([{ path: '/search', body, operation: 'search' }])
    const sent = init.body instanceof Uint8Array ? Buffer.from(init.body).toString() : String(init.body ?? '')
    expect(server.received).toMatchObject([{ method: 'POST', url: '/search?q=1', body: sent }])
    expect(board.outcomes).toHaveLength(1)
  })

  test('of a Request with a JSON body is read from a copy', async () => {
    const { fetch, url, upstream: server } = await setUp()
    for (const type of ['application/json', 'application/vnd.api+json; charset=utf-8', 'text/plain']) {
      const request = new Request(`${url}/a`, { method: 'POST', body: '{"n":10}', headers: { 'content-type': type } })
      await (await fetch()(request)).json()
    }
    expect(seen.map(({ body }) => body)).toEqual([{ n: 10 }, { n: 10 }, undefined])
    expect(server.received.map(({ body }) => body)).toEqual(['{"n":10}', '{"n":10}', '{"n":10}'])
  })

  test('longer than 8 MB is sent unread', async () => {
    const { fetch, url, upstream: server } = await setUp()
    const body = JSON.stringify({ text: 'x'.repeat(8_388_608) })
    await (await fetch()(url, { method: 'POST', body })).json()
    const headers = { 'content-type': 'application/json' }
    await (await fetch()(new Request(url, { method: 'POST', body, headers }))).json()
    expect(seen.map((request) => request.body)).toEqual([undefined, undefined])
    expect(server.received.map((received) => received.body.length)).toEqual([body.length, body.length])
  })

  test('whose body never comes can be aborted while it is read', async () => {
    const { fetch, url, upstream: server } = await setUp()
    const controller = new AbortController()
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      body: new ReadableStream(),
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    }
    const call = fetch()(new Request(url, init), { signal: controller.signal })
    controller.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
    expect(server.received).toEqual([])
  })

  test('is sent though its profile cannot read it', async () => {
    const failing = {
      readRequest: () => {
        throw new Error('bug')
      },
    }
    const { fetch, url, upstream: server } = await setUp({ profile: failing })
    await (await fetch()(url, { method: 'POST', body: '{}' })).json()
    expect(server.received).toHaveLength(1)
  })
})

describe('a degraded service', () => {
  const post = { method: 'POST', body: '{"n":10,"q":"ü"}', headers: { 'content-type': 'application/json', 'x-own': '1' } }

  test('is asked for what each level asks for, and for everything again when it is well', async () => {
    const clock = new VirtualClock()
    const board = await setUp({ clock })
    const { fetch, url, upstream: server } = board
    for (const level of [1, 2, 3] as const) {
      degrade(board, level)
      await (await fetch()(`${url}/search?q=1`, post)).json()
    }
    expect(board.outcomes.map(({ level }) => level)).toEqual([1, 2, 3])
    while (board.breaker.path !== 'closed.watching') await clock.advanceAsync(30_000)
    await (await fetch()(`${url}/search?q=1`, post)).json()
    expect(server.received.map((received) => [received.url, received.body])).toEqual([
      ['/search?q=1', '{"n":5,"q":"ü"}'],
      ['/small?q=1', '{"n":1,"q":"ü"}'],
      ['/search?q=1', post.body],
      ['/search?q=1', post.body],
    ])
    expect(server.received.every(({ headers }) => headers['x-own'] === '1')).toBe(true)
  })

  test('follows what the user laid over the ladder', async () => {
    const board = await setUp({ policy: { levels: [{ overrides: { n: 7 } }, {}, {}] } })
    degrade(board, 1)
    await (await board.fetch()(board.url, post)).json()
    expect(bodyOf(board.upstream.received[0])).toMatchObject({ n: 7 })
  })

  test.each<[string, (url: string, length: string) => [string | URL | Request, RequestInit?]]>([
    ['headers of a plain object', (url, length) => [url, { ...post, headers: { 'Content-Length': length, a: 'b' } }]],
    [
      'a list of headers',
      (url, length) => [
        new URL(url),
        {
          ...post,
          headers: [
            ['content-length', length],
            ['a', 'b'],
          ],
        },
      ],
    ],
    ['Headers', (url, length) => [url, { ...post, headers: new Headers({ 'content-length': length, a: 'b' }) }]],
    ['bytes', (url) => [url, { ...post, headers: { a: 'b' }, body: new TextEncoder().encode(post.body) }]],
    ['a Request', (url) => [new Request(url, { ...post, headers: { 'content-type': 'application/json', a: 'b' } })]],
    [
      'a Request with its length',
      (url, length) => [
        new Request(url, { ...post, headers: { 'content-type': 'application/json', 'content-length': length, a: 'b' } }),
      ],
    ],
    [
      'a Request whose body is given beside it',
      (url) => [new Request(url, { headers: { a: 'b' } }), { method: 'POST', body: post.body }],
    ],
  ])('gets the right length, and the caller keeps what was handed in: %s', async (_, make) => {
    for (const level of [1, 2] as const) {
      const board = await setUp()
      degrade(board, level)
      const [input, init] = make(`${board.url}/search`, String(Buffer.byteLength(post.body)))
      const copy = init && { ...init }
      const headersBefore = init?.headers instanceof Headers ? [...init.headers] : structuredClone(init?.headers)
      await (await board.fetch()(input, init)).json()
      const [received] = board.upstream.received
      expect(bodyOf(received)).toEqual({ n: level === 1 ? 5 : 1, q: 'ü' })
      expect(received?.headers['content-length']).toBe(String(Buffer.byteLength(received?.body ?? '')))
      expect([received?.method, received?.url, received?.headers.a]).toEqual(['POST', level === 1 ? '/search' : '/small', 'b'])
      expect(init).toEqual(copy)
      expect(init?.headers instanceof Headers ? [...init.headers] : init?.headers).toEqual(headersBefore)
    }
  })

  test('gets the whole request where the ladder throws', async () => {
    const broken = ladder.map((step) => ({
      ...step,
      rewrite: () => {
        throw new Error('bug')
      },
    })) as unknown as Ladder
    const board = await setUp({ profile: { ...profile, ladder: broken } })
    degrade(board, 1)
    await (await board.fetch()(board.url, post)).json()
    expect(board.upstream.received[0]?.body).toBe(post.body)
  })

  test('gets what cannot be lessened as it is', async () => {
    const board = await setUp()
    degrade(board, 2)
    const form = new FormData()
    form.set('a', 'b')
    await (
      await board.fetch({ fetch: (input, init) => fetch(input, init) })(`${board.url}/x`, { method: 'POST', body: form })
    ).json()
    expect(board.upstream.received[0]?.url).toBe('/small')
  })
})

describe('a backend that is somewhere else', () => {
  test.each([
    ['', '/v1/chat?a=1', '/v1/chat?a=1'],
    ['/', '/v1/chat', '/v1/chat'],
    ['/east', '/v1/chat', '/east/v1/chat'],
    ['/east/', '/v1/chat?a=%20', '/east/v1/chat?a=%20'],
  ])('base %j, request for %s: %s', async (base, path, there) => {
    const server = await upstream((response) => json(response, 200, {}))
    const { fetch } = fetchBoard({ baseUrl: `${server.url}${base}` })
    const headers = { 'content-type': 'application/json' }
    await (await fetch()(`http://elsewhere.test${path}`, { method: 'POST', body: 'a' })).json()
    await (await fetch()(new URL(`http://elsewhere.test${path}`))).json()
    await (await fetch()(new Request(`http://elsewhere.test${path}`, { method: 'PUT', body: 'b', headers }))).json()
    expect(server.received).toMatchObject([
      { method: 'POST', url: there, body: 'a' },
      { method: 'GET', url: there, body: '' },
      { method: 'PUT', url: there, body: 'b', headers },
    ])
  })

  test('leaves what is no address to the fetch underneath', async () => {
    const board = fetchBoard({ baseUrl: 'http://127.0.0.1:1' })
    await expect(board.fetch()('no address')).rejects.toThrow(TypeError)
    expect(board.outcomes).toMatchObject([{ result: 'ignored' }])
  })
})
