// Journal files that are replayed or picked up again: encrypted ones, and ones that cannot be followed.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import { JournalError } from '../../src/model/errors.ts'
import type { HeaderRecord, JournalRecord } from '../../src/model/records.ts'
import { Replayer } from '../../src/replay/replayer.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { header, temporaryDirectory } from '../bus/journalRecords.ts'

const newFile = () => join(temporaryDirectory(), 'search.jsonl')

it('an encrypted journal brings its breakers back after a restart, and replays, with its key', async () => {
  const file = newFile()
  const key = 'ab'.repeat(32)
  const clock = new VirtualClock()
  const board = () => createSwitchgear({ services: { search: { kind: 'http' } }, journal: { file, key }, clock })
  const first = await board()
  first.command('search', { name: 'trip', by: 'ann', why: 'a drill' })
  await first.close()
  const second = await board()
  expect(second.state('search')).toBe('open')
  await second.close()
  const told: number[] = []
  const replay = await replayJournal(file, { key, onProgress: (records) => told.push(records) })
  expect(replay).toMatchObject({ differences: 0, torn: undefined })
  expect(told.at(-1)).toBeGreaterThan(2)
  await expect(replayJournal(file)).rejects.toThrow(/encrypted/)
})

it('a journal of newer software is refused by file and line', async () => {
  const file = newFile()
  const journal = new FileJournal({ file, clock: new VirtualClock() })
  await journal.open((reason) => ({ ...header(reason), behaviour: 99 }))
  await journal.close()
  const error = await replayJournal(file).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(JournalError)
  expect(String(error)).toMatch(/search\.jsonl.*behaviour 99/)
})

it('headers that tell of no breakers, and the leaving of one that was never there, are no differences', () => {
  const replayer = new Replayer()
  const records: (JournalRecord | HeaderRecord)[] = [
    header('start'),
    { type: 'config', at: 1_767_225_600_001, service: 'gone', change: 'removed' },
    header('rotation'),
  ]
  for (const [i, record] of records.entries()) replayer.take(record, i + 1)
  expect(replayer.result()).toMatchObject({ differences: 0, sessions: 2 })
})
