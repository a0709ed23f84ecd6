import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/bus/crc32.ts'
import { encode, fits, PREFIX_LENGTH, parseLine, recordBody, writtenCrc } from '../../src/bus/journalLine.ts'
import { epochNumeral, thousandthsNumeral } from '../../src/bus/numerals.ts'
import { problemOf } from '../../src/bus/recordCheck.ts'
import { KINDS, type PolicyInput, policySchema, resolvePolicy } from '../../src/model/policy.ts'
import { problemOfRecord } from '../../src/model/recordSchemas.ts'
import type { JournalRecord } from '../../src/model/records.ts'
import { anyEvent, anyHeader, header, numbered } from './journalRecords.ts'

const withPolicy = (change: object) => ({
  ...header('start'),
  services: { s: { kind: 'http', policy: { ...resolvePolicy('http'), ...change } } },
})

const anyRecord = fc.oneof({ weight: 9, arbitrary: anyEvent }, { weight: 1, arbitrary: anyHeader })

describe('a line of the journal', () => {
  it('reads back as the very record that was written, whatever its strings and numbers', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(0xffffffff), (record, previousCrc) => {
        const { line, crc } = encode(record, previousCrc)
        const bytes = Buffer.from(line)
        const end = bytes.length - 1
        expect(line.indexOf('\n')).toBe(line.length - 1)
        expect(writtenCrc(bytes, 0, end)).toBe(crc)
        expect(fits(bytes, 0, end, previousCrc, crc)).toBe(true)
        expect(parseLine(bytes, 0, end)).toEqual(record)
        expect(bytes.toString()).toBe(line)
        expect(problemOf(record)).toBeUndefined()
      }),
      { numRuns: 400 },
    )
  })

  it('is JSON as a whole, with zlib’s crc of what follows, chained from the line before', () => {
    const { line, crc } = encode(numbered(1, 'se"arch'), 0xdeadbeef)
    const { crc: written, ...record } = JSON.parse(line) as { crc: string }
    expect(record).toEqual(numbered(1, 'se"arch'))
    expect(Number.parseInt(written, 16)).toBe(crc)
    expect(crc).toBe(zlibCrc32(line.trimEnd().slice(PREFIX_LENGTH), 0xdeadbeef))
  })

  it('says that a header is one in its first field, whatever the order of the object', () => {
    const { type, ...rest } = header('start')
    expect(recordBody({ ...rest, type })).toMatch(/^"type":"header",/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses to hold %s, which could not be read back', (latency) => {
    expect(() => recordBody({ ...numbered(1), latency })).toThrow(/cannot hold the number/)
    expect(() => recordBody({ ...numbered(1), at: latency })).toThrow(/cannot hold the number/)
  })

  it('has a crc only where it looks like one', () => {
    for (const text of ['', '{"crc":"0000000g","a":1}', '{"crc":"00000000"}', '{"CRC":"00000000","a":1}', 'x'.repeat(40)]) {
      expect(writtenCrc(Buffer.from(text), 0, text.length), text).toBeUndefined()
    }
  })
})

describe('the checksum', () => {
  it('is zlib’s, for any part of any bytes, chained', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 41, maxLength: 3000 }), fc.nat(40), fc.nat(0xffffffff), (array, start, previous) => {
        const bytes = Buffer.from(array)
        const from = start
        expect(crc32(bytes, from, bytes.length, previous)).toBe(zlibCrc32(bytes.subarray(from), previous))
      }),
    )
  })
})

describe('a number put together by hand', () => {
  it('reads back as the very number', { timeout: 60_000 }, () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: -5000, max: 5_000_000 }).map((value) => value / 1000),
      fc.maxSafeInteger(),
    )
    fc.assert(
      fc.property(number, (value) => {
        expect(JSON.parse(epochNumeral(value))).toBe(value + 0)
        expect(JSON.parse(thousandthsNumeral(value))).toBe(value + 0)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the check of a record', () => {
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['no object', 7, /^type: got nothing; allowed: header, outcome/],
    ['an unknown type', { type: 'outcom' }, /^type: got "outcom"; allowed: header, outcome/],
    ['a type that every object inherits', { type: 'constructor' }, /^type: got "constructor"/],
    ['a latency that is no number', { ...numbered(1), latency: '12' }, /^latency: .*expected number/],
    ['a latency that is null', { ...numbered(1), latency: null }, /^latency: /],
    ['an unknown result', { ...numbered(1), result: 'maybe' }, /^result: .*"success"\|"failure"\|"ignored"\|"rejected"/],
    ['an unknown failure', { ...numbered(1), failure: 'oops' }, /^failure: .*"timeout"/],
    ['an unknown state', { ...numbered(1), state: 'ajar' }, /^state: .*"closed"/],
    ['a probe that is no number', { type: 'admission', at: 1, service: 's', generation: 1, probe: '1' }, /^probe: /],
    ['an unknown timer', { type: 'timer', at: 1, service: 's', id: 'soon' }, /^id: .*"cooled"/],
    ['no service', { type: 'timer', at: 1, id: 'cooled' }, /^service: /],
    ['a newer format', { ...header('start'), version: 2 }, /^version: .*expected 1/],
    [
      'a policy that is none',
      { ...header('start'), services: { s: { kind: 'http', policy: 1 } } },
      /^services\.s\.policy: .*expected object/,
    ],
    [
      'a window of a year',
      withPolicy({ window: { type: 'time', seconds: 3e7 } }),
      /^services\.s\.policy\.window\.seconds: .*<=3600/,
    ],
    [
      'a window of a billion calls',
      withPolicy({ window: { type: 'count', size: 1e9 } }),
      /^services\.s\.policy\.window\.size: .*<=10000/,
    ],
    [
      'a rule without its share',
      withPolicy({ trip: { ...resolvePolicy('http').trip, failureRate: { minimumCalls: 20 } } }),
      /^services\.s\.policy\.trip\.failureRate\.threshold: .*expected number/,
    ],
    [
      'a policy in mid-journal that waits for ever',
      {
        type: 'config',
        at: 1,
        service: 's',
        change: 'added',
        kind: 'http',
        policy: { ...resolvePolicy('http'), recoveryTimeout: 1e13 },
      },
      /^policy\.recoveryTimeout: .*<=2592000000/,
    ],
    [
      'an unknown exemption',
      { type: 'admission', at: 1, service: 's', generation: 1, exemption: 'friend' },
      /^exemption: .*"health_probe"/,
    ],
    [
      'an exemption claimed by nobody who has a name',
      { type: 'admission', at: 1, service: 's', generation: 1, by: 1 },
      /^by: .*string/,
    ],
    [
      'an exemption for no reason one could read',
      { type: 'admission', at: 1, service: 's', generation: 1, why: {} },
      /^why: .*string/,
    ],
    [
      'a directive without its defaults',
      { type: 'directive', at: 1, service: 's', directive: { epoch: 1, level: 0, expiresAt: 1, rule: '', reason: '' } },
      /^directive\.admissionRatio/,
    ],
  ]
  it.each(bad)('names the field and what is allowed: %s', (_, value, problem) => {
    expect(problemOf(value)).toMatch(problem)
  })

  const extremes: PolicyInput[] = [
    {
      probeTimeout: 2_592_000_000,
      recoveryTimeout: 2_592_000_000,
      successesToClose: 1000,
      window: { type: 'count', size: 10_000 },
    },
    { window: { type: 'time', seconds: 3600 }, degrade: { failureRate: false, p95Ratio: false, consecutiveFailures: false } },
    {
      trip: {
        consecutiveFailures: false,
        failureRate: false,
        slowCallRate: false,
        consecutiveTimeouts: false,
        stalledCalls: false,
      },
    },
    { degrade: false, probePatience: false, timeout: 1, rampDuration: 0, recoveryTimeout: 1e-9, levels: [{}, {}, {}] },
  ]
  it.each(KINDS.flatMap((of) => [{}, ...extremes].map((input) => [of, input] as const)))(
    'lets every policy pass that can be configured: %s %j',
    (of, input) => {
      expect(policySchema.safeParse(input).success).toBe(true)
      expect(problemOf(withPolicy(JSON.parse(JSON.stringify(resolvePolicy(of, input)))))).toBeUndefined()
    },
  )

  it('lets policies pass of releases that knew fewer keys, or more', () => {
    const { maxRetryAfter, probePatience, trip, ...older } = resolvePolicy('http')
    const { streakSignificance, stalledCalls, ...olderTrip } = trip
    expect([maxRetryAfter, probePatience, streakSignificance, stalledCalls]).not.toContain(undefined)
    const policies = [
      { ...older, trip: olderTrip },
      { ...resolvePolicy('http'), mood: 1, trip: { ...trip, mood: 1 }, window: { type: 'count', size: 1, mood: 1 } },
    ]
    for (const policy of policies) {
      expect(problemOf({ ...header('start'), services: { s: { kind: 'http', policy } } })).toBeUndefined()
    }
  })

  it('lets an exemption pass', () => {
    const admission = {
      type: 'admission',
      at: 1,
      service: 's',
      generation: 1,
      exemption: 'emergency_override',
      by: 'ann',
      why: 'so',
    }
    expect(problemOf(admission)).toBeUndefined()
  })

  it('agrees with the schemas about records with one field spoilt', { timeout: 60_000 }, () => {
    const spoilt = fc
      .tuple(anyEvent, fc.nat(20), fc.constantFrom<unknown>(null, 'x', -1, {}, true, Number.NaN))
      .map(([record, index, value]) => {
        const names = Object.keys(record)
        return { ...record, [names[index % names.length] as string]: value } as unknown as JournalRecord
      })
    fc.assert(
      fc.property(spoilt, (record) => {
        expect(problemOf(record)).toBe(problemOfRecord(record))
      }),
      { numRuns: 1000 },
    )
  })
})
