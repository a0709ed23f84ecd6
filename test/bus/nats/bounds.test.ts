// The bounds of what a link remembers, hears and says, without a server.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { within } from '../../../src/bus/nats/due.ts'
import { hashText, IdTable } from '../../../src/bus/nats/idTable.ts'
import { Inbox } from '../../../src/bus/nats/inbox.ts'
import { cut } from '../../../src/bus/nats/journalPacker.ts'
import { NodeRates } from '../../../src/bus/nats/nodeRates.ts'
import { SeenIds } from '../../../src/bus/nats/seenIds.ts'
import { newNode, newSession } from '../../../src/bus/nats/session.ts'
import { Troubles } from '../../../src/bus/nats/troubles.ts'
import { isBusName } from '../../../src/model/fleet/subjects.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { outcome } from './natsLink.ts'

test('ids are remembered for at least 32,768 messages, and not for ever', () => {
  const seen = new SeenIds()
  const comes = (id: number): boolean => seen.take(outcome('a', { id: String(id) }))
  for (let id = 0; id < 32_768; id++) expect(comes(id)).toBe(false)
  expect([comes(0), comes(32_767)]).toEqual([true, true])
  for (let id = 32_768; id < 3 * 32_768; id++) comes(id)
  expect(comes(3 * 32_768 - 1)).toBe(true)
  expect(comes(0)).toBe(false)
})

test("each node's ids are its own, whatever they look like", () => {
  const id = fc.oneof(fc.constantFrom('a', 'b', 'é', 'ab', 'ba', ' '), fc.string({ minLength: 1, maxLength: 128 }))
  const node = fc.constantFrom('a', 'b', 'ab')
  fc.assert(
    fc.property(fc.array(fc.record({ node, id }), { maxLength: 200 }), (messages) => {
      const seen = new SeenIds()
      const known = new Set<string>()
      for (const { node, id } of messages) {
        expect(seen.take(outcome(node, { id }))).toBe(known.has(`${node}.${id}`))
        known.add(`${node}.${id}`)
      }
    }),
    { numRuns: 60 },
  )
})

test('ids of one hash are told apart, and of those for whom there is no room none is kept', () => {
  const table = new IdTable(6)
  const all = ['a', 'b', 'c'].flatMap((node) => ['1', '2', '3'].map((id) => [node, id] as const))
  const kept = all.map(([node, id]) => table.add(node, id, -1))
  expect(kept).toEqual([true, true, true, true, true, true, false, false, false])
  expect(all.map(([node, id]) => table.has(node, id, -1))).toEqual(kept)
  expect([table.add('a', '1', -1), table.has('a', '4', -1), table.has('a', '1', 5)]).toEqual([false, false, false])
  table.clear()
  expect([table.size, table.has('a', '1', -1), table.add('a', '1', -1)]).toEqual([0, false, true])
})

test.each([
  ['that count up', (i: number) => `session.${i}`],
  ['made so that the low bits of what they come to are the same', twins],
])('ids %s are spread over the table, whatever the seed', (_, idOf) => {
  for (const seed of [0, 1, -1, 0x7fff_ffff]) {
    const places = new Set(Array.from({ length: 32_768 }, (_, i) => hashText(idOf(i), seed) & 65_535))
    // Of so many by chance: 65,536 × (1 − e^−½).
    expect(places.size).toBeGreaterThan(24_000)
  }
})

/** Fifteen pairs of letters: the second of each takes back what the first has changed, as far as the last 16 bits go. */
function twins(i: number): string {
  return Array.from({ length: 15 }, (_, bit) => (i & (1 << bit) ? 'aa' : '\u8061\u8061')).join('')
}

test.each([
  ['none is missing', [1, 2, 3], 0],
  ['the first one is any', [7, 8], 0],
  ['some are missing', [1, 4, 5, 9], 5],
  ['one comes late', [1, 3, 2, 4], 2],
  ['the count begins anew', [8, 9, 1, 2], 0],
  ['another count begins far away', [1, 1_000_002, 1_000_003], 0],
  ['the largest gap', [1, 1_000_001], 999_999],
])('by their numbers, where %s', (_, numbers, missed) => {
  const seen = new SeenIds()
  for (const seq of numbers) seen.take(outcome('a', { seq }))
  seen.take(outcome('b', { seq: 5 }))
  seen.take({ v: 1, type: 'command', at: 1, node: 'a', service: '*', seq: 500, command: { name: 'tripAll', by: 'x', why: 'y' } })
  expect(seen.missed).toBe(missed)
})

test('more senders than can be remembered are counted from anew', () => {
  const seen = new SeenIds()
  for (let i = 0; i < 10_001; i++) seen.take(outcome(`n${i}`, { seq: 1 }))
  seen.take(outcome('n0', { seq: 5 }))
  seen.take(outcome('n10000', { seq: 5 }))
  expect(seen.missed).toBe(3)
})

test('a node has its share each second, and pays back what it took too much', () => {
  const rates = new NodeRates(100)
  expect(rates.allows('a', 0)).toBe(true)
  rates.spend('a', 0, 99)
  expect(rates.allows('a', 0)).toBe(true)
  rates.spend('a', 0, 101)
  expect([rates.allows('a', 0), rates.allows('b', 0)]).toEqual([false, true])
  expect([rates.allows('a', 1000), rates.allows('a', 1010)]).toEqual([false, true])
  rates.spend('a', 1010, 1)
  // Silence saves up no more than a second's share.
  rates.spend('a', 100_000, 100)
  expect(rates.allows('a', 100_000)).toBe(false)
  // A clock that steps back gives nothing.
  expect(rates.allows('a', 50_000)).toBe(false)
})

test('made-up names of nodes fill no memory', () => {
  const rates = new NodeRates(1)
  rates.spend('a', 0, 5)
  for (let i = 0; i < 4096; i++) rates.allows(`n${i}`, 0)
  expect(rates.allows('a', 0)).toBe(true)
})

test('what is the matter is told once a minute for each code', () => {
  const clock = new VirtualClock()
  const told: unknown[] = []
  const troubles = new Troubles(clock, (status) => told.push(status))
  const say = (): void => {
    troubles.trouble('a', () => 'first')
    troubles.trouble('b', () => 'second')
    troubles.refused('publish to x')
  }
  say()
  clock.advance(59_999)
  say()
  expect(told).toEqual([
    { type: 'trouble', code: 'a', message: 'first' },
    { type: 'trouble', code: 'b', message: 'second' },
    { type: 'refused', what: 'publish to x' },
  ])
  clock.advance(1)
  say()
  expect(told.length).toBe(6)
  for (let i = 0; i < 1000; i++) troubles.refused(`publish to ${i}`)
  expect(told.length).toBe(1006)
})

test('what comes faster than it can be read is dropped and told, and what is closed is read no more', () => {
  const told: string[] = []
  let delivered = 0
  const inbox = new Inbox({
    clock: new VirtualClock(),
    node: 'a',
    messagesPerSecond: 1e6,
    deliver: () => delivered++,
    report: () => undefined,
    trouble: (code, message) => told.push(`${code}: ${message()}`),
  })
  const body = new TextEncoder().encode('{"result":"success","latency":1}')
  for (let i = 0; i < 50_003; i++) inbox.take('sg.v1.test.outcome.search.b', body)
  expect(inbox.rejected).toBe(3)
  expect(told[0]).toMatch(/^flooded: more comes/)
  inbox.close()
  inbox.take('sg.v1.test.outcome.search.b', body)
  return new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve))).then(() => expect(delivered).toBe(0))
})

test('long queues are read to their end, in order', async () => {
  const seqs: number[] = []
  const inbox = new Inbox({
    clock: new VirtualClock(),
    node: 'a',
    messagesPerSecond: 1e6,
    deliver: (messages) => seqs.push(...messages.map(({ seq }) => seq ?? 0)),
    report: () => undefined,
    trouble: () => undefined,
  })
  for (let seq = 1; seq <= 10_000; seq++) {
    inbox.take('sg.v1.test.outcome.search.b', new TextEncoder().encode(`{"result":"success","latency":1,"seq":${seq}}`))
  }
  while (seqs.length < 10_000) await new Promise((resolve) => setImmediate(resolve))
  expect(seqs).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1))
  expect(inbox.missed).toBe(0)
})

test('of those that come together only those are handed on that are new, together and in order', async () => {
  const heard: (string | undefined)[][] = []
  const inbox = new Inbox({
    clock: new VirtualClock(),
    node: 'a',
    messagesPerSecond: 1e6,
    deliver: (messages) => heard.push(messages.map(({ id }) => id)),
    report: () => undefined,
    trouble: () => undefined,
  })
  for (const ids of ['1234', '3', '24', '567', '5859', '', '0 ']) {
    const outcomes = [...ids].map((id) => ({ result: 'success', latency: 1, ...(id === ' ' ? undefined : { id }) }))
    inbox.take('sg.v1.test.outcome.search.b', new TextEncoder().encode(JSON.stringify(outcomes)))
  }
  while (heard.length < 4) await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toEqual([
    ['1', '2', '3', '4'],
    ['5', '6', '7'],
    ['8', '9'],
    ['0', undefined],
  ])
  expect([inbox.received, inbox.rejected]).toEqual([11, 0])
})

test('a bounded wait says whether it was done', async () => {
  const clock = new VirtualClock()
  expect(await within(clock, 10, Promise.resolve())).toBe(true)
  expect(await within(clock, 10, Promise.reject(new Error('no')))).toBe(false)
  const late = within(clock, 10, new Promise(() => undefined))
  clock.advance(10)
  expect(await late).toBe(false)
  expect(clock.pending).toBe(0)
})

test.each([
  [10, 10, [10]],
  [10, 4, [4, 4, 2]],
  [10, 1_000_000, [10]],
  [300_000, 1_000_000, [262_144, 37_856]],
])('a message of %i bytes for a server that takes %i is cut', (size, longest, sizes) => {
  const pieces = cut({ bytes: Buffer.alloc(size), records: 7, header: { a: 'b' } }, longest)
  expect(pieces.map(({ bytes }) => bytes.length)).toEqual(sizes)
  expect(pieces.map(({ records }) => records)).toEqual([...sizes.slice(1).map(() => 0), 7])
  expect(pieces.map(({ header }) => header)).toEqual([{ a: 'b' }, ...sizes.slice(1).map(() => undefined)])
})

test('sessions and nodes get names of their own that can be on the bus', () => {
  const names = Array.from({ length: 1000 }, newSession)
  expect(new Set(names).size).toBe(1000)
  expect(names.every((name) => /^[a-z0-9]{11}$/.test(name))).toBe(true)
  expect([newNode(), newNode()].every(isBusName)).toBe(true)
})
