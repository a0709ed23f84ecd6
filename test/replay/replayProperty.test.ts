// Whatever happens on a board, its journal replays without a difference: from memory, from a file, and from each of the files
// that rotation made.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import { Replayer, type ReplayResult } from '../../src/replay/replayer.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { perform, randomRun } from './randomRun.ts'

const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31))

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-replay-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe(`any random run (seed ${seed})`, () => {
  it('replays from memory without a difference', async () => {
    const met = { inputs: 0, transitions: 0, stalled: 0 }
    await fc.assert(
      fc.asyncProperty(randomRun, async (run) => {
        const journal = new MemoryJournal()
        await perform(run, journal)
        const replayer = new Replayer()
        journal.records.forEach((record, i) => void replayer.take(record, i + 1))
        const result = replayer.result()
        expect(problemIn(result)).toBeUndefined()
        met.inputs += result.inputs
        met.transitions += result.transitions
        met.stalled += journal.records.filter(
          (record) => record.type === 'transition' && record.reason === 'stalled_calls',
        ).length
      }),
      { seed, numRuns: 150 },
    )
    expect(met.inputs).toBeGreaterThan(8_000)
    expect(met.transitions).toBeGreaterThan(1_000)
    expect(met.stalled).toBeGreaterThan(2)
  }, 60_000)

  it('replays from a file that was rotated: each file by itself, and all of them together', async () => {
    let rotations = 0
    let number = 0
    await fc.assert(
      fc.asyncProperty(randomRun, fc.integer({ min: 1, max: 9 }), async (run, flushEvery) => {
        const file = join(await mkdtemp(join(directory, `${number++}-`)), 'journal.jsonl')
        const clock = new VirtualClock()
        await perform(run, new FileJournal({ file, maxBytes: 12_000, keep: 1_000, clock }), clock, flushEvery)
        const files = (await readdir(join(file, '..'))).filter((name) => name.endsWith('.jsonl'))
        const alone = { inputs: 0, transitions: 0 }
        for (const name of files) {
          const result = await replayJournal(join(file, '..', name))
          expect(problemIn(result), name).toBeUndefined()
          alone.inputs += result.inputs
          alone.transitions += result.transitions
        }
        const together = await replayJournal(file, { rotated: true })
        expect(problemIn(together)).toBeUndefined()
        expect(together).toMatchObject({ ...alone, sessions: files.length, dropped: 0, torn: undefined })
        rotations += files.length - 1
      }),
      { seed, numRuns: 40, endOnFailure: true },
    )
    expect(rotations).toBeGreaterThan(20)
  }, 60_000)
})

function problemIn({ differences, first }: ReplayResult): string | undefined {
  return (
    first &&
    `${differences} differences, the first: line ${first.line}, ${first.service}: ${first.what}\n${JSON.stringify(first)}`
  )
}
