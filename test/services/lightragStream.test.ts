import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { profileFor } from '../../src/services/profiles.ts'
import type { StreamEnd } from '../../src/services/serviceProfile.ts'

const AT = Date.UTC(2026, 0, 1)
const REFERENCES = [
  { reference_id: '1', file_path: '/a.md' },
  { reference_id: '2', file_path: '/b.md' },
]
const lightrag = () => profileFor('lightrag', resolveSettings('lightrag'))
const asked = { path: '/query/stream', body: { query: 'What trips?' }, operation: 'query_stream' }

function read(lines: readonly unknown[], request = asked, cut = 7): StreamEnd | undefined {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  return readBytes(new TextEncoder().encode(text), request, cut)
}

function readBytes(bytes: Uint8Array, request = asked, cut = 7): StreamEnd | undefined {
  const reader = lightrag().readStream?.('application/x-ndjson', request)
  for (let i = 0; i < bytes.length; i += cut) reader?.push(bytes.slice(i, i + cut))
  return reader?.end(AT)
}

const good = [{ references: REFERENCES }, { response: 'A breaker' }, { response: ' opens.' }]
const measured = (quality: number) => ({ operation: 'query_stream', quality })

test.each<[string, readonly unknown[], StreamEnd]>([
  ['an answer in pieces', good, { measured: measured(1) }],
  ['one without references', good.slice(1), { measured: measured(1) }],
  ['one with nothing to rest on', [{ references: [] }, ...good.slice(1)], { measured: measured(0.5) }],
  [
    'one with its progress',
    [{ progress: 'extracting_keywords' }, ...good, { response_time: 1.2 }],
    { measured: measured(1), final: true },
  ],
  [
    'one in a single line',
    [{ response: 'It opens.', llm_generated: true, references: REFERENCES }],
    { measured: measured(1), final: true },
  ],
  [
    'the stock refusal',
    [{ response: 'Sorry.[no-context]', llm_generated: false, references: [] }],
    { measured: measured(0), final: true },
  ],
  [
    'the stock refusal in pieces',
    [{ references: [] }, { response: 'Sorry.[no-' }, { response: 'context]' }],
    { measured: measured(0) },
  ],
  ['lines of other kinds between', ['# hello', [1], 'null', ...good], { measured: measured(1) }],
  ['a line cut off in the middle', ['{"response":', ...good], { measured: measured(1) }],
])('a stream with %s is a success', (_, lines, expected) => {
  expect(read(lines)).toEqual(expected)
})

const brokenWith = (type: string) => ({ said: { type }, measured: { operation: 'query_stream' } })

test.each<[string, readonly unknown[], unknown]>([
  ['an error line', [...good, { error: 'LLM exploded' }], { ...brokenWith('http_error'), final: true }],
  ['an error line alone', [{ error: 'connection refused' }], { ...brokenWith('service_unavailable'), final: true }],
  ['an error in the middle', [{ error: 'timed out' }, ...good], { ...brokenWith('timeout'), final: true }],
  ['an error without words', [...good, { error: '' }], { ...brokenWith('http_error'), final: true }],
  ['an error that is an object', [{ error: { message: 'MemoryError' } }], { ...brokenWith('memory_error'), final: true }],
  ['an error of embeddings', [{ error: 'embedding failed' }], { ...brokenWith('service_unavailable'), final: true }],
  ['no bytes at all', [], brokenWith('service_unavailable')],
  ['references and no answer', [{ references: REFERENCES }], brokenWith('service_unavailable')],
  ['a response of another type', [{ response: 7 }], brokenWith('service_unavailable')],
  ['its last line cut off', [...good, '{"respo'], brokenWith('service_unavailable')],
  ['somebody else’s page', ['<html>', '<body>Bad gateway</body>', '</html>'], brokenWith('service_unavailable')],
  [
    'the placeholder of a query that broke',
    [{ response: 'No relevant context found for the query.', llm_generated: false }],
    { ...brokenWith('http_error'), final: true },
  ],
])('a stream with %s is a failure', (_, lines, expected) => {
  expect(read(lines)).toEqual(expected)
})

test('an answer or an error too long to be kept still counts', () => {
  const long = 'x'.repeat(1_200_000)
  expect(read([{ references: REFERENCES }, { response: long }], asked, 65_536)).toEqual({ measured: measured(1) })
  expect(read([...good, { error: long }], asked, 65_536)?.said).toEqual({ type: 'http_error' })
  const references = [{ references: [{ file_path: '/a.md', content: [long] }] }, ...good.slice(1)]
  expect(read(references, asked, 65_536)).toEqual({ measured: measured(1) })
})

describe('is read', () => {
  test.each([
    ['application/x-ndjson', asked, true],
    ['Application/X-NDJSON; charset=utf-8', asked, true],
    ['application/x-ndjson', undefined, true],
    ['application/json', asked, false],
    ['application/x-ndjson-2', asked, false],
    ['text/event-stream', asked, false],
    ['', asked, false],
    ['application/x-ndjson', { path: '/api/chat', body: {} }, false],
  ])('%s of %o: %s', (type, request, expected) => {
    expect(lightrag().readStream?.(type, request) !== undefined).toBe(expected)
  })
})

test('any chunking of any lines comes to the same end, and throws nothing', () => {
  const line = fc.oneof(
    fc.json(),
    fc.string(),
    fc.record({ response: fc.string() }).map((value) => JSON.stringify(value)),
    fc.constantFrom('{"error":"x"}', '{"references":[{"file_path":"/a"}]}', '{"llm_generated":false}', '[', '{"response":'),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.integer({ min: 1, max: 60 }), (lines, cut) => {
      const bytes = new TextEncoder().encode(lines.join('\n'))
      expect(readBytes(bytes, asked, cut)).toEqual(readBytes(bytes, asked, bytes.length || 1))
    }),
    { numRuns: 200 },
  )
})

test('any bytes whatever are read without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(readBytes(bytes)).toBeDefined()
    }),
    { numRuns: 200 },
  )
})
