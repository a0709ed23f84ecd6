// The bodies of answers reach their reader as they are, whichever way they are read, and the call ends as they do.
import { Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { CallTimeoutError } from '../../src/model/errors.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, type FetchBoardOptions, fetchBoard } from './fetchBoard.ts'
import { bodyOf, openBody } from './openBody.ts'
import { upstream } from './upstream.ts'

const CHUNKS = ['{"some"', ':["thi', 'ng", "ü"]}']
const WHOLE = CHUNKS.join('')

type Way = (response: Response) => Promise<unknown>

async function chunksOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function readAll(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const chunks: Uint8Array[] = []
  for (;;) {
    const result = await reader?.read()
    if (result?.value) chunks.push(result.value)
    if (result?.done !== false) return Buffer.concat(chunks).toString()
  }
}

/** Newer than the types of Node 20, and present in it. */
function bytesOf(response: Response): Promise<Uint8Array> {
  return Reflect.apply(Reflect.get(response, 'bytes') as () => Promise<Uint8Array>, response, [])
}

const WAYS: readonly (readonly [string, Way])[] = [
  ['text()', (response) => response.text()],
  ['json()', async (response) => JSON.stringify(await response.json()).replace('",', '", ')],
  ['arrayBuffer()', async (response) => Buffer.from(await response.arrayBuffer()).toString()],
  ['bytes()', async (response) => Buffer.from(await bytesOf(response)).toString()],
  ['blob()', async (response) => (await response.blob()).text()],
  ['a reader', readAll],
  ['for await', (response) => chunksOf(response.body)],
  ['values()', (response) => chunksOf(response.body?.values() ?? null)],
  ['pipeThrough()', (response) => chunksOf(response.body?.pipeThrough(new TransformStream()) ?? null)],
  [
    'pipeTo()',
    async (response) => {
      const { readable, writable } = new TransformStream()
      const [all] = await Promise.all([chunksOf(readable), response.body?.pipeTo(writable)])
      return all
    },
  ],
  ['one half of tee()', (response) => chunksOf(response.body?.tee()[0] ?? null)],
  ['clone()', (response) => response.clone().text()],
  [
    'its clone and itself',
    async (response) => {
      const copy = response.clone()
      const [one, other] = await Promise.all([response.text(), chunksOf(copy.body)])
      return one === other ? one : `${one} and ${other}`
    },
  ],
  ['a clone, and for await of itself', (response) => response.clone() && chunksOf(response.body)],
  ['a Node stream', (response) => textOf(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]))],
  ['another Response', (response) => new Response(response.body).text()],
]

function results({ outcomes }: FetchBoard): string[] {
  return outcomes.map(({ result, failure }) => failure ?? result)
}

/** An answer with `body`, through a guarded fetch. */
async function answer(body: ReadableStream | string, options: FetchBoardOptions = {}, headers: Record<string, string> = {}) {
  const board = fetchBoard(options)
  const response = await board.fetch({ fetch: async () => new Response(body, { headers }) })('http://a.test')
  return { board, response }
}

describe.each(WAYS)('read by %s', (_, read) => {
  test('a body of a connection is whole, and its end is that of the call', async () => {
    const { url } = await upstream((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const [first, ...rest] = CHUNKS
      response.write(first, () => {
        for (const chunk of rest) response.write(chunk)
        response.end()
      })
    })
    const board = fetchBoard()
    const response = await board.fetch()(url)
    expect(board.breaker.inFlight).toBe(1)
    expect(await read(response)).toBe(WHOLE)
    await board.idle()
    expect(results(board)).toEqual(['success'])
  })

  test('a body that was made by hand is whole', async () => {
    const { board, response } = await answer(bodyOf(...CHUNKS))
    expect(await read(response)).toBe(WHOLE)
    await board.idle()
    expect(results(board)).toEqual(['success'])
  })

  test('a body that breaks off is a failure, and its reader gets the error', async () => {
    const { body, write, fail } = openBody()
    const { board, response } = await answer(body)
    write('{"some"')
    const reading = read(response)
    const failed = expect(reading).rejects.toThrow('broken')
    setImmediate(() => fail(Object.assign(new Error('broken'), { code: 'ECONNRESET' })))
    await failed
    await board.idle()
    expect(results(board)).toEqual(['service_unavailable'])
  })

  test('a body that falls silent is a timeout: the request is ended, and the reader gets the error', async () => {
    const clock = new VirtualClock()
    const { body, write, cancelled } = openBody()
    const { board, response } = await answer(body, { clock, settings: { idleTimeout: 10_000 } })
    const reading = read(response)
    const failed = expect(reading).rejects.toBeInstanceOf(CallTimeoutError)
    await clock.advanceAsync(9_000)
    write('{"some"')
    await clock.advanceAsync(9_999)
    expect(board.breaker.inFlight).toBe(1)
    await clock.advanceAsync(1)
    await failed
    expect(results(board)).toEqual(['timeout'])
    expect(cancelled).toHaveBeenCalledOnce()
    expect(clock.pending).toBe(0)
  })
})

describe('a connection that breaks', () => {
  test.each(WAYS)('in mid-answer, read by %s', async (_, read) => {
    const { url } = await upstream((response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1000' })
      response.write('beginning', () => response.destroy())
    })
    const board = fetchBoard()
    const response = await board.fetch()(url)
    await expect(read(response)).rejects.toThrow()
    await board.idle()
    expect(results(board)).toEqual(['service_unavailable'])
  })
})

describe('a reader that wants no more', () => {
  const stops: readonly (readonly [string, (response: Response) => Promise<unknown>])[] = [
    [
      'cancels',
      async ({ body }) => {
        const reader = body?.getReader()
        await reader?.read()
        await reader?.cancel('enough')
      },
    ],
    [
      'breaks out of its loop',
      async ({ body }) => {
        for await (const _chunk of body ?? []) break
      },
    ],
    [
      'lets go and cancels the stream',
      async ({ body }) => {
        const reader = body?.getReader()
        await reader?.read()
        reader?.releaseLock()
        await body?.cancel('enough')
      },
    ],
    [
      'lets a pipe break',
      async ({ body }) => {
        const failing = new WritableStream({ write: () => Promise.reject(new Error('full')) })
        await body?.pipeTo(failing).catch(() => undefined)
      },
    ],
    [
      'cancels both halves of a copy',
      async (response) => {
        const copy = response.clone()
        const reader = copy.body?.getReader()
        await reader?.read()
        await Promise.all([reader?.cancel(), response.body?.cancel()])
      },
    ],
    [
      'cancels in mid-read',
      async ({ body }) => {
        const reader = body?.getReader()
        await reader?.read()
        const pending = reader?.read()
        await reader?.cancel()
        expect((await pending)?.done).toBe(true)
      },
    ],
  ]

  test.each(stops)('%s: the call counts neither way, and the request is ended', async (_, stop) => {
    const { body, write, cancelled } = openBody()
    const { board, response } = await answer(body)
    write('one')
    await stop(response)
    await board.idle()
    expect(results(board)).toEqual(['ignored'])
    expect(cancelled).toHaveBeenCalledOnce()
  })

  test('ends the connection, too', async () => {
    const { url, hungUp } = await upstream((response) => response.write('one'))
    const board = fetchBoard()
    const response = await board.fetch()(url)
    for await (const _chunk of response.body ?? []) break
    await hungUp
    expect(results(board)).toEqual(['ignored'])
  })

  test('before anything was read only wanted to see the headers', async () => {
    const { body, cancelled } = openBody()
    const { board, response } = await answer(body)
    await response.body?.cancel()
    expect(results(board)).toEqual(['success'])
    expect(cancelled).toHaveBeenCalledOnce()
  })

  test('and lets go of an unread body has not begun', async () => {
    const { board, response } = await answer(bodyOf('text'))
    const reader = response.body?.getReader()
    reader?.releaseLock()
    await expect(reader?.read()).rejects.toThrow(TypeError)
    expect(board.breaker.inFlight).toBe(1)
    expect(await response.text()).toBe('text')
    expect(results(board)).toEqual(['success'])
  })

  test.each([
    [
      'reader',
      async (body: ReadableStream) => {
        const reader = body.getReader()
        const pending = reader.read()
        reader.releaseLock()
        await expect(pending).rejects.toThrow(TypeError)
      },
    ],
    [
      'iterator',
      async (body: ReadableStream) => {
        const iterator = body.values({ preventCancel: true })
        const pending = expect(iterator.next()).rejects.toThrow(TypeError)
        await iterator.return?.()
        await pending
      },
    ],
  ])('may let go in mid-read as a %s, and come back: what was not waited for is no silence', async (_, letGo) => {
    const clock = new VirtualClock()
    const { body, write, end } = openBody()
    const { board, response } = await answer(body, { clock, settings: { idleTimeout: 1_000 } })
    await letGo(response.body as ReadableStream)
    await clock.advanceAsync(3_000)
    expect(results(board)).toEqual([])
    write('text')
    end()
    expect(await chunksOf(response.body)).toBe('text')
    expect(results(board)).toEqual(['success'])
  })

  test('may go on by another iterator', async () => {
    const { board, response } = await answer(bodyOf('one', 'two', 'three'))
    for await (const _chunk of response.body?.values({ preventCancel: true }) ?? []) break
    expect(board.breaker.inFlight).toBe(1)
    expect(await chunksOf(response.body)).toBe('twothree')
    expect(results(board)).toEqual(['success'])
  })

  test('is told that there is no more, however often it asks', async () => {
    const { response } = await answer(bodyOf('one'))
    const iterator = response.body?.values()
    await iterator?.next()
    expect([await iterator?.next(), await iterator?.next(), await iterator?.return?.()]).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
  })
})

describe('a body that nobody reads', () => {
  test('counts by its headers, as fast as they were, and lets the place go', async () => {
    const clock = new VirtualClock()
    const { board, response } = await answer('text', { clock, settings: { idleTimeout: 5_000 } })
    clock.advance(4_999)
    expect(board.breaker.inFlight).toBe(1)
    clock.advance(1)
    expect(board.outcomes).toMatchObject([{ result: 'success', latency: 0 }])
    expect(board.breaker.inFlight).toBe(0)
    expect(await response.text()).toBe('text')
    expect(results(board)).toEqual(['success'])
  })

  test('has no longer than the idle timeout', async () => {
    const clock = new VirtualClock()
    const { board } = await answer('text', { clock, settings: { idleTimeout: 50 } })
    clock.advance(50)
    expect(results(board)).toEqual(['success'])
  })

  test('counts neither way when its caller had given up', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, settings: { idleTimeout: 5_000 } })
    const controller = new AbortController()
    const underneath = async (): Promise<Response> => new Response('text')
    await board.fetch({ fetch: underneath })('http://a.test', { signal: controller.signal })
    controller.abort()
    clock.advance(5_000)
    expect(results(board)).toEqual(['ignored'])
  })

  test('was looked at and not read', async () => {
    const clock = new VirtualClock()
    const { board, response } = await answer(bodyOf('text'), { clock, settings: { idleTimeout: 5_000 } })
    expect(response.body).toBe(response.body)
    expect(response.body?.locked).toBe(false)
    clock.advance(5_000)
    expect(results(board)).toEqual(['success'])
    expect(await readAll(response)).toBe('text')
  })
})

describe('a slow reader', () => {
  test('is no stalled service', async () => {
    const clock = new VirtualClock()
    const { body, write, end } = openBody()
    const { board, response } = await answer(body, { clock, settings: { idleTimeout: 1_000 } })
    write('one')
    const reader = response.body?.getReader()
    await reader?.read()
    await clock.advanceAsync(9_000)
    expect(board.breaker.inFlight).toBe(1)
    write('two')
    await reader?.read()
    const last = reader?.read()
    await clock.advanceAsync(900)
    end()
    expect((await last)?.done).toBe(true)
    expect(results(board)).toEqual(['success'])
  })

  test('that never comes back has given up', async () => {
    const clock = new VirtualClock()
    const { body, write } = openBody()
    const { board, response } = await answer(body, { clock, settings: { idleTimeout: 1_000 } })
    write('one')
    await response.body?.getReader().read()
    clock.advance(9_999)
    expect(board.breaker.inFlight).toBe(1)
    clock.advance(1_000)
    expect(results(board)).toEqual(['ignored'])
    expect(clock.pending).toBe(0)
  })

  test('still hears of a silence that begins with its next read', async () => {
    const clock = new VirtualClock()
    const { body, write } = openBody()
    const { board, response } = await answer(body, { clock, settings: { idleTimeout: 1_000 } })
    write('one')
    const iterator = response.body?.values()
    await iterator?.next()
    await clock.advanceAsync(2_500)
    const next = iterator?.next()
    const failed = expect(next).rejects.toBeInstanceOf(CallTimeoutError)
    await clock.advanceAsync(999)
    expect(results(board)).toEqual([])
    await clock.advanceAsync(1)
    await failed
    expect(results(board)).toEqual(['timeout'])
    expect(await iterator?.next()).toEqual({ done: true, value: undefined })
  })

  test('gets the error of a silence at each further read', async () => {
    const clock = new VirtualClock()
    const { response } = await answer(openBody().body, { clock, settings: { idleTimeout: 1_000 } })
    const reader = response.body?.getReader()
    const reads = [reader?.read(), reader?.read()].map((read) => expect(read).rejects.toBeInstanceOf(CallTimeoutError))
    await clock.advanceAsync(1_000)
    await Promise.all(reads)
    await expect(reader?.read()).rejects.toBeInstanceOf(CallTimeoutError)
  })
})

describe('a body that cannot be read', () => {
  test.each(WAYS.filter(([name]) => !name.includes('clone')))('a second time, by %s', async (_, read) => {
    const { response } = await answer(bodyOf(WHOLE))
    await response.text()
    expect(response.bodyUsed).toBe(true)
    await expect((async () => read(response))()).rejects.toThrow(TypeError)
    expect(() => response.clone()).toThrow(TypeError)
  })

  test.each(WAYS.slice(0, 5))('has the platform’s own words by %s', async (_, read) => {
    const { response } = await answer('text')
    response.body?.getReader()
    await expect(read(response)).rejects.toThrow(TypeError)
    expect(() => response.clone()).toThrow(TypeError)
    expect(() => response.body?.getReader()).toThrow(TypeError)
    expect(() => response.body?.tee()).toThrow(TypeError)
    expect(() => response.body?.values()).toThrow(TypeError)
    await expect(response.body?.pipeTo(new WritableStream())).rejects.toThrow(TypeError)
    await expect(response.body?.cancel()).rejects.toThrow(TypeError)
  })

  test('is no JSON: the caller gets the error; who had promised JSON failed', async () => {
    for (const [type, body, expected] of [
      ['application/json', '{"broken', 'unknown_error'],
      ['application/problem+json; charset=utf-8', 'oops', 'unknown_error'],
      ['application/json', '', 'success'],
      ['text/html', '<html>', 'success'],
    ] as const) {
      const { board, response } = await answer(body, {}, { 'content-type': type })
      await expect(response.json()).rejects.toThrow(SyntaxError)
      expect(results(board)).toEqual([expected])
    }
  })

  test('brings what is no bytes', async () => {
    const strings = new ReadableStream({
      start(controller) {
        controller.enqueue('text')
        controller.close()
      },
    })
    const { board, response } = await answer(strings)
    await expect(response.text()).rejects.toThrow(TypeError)
    expect(results(board)).toEqual(['unknown_error'])
  })
})

describe('details of the platform', () => {
  test('a byte order mark is no part of the text', async () => {
    expect(await (await answer('\uFEFF{"a":1}')).response.json()).toEqual({ a: 1 })
    expect(await (await answer('\uFEFFtext')).response.text()).toBe('text')
  })

  test('an empty body', async () => {
    expect(await (await answer('')).response.text()).toBe('')
    expect((await (await answer('')).response.arrayBuffer()).byteLength).toBe(0)
  })

  test('a blob has the type of the answer', async () => {
    expect((await (await answer('x', {}, { 'content-type': 'image/png' })).response.blob()).type).toBe('image/png')
    const { response } = await answer(bodyOf('x'))
    expect((await response.blob()).type).toBe('')
  })

  test('forms are read', async () => {
    const form = new FormData()
    form.set('name', 'value')
    const plain = new Response(form)
    const { board, response } = await answer(
      await plain.clone().text(),
      {},
      {
        'content-type': plain.headers.get('content-type') ?? '',
      },
    )
    expect((await response.formData()).get('name')).toBe('value')
    expect(results(board)).toEqual(['success'])
  })

  test('a reader of its own buffers', async () => {
    const bytes = new ReadableStream({
      type: 'bytes',
      start(controller) {
        controller.enqueue(new TextEncoder().encode('text'))
        controller.close()
      },
    })
    const { board, response } = await answer(bytes)
    const reader = response.body?.getReader({ mode: 'byob' })
    const first = await reader?.read(new Uint8Array(2))
    expect(Buffer.from(first?.value ?? []).toString()).toBe('te')
    const second = await reader?.read(new Uint8Array(10))
    expect(Buffer.from(second?.value ?? []).toString()).toBe('xt')
    expect((await reader?.read(new Uint8Array(1)))?.done).toBe(true)
    expect(results(board)).toEqual(['success'])
  })

  test('an answer can be inspected and passed on', async () => {
    const { response } = await answer('text')
    expect(Object.prototype.toString.call(response)).toBe('[object Response]')
    expect(Object.keys(response)).toEqual([])
    expect(`${response.body}`).toBe('[object ReadableStream]')
    expect(response.text.name).toBe('text')
    const passed = new Response(response.body, response)
    expect(await passed.text()).toBe('text')
  })
})

/** Collects garbage, which Node offers only on demand; what it held outside the heap goes later, when another thread gets to it. */
async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Bytes outside the heap. */
function outside(): number {
  return process.memoryUsage().arrayBuffers
}

test.each([
  ['JSON of an openai service, in its pieces', 'openai', 'application/json'],
  ['events of an openai service, in their pieces', 'openai', 'text/event-stream'],
] as const)('50 MB pass without being kept: %s', async (_, kind, type) => {
  const chunk = new TextEncoder().encode(`data: ${JSON.stringify({ text: 'word '.repeat(100) })}\n\n`.repeat(125))
  const chunks = Math.ceil((50 * 2 ** 20) / chunk.length)
  let sent = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (sent++ < chunks) controller.enqueue(chunk.slice())
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const { board, response } = await answer(body, { kind }, { 'content-type': type })
  let received = 0
  let ahead = 0
  await collect()
  const before = outside()
  for await (const part of response.body ?? []) {
    expect(part).toHaveLength(chunk.length)
    ahead = Math.max(ahead, sent - ++received)
    if (received % 200 !== 0) continue
    // What has passed is garbage: kept, it would never go.
    do await collect()
    while (outside() - before >= 8 * 2 ** 20)
  }
  expect(received).toBe(chunks)
  // Nothing is fetched before it is asked for.
  expect(ahead).toBeLessThanOrEqual(1)
  await board.idle()
  expect(board.outcomes).toHaveLength(1)
})
