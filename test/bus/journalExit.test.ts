// What a file journal does at its edges: when the process exits, when the disk throws strange things, and when it is told to
// keep nothing or to wait for the disk.
import { readdirSync } from 'node:fs'
import * as fsPromises from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { FileJournal, type FileJournalOptions } from '../../src/bus/fileJournal.ts'
import type { JournalFs } from '../../src/bus/journalFile.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { header, numbered, numbersOf, range, recordsIn, temporaryDirectory } from './journalRecords.ts'

async function opened(options: Partial<FileJournalOptions> = {}): Promise<FileJournal> {
  const file = join(temporaryDirectory(), 'search.jsonl')
  const journal = new FileJournal({ file, clock: new VirtualClock(), onProblem: () => undefined, ...options })
  await journal.open(header)
  onTestFinished(() => journal.close())
  return journal
}

/** A file system whose handles do `instead` in place of what they would. */
function withHandles(instead: object): JournalFs {
  return {
    ...fsPromises,
    open: (async (...args: Parameters<typeof fsPromises.open>) => {
      const handle = await fsPromises.open(...args)
      return new Proxy(handle, {
        get(target, name) {
          const value: unknown = Reflect.get(name in instead ? instead : target, name, name in instead ? instead : target)
          return typeof value === 'function' && !(name in instead) ? value.bind(target) : value
        },
      })
    }) as typeof fsPromises.open,
  }
}

it('at exit every open journal writes what it still holds', async () => {
  const before = new Set(process.listeners('exit'))
  const [first, second] = [await opened(), await opened()]
  const [atExit, ...more] = process.listeners('exit').filter((listener) => !before.has(listener))
  expect(more).toEqual([])
  first.append(numbered(1))
  second.append(numbered(2))
  atExit?.(0)
  expect([first, second].map(({ file }) => numbersOf(recordsIn(file)))).toEqual([[1], [2]])
})

it('at exit a write that had failed is done again before what came later', async () => {
  let fails = true
  const write = () => Promise.reject(new Error('EIO'))
  const disk = withHandles({})
  const fs: JournalFs = {
    ...disk,
    open: (async (...args: Parameters<typeof fsPromises.open>) => {
      const handle = await disk.open(...args)
      return new Proxy(handle, {
        get: (target, name) => (name === 'write' && fails ? write : Reflect.get(target, name)),
      })
    }) as typeof fsPromises.open,
  }
  fails = false
  const journal = await opened({ fs })
  fails = true
  journal.append(numbered(1))
  await expect(journal.flush()).rejects.toThrow('EIO')
  journal.append(numbered(2))
  journal.flushSync()
  expect(numbersOf(recordsIn(journal.file))).toEqual([1, 2])
})

it('at exit what belongs behind a rotation that has not come about stays unwritten', async () => {
  const fs: JournalFs = { ...fsPromises, rename: () => Promise.reject('the disk is in a mood') }
  const journal = await opened({ fs, maxBytes: 300 })
  for (const number of range(1, 5)) journal.append(numbered(number))
  await journal.flush().catch(() => undefined)
  journal.append(numbered(6))
  await expect(journal.flush()).rejects.toBe('the disk is in a mood')
  expect(journal.problem).toEqual(new Error('the disk is in a mood'))
  journal.append(numbered(7))
  journal.flushSync()
  expect(numbersOf(recordsIn(journal.file))).not.toContain(7)
})

it('a journal that is not open writes nothing at exit, notes why, and throws nothing', () => {
  const journal = new FileJournal({ file: join(temporaryDirectory(), 'search.jsonl'), onProblem: () => undefined })
  journal.flushSync()
  expect(journal.problem?.message).toMatch(/search\.jsonl is not open/)
})

it('opens once only, and has nothing to flush when it is closed', async () => {
  const journal = await opened()
  await expect(journal.open(header)).rejects.toThrow(/has been opened before/)
  await journal.close()
  await expect(journal.flush()).resolves.toBeUndefined()
})

it('keeps no rotated file where none is to be kept', async () => {
  const journal = await opened({ keep: 0, maxBytes: 600 })
  for (const number of range(1, 30)) {
    journal.append(numbered(number))
    await journal.flush()
  }
  expect(readdirSync(dirname(journal.file)).sort()).toEqual([basename(journal.file), `${basename(journal.file)}.lock`])
  expect(recordsIn(journal.file)[0]).toEqual(header('rotation'))
})

it('waits for the disk after each write where it is told to, and a disk that fails then is a failure', async () => {
  let syncs = 0
  const fs = withHandles({
    datasync: async () => {
      if (++syncs === 2) throw new Error('EIO')
    },
  })
  const journal = await opened({ fs, fsync: true })
  expect(syncs).toBe(1)
  journal.append(numbered(1))
  await expect(journal.flush()).rejects.toThrow('EIO')
  await journal.flush()
  expect([syncs, numbersOf(recordsIn(journal.file))]).toEqual([3, [1]])
})

it('writes a burst of many thousand records of many services in order', async () => {
  const journal = await opened()
  for (const number of range(1, 30_000)) journal.append(numbered(number, `service-${number % 5000}`))
  await journal.flush()
  const records = recordsIn(journal.file).slice(1)
  expect(records).toEqual(range(1, 30_000).map((number) => numbered(number, `service-${number % 5000}`)))
})
