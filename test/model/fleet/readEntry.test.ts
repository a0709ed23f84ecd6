// Entries of the fleet's tables, and what is said of messages that were refused: both come from others.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEntry } from '../../../src/model/fleet/readEntry.ts'
import { readMessages } from '../../../src/model/fleet/readMessages.ts'
import { encodeRejection, readRejection, rejectionOf } from '../../../src/model/fleet/rejection.ts'
import { AT, bytesOf, DIRECTIVE, LEDGER, NODE } from './samples.ts'

describe('an entry', () => {
  test('of each table is read whole', () => {
    expect(readEntry('directives', 'openai', bytesOf(DIRECTIVE))).toEqual({ entry: DIRECTIVE })
    expect(readEntry('nodes', 'web-1', bytesOf(NODE))).toEqual({ entry: NODE })
    expect(readEntry('ledger', 'web-1', bytesOf(LEDGER))).toEqual({ entry: LEDGER })
    const { probe: _1, trip: _2, retryAfterMs: _3, ...least } = DIRECTIVE
    expect(readEntry('directives', '*', bytesOf({ ...least, service: '*' })).entry).toEqual({ ...least, service: '*' })
  })

  test('stands under its own key: nobody writes for another', () => {
    expect(readEntry('nodes', 'web-2', bytesOf(NODE)).reason).toBe('node: got "web-1"; allowed: "web-2", as the key has it')
    expect(readEntry('directives', 'search', bytesOf(DIRECTIVE)).reason).toContain('service: got "openai"')
  })

  test('of a later version is read as far as we know it', () => {
    const later = { ...NODE, region: 'eu', services: { openai: { ...NODE.services.openai, colour: 'red' } } }
    expect(readEntry('nodes', 'web-1', bytesOf(later))).toEqual({ entry: NODE })
  })

  test.each([
    ['directives', 'openai', { ...DIRECTIVE, v: 2 }, 'v: got 2; allowed: 1'],
    ['directives', 'openai', { ...DIRECTIVE, epoch: -1 }, 'epoch: got -1'],
    ['directives', 'openai', { ...DIRECTIVE, level: 4 }, 'level: got 4'],
    ['directives', 'openai', { ...DIRECTIVE, admissionRatio: 1.5 }, 'admissionRatio: got 1.5; allowed: a number from 0 to 1'],
    ['directives', 'openai', { ...DIRECTIVE, lifetime: 0 }, 'lifetime: got 0'],
    ['directives', 'openai', { ...DIRECTIVE, state: 'shut' }, 'state: got "shut"'],
    ['directives', 'openai', { ...DIRECTIVE, trip: { why: 'quorum' } }, 'trip.id: missing'],
    ['nodes', 'web-1', { ...NODE, services: { 'a b': {} } }, 'got the name "a b"'],
    ['nodes', 'web-1', { ...NODE, services: { openai: { path: 'shut' } } }, 'services.openai.kind: missing'],
    ['ledger', 'web-1', { ...LEDGER, services: { openai: { day: 0.5, month: 1 } } }, 'services.openai.day: got 0.5'],
    ['ledger', 'web-1', 'nonsense', 'the entry is no JSON'],
    ['ledger', 'web-1', [], 'the entry: got a list; allowed: an object'],
    ['ledger', 'web-1', 'null', 'the entry: got null; allowed: an object'],
  ] as const)('of %s that is wrong is refused with the reason (%#)', (table, key, value, words) => {
    const { entry, reason } = readEntry(table, key, bytesOf(value))
    expect(entry).toBeUndefined()
    expect(reason).toContain(words)
    expect(reason?.length).toBeLessThan(501)
  })

  test('that is too big is refused unread', () => {
    expect(readEntry('nodes', 'web-1', bytesOf(NODE), 100).reason).toMatch(
      /^the entry: got \d+ bytes; allowed: at most 100 bytes$/,
    )
  })

  test('of any kind does no harm', () => {
    const table = fc.constantFrom('directives', 'nodes', 'ledger')
    const wrong = fc.dictionary(fc.constantFrom(...Object.keys({ ...DIRECTIVE, ...NODE, ...LEDGER })), fc.jsonValue())
    fc.assert(
      fc.property(table, wrong, (name, changes) => {
        const base = { directives: DIRECTIVE, nodes: NODE, ledger: LEDGER }[name as 'nodes']
        readEntry(name as 'nodes', 'web-1', bytesOf({ ...base, ...changes }))
      }),
      { numRuns: 300 },
    )
  })
})

describe('a rejection', () => {
  test('tells the sender what was wrong with the first, and how many were', () => {
    const subject = 'sg.v1.default.outcome.openai.web-1'
    const read = readMessages(subject, bytesOf([{ result: 'success', latency: 1 }, {}, 7]), AT)
    const rejection = rejectionOf(read, 'leader-1', AT)
    expect(rejection).toMatchObject({ v: 1, at: AT, by: 'leader-1', subject, index: 1, count: 2 })
    expect(readRejection(encodeRejection(rejection as NonNullable<typeof rejection>))).toEqual(rejection)
    expect(rejectionOf({ messages: [], problems: [], rejected: 0 }, 'leader-1', AT)).toBeUndefined()
  })

  test('that is none is passed over', () => {
    for (const body of ['', '{}', 'x', '7', 'x'.repeat(10_000)]) expect(readRejection(bytesOf(body))).toBeUndefined()
  })
})
