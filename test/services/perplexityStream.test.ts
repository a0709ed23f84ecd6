import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { profileFor } from '../../src/services/profiles.ts'
import type { StreamEnd } from '../../src/services/serviceProfile.ts'
import { agentAnswer, agentEvents, completed, data, RESULTS, sonarChunks } from '../adapters/perplexityWire.ts'

const profile = profileFor('perplexity')
const AT = Date.UTC(2026, 10, 1)
const AGENT = { path: '/v1/agent', body: {}, operation: 'agent' }
const WHOLE = {
  measured: {
    model: 'perplexity/sonar',
    operation: 'agent',
    usage: { input: 1200, output: 300, cached: 200 },
    cost: 0.0092,
    quality: 1,
  },
  final: true,
}
const BROKEN = { type: 'service_unavailable' }

function bytesOf(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => `${line}\n\n`).join(''))
}

/** Read as it comes, in chunks of `size` bytes. */
function read(bytes: Uint8Array, size = 1000, request = AGENT): StreamEnd {
  const reader = profile.readStream?.('text/event-stream; charset=utf-8', request)
  for (let i = 0; i < bytes.length; i += size) reader?.push(bytes.subarray(i, i + size))
  return reader!.end(AT)
}

const events = (...last: readonly unknown[]) => bytesOf([...agentEvents().map(data), ...last.map(data)])

test.each([
  ['application/json', false],
  ['text/event-stream', true],
  ['Text/Event-Stream;charset=utf-8', true],
  ['text/event-streams', false],
  ['', false],
])('%s is read: %s', (contentType, isRead) => {
  expect(profile.readStream?.(contentType, undefined) !== undefined).toBe(isRead)
})

describe('the events of the Agent API', () => {
  test.each([1, 7, 1000, 1_000_000])('are measured by the last one, in chunks of %d bytes', (size) => {
    expect(read(events(completed()), size)).toEqual(WHOLE)
  })

  test.each([
    ['by CR LF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['without a last line end', (text: string) => text.trimEnd()],
    [
      'with comments and names of events',
      (text: string) => text.replaceAll('data: ', ': alive\n\nevent: message\nid: 1\ndata: '),
    ],
    ['without the space', (text: string) => text.replaceAll('data: ', 'data:')],
  ])('however lines end and whatever stands between: %s', (_, change) => {
    expect(read(new TextEncoder().encode(change(new TextDecoder().decode(events(completed())))))).toEqual(WHOLE)
  })

  test.each([1, 2, 1_000_000])('begin behind a byte order mark, in chunks of %d bytes', (size) => {
    const last = new TextDecoder().decode(bytesOf([data(completed())]))
    expect(read(new TextEncoder().encode(`\ufeff${last}`), size)).toEqual(WHOLE)
    expect(read(new TextEncoder().encode(`\ufeff\n${last}`), size)).toEqual(WHOLE)
    expect(read(new TextEncoder().encode(`: alive\n\ufeff${last}`), size)).toMatchObject({ said: BROKEN })
  })

  test('an answer that was cut short by its own limit is whole as a stream', () => {
    const incomplete = { type: 'response.incomplete', response: agentAnswer({ status: 'incomplete' }), sequence_number: 9 }
    expect(read(events(incomplete))).toEqual(WHOLE)
  })

  test('where the last one holds no answer, it is put together from the others', () => {
    const { quality, model } = read(events({ type: 'response.completed', sequence_number: 9 })).measured ?? {}
    expect([quality, model]).toEqual([1, 'perplexity/sonar'])
    const done = {
      type: 'response.output_item.done',
      item: { type: 'search_results', results: RESULTS },
      output_index: 0,
      sequence_number: 7,
    }
    const deltas = agentEvents('So [9].').filter(({ type }) => !type.includes('search_results'))
    const end = read(bytesOf([...deltas, done, { type: 'response.completed' }].map(data)))
    expect(end.measured?.quality).toBeCloseTo(0.6, 10)
  })

  test.each([
    [
      'a failed run',
      { type: 'response.failed', error: { message: 'x', type: 'internal_error', code: 500 } },
      { type: 'http_error', status: 500 },
    ],
    [
      'one that holds its error within',
      { type: 'response.failed', response: agentAnswer({ status: 'failed', error: { message: 'x', code: 429 } }) },
      { type: 'rate_limit', status: 429 },
    ],
    [
      'one that completes as failed',
      completed({ status: 'failed', error: { message: 'x', type: 'internal_error' } }),
      { type: 'http_error' },
    ],
    [
      'a quota',
      { type: 'response.failed', error: { message: 'x', type: 'insufficient_quota', code: 401 } },
      { type: 'quota_exceeded', status: 401 },
    ],
    ['an error of the transport', { type: 'error', error: { message: 'x', type: 'bad_gateway' } }, { type: 'http_error' }],
    ['one without an object', { type: 'error', message: 'upstream timed out', code: 'x' }, { type: 'timeout' }],
    ['nothing but an error', { error: { message: 'x', code: 503 } }, { type: 'service_unavailable', status: 503 }],
    ['a run that somebody cancelled', { type: 'response.cancelled', response: agentAnswer({ status: 'cancelled' }) }, 'ignored'],
    ['the caller’s fault', { type: 'response.failed', error: { message: 'x', type: 'invalid_model', code: 400 } }, 'ignored'],
  ])('%s has the last word', (_, last, said) => {
    const end = read(events(last))
    expect(end).toMatchObject({ said, final: true, measured: { model: 'perplexity/sonar' } })
    // What of it was said is not judged.
    expect(end.measured).not.toHaveProperty('quality')
  })

  test('a failed run has cost what it says', () => {
    const failed = { type: 'response.failed', response: agentAnswer({ status: 'failed', error: { message: 'x', code: 500 } }) }
    expect(read(events(failed)).measured?.cost).toBe(0.0092)
  })

  test('the first error stands', () => {
    const errors = [
      { type: 'error', error: { code: 503, message: 'x' } },
      { type: 'response.failed', error: { code: 400, message: 'x' } },
    ]
    expect(read(events(...errors)).said).toMatchObject({ status: 503 })
  })

  test.each([
    ['after its text', events()],
    ['in the middle of its last word', events(completed()).subarray(0, -200)],
    ['before its first', new Uint8Array()],
    ['by a proxy’s page', new TextEncoder().encode('<html>Bad gateway</html>')],
  ])('a stream that ends %s was broken off', (_, bytes) => {
    expect(read(bytes)).toMatchObject({ said: BROKEN, final: false })
  })

  test('events of other types and lines that are no JSON are passed over', () => {
    const strange = [
      'data: {',
      'data: null',
      'data: 7',
      'data: []',
      'data: {"type":"response.unknown"}',
      'data: {"type":7}',
      'data',
      ': x',
    ]
    expect(read(bytesOf([...strange, ...agentEvents().map(data), ...strange, data(completed())]))).toEqual(WHOLE)
  })
})

describe('the chunks of chat completions', () => {
  const chat = { path: '/chat/completions', body: {}, operation: 'chat' }
  test.each(['full', 'concise'] as const)('in %s mode are measured by their last', (mode) => {
    const end = read(bytesOf([...sonarChunks(mode).map(data), 'data: [DONE]']), 100, chat)
    expect(end).toEqual({
      measured: { model: 'sonar', operation: 'chat', usage: { input: 20, output: 300 }, cost: 0.00532, quality: 1 },
      final: true,
    })
  })

  test('a made-up citation is noticed in either', () => {
    const parts = ['So [1],', ' so [8].']
    for (const mode of ['full', 'concise'] as const) {
      expect(read(bytesOf(sonarChunks(mode, parts).map(data)), 100, chat).measured?.quality).toBeCloseTo(0.8, 10)
    }
  })

  test.each([
    ['a reason to finish', sonarChunks('full').slice(-1)],
    ['the end of a stream', [{ type: 'end_of_stream', choices: [] }]],
    ['[DONE]', ['[DONE]']],
  ])('end with %s', (_, last) => {
    expect(read(bytesOf([...sonarChunks('full').slice(0, -1), ...last].map(data)), 100, chat)).toMatchObject({ final: true })
  })

  test('without any they were broken off', () => {
    expect(read(bytesOf(sonarChunks('full').slice(0, -1).map(data)), 100, chat)).toMatchObject({ said: BROKEN, final: false })
  })
})

describe('whatever is sent', () => {
  test('a last word too long to read is taken for one, and tells nothing', () => {
    const long = completed({ filler: 'x'.repeat(1_100_000) })
    const end = read(events(long), 65_536)
    expect(end).toMatchObject({ measured: { model: 'perplexity/sonar', quality: 1 } })
    expect(end).not.toHaveProperty('said')
    expect(end.measured).not.toHaveProperty('cost')
  })

  test('10 MB of text and a thousand searches are kept within bounds', () => {
    const delta = data({ type: 'response.output_text.delta', delta: 'a [1] '.repeat(1000) })
    const search = data({ type: 'response.reasoning.search_results', results: RESULTS })
    const bytes = bytesOf([...new Array(1700).fill(delta), ...new Array(1000).fill(search), data({ type: 'response.completed' })])
    expect(read(bytes, 65_536)).toMatchObject({ final: true, measured: { quality: 1 } })
  })

  test('nothing throws, and it comes to the same in whatever pieces it arrives', () => {
    const line = fc.oneof(
      fc.constantFrom(
        ...agentEvents().map(data),
        ...sonarChunks('concise').map(data),
        data(completed()),
        'data: [DONE]',
        'data: {"choices":[{}]}',
        'data: {"type":"error"}',
      ),
      fc.json().map((json) => `data: ${json}`),
      fc.string({ unit: 'binary-ascii' }),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), (lines, size) => {
        const bytes = bytesOf(lines)
        const end = read(bytes, size)
        expect(read(bytes, bytes.length + 1)).toEqual(end)
        const { quality = 0 } = end.measured ?? {}
        expect(quality >= 0 && quality <= 1).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})
