import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type NdjsonLine, NdjsonSplitter } from '../../src/services/ndjson.ts'

function split(chunks: readonly Uint8Array[]): NdjsonLine[] {
  const lines: NdjsonLine[] = []
  const splitter = new NdjsonSplitter((line) => lines.push(line))
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  return lines
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test.each<[string, string, NdjsonLine[]]>([
  ['lines', '{"a":1}\n{"b":2}\n', [{ value: { a: 1 } }, { value: { b: 2 } }]],
  ['a last line without its newline', '{"a":1}\n[2]', [{ value: { a: 1 } }, { value: [2] }]],
  ['CRLF and blank lines', '{"a":1}\r\n\r\n  \n', [{ value: { a: 1 } }]],
  ['no bytes at all', '', []],
  ['a line that is no JSON', 'hello\n{"a":1}', ['malformed', { value: { a: 1 } }]],
  ['a line cut off', '{"a":1}\n{"b":', [{ value: { a: 1 } }, 'malformed']],
  ['signs of several bytes', '{"ä":"😀"}\n', [{ value: { ä: '😀' } }]],
])('takes apart %s', (_, text, expected) => {
  expect(split([bytes(text)])).toEqual(expected)
  expect(split([...bytes(text)].map((byte) => Uint8Array.of(byte)))).toEqual(expected)
})

test('tells a line that is too long by its beginning, and reads on', () => {
  const text = bytes(`{"response":"${'x'.repeat(1_100_000)}"}\n{"a":1}\n`)
  const begins = `{"response":"${'x'.repeat(51)}`
  for (const size of [1000, 65_536, 1_048_570, 3_000_000]) {
    const chunks: Uint8Array[] = []
    for (let i = 0; i < text.length; i += size) chunks.push(text.subarray(i, i + size))
    expect(split(chunks)).toEqual([{ begins }, { value: { a: 1 } }])
  }
})

test('keeps no more than a line’s bound of a line without an end', () => {
  const splitter = new NdjsonSplitter(() => {})
  const chunk = new Uint8Array(1 << 20).fill(97)
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 64; i++) splitter.push(chunk)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20)
})

test('does not keep chunks that may be used again', () => {
  const lines: NdjsonLine[] = []
  const splitter = new NdjsonSplitter((line) => lines.push(line))
  const chunk = bytes('{"a":')
  splitter.push(chunk)
  chunk.fill(0)
  splitter.push(bytes('1}\n'))
  expect(lines).toEqual([{ value: { a: 1 } }])
})

test('any chunking of any bytes gives the same lines', () => {
  const line = fc.oneof(fc.json(), fc.string(), fc.constant('{"response":"…"}'), fc.constant(''))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat({ max: 40 }), { maxLength: 20 }), (texts, cuts) => {
      const whole = bytes(texts.join('\n'))
      const chunks: Uint8Array[] = []
      let from = 0
      for (const cut of cuts) {
        chunks.push(whole.slice(from, from + cut))
        from += cut
      }
      expect(split([...chunks, whole.slice(from)])).toEqual(split([whole]))
    }),
    { numRuns: 200 },
  )
})
