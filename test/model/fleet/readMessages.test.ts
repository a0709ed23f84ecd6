// What comes over the bus may be anything: what is good is heard, what is not is told, and nothing throws or takes long.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../../../src/model/fleet/outcomeCheck.ts'
import { EXPLAINED, type ReadMessages, readMessages } from '../../../src/model/fleet/readMessages.ts'
import { messageSubject } from '../../../src/model/fleet/subjects.ts'
import { WIRE_TYPES } from '../../../src/model/fleet/wire.ts'
import { schemaFor } from '../../../src/model/fleet/wireSchemas.ts'
import { AT, bytesOf, messageBytes, OUTCOME, SAMPLES, subjectOf } from './samples.ts'

const ADDRESS = { fleet: 'default', type: 'outcome', service: 'openai', node: 'web-1' } as const
const SUBJECT = messageSubject(ADDRESS)
const NOW = AT + 1000

function read(body: unknown, subject = SUBJECT): ReadMessages {
  return readMessages(subject, bytesOf(body), NOW)
}

function reason(body: unknown, subject = SUBJECT): string | undefined {
  const { messages, problems } = read(body, subject)
  expect(messages).toEqual([])
  return problems[0]?.reason
}

describe('a message', () => {
  test.each(WIRE_TYPES)('%s comes as it was sent, with every field', (type) => {
    const sent = SAMPLES[type]
    expect(readMessages(subjectOf(sent), messageBytes(sent), NOW)).toEqual({ messages: [sent], problems: [], rejected: 0 })
    expect(read(sent, subjectOf(sent)).messages).toEqual([sent])
  })

  test('may leave out what its subject says, its time, and its id', () => {
    expect(read({ result: 'success', latency: 80 }).messages).toEqual([
      { v: 1, type: 'outcome', at: NOW, node: 'web-1', service: 'openai', result: 'success', latency: 80 },
    ])
    const alert = { level: 'info', code: 'hello', message: '' }
    expect(read(alert, 'sg.v1.default.alert._all.web-1').messages).toEqual([
      { v: 1, type: 'alert', at: NOW, node: 'web-1', service: '*', ...alert },
    ])
  })

  test.each([
    ['v', 2, 'v: got 2; allowed: 1, the version that is spoken here'],
    ['v', '1', 'v: got "1"; allowed: 1, the version that is spoken here'],
    ['type', 'signal', 'type: got "signal"; allowed: "outcome", as in the subject, or nothing'],
    ['service', 'other', 'service: got "other"; allowed: "openai", as in the subject, or nothing'],
    ['node', 'web-2', 'node: got "web-2"; allowed: "web-1", as in the subject, or nothing'],
    ['fleet', 'other', 'fleet: got "other"; allowed: "default", as in the subject, or nothing'],
  ])('cannot say of itself what its subject does not: %s %j', (name, value, words) => {
    expect(reason({ ...OUTCOME, [name]: value })).toBe(words)
    // And what agrees is let pass.
    expect(read({ ...OUTCOME, fleet: 'default' }).messages).toEqual([OUTCOME])
  })

  test.each([
    ['latency', 'fast', 'latency: got "fast"; allowed: a number of ms from 0 to 1000000000'],
    ['latency', undefined, 'latency: missing; allowed: a number of ms from 0 to 1000000000'],
    ['latency', -1, 'latency: got -1; allowed: a number of ms from 0 to 1000000000'],
    ['latency', 1e9 + 1, 'latency: got 1000000001;'],
    ['latency', null, 'latency: got null;'],
    ['result', 'sucess', 'did you mean "success"?'],
    ['failure', 'time-out', 'did you mean "timeout"?'],
    ['failure', 'x'.repeat(9000), 'failure: got "xxxx'],
    ['status', 99, 'status: got 99; allowed: a whole number from 100 to 999'],
    ['status', 404.5, 'status: got 404.5'],
    ['retryAfterMs', -1, 'retryAfterMs: got -1'],
    ['model', '', 'model: got "";'],
    ['model', 'm'.repeat(201), 'model: got "mmm'],
    ['operation', 7, 'operation: got 7'],
    ['usage', { input: 1 }, 'usage.output: missing'],
    ['usage', { input: 1, output: -1 }, 'usage.output: got -1'],
    ['usage', { input: 1, output: 1, cached: 'x' }, 'usage.cached: got "x"'],
    ['usage', { input: 1, output: 1, reasoning: 1e13 }, 'usage.reasoning: got 10000000000000'],
    ['usage', [1, 2], 'usage: got a list'],
    ['usage', null, 'usage: got null'],
    ['cost', 1_000_001, 'cost: got 1000001; allowed: a number of dollars from 0 to 1000000'],
    ['quality', 1.1, 'quality: got 1.1; allowed: a number from 0 to 1'],
    ['count', 0, 'count: got 0; allowed: a whole number from 1 to 10000000'],
    ['count', 1.5, 'count: got 1.5'],
    ['slow', -1, 'slow: got -1'],
    ['probe', false, 'probe: got false; allowed: true'],
    ['id', '', 'id: got ""'],
    ['id', 'i'.repeat(129), 'id: got "iii'],
    ['seq', -1, 'seq: got -1'],
    ['seq', 2 ** 53, 'seq: got 9007199254740992'],
    ['at', AT / 1000, 'at: got 1767225600; allowed: a number of ms since 1970 from 1000000000000 to 4102444800000'],
    ['at', AT * 1000, 'at: got 1767225600000000'],
    ['at', '2026-01-01', 'at: got "2026-01-01"'],
    ['at', null, 'at: got null'],
  ])('is refused with the reason: %s %j', (name, value, words) => {
    const got = reason({ ...OUTCOME, [name]: value })
    expect(got).toContain(words)
    expect(got?.length).toBeLessThan(501)
  })

  test('numbers that JSON makes infinite are refused', () => {
    expect(reason('{"result":"success","latency":1e999}')).toContain('latency: got Infinity')
  })

  test('a sender whose clock is a day off is heard, with whole ms', () => {
    expect(read({ ...OUTCOME, at: AT - 86_400_000 }).messages[0]?.at).toBe(AT - 86_400_000)
    expect(read({ ...OUTCOME, at: AT + 0.75 }).messages[0]?.at).toBe(AT + 1)
    expect(read({ ...SAMPLES.alert, at: AT + 0.75 }, subjectOf(SAMPLES.alert)).messages[0]?.at).toBe(AT + 1)
  })

  test.each([
    [{ count: 5, slow: 7 }, 5],
    [{ count: 5, slow: 5 }, 5],
    [{ slow: 3 }, 1],
    [{ slow: 0 }, 0],
  ])('has no more slow calls than calls: %o', (counts, slow) => {
    expect(read({ result: 'success', latency: 80, ...counts }).messages).toMatchObject([{ slow }])
  })

  test('fields of a later version are let pass, and do not get any further', () => {
    const later = { colour: 'red', ['__proto__']: { v: 2 }, deep: [[[]]] }
    expect(read({ ...OUTCOME, ...later, usage: { ...OUTCOME.usage, audio: 7 } }).messages).toEqual([OUTCOME])
    const { signal, finding } = SAMPLES
    const laterSignal = { ...signal, ...later, signal: { ...signal.signal, colour: 'red' } }
    expect(read(laterSignal, subjectOf(signal)).messages).toEqual([signal])
    const laterFinding = { ...finding, finding: { ...finding.finding, colour: 'red' } }
    expect(read(laterFinding, subjectOf(finding)).messages).toEqual([finding])
  })

  test('commands for one service and for the whole system are not mistaken for one another', () => {
    const one = 'sg.v1.default.command.openai.web-1'
    const all = 'sg.v1.default.command._all.web-1'
    const why = { by: 'ann', why: 'a release' }
    const some = { name: 'beginMaintenance', ...why, services: ['openai'] }
    expect(read({ command: some }, all).messages).toMatchObject([{ service: '*', command: some }])
    expect(reason({ command: { name: 'tripAll', ...why } }, one)).toContain('command.name: got "tripAll"')
    expect(reason({ command: { name: 'trip', ...why } }, all)).toContain('command.name: got "trip"')
  })
})

describe('a body', () => {
  test('may be a batch, of which bad messages are left out and told by their place', () => {
    const { messages, problems, rejected } = read([OUTCOME, { latency: 1 }, 7, { ...OUTCOME, node: 'other' }, OUTCOME])
    expect(messages).toEqual([OUTCOME, OUTCOME])
    expect(rejected).toBe(3)
    expect(problems.map(({ index }) => index)).toEqual([1, 2, 3])
    expect(problems[1]).toEqual({ subject: SUBJECT, index: 2, reason: 'the message: got 7; allowed: an object' })
  })

  test('has at most 256 messages', () => {
    const full = Array.from({ length: 256 }, () => ({ result: 'success', latency: 1 }))
    expect(read(full).messages.length).toBe(256)
    expect(reason([...full, full[0]])).toBe('the body: got a list of 257 messages; allowed: at most 256')
    expect(read([])).toEqual({ messages: [], problems: [], rejected: 0 })
  })

  test('has at most 64 KiB', () => {
    const body = (bytes: number): string => `{"result":"success","latency":1${' '.repeat(bytes - 32)}}`.padEnd(bytes)
    expect(read(body(65_536)).messages.length).toBe(1)
    expect(reason(body(65_537))).toBe('the body: got 65537 bytes; allowed: at most 65536 bytes')
  })

  test.each(['', '{', 'nonsense', 'null', '7', '"text"', '[null]', '[[{}]]', '\u0000', '['.repeat(60_000)])(
    'that is no message is refused: %j',
    (body) => {
      expect(read(body)).toMatchObject({ messages: [], rejected: 1 })
    },
  )

  test('is refused where the subject is none', () => {
    const { problems } = read(OUTCOME, `sg.v2.${'x'.repeat(500)}`)
    expect(problems[0]?.reason).toContain('allowed: sg.v1.{fleet}.{type}.{service}.{node}')
    expect(problems[0]?.subject.length).toBe(300)
  })

  test('of which all is wrong is explained in part, and counted in whole', () => {
    const { problems, rejected } = read(Array.from({ length: 200 }, () => ({ latency: 'x' })))
    expect([problems.length, rejected]).toEqual([EXPLAINED, 200])
    const alerts = read(
      Array.from({ length: 200 }, () => ({})),
      'sg.v1.default.alert.openai.web-1',
    )
    expect([alerts.problems.length, alerts.rejected]).toEqual([EXPLAINED, 200])
  })

  test('is read alike from the ten thousandth subject', () => {
    for (let node = 0; node < 10_000; node++) {
      const [message] = read({ result: 'success', latency: 1 }, `sg.v1.default.outcome.openai.n${node}`).messages
      if (message?.node !== `n${node}`) expect(message?.node).toBe(`n${node}`)
    }
  })

  test('cannot command a terminal through the reason', () => {
    expect(reason('\u001b[2Jx')).not.toMatch(/\p{Cc}/u)
    expect(reason({ ...OUTCOME, result: '\u009b2J\u202e' })).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test('of any bytes to any subject does no harm', () => {
    const subject = fc.constantFrom(...WIRE_TYPES.map((type) => `sg.v1.default.${type}.openai.web-1`), 'x')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), subject, (bytes, to) => {
        const { messages, problems, rejected } = readMessages(to, bytes, NOW)
        expect(problems.length).toBe(Math.min(rejected, EXPLAINED))
        expect(messages.length === 0 || rejected === 0 || bytes[0] === 91).toBe(true)
      }),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.json(), subject, (text, to) => {
        readMessages(to, bytesOf(text), NOW)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the check by hand', () => {
  const odd = fc.oneof(
    fc.constantFrom(0, -1, 0.5, 1, 3, 1e7 + 1, 1e12 + 1, 1e15, Number.MAX_SAFE_INTEGER + 2, AT, '', 'timeout', 'success', true),
    fc.constantFrom(
      null,
      [],
      {},
      { input: 1, output: 2 },
      { input: 1, output: 2, cached: null },
      'x'.repeat(129),
      'x'.repeat(201),
    ),
  )
  const names = fc.constantFrom(...Object.keys(OUTCOME), 'fleet', 'other')
  const changes = fc.dictionary(names, odd, { maxKeys: 3 })
  const missing = fc.uniqueArray(names, { maxLength: 12 })

  test('takes what the schema takes, and makes the same of it', () => {
    let good = 0
    fc.assert(
      fc.property(changes, missing, (changed, absent) => {
        const body: Record<string, unknown> = { ...OUTCOME, ...changed }
        for (const name of absent) delete body[name]
        const byHand = outcomeOf(body, ADDRESS, NOW)
        const { fleet = 'default', v = 1, type = 'outcome', service = 'openai', node = 'web-1', at = NOW } = body
        const whole = { ...body, v, type, service, node, at: typeof at === 'number' ? Math.round(at) : at }
        const agreed = fleet === 'default' && service === 'openai' && node === 'web-1'
        const { data } = schemaFor('outcome', 'openai').safeParse(whole)
        expect(byHand).toEqual(agreed ? data : undefined)
        if (byHand !== undefined) good++
      }),
      { numRuns: 1200 },
    )
    expect(good).toBeGreaterThan(100)
  })
})
