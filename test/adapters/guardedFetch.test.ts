// A guarded fetch up to the headers of its answer: leave to call, refusals, timeouts, aborts, and what a failure says.
import { describe, expect, test, vi } from 'vitest'
import { execute } from '../../src/actors/execute.ts'
import { guardedFetch } from '../../src/adapters/fetch/guardedFetch.ts'
import { BreakerOpenError, type CallRejectedError, CallTimeoutError, ClosedError } from '../../src/model/errors.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, fetchBoard } from './fetchBoard.ts'
import { json, upstream } from './upstream.ts'

const by = { by: 'ann', why: 'because' }

function trip({ breaker }: FetchBoard): void {
  breaker.command(Math.floor(breaker.clock.now()), { name: 'trip', ...by })
}

function results({ outcomes }: FetchBoard): string[] {
  return outcomes.map(({ result, failure }) => failure ?? result)
}

describe('a guarded fetch', () => {
  test('takes a string, a URL and a Request, and hands out the Response that came', async () => {
    const { url, received } = await upstream((response, { method, body }) => json(response, 200, { method, body }))
    const board = fetchBoard()
    const guarded = board.fetch()
    const post = { method: 'POST', body: 'hello' }
    for (const call of [
      guarded(`${url}/a`, post),
      guarded(new URL(`${url}/a`), post),
      guarded(new Request(`${url}/a`, post)),
      guarded(new Request(`${url}/a`), post),
    ]) {
      const response = await call
      expect(response).toBeInstanceOf(Response)
      expect(response.constructor).toBe(Response)
      expect([response.status, response.ok, response.url, response.redirected]).toEqual([200, true, `${url}/a`, false])
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(response.bodyUsed).toBe(false)
      expect(await response.json()).toEqual({ method: 'POST', body: 'hello' })
      expect(response.bodyUsed).toBe(true)
    }
    expect(received).toHaveLength(4)
    expect(results(board)).toEqual(['success', 'success', 'success', 'success'])
  })

  test('uses the global fetch of the moment, or the one it is given', async () => {
    const board = fetchBoard()
    const given = board.fetch({ fetch: async () => new Response('given') })
    expect(await (await given('http://nowhere.test')).text()).toBe('given')
    const before = globalThis.fetch
    const global = board.fetch()
    globalThis.fetch = async () => new Response('global')
    try {
      expect(await (await global('http://nowhere.test')).text()).toBe('global')
    } finally {
      globalThis.fetch = before
    }
  })

  test('holds the place of a call until its answer has ended', async () => {
    const board = fetchBoard()
    const response = await board.fetch({ fetch: async () => new Response('body') })('http://a.test')
    expect(board.breaker.inFlight).toBe(1)
    await response.text()
    expect(board.breaker.inFlight).toBe(0)
  })

  test('paces by the headers of an answer as soon as they are there', async () => {
    const board = fetchBoard({ clock: new VirtualClock() })
    const headers = { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '10' }
    const response = await board.fetch({ fetch: async () => new Response('body', { headers }) })('http://a.test')
    expect(board.breaker.path).toBe('rateLimited.paced')
    await response.text()
    expect(results(board)).toEqual(['success'])
  })

  test.each([
    ['a 204', new Response(null, { status: 204 })],
    ['a 304', new Response(null, { status: 304 })],
    ['a 200 without a body', new Response(null)],
    ['a mock that is no Response', { ok: true, status: 200, json: async () => ({}) } as Response],
    ['a mock with a body of its own', { status: 200, body: new ReadableStream(), headers: new Headers() } as Response],
    ['a mock that is nothing', undefined as unknown as Response],
  ])('%s has ended with its headers', async (_, answer) => {
    const board = fetchBoard()
    expect(await board.fetch({ fetch: async () => answer })('http://a.test')).toBe(answer)
    expect(results(board)).toEqual(['success'])
    expect(board.breaker.inFlight).toBe(0)
  })

  test('the answer to a HEAD has ended with its headers', async () => {
    const { url } = await upstream((response) => json(response, 200, { some: 'thing' }))
    const board = fetchBoard()
    await board.fetch()(url, { method: 'HEAD' })
    expect(results(board)).toEqual(['success'])
  })

  test('a frozen answer is handed out as it is', async () => {
    const board = fetchBoard()
    const answer = Object.freeze(new Response('body'))
    expect(await (await board.fetch({ fetch: async () => answer })('http://a.test')).text()).toBe('body')
    expect(results(board)).toEqual(['success'])
  })

  test('rejects once the board is closed', async () => {
    const board = fetchBoard()
    board.breaker.dispose()
    await expect(board.fetch()('http://a.test')).rejects.toBeInstanceOf(ClosedError)
  })
})

describe('a refused call', () => {
  test('comes back as an answer that clients do not retry', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({
      clock,
      policy: { trip: { consecutiveFailures: 1 }, degrade: false, recoveryTimeout: 2_500, recoveryJitter: { from: 1, to: 1 } },
    })
    let calls = 0
    const guarded = board.fetch({
      fetch: async () => {
        calls++
        return new Response('', { status: 500 })
      },
    })
    await guarded('http://a.test')
    clock.advance(200)
    const response = await guarded('http://a.test')
    expect(calls).toBe(1)
    expect(response.status).toBe(503)
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'application/json',
      'x-should-retry': 'false',
      'x-switchgear-state': 'open',
      'retry-after': '3',
      'retry-after-ms': '2300',
    })
    expect(await response.json()).toEqual({
      error: {
        message: 'search is open (consecutive_failures)',
        type: 'switchgear_rejected',
        code: 'ERR_SWITCHGEAR_OPEN',
        param: null,
        service: 'search',
        state: 'open',
        retry_after_ms: 2300,
      },
    })
    expect(results(board)).toEqual(['http_error', 'rejected'])
  })

  test('says nothing of a wait that nobody knows', async () => {
    const board = fetchBoard()
    trip(board)
    const response = await board.fetch()('http://a.test')
    expect([response.headers.get('retry-after'), response.headers.get('retry-after-ms')]).toEqual([null, null])
    expect(((await response.json()) as { error: object }).error).toMatchObject({ retry_after_ms: null })
  })

  test('is thrown on demand', async () => {
    const board = fetchBoard()
    trip(board)
    await expect(board.fetch({ onRejected: 'throw' })('http://a.test')).rejects.toBeInstanceOf(BreakerOpenError)
  })

  test('of a route with no backend left comes back in the same way', async () => {
    const board = fetchBoard()
    trip(board)
    const rejection = board.breaker.peek(0) as CallRejectedError
    const guarded = guardedFetch({ name: 'route', origin: board.breaker, choose: () => rejection })
    expect((await guarded('http://a.test')).headers.get('x-switchgear-state')).toBe('open')
  })

  test('is ignored by another breaker around it, whichever way it sees it', async () => {
    const inner = fetchBoard()
    trip(inner)
    const outer = fetchBoard()
    const guarded = inner.fetch()
    await outer.fetch({ fetch: guarded })('http://a.test')
    expect(results(outer)).toEqual(['ignored'])
    await execute(outer.breaker, () => guarded('http://a.test'))
    await execute(outer.breaker, () => inner.fetch({ onRejected: 'throw' })('http://a.test')).catch(() => undefined)
    expect(results(outer)).toEqual(['ignored', 'ignored', 'ignored'])
  })

  test('passes in maintenance as a health probe, and under a budget as an emergency', async () => {
    const board = fetchBoard()
    const at = Math.floor(board.breaker.clock.now())
    board.breaker.command(at, { name: 'beginMaintenance', until: at + 60_000, ...by })
    const answer = async (): Promise<Response> => new Response(null)
    expect((await board.fetch({ fetch: answer })('http://a.test')).status).toBe(503)
    expect((await board.fetch({ fetch: answer, healthProbe: true })('http://a.test')).status).toBe(200)
    expect((await board.fetch({ fetch: answer, emergencyOverride: by })('http://a.test')).status).toBe(503)
    const admissions = board.heard.filter((event) => event.type === 'admission')
    expect(admissions.map(({ exemption }) => exemption)).toEqual(['health_probe'])
  })
})

describe('an error of the fetch underneath', () => {
  const failing =
    (error: unknown): typeof fetch =>
    () =>
      Promise.reject(error)

  test.each<[string, unknown, string]>([
    [
      'a refused connection',
      new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }),
      'service_unavailable',
    ],
    ['a timeout of its own', Object.assign(new Error('late'), { code: 'UND_ERR_HEADERS_TIMEOUT' }), 'timeout'],
    ['an unknown one', new Error('it broke'), 'unknown_error'],
    ['no error at all', undefined, 'unknown_error'],
  ])('is classified and comes out as it was: %s', async (_, error, expected) => {
    const board = fetchBoard()
    await expect(board.fetch({ fetch: failing(error) })('http://a.test')).rejects.toBe(error)
    expect(results(board)).toEqual([expected])
    expect(board.breaker.inFlight).toBe(0)
  })

  test('is a failure when thrown at once, too', async () => {
    const board = fetchBoard()
    const throws = (() => {
      throw new Error('at once')
    }) as typeof fetch
    await expect(board.fetch({ fetch: throws })('http://a.test')).rejects.toThrow('at once')
    expect(results(board)).toEqual(['unknown_error'])
  })

  test('of a real connection that nobody answers', async () => {
    const board = fetchBoard()
    await expect(board.fetch()('http://127.0.0.1:1/')).rejects.toThrow('fetch failed')
    expect(results(board)).toEqual(['service_unavailable'])
  })

  test.each<[string, () => [string | Request, RequestInit?]]>([
    ['a GET with a body', () => ['http://127.0.0.1:1/', { body: 'x' }]],
    ['a header that cannot be one', () => ['http://127.0.0.1:1/', { headers: { 'a b': 'c' } }]],
    ['an address that is none', () => ['no address']],
    ['a method that is none', () => [new Request('http://127.0.0.1:1/'), { method: 'a b' }]],
  ])('is the caller’s own fault where no request could be made: %s', async (_, make) => {
    const board = fetchBoard()
    await expect(board.fetch()(...make())).rejects.toThrow(TypeError)
    expect(results(board)).toEqual(['ignored'])
  })

  test('is the caller’s own fault for a Request that was used before', async () => {
    const board = fetchBoard()
    const used = new Request('http://127.0.0.1:1/', { method: 'POST', body: 'x' })
    await used.text()
    await expect(board.fetch()(used)).rejects.toThrow(TypeError)
    expect(results(board)).toEqual(['ignored'])
  })
})

describe('a timeout', () => {
  const policy = { timeout: 1_000 }

  test('bounds the time to the headers and ends the request', async () => {
    const { url, hungUp } = await upstream(() => undefined)
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy })
    const call = board.fetch()(url)
    const rejected = expect(call).rejects.toBeInstanceOf(CallTimeoutError)
    await clock.advanceAsync(999)
    expect(board.breaker.inFlight).toBe(1)
    await clock.advanceAsync(1)
    await rejected
    await call.catch((error) => expect(error.timeoutMs).toBe(1_000))
    expect(results(board)).toEqual(['timeout'])
    await hungUp
  })

  test('does not bound the body', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy, settings: { idleTimeout: 60_000 } })
    const body = new ReadableStream({ start: (controller) => void setImmediate(() => end(controller)) })
    const end = (controller: ReadableStreamDefaultController): void => {
      clock.advance(30_000)
      controller.enqueue(new TextEncoder().encode('late'))
      controller.close()
    }
    const response = await board.fetch({ fetch: async () => new Response(body) })('http://a.test')
    expect(await response.text()).toBe('late')
    expect(results(board)).toEqual(['success'])
  })

  test('is kept though the fetch underneath knows of no signal, and throws away what comes too late', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy })
    let answer!: (response: Response) => void
    const call = board.fetch({ fetch: () => new Promise((resolve) => (answer = resolve)) })('http://a.test')
    const rejected = expect(call).rejects.toBeInstanceOf(CallTimeoutError)
    await clock.advanceAsync(1_000)
    await rejected
    const cancel = vi.fn()
    answer(new Response(new ReadableStream({ cancel })))
    await clock.advanceAsync(0)
    expect(cancel).toHaveBeenCalledOnce()
    expect(results(board)).toEqual(['timeout'])
  })

  test('leaves no timer and no listener behind', async () => {
    const { url } = await upstream((response, { url: path }) => json(response, path === '/e' ? 500 : 200, { a: 1 }))
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy })
    const guarded = board.fetch()
    const before = clock.pending
    const { signal } = new AbortController()
    const listeners = new Set<unknown>()
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners.add(args[1])
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners.delete(args[1])
      remove(...args)
    }
    await (await guarded(url, { signal })).json()
    await (await guarded(`${url}/e`, { signal })).json()
    await guarded('http://127.0.0.1:1/', { signal }).catch(() => undefined)
    await guarded(url, { signal, method: 'HEAD' })
    expect(results(board)).toEqual(['success', 'http_error', 'service_unavailable', 'success'])
    expect(clock.pending).toBe(before)
    expect(listeners.size).toBe(0)
  })
})

describe.each([
  ['without a timeout', {}],
  ['with a timeout', { timeout: 60_000 }],
])('an abort by the caller, %s', (_, policy) => {
  test('before the call: nobody is asked', async () => {
    const board = fetchBoard({ policy })
    const reason = new Error('gone already')
    const call = board.fetch({ fetch: () => Promise.reject(new Error('asked')) })
    await expect(call('http://a.test', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(results(board)).toEqual([])
  })

  test.each<[string, (url: string, signal: AbortSignal) => [string | Request, RequestInit?]]>([
    ['of init', (url, signal) => [url, { signal }]],
    ['of the Request', (url, signal) => [new Request(url, { signal })]],
  ])('before the headers, by the signal %s: its reason comes out, and the call counts neither way', async (__, make) => {
    const reason = new Error('the user left')
    const controller = new AbortController()
    const { url, hungUp } = await upstream(() => controller.abort(reason))
    const board = fetchBoard({ policy })
    await expect(board.fetch()(...make(url, controller.signal))).rejects.toBe(reason)
    expect(results(board)).toEqual(['ignored'])
    await hungUp
  })

  test('in the middle of the body', async () => {
    const { url, hungUp } = await upstream((response) => response.write('beginning'))
    const board = fetchBoard({ policy })
    const controller = new AbortController()
    const response = await board.fetch()(url, { signal: controller.signal })
    const text = response.text()
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort(new Error('the user left'))
    await expect(text).rejects.toThrow('the user left')
    expect(results(board)).toEqual(['ignored'])
    await hungUp
  })

  test('while nobody reads', async () => {
    const { url } = await upstream((response) => response.write('beginning'))
    const board = fetchBoard({ policy })
    const controller = new AbortController()
    const response = await board.fetch()(url, { signal: controller.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    controller.abort()
    await board.idle()
    expect(results(board)).toEqual(['ignored'])
    await expect(reader?.read()).rejects.toThrow()
  })

  test('of an error’s body', async () => {
    const controller = new AbortController()
    const { url } = await upstream((response) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.write('{"error":', () => controller.abort())
    })
    const board = fetchBoard({ policy })
    const call = board.fetch()(url, { signal: controller.signal })
    await call.then((response) => response.text()).catch(() => undefined)
    expect(results(board)).toEqual(['ignored'])
  })
})

describe('a fallback', () => {
  const fallback = async (error: unknown, request: { url: string; method: string }): Promise<Response> =>
    new Response(`${error instanceof Response ? error.status : (error as Error).name} ${request.method} ${request.url}`)

  test('answers in place of a refused, a failed and a broken call', async () => {
    const board = fetchBoard()
    const text = async (underneath: typeof fetch): Promise<string> => {
      const answer = await board.fetch({ fetch: underneath, fallback })('http://a.test/x', { method: 'PUT' })
      return answer.text()
    }
    const cancel = vi.fn()
    const body = new ReadableStream({ cancel })
    expect(await text(async () => new Response(body, { status: 500, headers: { 'content-type': 'text/html' } }))).toBe(
      '500 PUT http://a.test/x',
    )
    expect(cancel).toHaveBeenCalledOnce()
    expect(await text(() => Promise.reject(new RangeError()))).toBe('RangeError PUT http://a.test/x')
    trip(board)
    expect(await text(fetch)).toBe('BreakerOpenError PUT http://a.test/x')
  })

  test('may hand out the failed answer after all', async () => {
    const board = fetchBoard()
    const failed = new Response('sorry', { status: 500 })
    const guarded = board.fetch({ fetch: async () => failed, fallback: (error) => error as Response })
    expect(await (await guarded('http://a.test')).text()).toBe('sorry')
  })

  test('answers for a call that took too long', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy: { timeout: 10 } })
    const call = board.fetch({ fetch: () => new Promise(() => undefined), fallback })('http://a.test/')
    await clock.advanceAsync(10)
    expect(await (await call).text()).toBe('CallTimeoutError GET http://a.test/')
  })

  test('is not asked for the caller’s own fault, nor when the caller gave up', async () => {
    const board = fetchBoard()
    const guarded = board.fetch({ fetch: async () => new Response('none', { status: 404 }), fallback })
    expect((await guarded('http://a.test')).status).toBe(404)
    const controller = new AbortController()
    const hangs: typeof fetch = (_input, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
    const call = board.fetch({ fetch: hangs, fallback })('http://a.test', { signal: controller.signal })
    controller.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
  })
})
