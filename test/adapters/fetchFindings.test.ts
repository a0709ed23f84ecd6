// What a review of the guarded fetch has found: whose fault a timeout is, who may still end a body, and who is waited for how long.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import OpenAI from 'openai'
import { describe, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, fetchBoard } from './fetchBoard.ts'
import { openBody } from './openBody.ts'
import { upstream } from './upstream.ts'

const results = ({ outcomes }: FetchBoard): unknown[] => outcomes.map(({ result, failure }) => failure ?? result)
const POST = { method: 'POST', body: '{"n":1}' }

describe('a caller whose own time runs out', () => {
  test('before the headers says that the service is silent, and the breaker opens', async () => {
    const { url } = await upstream(() => undefined)
    const board = fetchBoard()
    const fallback = vi.fn()
    while (board.breaker.path === 'closed.watching') {
      const call = board.fetch({ fallback })(url, { signal: AbortSignal.timeout(5) })
      await expect(call).rejects.toMatchObject({ name: 'TimeoutError' })
    }
    expect(new Set(results(board))).toEqual(new Set(['timeout']))
    expect(board.breaker.path).toBe('open.cooling')
    expect(fallback).not.toHaveBeenCalled()
  })

  test('is heard of through the official OpenAI client, which names no reason', async () => {
    const { url } = await upstream(() => undefined)
    const clock = new VirtualClock()
    const trip = { slowCallRate: { slowerThanMs: 10 } }
    const board = fetchBoard({ kind: 'openai', policy: { trip }, clock })
    const slow: typeof fetch = (input, init) => {
      clock.advance(10)
      return fetch(input, init)
    }
    const guarded = board.fetch({ fetch: slow })
    const client = new OpenAI({ apiKey: 'none', baseURL: url, timeout: 40, maxRetries: 0, fetch: guarded })
    for (let i = 0; i < 3; i++) await client.models.list().catch((error) => expect(error.name).toBeDefined())
    expect(results(board)).toEqual(Array(3).fill('timeout'))
    expect(board.breaker.path).toBe('open.cooling')
  })

  test.each([
    ['at least the time that is slow', { slowCallRate: { slowerThanMs: 1_000 } }, 1_000, 'timeout'],
    ['less than the time that is slow', { slowCallRate: { slowerThanMs: 1_000 } }, 999, 'ignored'],
    ['30 s where nothing is slow', { slowCallRate: false as const }, 30_000, 'timeout'],
    ['less than 30 s where nothing is slow', { slowCallRate: false as const }, 29_999, 'ignored'],
  ])('without a reason has waited %s', async (_, trip, ms, expected) => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy: { trip } })
    const controller = new AbortController()
    const { signal } = controller
    const silent: typeof fetch = (_input, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(signal.reason)))
    const call = board.fetch({ fetch: silent })('http://a.test', { signal })
    clock.advance(ms)
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(results(board)).toEqual([expected])
  })

  test.each([
    ['a timeout', new DOMException('', 'TimeoutError'), 'timeout'],
    ['no reason', undefined, 'ignored'],
  ])('in mid-body, by a signal with %s', async (_, reason, expected) => {
    for (const reads of [true, false]) {
      const { url } = await upstream((response) => response.write('beginning'))
      const clock = new VirtualClock()
      const board = fetchBoard({ clock })
      const controller = new AbortController()
      const response = await board.fetch()(url, { signal: controller.signal })
      const text = reads ? response.text() : undefined
      clock.advance(20_000)
      controller.abort(reason)
      if (text === undefined) clock.advance(600_000)
      else await expect(text).rejects.toThrow()
      expect(results(board)).toEqual([expected])
    }
  })
})

describe('a body that nobody has begun to read', () => {
  test('is waited for as long as any, but for a probe’s', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, settings: { idleTimeout: 60_000 } })
    const guarded = board.fetch({ fetch: async () => new Response('text') })
    await guarded('http://a.test')
    clock.advance(59_999)
    expect(results(board)).toEqual([])
    clock.advance(1)
    expect(results(board)).toEqual(['success'])
    const failing = board.fetch({ fetch: () => Promise.reject(new Error('?')) })
    for (let i = 0; i < 5; i++) await failing('http://a.test').catch(() => undefined)
    while (board.breaker.path !== 'halfOpen') clock.advance(10_000)
    const before = board.outcomes.length
    await guarded('http://a.test')
    clock.advance(5_000)
    expect(board.outcomes.length).toBe(before + 1)
  })

  test('and was counted can still be aborted', async () => {
    const { url, hungUp } = await upstream((response) => response.write('beginning'))
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy: { timeout: 60_000 }, settings: { idleTimeout: 1_000 } })
    const controller = new AbortController()
    const response = await board.fetch()(url, { signal: controller.signal })
    clock.advance(1_000)
    expect(results(board)).toEqual(['success'])
    const reader = response.body?.getReader()
    await reader?.read()
    const rest = reader?.read()
    controller.abort(new Error('enough'))
    await expect(rest).rejects.toThrow('enough')
    await hungUp
    expect(results(board)).toEqual(['success'])
  })

  test('and is collected leaves no listener on the caller’s signal', async () => {
    setFlagsFromString('--expose_gc')
    const collect = runInNewContext('gc') as () => void
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy: { timeout: 60_000 }, settings: { idleTimeout: 1_000 } })
    const { signal } = new AbortController()
    const listeners = new Set<unknown>()
    signal.addEventListener = (_type: string, listener: unknown) => void listeners.add(listener)
    signal.removeEventListener = (_type: string, listener: unknown) => void listeners.delete(listener)
    const guarded = board.fetch({ fetch: async () => new Response('text') })
    await guarded('http://a.test', { signal })
    clock.advance(1_000)
    expect(listeners.size).toBe(1)
    const read = await guarded('http://a.test', { signal })
    clock.advance(1_000)
    await read.text()
    expect(listeners.size).toBe(1)
    // One that stays is there when the test's time is over.
    while (listeners.size > 0) {
      collect()
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
})

describe('an error whose body stalls', () => {
  test.each([
    ['2 s', { timeout: 60_000 }, 2_000],
    ['2 s without a timeout', {}, 2_000],
    ['what is left of the timeout', { timeout: 500 }, 500],
  ])('is held back for %s', async (_, policy, ms) => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, policy, settings: { idleTimeout: 30_000 } })
    const { body } = openBody()
    const came = vi.fn()
    void board
      .fetch({ fetch: async () => new Response(body, { status: 500 }) })('http://a.test')
      .then(came)
    await clock.advanceAsync(ms - 1)
    expect(came).not.toHaveBeenCalled()
    await clock.advanceAsync(1)
    await clock.advanceAsync(0)
    expect(came).toHaveBeenCalledOnce()
    expect(results(board)).toEqual(['http_error'])
  })
})

describe('a body that is copied', () => {
  test.each<[string, (response: Response) => ReadableStream | null | undefined]>([
    ['clone()', (response) => response.clone().body],
    ['tee()', (response) => response.body?.tee()[0]],
  ])('can still be read into buffers of its reader: %s', async (_, copy) => {
    const { url } = await upstream((response) => response.end('text'))
    const board = fetchBoard()
    const reader = copy(await board.fetch()(url))?.getReader({ mode: 'byob' })
    const first = await reader?.read(new Uint8Array(10))
    expect(Buffer.from(first?.value ?? []).toString()).toBe('text')
    expect((await reader?.read(new Uint8Array(10)))?.done).toBe(true)
    expect(results(board)).toEqual(['success'])
  })
})

describe('a fallback that throws', () => {
  test.each([
    ['an error', () => new Error('none'), true],
    ['the answer itself', (answer: unknown) => answer, false],
  ])('%s lets go of the failed answer, if nobody has it', async (_, thrown, letGo) => {
    const { body, cancelled } = openBody()
    const board = fetchBoard()
    const html = { status: 500, headers: { 'content-type': 'text/html' } }
    const guarded = board.fetch({
      fetch: async () => new Response(body, html),
      fallback: (error) => {
        throw thrown(error)
      },
    })
    await expect(guarded('http://a.test')).rejects.toBeDefined()
    expect(cancelled.mock.calls.length > 0).toBe(letGo)
  })
})

describe('a TypeError of a fetch that had read the body', () => {
  const reading: typeof fetch = async (input, init) => {
    await new Response(input instanceof Request ? input.body : (init?.body as ReadableStream)).text()
    throw new TypeError('lost')
  }

  test.each<[string, () => [string | Request, RequestInit?]]>([
    ['a Request', () => [new Request('http://a.test', POST)]],
    ['a stream', () => ['http://a.test', { method: 'POST', body: new Response('x').body, duplex: 'half' } as RequestInit]],
  ])('is not the caller’s fault: %s', async (_, make) => {
    const board = fetchBoard()
    await expect(board.fetch({ fetch: reading })(...make())).rejects.toThrow('lost')
    expect(results(board)).toEqual(['unknown_error'])
  })
})

describe('the headers of a request that goes out changed', () => {
  const pair: [string, string] = ['Content-Length', '7']
  test.each<[string, () => unknown]>([
    ['a Map', () => new Map([pair, ['x-a', '1']])],
    ['an iterator', () => [pair, ['x-a', '1']].values()],
    ['a generator of iterators', () => [pair.values(), ['x-a', '1'].values()].values()],
    ['Headers', () => new Headers([pair, ['x-a', '1']])],
    ['a list', () => [pair, ['x-a', '1']]],
    ['an object', () => Object.fromEntries([pair, ['x-a', '1']])],
  ])('keep all but the length: %s', async (_, make) => {
    const board = fetchBoard({
      profile: {
        readRequest: (path, body) => ({ path, body, operation: 'search' }),
        ladder: [
          { level: 1, overrides: {}, expected: { performanceImpact: 0, costSaved: 0 }, rewrite: () => ({ body: { n: 100 } }) },
          { level: 2, overrides: {}, expected: { performanceImpact: 0, costSaved: 0 } },
          { level: 3, overrides: {}, expected: { performanceImpact: 0, costSaved: 0 } },
        ],
      },
    })
    board.breaker.signal(Math.floor(board.breaker.clock.now()), { kind: 'health', level: 1, reason: 'test' })
    const sent: [string, string][] = []
    const underneath: typeof fetch = async (_input, init) => {
      sent.push(...new Headers(init?.headers))
      return Response.json({})
    }
    await (await board.fetch({ fetch: underneath })('http://a.test', { ...POST, headers: make() as [string, string][] })).json()
    expect(sent).toEqual([['x-a', '1']])
  })
})
