// The official OpenAI client over a guarded fetch: `new OpenAI({ fetch: gear.fetch('openai') })` is the whole integration.
import OpenAI, { APIConnectionError, APIError, InternalServerError, RateLimitError } from 'openai'
import { describe, expect, test } from 'vitest'
import { execute } from '../../src/actors/execute.ts'
import type { FetchOptions } from '../../src/adapters/fetch/fetchTarget.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, type FetchBoardOptions, fetchBoard } from './fetchBoard.ts'
import { type OpenaiWire, openaiWire } from './openaiWire.ts'

interface SetUp {
  readonly openai: OpenAI
  readonly wire: OpenaiWire
  readonly board: FetchBoard
}

async function setUp(options: FetchBoardOptions = {}, fetchOptions?: FetchOptions): Promise<SetUp> {
  const wire = await openaiWire()
  const board = fetchBoard({ kind: 'openai', perModel: true, ...options })
  const openai = new OpenAI({ apiKey: 'sk-test', baseURL: wire.baseURL, fetch: board.fetch(fetchOptions), logLevel: 'off' })
  return { openai, wire, board }
}

const model = 'gpt-4o'
const messages = [{ role: 'user' as const, content: 'What is a circuit breaker?' }]
const chat = { model, messages }
const streamed = { ...chat, stream: true as const }

function trip({ breaker }: FetchBoard): void {
  breaker.command(Math.floor(breaker.clock.now()), { name: 'trip', by: 'ann', why: 'because' })
}

async function said(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = ''
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
  return text
}

const ANSWER = 'You asked: What is a circuit breaker? Here is an answer in a few plain words.'
const CHAT = { service: 'search', result: 'success', operation: 'chat', model }

describe('an answer', () => {
  test('to a chat comes through whole, and what it used is told', async () => {
    const { openai, board, wire } = await setUp()
    const answer = await openai.chat.completions.create(chat)
    expect(answer.choices[0]?.message.content).toBe(ANSWER)
    expect(wire.bodies).toEqual([chat])
    expect(board.outcomes).toMatchObject([{ ...CHAT, usage: { input: 7, output: 20 } }])
    expect(board.outcomes[0]?.cost).toBeGreaterThan(0)
  })

  test('to a streamed chat counts when it ends, with its usage where that was asked for', async () => {
    const { openai, board } = await setUp()
    const stream = await openai.chat.completions.create({ ...streamed, stream_options: { include_usage: true } })
    expect(board.outcomes).toEqual([])
    expect(board.breaker.inFlight).toBe(1)
    expect(await said(stream)).toBe(ANSWER)
    expect(board.breaker.inFlight).toBe(0)
    expect(board.outcomes).toMatchObject([{ ...CHAT, usage: { input: 7, output: 20 } }])
  })

  test('to a streamed chat without its usage is a success all the same', async () => {
    const { openai, board } = await setUp()
    expect(await said(await openai.chat.completions.create(streamed))).toBe(ANSWER)
    expect(board.outcomes).toMatchObject([CHAT])
    expect(board.outcomes[0]?.usage).toBeUndefined()
  })

  test('by the client’s own stream helper', async () => {
    const { openai, board } = await setUp()
    const stream = openai.chat.completions.stream({ ...chat, stream_options: { include_usage: true } })
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe(ANSWER)
    expect(board.outcomes).toMatchObject([{ ...CHAT, usage: { input: 7, output: 20 } }])
  })

  test('of embeddings', async () => {
    const { openai, board } = await setUp()
    const { data } = await openai.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] })
    expect(data.map(({ embedding }) => embedding)).toEqual([
      [0.5, -0.5],
      [0.5, -0.5],
    ])
    expect(board.outcomes).toMatchObject([
      { result: 'success', operation: 'embeddings', model: 'text-embedding-3-small', usage: { input: 8, output: 0 } },
    ])
  })

  test('of a response', async () => {
    const { openai, board } = await setUp()
    const response = await openai.responses.create({ model, input: 'Well?' })
    expect(response.output_text).toBe('An answer.')
    expect(board.outcomes).toMatchObject([
      { result: 'success', operation: 'responses', model, usage: { input: 12, output: 20, cached: 4, reasoning: 6 } },
    ])
  })

  test('of a streamed response', async () => {
    const { openai, board } = await setUp()
    const types: string[] = []
    for await (const { type } of await openai.responses.create({ model, input: 'Well?', stream: true })) types.push(type)
    expect(types.at(-1)).toBe('response.completed')
    expect(board.outcomes).toMatchObject([
      { result: 'success', operation: 'responses', model, usage: { input: 12, output: 20, cached: 4, reasoning: 6 } },
    ])
  })

  test('taken raw has its headers and its body', async () => {
    const { openai, board } = await setUp()
    const response = await openai.chat.completions.create(chat).asResponse()
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(JSON.parse(await response.text())).toMatchObject({ model })
    expect(board.outcomes).toMatchObject([{ ...CHAT, usage: { input: 7, output: 20 } }])
  })
})

describe('the client does not retry', () => {
  test('a refused call: nothing reaches the server', async () => {
    const { openai, board, wire } = await setUp()
    trip(board)
    const error = await openai.chat.completions.create(chat).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InternalServerError)
    expect(error).toMatchObject({ status: 503, code: 'ERR_SWITCHGEAR_OPEN', type: 'switchgear_rejected' })
    expect((error as APIError).message).toContain('search is open')
    expect(wire.received).toHaveLength(0)
    expect(board.breaker.rejected).toBe(1)
  })

  test('a streamed one either', async () => {
    const { openai, board, wire } = await setUp()
    trip(board)
    await expect(openai.chat.completions.create(streamed)).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_OPEN' })
    expect([wire.received.length, board.breaker.rejected]).toEqual([0, 1])
  })

  test('once the breaker has opened in the middle of its retries', async () => {
    const { openai, wire, board } = await setUp({
      policy: { trip: { consecutiveFailures: 1 }, degrade: false },
      perModel: false,
    })
    wire.behaviour = { status: 500, error: { code: 'server_error' }, headers: { 'retry-after-ms': '1' } }
    await expect(openai.chat.completions.create(chat)).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_OPEN' })
    expect(wire.received).toHaveLength(1)
    expect(board.outcomes.map(({ result }) => result)).toEqual(['failure', 'rejected'])
  })

  test('an error thrown on demand it does retry, for it takes it for a lost connection', async () => {
    const { openai, board, wire } = await setUp({}, { onRejected: 'throw' })
    trip(board)
    await expect(openai.chat.completions.create(chat, { maxRetries: 1 })).rejects.toBeInstanceOf(APIConnectionError)
    expect([wire.received.length, board.breaker.rejected]).toEqual([0, 2])
  })

  test('and a breaker around the client leaves the refusal alone', async () => {
    const { openai, board } = await setUp()
    const outer = fetchBoard({ kind: 'openai' })
    trip(board)
    await expect(execute(outer.breaker, () => openai.chat.completions.create(chat))).rejects.toBeInstanceOf(APIError)
    expect(outer.outcomes).toMatchObject([{ result: 'ignored' }])
  })
})

describe('an error', () => {
  test('of exhausted billing is no rate limit, though the client throws its body away to retry', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = { status: 429, error: { code: 'insufficient_quota', type: 'insufficient_quota', message: 'No credit.' } }
    // The breaker refuses the client's retry.
    await expect(openai.chat.completions.create(chat)).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_RATE_LIMITED' })
    expect(board.outcomes.map(({ failure, result }) => failure ?? result)).toEqual(['quota_exceeded', 'rejected'])
    expect(board.breaker.path).toBe('rateLimited.exhausted')
  })

  test('reaches the caller as the client makes it', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = { status: 429, error: { code: 'rate_limit_exceeded', type: 'requests', message: 'Slow down.' } }
    const error = await openai.chat.completions.create(chat, { maxRetries: 0 }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', type: 'requests' })
    expect(board.outcomes.map(({ failure }) => failure)).toEqual(['rate_limit'])
  })

  test('of the caller’s own counts neither way', async () => {
    const { openai, board } = await setUp()
    await expect(openai.chat.completions.create({ model, messages: [] })).rejects.toMatchObject({ status: 400 })
    expect(board.outcomes.map(({ result }) => result)).toEqual(['ignored'])
  })

  test('in the middle of a stream is a failure, though its status was 200', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = 'errs'
    await expect(said(await openai.chat.completions.create(streamed))).rejects.toMatchObject({ code: 'server_error' })
    await board.idle()
    expect(board.outcomes).toMatchObject([{ result: 'failure', failure: 'http_error' }])
  })

  test('by which a stream breaks off is a failure', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = 'breaks'
    await expect(said(await openai.chat.completions.create(streamed))).rejects.toThrow()
    expect(board.outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
  })

  test('that nobody else sees: a stream that ends politely before its end is a failure', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = 'ends early'
    expect(await said(await openai.chat.completions.create(streamed))).toBe('You ')
    expect(board.outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
    wire.behaviour = 'ends early'
    for await (const _event of await openai.responses.create({ model, input: 'Well?', stream: true }));
    expect(board.outcomes.at(-1)).toMatchObject({ result: 'failure', failure: 'service_unavailable' })
  })

  test('of silence: a stream that stalls is a timeout, and the client hears of it', async () => {
    const clock = new VirtualClock()
    const { openai, wire, board } = await setUp({ clock, settings: { idleTimeout: 20_000 } })
    wire.behaviour = 'stalls'
    const stream = await openai.chat.completions.create(streamed)
    const pieces: string[] = []
    const reading = (async () => {
      for await (const { choices } of stream) {
        pieces.push(choices[0]?.delta.content ?? '')
        if (pieces.length === 2) setImmediate(() => setImmediate(() => clock.advance(20_000)))
      }
    })()
    await expect(reading).rejects.toMatchObject({ name: 'CallTimeoutError', timeoutMs: 20_000 })
    expect(pieces).toEqual(['', 'You '])
    expect(board.outcomes).toMatchObject([{ result: 'failure', failure: 'timeout' }])
    await wire.hungUp
  })
})

describe('a caller who gives up', () => {
  test('in the middle of a stream, by leaving the loop', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = 'stalls'
    for await (const _chunk of await openai.chat.completions.create(streamed)) break
    await wire.hungUp
    expect(board.outcomes).toMatchObject([{ result: 'ignored' }])
    expect(board.breaker.inFlight).toBe(0)
  })

  test('in the middle of a stream, by the stream’s controller', async () => {
    const { openai, wire, board } = await setUp()
    wire.behaviour = 'stalls'
    const stream = await openai.chat.completions.create(streamed)
    let pieces = 0
    for await (const _chunk of stream) if (++pieces === 2) stream.controller.abort()
    expect(board.outcomes).toMatchObject([{ result: 'ignored' }])
  })

  test('by a signal, before the first piece was read', async () => {
    const { openai, wire, board } = await setUp()
    const controller = new AbortController()
    wire.behaviour = 'stalls'
    const stream = await openai.chat.completions.create(streamed, { signal: controller.signal })
    controller.abort()
    for await (const _chunk of stream);
    await board.idle()
    expect(board.outcomes).toMatchObject([{ result: 'ignored' }])
  })

  test('after the last word has heard the whole answer', async () => {
    const { openai, board } = await setUp()
    const stream = await openai.chat.completions.create(streamed)
    for await (const { choices } of stream) if (choices[0]?.finish_reason) break
    expect(board.outcomes).toMatchObject([CHAT])
  })
})

describe('a degraded service', () => {
  test('is asked for less at each level, and for everything again when it is well', async () => {
    const clock = new VirtualClock()
    const { openai, wire, board } = await setUp({
      clock,
      policy: { levels: [{}, {}, { admit: 'all' }] },
    })
    const ask = () => openai.chat.completions.create({ ...chat, model: 'gpt-4o', max_tokens: 1000 })
    for (const level of [1, 2, 3] as const) {
      board.breaker.signal(clock.now(), { kind: 'health', level, reason: 'test' })
      await ask()
    }
    while (board.breaker.path !== 'closed.watching') await clock.advanceAsync(30_000)
    await ask()
    expect(wire.bodies.map(({ model: sent, max_tokens: most }) => [sent, most])).toEqual([
      ['gpt-4o-mini', 500],
      ['gpt-4o-mini', 250],
      ['gpt-4o-mini', 150],
      ['gpt-4o', 1000],
    ])
    expect(wire.bodies.map((body) => JSON.stringify(body).includes('Answer '))).toEqual([false, true, true, false])
    expect(board.outcomes.map(({ level, model: sent }) => [level, sent])).toEqual([
      [1, 'gpt-4o-mini'],
      [2, 'gpt-4o-mini'],
      [3, 'gpt-4o-mini'],
      [undefined, 'gpt-4o'],
    ])
  })

  test('streams in the same way', async () => {
    const { openai, wire, board } = await setUp()
    board.breaker.signal(Math.floor(board.breaker.clock.now()), { kind: 'health', level: 1, reason: 'test' })
    expect(await said(await openai.chat.completions.create(streamed))).toBe(ANSWER)
    expect(wire.bodies).toMatchObject([{ model: 'gpt-4o-mini', stream: true }])
  })

  test('at level 3 leaves the answer to fallbacks', async () => {
    const { openai, wire, board } = await setUp()
    board.breaker.signal(Math.floor(board.breaker.clock.now()), { kind: 'health', level: 3, reason: 'test' })
    await expect(openai.chat.completions.create(chat)).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_DEGRADED_TO_FALLBACK' })
    expect(wire.received).toHaveLength(0)
  })
})
