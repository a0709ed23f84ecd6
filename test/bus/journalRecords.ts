// Records for the tests of bus and journal: plain ones, and arbitrary ones with strings of every nasty kind.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { onTestFinished } from 'vitest'
import { type JournalEntry, readJournalSync } from '../../src/bus/journalReader.ts'
import { FAILURE_TYPES } from '../../src/model/failures.ts'
import { KINDS, resolvePolicy } from '../../src/model/policy.ts'
import { type GearEvent, type HeaderRecord, type JournalRecord, type OutcomeRecord, TIMER_IDS } from '../../src/model/records.ts'
import { STATE_PATHS, STATES } from '../../src/model/states.ts'
import { NO_STATS } from '../../src/model/stats.ts'

export function header(reason: HeaderRecord['reason'], dropped?: number): HeaderRecord {
  return {
    type: 'header',
    format: 'switchgear-journal',
    version: 1,
    behaviour: 1,
    reason,
    startedAt: 1_767_225_600_000,
    software: 'switchgear test',
    seed: 7,
    services: {},
    ...(dropped === undefined ? {} : { dropped }),
  }
}

/** The record with this number, which is its `generation`. */
export function numbered(number: number, service = 'search'): OutcomeRecord {
  return { type: 'outcome', at: 1_767_225_600_000 + number, service, result: 'success', latency: 12.345, generation: number }
}

/** A directory of its own for the running test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'switchgear-journal-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function readAll(file: string, options: Parameters<typeof readJournalSync>[1] = {}): JournalEntry[] {
  return [...readJournalSync(file, options)].flat()
}

export function recordsIn(file: string, options: Parameters<typeof readJournalSync>[1] = {}): JournalRecord[] {
  return readAll(file, options).map(({ record }) => record)
}

/** The numbers of the {@link numbered} records among `records`. */
export function numbersOf(records: readonly JournalRecord[]): number[] {
  return records.flatMap((record) => (record.type === 'outcome' ? [record.generation] : []))
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

// JSON knows no −0.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const thousandths = fc.integer({ min: 0, max: 10_000_000 }).map((value) => value / 1000)
const words = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'search',
    '"',
    '\\',
    '\n',
    '\r\n',
    '\u2028',
    '\0',
    '{"crc":"00000000",',
    '","type":"header"',
    '__proto__',
    'ß→😀',
  ),
  // Lone surrogates as well.
  fc.array(fc.nat(0xffff), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
)
const at = fc.oneof(fc.integer({ min: 0, max: 4_102_444_800_000 }), number)
const stamped = { at, service: words }
const kind = fc.constantFrom(...KINDS)
const path = fc.constantFrom(...STATE_PATHS)
const policy = kind.map((of) => JSON.parse(JSON.stringify(resolvePolicy(of))) as ReturnType<typeof resolvePolicy>)
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown)

function record<T extends GearEvent | HeaderRecord>(
  required: { [Name in keyof T]?: fc.Arbitrary<unknown> },
  maybe: { [Name in keyof T]?: fc.Arbitrary<unknown> } = {},
): fc.Arbitrary<T> {
  return fc
    .record({ ...required, ...maybe }, { requiredKeys: Object.keys(required) as never[] })
    .map((value) => ({ ...value }) as unknown as T)
}

export const anyHeader = record<HeaderRecord>(
  {
    type: fc.constant('header'),
    format: fc.constant('switchgear-journal'),
    version: fc.constant(1),
    behaviour: fc.integer({ min: 1, max: 9 }),
    reason: fc.constantFrom('start', 'restart', 'rotation', 'gap'),
    startedAt: at,
    software: words,
    seed: number,
    services: fc.dictionary(
      words.filter((name) => name !== '__proto__'),
      fc.record({ kind, policy }),
      { maxKeys: 3, noNullPrototype: true },
    ),
  },
  {
    saved: fc.array(fc.record({ service: words, kind, path, context: json, window: json, gate: json, latency: json }), {
      maxLength: 3,
    }),
    dropped: fc.nat(),
  },
)

export const anyEvent: fc.Arbitrary<GearEvent> = fc.oneof(
  {
    weight: 5,
    arbitrary: record<OutcomeRecord>(
      {
        type: fc.constant('outcome'),
        ...stamped,
        result: fc.constantFrom('success', 'failure', 'ignored', 'rejected'),
        latency: fc.oneof(thousandths, number),
        generation: fc.nat(),
      },
      {
        failure: fc.constantFrom(...FAILURE_TYPES),
        status: fc.integer({ min: 100, max: 599 }),
        retryAfterMs: number,
        probe: fc.nat(),
        state: fc.constantFrom(...STATES),
        budget: words,
        level: fc.constantFrom(0, 1, 2, 3),
        model: words,
        operation: words,
        usage: fc
          .record({ input: fc.nat(), output: fc.nat(), cached: fc.nat() }, { requiredKeys: ['input', 'output'] })
          .map((usage) => ({ ...usage })),
        cost: number,
        costEstimated: fc.constant(true),
        quality: number,
        unbudgeted: fc.constant(true),
      },
    ),
  },
  record<GearEvent>({ type: fc.constant('admission'), ...stamped, generation: fc.nat() } as never, { probe: fc.nat() } as never),
  record<GearEvent>({ type: fc.constant('timer'), ...stamped, id: fc.constantFrom(...TIMER_IDS) } as never),
  record<GearEvent>({
    type: fc.constant('signal'),
    ...stamped,
    signal: fc.record({ kind: fc.constant('health'), level: fc.constantFrom(0, 1, 2, 3), reason: words }),
  } as never),
  record<GearEvent>({
    type: fc.constant('directive'),
    ...stamped,
    directive: fc.record({
      epoch: fc.nat(),
      level: fc.constantFrom(0, 1, 2, 3),
      admissionRatio: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
      hold: fc.boolean(),
      expiresAt: fc.nat(),
      rule: words,
      reason: words,
    }),
  } as never),
  record<GearEvent>({
    type: fc.constant('command'),
    ...stamped,
    command: fc.record({ name: fc.constantFrom('trip', 'reset'), by: fc.constant('ops'), why: words }),
  } as never),
  record<GearEvent>(
    { type: fc.constant('config'), ...stamped, change: fc.constantFrom('added', 'reconfigured', 'removed') } as never,
    { kind, policy } as never,
  ),
  record<GearEvent>(
    { type: fc.constant('transition'), ...stamped, from: path, to: path, generation: fc.nat(), reason: words } as never,
    { until: number, stats: fc.constantFrom(NO_STATS, { p95: 1.5, baselineP95: 0.1, calls: 9 }) } as never,
  ),
  record<GearEvent>(
    {
      type: fc.constant('alert'),
      ...stamped,
      level: fc.constantFrom('info', 'warning', 'error', 'critical'),
      code: words,
      message: words,
    } as never,
    { by: fc.constantFrom('budgets', 'monitor'), limit: number, over: number } as never,
  ),
  record<GearEvent>({
    type: fc.constant('decision'),
    ...stamped,
    decision: fc.constantFrom('fallback', 'model'),
    why: words,
    steps: fc.array(
      fc
        .record(
          { name: words, result: fc.constantFrom('answered', 'failed', 'rejected'), code: words },
          { requiredKeys: ['name', 'result'] },
        )
        .map((step) => ({ ...step })),
      { maxLength: 3 },
    ),
    result: fc.constantFrom('answered', 'failed'),
    duration: number,
  } as never),
)
