// What a replay says when its recording is not what happened: every kind of difference by name, with its line and what led to it.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import { createSwitchgear, JournalError, type JournalRecord } from '../../src/index.ts'
import type { HeaderRecord, OutcomeRecord } from '../../src/model/records.ts'
import { Replayer, type ReplayResult } from '../../src/replay/replayer.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { VirtualClock } from '../../src/testing/index.ts'

const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31))

let directory = ''
let recorded: readonly JournalRecord[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-replayer-'))
  const journal = new MemoryJournal()
  await anOutage(journal)
  recorded = journal.records
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Two good calls, an outage, refusals, probes that close it again, and an operator. */
async function anOutage(journal: MemoryJournal | FileJournal, clock = new VirtualClock()): Promise<void> {
  const gear = await createSwitchgear({
    services: { search: { kind: 'custom', recoveryTimeout: 5_000, rampDuration: 0, trip: { consecutiveFailures: 3 } } },
    journal,
    clock,
    seed: 7,
  })
  const call = async (works: boolean): Promise<void> => {
    await gear
      .execute('search', () => {
        clock.advance(12.5)
        if (!works) throw Object.assign(new Error('busy'), { status: 503 })
      })
      .catch(() => undefined)
  }
  for (const works of [true, true, false, false, false]) await call(works)
  await call(true)
  clock.advance(12_000)
  for (const works of [true, true, true]) await call(works)
  gear.command('search', { name: 'trip', by: 'anna', why: 'a drill' })
  await call(true)
  gear.command('search', { name: 'reset', by: 'anna', why: 'it was one' })
  await gear.close()
}

function replayed(records: readonly JournalRecord[]): ReplayResult {
  const replayer = new Replayer()
  for (const [i, record] of records.entries()) replayer.take(record, i + 1)
  return replayer.result()
}

/** The position of the nth record that fits. */
function find(fits: (record: JournalRecord) => boolean, nth = 1): number {
  const found = recorded.flatMap((record, i) => (fits(record) ? [i] : []))[nth - 1]
  if (found === undefined) throw new Error('there is no such record')
  return found
}

function changed(at: number, change: object): JournalRecord[] {
  return recorded.map((record, i) => (i === at ? ({ ...record, ...change } as JournalRecord) : record))
}

function without(at: number): JournalRecord[] {
  return recorded.filter((_, i) => i !== at)
}

const isTrip = (record: JournalRecord): boolean => record.type === 'transition' && record.to === 'open.cooling'
const isOutcome =
  (result: OutcomeRecord['result']) =>
  (record: JournalRecord): boolean =>
    record.type === 'outcome' && record.result === result

describe('a replay', () => {
  it('of what happened finds no difference, and counts inputs and transitions', () => {
    expect(replayed(recorded)).toEqual({
      inputs: recorded.filter(({ type }) => type !== 'header' && type !== 'transition' && type !== 'alert').length,
      transitions: recorded.filter(({ type }) => type === 'transition').length,
      differences: 0,
      first: undefined,
      sessions: 1,
      dropped: 0,
    })
    expect(recorded.filter(({ type }) => type === 'transition')).toHaveLength(6)
  })

  it('names a transition that was altered, with both sides and the inputs that led there', () => {
    const at = find(isTrip)
    const { first, differences } = replayed(changed(at, { reason: 'failure_rate' }))
    expect(differences).toBe(1)
    expect(first).toMatchObject({
      line: at + 1,
      service: 'search',
      what: 'the transition differs',
      recorded: { reason: 'failure_rate' },
      replayed: { reason: 'consecutive_failures' },
    })
    expect(first?.trail.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7].slice(0, first?.trail.length))
    expect(first?.trail.at(-1)?.record).toMatchObject({ type: 'outcome', result: 'failure' })
  })

  it('names the deadline of a transition that was altered', () => {
    const at = find(isTrip)
    const trip = recorded[at]
    if (trip?.type !== 'transition' || trip.until === undefined) throw new Error('a trip has a deadline')
    expect(replayed(changed(at, { until: trip.until + 1 })).first).toMatchObject({ line: at + 1, what: 'the transition differs' })
  })

  it('names a timer that fired too early', () => {
    const at = find(({ type }) => type === 'timer')
    const timer = recorded[at]
    if (timer?.type !== 'timer') throw new Error('unreachable')
    expect(replayed(changed(at, { at: timer.at - 1 })).first).toMatchObject({
      line: at + 1,
      what: 'the timer cooled fired where the replay waits for another',
      replayed: { id: 'cooled', at: timer.at },
    })
  })

  it('names a timer that is another', () => {
    const at = find(({ type }) => type === 'timer')
    expect(replayed(changed(at, { id: 'ramped' })).first).toMatchObject({
      line: at + 1,
      what: 'the timer ramped fired where the replay waits for another',
    })
  })

  it('names a transition that was recorded and does not happen', () => {
    const trip = recorded[find(isTrip)] as JournalRecord
    const { first, differences } = replayed([...recorded.slice(0, 2), trip, ...recorded.slice(2)])
    expect(first).toMatchObject({ line: 3, what: 'a recorded transition does not happen', recorded: trip, replayed: undefined })
    expect(differences).toBe(1)
  })

  it('names a transition that happens and was not recorded, before the next input', () => {
    const at = find(isTrip)
    const alert = at + 1
    const lost = recorded.filter((_, i) => i !== at && i !== alert)
    const { first, differences } = replayed(lost)
    expect(first).toMatchObject({
      line: at + 1,
      what: 'a transition happens that was not recorded',
      recorded: undefined,
      replayed: { type: 'transition', to: 'open.cooling' },
    })
    expect(differences).toBe(2)
  })

  it('names an alert that was not recorded', () => {
    const at = find(({ type }) => type === 'alert')
    expect(replayed(without(at)).first?.what).toMatch(/the (alert|transition) differs|an? alert happens that was not recorded/)
  })

  it('names a failure that was turned into a success, where its trip is missed', () => {
    const at = find(isOutcome('failure'), 3)
    const { failure: _failure, status: _status, ...outcome } = recorded[at] as OutcomeRecord
    const altered = recorded.map((record, i) => (i === at ? { ...outcome, result: 'success' as const } : record))
    expect(replayed(altered).first).toMatchObject({
      line: at + 2,
      what: 'a recorded transition does not happen',
      recorded: { to: 'open.cooling' },
    })
  })

  it('names a call that is refused and was admitted', () => {
    const admission = recorded[find(({ type }) => type === 'admission')] as JournalRecord
    const at = find(isOutcome('rejected'))
    expect(replayed([...recorded.slice(0, at), admission, ...recorded.slice(at)]).first).toMatchObject({
      line: at + 1,
      what: 'a call that was admitted is refused (open)',
      recorded: admission,
      replayed: 'open.cooling',
    })
  })

  it('names a call that is admitted and was rejected', () => {
    const rejected = recorded[find(isOutcome('rejected'))] as JournalRecord
    expect(replayed([...recorded.slice(0, 2), rejected, ...recorded.slice(2)]).first).toMatchObject({
      line: 3,
      what: 'a call that was rejected is admitted',
      replayed: 'closed.watching',
    })
  })

  it('names a probe that was numbered differently', () => {
    const at = find(({ type }) => type === 'admission')
    expect(replayed(changed(at, { probe: 9 })).first).toMatchObject({
      line: at + 1,
      what: 'a call was admitted differently',
      replayed: { probe: 1 },
    })
  })

  it('names a service that nobody hung on the board', () => {
    const at = find(isOutcome('success'))
    expect(replayed(changed(at, { service: 'serach' })).first).toMatchObject({
      line: at + 1,
      service: 'serach',
      what: 'no breaker of that name is on the board',
    })
  })

  it('names a configuration that comes without its policy', () => {
    const config: JournalRecord = {
      type: 'config',
      at: (recorded[0] as HeaderRecord).startedAt,
      service: 'search',
      change: 'reconfigured',
    }
    expect(replayed([...recorded.slice(0, 2), config, ...recorded.slice(2)]).first).toMatchObject({
      line: 3,
      what: 'a configuration without its policy',
    })
  })

  it('keeps the first difference and counts the others', () => {
    const at = find(isOutcome('failure'), 2)
    const { first, differences } = replayed(without(at))
    expect(first?.line).toBe(find(isTrip))
    expect(differences).toBeGreaterThan(1)
  })

  it('cannot begin without a header, and says so', () => {
    expect(() => replayed(recorded.slice(1))).toThrow('there is no header before it')
  })

  it('refuses what a newer software has written', () => {
    expect(() => replayed(changed(0, { behaviour: 99 }))).toThrow('written by software of behaviour 99; this one knows up to 1')
  })
})

describe('between sessions', () => {
  /** The header the board would write after the first `count` records. */
  function headerAfter(count: number, reason: HeaderRecord['reason'], dropped?: number): HeaderRecord {
    const replayer = new Replayer()
    for (const [i, record] of recorded.slice(0, count).entries()) replayer.take(record, i + 1)
    const first = recorded[0] as HeaderRecord
    const last = recorded[count - 1] as JournalRecord
    const startedAt = last.type === 'header' ? last.startedAt : last.at
    const { config } = first.orchestrator ?? {}
    const orchestrator = config && { orchestrator: { config, saved: replayer.savedOrchestrator() } }
    return {
      ...first,
      reason,
      startedAt,
      saved: replayer.saved(),
      ...orchestrator,
      ...(dropped === undefined ? undefined : { dropped }),
    }
  }

  it('a rotation goes on without a difference', () => {
    const at = find(({ type }) => type === 'timer')
    const { differences, sessions } = replayed([...recorded.slice(0, at), headerAfter(at, 'rotation'), ...recorded.slice(at)])
    expect({ differences, sessions }).toEqual({ differences: 0, sessions: 2 })
  })

  it('a rotation whose breaker stands differently is named, with the part that differs', () => {
    const at = find(({ type }) => type === 'timer')
    const header = headerAfter(at, 'rotation')
    const saved = structuredClone(header.saved) as unknown as { gate: { credit: number } }[]
    if (saved[0]) saved[0].gate.credit = 0.5
    const tampered = { ...header, saved } as unknown as HeaderRecord
    const { first } = replayed([...recorded.slice(0, at), tampered, ...recorded.slice(at)])
    expect(first).toMatchObject({ line: at + 1, service: 'search', what: 'the breaker stands differently at gate.credit' })
  })

  it('a rotation that has lost a breaker, or found one, is named', () => {
    const at = find(({ type }) => type === 'timer')
    const header = headerAfter(at, 'rotation')
    const breaker = header.saved?.[0]
    if (!breaker) throw new Error('unreachable')
    const lost = replayed([...recorded.slice(0, at), { ...header, saved: [] }])
    expect(lost.first).toMatchObject({ line: at + 1, what: 'the board has a breaker too many' })
    const found = replayed([...recorded.slice(0, at), { ...header, saved: [breaker, { ...breaker, service: 'maps' }] }])
    expect(found.first).toMatchObject({ line: at + 1, service: 'maps', what: 'a breaker of this name is not on the board' })
  })

  it('a gap goes on from the state that was recorded behind it', () => {
    const from = find(isOutcome('failure'))
    const to = find(({ type }) => type === 'timer')
    const { differences, dropped, sessions } = replayed([
      ...recorded.slice(0, from),
      headerAfter(to, 'gap', to - from),
      ...recorded.slice(to),
    ])
    expect({ differences, dropped, sessions }).toEqual({ differences: 0, dropped: to - from, sessions: 2 })
  })

  it('a process that was killed between an input and its outputs is no difference: the restart tells what they led to', () => {
    const trip = find(isTrip)
    const after = find(({ type }) => type === 'timer')
    const killed = [...recorded.slice(0, trip), headerAfter(after, 'restart'), ...recorded.slice(after)]
    expect(replayed(killed)).toMatchObject({ differences: 0, sessions: 2 })
  })

  it('the same in a rotation is one, for nobody was killed', () => {
    const trip = find(isTrip)
    const after = find(({ type }) => type === 'timer')
    expect(replayed([...recorded.slice(0, trip), headerAfter(after, 'rotation')]).first).toMatchObject({
      line: trip + 1,
      what: 'a transition happens that was not recorded',
    })
  })
})

describe(`a journal file that was tampered with (seed ${seed})`, () => {
  let good: Buffer
  let file = ''
  beforeAll(async () => {
    file = join(directory, 'good.jsonl')
    const clock = new VirtualClock()
    await anOutage(new FileJournal({ file, clock }), clock)
    good = await readFile(file)
  })

  const LINE_END = 10
  /** The line that holds a byte, its end included. */
  const lineOf = (offset: number): number => good.subarray(0, offset).filter((byte) => byte === LINE_END).length + 1
  const lastLine = (): number => lineOf(good.length - 1)
  /** The end of the line before the last. */
  const lastJoint = (): number => good.lastIndexOf(LINE_END, good.length - 2)

  async function replayedWith(offset: number, mask: number): Promise<unknown> {
    const bad = join(directory, 'bad.jsonl')
    const bytes = Buffer.from(good)
    bytes[offset] = (bytes[offset] ?? 0) ^ mask
    await writeFile(bad, bytes)
    return replayJournal(bad).catch((error: unknown) => error)
  }

  /** What is replayed of all lines before `line`. */
  const inputsBefore = (line: number): number => replayed(recorded.slice(0, line - 1)).inputs

  it('is found out wherever a byte is changed, and the line is named', async () => {
    expect((await replayJournal(file)).differences).toBe(0)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), async (offset, mask) => {
        const found = await replayedWith(offset, mask)
        const line = lineOf(offset)
        if (found instanceof JournalError) {
          // A line that is joined with the next, or parted in two, is found out at the one or the other.
          expect(Math.abs(found.line - line)).toBeLessThanOrEqual(1)
          return
        }
        // The end of a file may have been cut short by a crash; it is told and not read.
        expect(found).toMatchObject({ torn: { line }, differences: 0, inputs: inputsBefore(line) })
        if (offset !== lastJoint()) expect(line).toBe(lastLine())
      }),
      { seed, numRuns: 250 },
    )
  }, 30_000)

  it.each([
    ['the last line', () => lastJoint() + 20, () => lastLine()],
    ['the end of the last line', () => good.length - 1, () => lastLine()],
    ['the end of the line before it, which makes one line of the two', () => lastJoint(), () => lastLine() - 1],
  ] as const)(
    'looks cut short by a crash where a byte of %s is changed: that is told, and nothing else is lost',
    async (_, offset, line) => {
      const length = good.length - (good.lastIndexOf(LINE_END, lastJoint() - (line() === lastLine() ? 0 : 1)) + 1)
      expect(await replayedWith(offset(), 1)).toMatchObject({
        torn: { line: line(), bytes: length },
        differences: 0,
        inputs: inputsBefore(line()),
      })
    },
  )

  it('names the line of a record that no crc protects, because whoever altered it made a new one', async () => {
    const { encode } = await import('../../src/bus/journalLine.ts')
    const forged = changed(
      find(({ type }) => type === 'admission'),
      { probe: 4 },
    )
    let crc = 0
    let text = ''
    for (const record of forged) {
      const sealed = encode(record, crc)
      crc = sealed.crc
      text += sealed.line
    }
    const name = join(directory, 'forged.jsonl')
    await writeFile(name, text)
    expect((await replayJournal(name)).first).toMatchObject({
      line: find(({ type }) => type === 'admission') + 1,
      what: 'a call was admitted differently',
    })
  })
})
