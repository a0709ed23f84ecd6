import fc from 'fast-check'
import OpenAI from 'openai'
import { describe, expect, test, vi } from 'vitest'
import type { Classification } from '../../src/model/failures.ts'
import { openaiProfile } from '../../src/services/openai/openaiProfile.ts'
import { LineSplitter, LONGEST_LINE, utf8Of } from '../../src/services/serverSentEvents.ts'
import type { StreamEnd } from '../../src/services/serviceProfile.ts'

const AT = Date.UTC(2026, 0, 1)
const openai = openaiProfile()
const asked = { model: 'gpt-4o' }

/** What a stream tells, but for whether it was its last word. */
function read(path: string | undefined, text: string | Uint8Array, cuts: readonly number[] = []): StreamEnd {
  const { final: _final, ...told } = readToEnd(path, text, cuts)
  return told
}

function readToEnd(path: string | undefined, text: string | Uint8Array, cuts: readonly number[] = []): StreamEnd {
  const request = path === undefined ? undefined : openai.readRequest?.(path, asked)
  const reader = openai.readStream?.('text/event-stream; charset=utf-8', request)
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    reader?.push(bytes.subarray(from, cut))
    from = cut
  }
  return reader?.end(AT) as StreamEnd
}

const data = (...events: unknown[]): string =>
  events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('')
const chunk = (content: string, finish: string | null = null, more: object = {}): object => ({
  id: 'c',
  object: 'chat.completion.chunk',
  model: 'gpt-4o-2024-08-06',
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
  ...more,
})
const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 }
const summary = { ...chunk(''), choices: [], usage }
const measured = { model: 'gpt-4o-2024-08-06', operation: 'chat', usage: { input: 10, output: 20 }, cost: 225 / 1e6 }
const unmeasured = { model: 'gpt-4o', operation: 'chat' }
const BROKEN: Classification = { type: 'service_unavailable' }
const CHAT = '/v1/chat/completions'
const RESPONSES = '/v1/responses'

describe('who stops reading a stream', () => {
  const failed = { type: 'response.failed', response: { error: { code: 'server_error' } } }
  test.each<[string, string, string, boolean | undefined]>([
    ['after [DONE]', CHAT, data(chunk('Hi'), '[DONE]'), true],
    ['after its finish reason', CHAT, data(chunk('', 'stop')), true],
    ['after an error', CHAT, data(chunk('Hi'), { error: { code: 'server_error' } }), true],
    ['after response.completed', RESPONSES, data({ type: 'response.completed', response: { usage: {} } }), true],
    ['after response.failed', RESPONSES, data(failed), true],
    ['in the middle', CHAT, data(chunk('Hi')), undefined],
    ['before anything came', RESPONSES, '', undefined],
  ])('%s: has the last word been heard?', (_, path, text, final) => {
    expect(readToEnd(path, text).final).toBe(final)
  })
})

describe('a streamed chat', () => {
  test.each<[string, string, StreamEnd]>([
    ['that ends with [DONE] and its usage', data(chunk('Hi'), chunk('', 'stop'), summary, '[DONE]'), { measured }],
    ['whose usage stands beside the end', data(chunk('', 'stop', { usage }), '[DONE]'), { measured }],
    ['whose usage never comes', data(chunk('Hi'), chunk('', 'stop'), '[DONE]'), { measured: unmeasured }],
    [
      'with "usage": null in each piece',
      data(chunk('Hi', null, { usage: null }), chunk('', 'stop'), '[DONE]'),
      { measured: unmeasured },
    ],
    ['that ends with a finish reason and no [DONE]', data(chunk('Hi'), chunk('', 'length')), { measured: unmeasured }],
    ['that ends with [DONE] and no finish reason', data(chunk('Hi'), '[DONE]'), { measured: unmeasured }],
    ['that ends without the last line’s end', `${data(chunk('Hi'))}data: [DONE]`, { measured: unmeasured }],
    [
      'that is spaced otherwise',
      'data:{"choices":[{"finish_reason" : "stop"}]}\r\n\r\ndata:[DONE]\r\n',
      { measured: unmeasured },
    ],
    ['whose lines end in CR', data(chunk('', 'stop'), summary).replaceAll('\n', '\r'), { measured }],
    ['that breaks off', data(chunk('Hi'), chunk(' there')), { said: BROKEN, measured: unmeasured }],
    [
      'that breaks off within a piece',
      `${data(chunk('Hi'))}data: {"choices":[{"finish_rea`,
      { said: BROKEN, measured: unmeasured },
    ],
    ['that is empty', '', { said: BROKEN, measured: unmeasured }],
    ['that is something else', '<html>gateway</html>', { said: BROKEN, measured: unmeasured }],
    [
      'that only talks of its end',
      data(chunk('data: [DONE] "finish_reason":"stop" "error":{')),
      { said: BROKEN, measured: unmeasured },
    ],
    [
      'with comments and other fields',
      `: hello\n\nevent: x\nid: 1\nretry: 5\n${data(chunk('', 'stop'))}`,
      { measured: unmeasured },
    ],
    ['behind a byte order mark', `\ufeff${data('[DONE]')}`, { measured: unmeasured }],
    ['with usage that is broken', `${data(chunk('', 'stop'))}data: {"usage":{"prompt_tokens":\n\n`, { measured: unmeasured }],
    [
      'with an error in its midst',
      data(chunk('Hi'), { error: { code: 'rate_limit_exceeded', type: 'tokens', message: 'x' } }),
      { said: { type: 'rate_limit' }, measured: unmeasured },
    ],
    [
      'with an error, although it then ends well',
      data({ error: { code: 'server_error', message: 'x' } }, summary, '[DONE]'),
      { said: { type: 'http_error' }, measured },
    ],
    [
      'with an error that is the caller’s',
      data({ error: { code: 'content_filter' } }, '[DONE]'),
      { said: 'ignored', measured: unmeasured },
    ],
    ['with an error in words', data({ error: 'The engine is overloaded' }), { said: BROKEN, measured: unmeasured }],
    [
      'with an error about money',
      data({ error: { type: 'insufficient_quota' } }),
      { said: { type: 'quota_exceeded' }, measured: unmeasured },
    ],
    ['with an error that cannot be read', 'data: {"error":{"code":\n\n', { said: BROKEN, measured: unmeasured }],
    [
      'with two errors',
      data({ error: { code: 'slow_down' } }, { error: { code: 'server_error' } }),
      { said: { type: 'rate_limit' }, measured: unmeasured },
    ],
  ])('%s', (_, text, expected) => {
    expect(read(CHAT, text)).toEqual(expected)
  })

  test('keeps what it knows when a line comes that is too long to keep', () => {
    const long = `data: {"usage":{"prompt_tokens":1},"error":{"x":"${'x'.repeat(LONGEST_LINE)}"}}\n\n`
    expect(read(CHAT, data(chunk('', 'stop'), summary) + long)).toEqual({ measured })
  })

  test('counts usage that is told again and again by the last of it', () => {
    const text = data(chunk('a', null, { usage: { prompt_tokens: 10, completion_tokens: 1 } }), chunk('b', 'stop', { usage }))
    expect(read(CHAT, text)).toEqual({ measured })
  })
})

describe('a stream of several choices', () => {
  const of = (index: number, finish: string | null, more: object = {}) => ({
    object: 'chat.completion.chunk',
    choices: [{ index, delta: {}, finish_reason: finish }],
    ...more,
  })
  const both = { object: 'text_completion', choices: [0, 1].map((index) => ({ index, text: '', finish_reason: 'stop' })) }
  const CHOICES = { model: 'gpt-4o', n: 2 }
  const PROMPTS = { model: 'gpt-4o', prompt: ['a', 'b'] }
  const OLD = '/v1/completions'
  const TOO_LONG = `data: {"choices":[{"finish_reason":"stop"}],"x":"${'x'.repeat(LONGEST_LINE)}"}\n\n`
  test.each<[string, string, object, string, boolean]>([
    ['one has ended', CHAT, CHOICES, data(of(0, null), of(0, 'stop'), of(1, null)), false],
    ['one has ended twice', CHAT, CHOICES, data(of(0, 'stop'), of(0, 'stop')), false],
    ['each has ended', CHAT, CHOICES, data(of(0, 'stop'), of(1, null), of(1, 'length')), true],
    ['it says that it is done', CHAT, CHOICES, data(of(0, 'stop'), '[DONE]'), true],
    ['the end of one is too long to read', CHAT, CHOICES, TOO_LONG, true],
    ['one of two prompts has been answered', OLD, PROMPTS, data(of(0, 'stop')), false],
    ['both prompts have been answered at once', OLD, PROMPTS, data(both), true],
    ['one prompt of tokens has been answered', OLD, { model: 'gpt-4o', prompt: [1, 2, 3] }, data(of(0, 'stop')), true],
    ['each of one prompt has', OLD, { model: 'gpt-4o', prompt: 'a', n: 2 }, data(both), true],
    ['there is but one, as its number is none', CHAT, { model: 'gpt-4o', n: 1e99 }, data(of(0, 'stop')), true],
  ])('is it whole when %s?', (_, path, body, text, whole) => {
    const reader = openai.readStream?.('text/event-stream', openai.readRequest?.(path, body))
    reader?.push(Buffer.from(text))
    expect(reader?.end(AT).said).toEqual(whole ? undefined : BROKEN)
  })
})

describe('a streamed response', () => {
  const delta = { type: 'response.output_text.delta', delta: 'The "type":"response.completed" of it' }
  const response = (status: string, more: object = {}) => ({
    object: 'response',
    status,
    model: 'gpt-6-luna',
    error: null,
    ...more,
  })
  const spent = { usage: { input_tokens: 10, output_tokens: 20 } }
  const told = { model: 'gpt-6-luna', operation: 'responses', usage: { input: 10, output: 20 }, cost: 11 / 1e6 }
  const untold = { model: 'gpt-4o', operation: 'responses' }
  const created = { type: 'response.created', response: response('in_progress') }

  test.each<[string, string, StreamEnd]>([
    [
      'that is completed',
      data(created, delta, { type: 'response.completed', response: response('completed', spent) }),
      { measured: told },
    ],
    [
      'that is incomplete',
      data(created, { type: 'response.incomplete', response: response('incomplete', spent) }),
      { measured: told },
    ],
    [
      'that failed',
      data(created, {
        type: 'response.failed',
        response: response('failed', { ...spent, error: { code: 'server_error', message: '' } }),
      }),
      { said: { type: 'http_error' }, measured: told },
    ],
    [
      'that failed for no known reason',
      data(created, { type: 'response.failed', response: response('failed') }),
      { said: { type: 'unknown_error' }, measured: untold },
    ],
    [
      'with an error event',
      data(created, { type: 'error', code: 'rate_limit_exceeded', message: 'x', param: null, sequence_number: 3 }),
      { said: { type: 'rate_limit' }, measured: untold },
    ],
    [
      'with an error event of no code',
      data({ type: 'error', code: null, message: 'An author' }),
      { said: { type: 'unknown_error' }, measured: untold },
    ],
    ['that breaks off', data(created, delta), { said: BROKEN, measured: untold }],
    ['with the end of a chat, as some gateways send it', data(delta, '[DONE]'), { measured: untold }],
  ])('%s', (_, text, expected) => {
    expect(read(RESPONSES, text)).toEqual(expected)
  })

  const tools = [{ type: 'function', name: 't', parameters: { type: 'object', properties: { error: { type: 'string' } } } }]
  const echoed = { type: 'response.created', response: response('in_progress', { tools }) }
  test.each<[string, object, StreamEnd]>([
    [
      'that fails',
      { type: 'response.failed', response: response('failed', { tools, error: { code: 'server_error', message: 'x' } }) },
      { said: { type: 'http_error' }, measured: untold },
    ],
    ['that errs', { type: 'error', code: 'server_error', message: 'x' }, { said: { type: 'http_error' }, measured: untold }],
    [
      'that is completed',
      { type: 'response.completed', response: response('completed', { tools, ...spent }) },
      { measured: told },
    ],
  ])('%s, with tools repeated that have a field called error', (_, last, expected) => {
    expect(read(RESPONSES, data(echoed, delta, last))).toEqual(expected)
  })

  test('that ends in a line too long to keep is over, with its usage unknown', () => {
    const output = [{ text: 'x'.repeat(LONGEST_LINE) }]
    const text = data({ type: 'response.completed', response: response('completed', { output, ...spent }) })
    expect(read(RESPONSES, text)).toEqual({ measured: untold })
    expect(read(RESPONSES, text, [10, 100_000, LONGEST_LINE])).toEqual({ measured: untold })
  })
})

describe('a stream that nobody announced', () => {
  test.each<[string, string, StreamEnd]>([
    ['is judged by its first piece: a chat', data(chunk('Hi')), { said: BROKEN }],
    ['is judged by its first piece: a response', data({ type: 'response.created' }), { said: BROKEN }],
    ['is not judged where its end is not known', data({ type: 'speech.audio.delta' }), {}],
    ['is measured', data(summary, '[DONE]'), { measured }],
    ['is nothing', '', {}],
  ])('%s', (_, text, expected) => {
    expect(read(undefined, text)).toEqual(expected)
  })

  test('of sound or pictures has no end that is known', () => {
    expect(read('/v1/audio/speech', data({ type: 'speech.audio.delta' }))).toEqual({
      measured: { model: 'gpt-4o', operation: 'audio' },
    })
    expect(read('/v1/audio/speech', data({ error: { code: 'server_error' } })).said).toEqual({ type: 'http_error' })
  })
})

test.each([
  ['text/event-stream', true],
  ['Text/Event-Stream;charset=utf-8', true],
  ['text/event-streams', false],
  ['application/json', false],
  ['', false],
])('bodies of type %j are read in passing: %s', (type, expected) => {
  expect(openai.readStream?.(type, undefined) !== undefined).toBe(expected)
})

test('what a stream came to stays the same, whatever comes later', () => {
  const reader = openai.readStream?.('text/event-stream', openai.readRequest?.(CHAT, asked))
  reader?.push(Buffer.from(data('[DONE]')))
  const end = reader?.end(AT)
  reader?.push(Buffer.from(data({ error: { code: 'server_error' } })))
  expect(reader?.end(AT)).toEqual(end)
})

test('pieces of text are not parsed: of ten thousand events two are', () => {
  const text = data(
    ...Array.from({ length: 10_000 }, (_, i) => chunk(`word ${i}`, null, { usage: null })),
    { error: { code: 'server_error' } },
    summary,
  )
  const parse = vi.spyOn(JSON, 'parse')
  try {
    expect(read(CHAT, text)).toEqual({ said: { type: 'http_error' }, measured })
    expect(parse).toHaveBeenCalledTimes(2)
  } finally {
    parse.mockRestore()
  }
})

test('the official client reads the same stream as we do', async () => {
  const body = data(chunk('Hé'), chunk('llo'), chunk('', 'stop'), summary, '[DONE]')
  const reader = openai.readStream?.('text/event-stream', openai.readRequest?.(CHAT, asked))
  const passing = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      reader?.push(bytes)
      controller.enqueue(bytes)
    },
  })
  const headers = { 'content-type': 'text/event-stream' }
  const client = new OpenAI({
    apiKey: 'none',
    fetch: async () => new Response(new Response(body).body?.pipeThrough(passing), { headers }),
  })
  let text = ''
  const stream = await client.chat.completions.create({ model: 'gpt-4o', messages: [], stream: true })
  for await (const piece of stream) text += piece.choices[0]?.delta.content ?? ''
  expect(text).toBe('Héllo')
  expect(reader?.end(AT)).toEqual({ measured, final: true })
})

describe('whatever the chunks', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => data(chunk(text))),
      fc.constantFrom(
        data(chunk('ä€😀', 'stop')),
        data(summary),
        data('[DONE]'),
        data({ error: { code: 'slow_down' } }),
        data({ type: 'response.completed', response: { usage: { input_tokens: 1 } } }),
        'data: {"usage":{\r\n',
        '\r',
        '\r\n',
        ': comment\n',
        '\ufeff',
      ),
      fc.string({ maxLength: 30 }),
    ),
    { maxLength: 12 },
  )
  const cuts = fc.array(fc.nat(4000), { maxLength: 40 })

  test('a stream comes to the same', () => {
    fc.assert(
      fc.property(pieces, cuts, fc.constantFrom(CHAT, RESPONSES, undefined), (parts, at, path) => {
        const bytes = Buffer.from(parts.join(''))
        const sorted = at.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b)
        const whole = read(path, bytes)
        expect(read(path, bytes, sorted)).toEqual(whole)
        expect(read(path, bytes, Array.from(bytes.keys()))).toEqual(whole)
      }),
      { numRuns: 100 },
    )
  })

  test('bytes that are no text do no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), cuts, (bytes, at) => {
        const sorted = at.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b)
        expect(read(CHAT, bytes, sorted)).toEqual(read(CHAT, bytes))
      }),
      { numRuns: 200 },
    )
  })
})

describe('lines', () => {
  function linesOf(chunks: readonly (string | Uint8Array)[]): [string, boolean][] {
    const lines: [string, boolean][] = []
    const splitter = new LineSplitter((line, isHead) => lines.push([utf8Of(line), isHead]))
    for (const part of chunks) splitter.push(typeof part === 'string' ? Buffer.from(part) : part)
    splitter.end()
    splitter.end()
    return lines
  }

  test.each([
    ['LF, CR LF and CR', ['a\nb\r\nc\rd'], ['a', 'b', 'c', 'd']],
    ['CR LF cut in two', ['a\r', '\nb'], ['a', 'b']],
    ['a character cut in two', [Uint8Array.of(0xc3), Uint8Array.of(0xa4, 0x0a)], ['ä']],
    ['nothing in between', ['\n\n\r\r\n', '', '\n'], []],
    ['an end in a chunk of its own', ['a', 'b', '\n', 'c'], ['ab', 'c']],
  ])('end in %s', (_, chunks, expected) => {
    expect(linesOf(chunks)).toEqual(expected.map((line) => [line, false]))
  })

  test.each([
    ['in one chunk', [`${'x'.repeat(LONGEST_LINE + 1)}\nnext\n`]],
    ['in several', ['x'.repeat(100), 'x'.repeat(LONGEST_LINE - 100), 'x', 'more', '\nnext\n']],
    ['whose end comes with the byte too much', ['x'.repeat(LONGEST_LINE), 'x\nnext']],
    ['in small chunks', [...Array.from({ length: 1025 }, () => 'x'.repeat(1024)), '\nnext']],
  ])('that are too long are given up, %s', (_, chunks) => {
    expect(linesOf(chunks)).toEqual([
      ['x'.repeat(4096), true],
      ['next', false],
    ])
  })

  test('that are just not too long are kept', () => {
    const longest = 'x'.repeat(LONGEST_LINE)
    expect(linesOf([longest, '\n'])).toEqual([[longest, false]])
    expect(linesOf([`${longest}\n`])).toEqual([[longest, false]])
  })

  test('a million chunks of a byte take memory for one line', () => {
    const byte = Buffer.from('x')
    const lines: number[] = []
    const splitter = new LineSplitter((line) => lines.push(line.length))
    for (let i = 0; i < LONGEST_LINE + 10; i++) splitter.push(byte)
    expect(lines).toEqual([4096])
  })
})
