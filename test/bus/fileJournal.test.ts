import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import * as fsPromises from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { FileJournal, type FileJournalOptions } from '../../src/bus/fileJournal.ts'
import type { JournalFs } from '../../src/bus/journalFile.ts'
import { JournalError } from '../../src/model/errors.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { anyEvent, header, numbered, numbersOf, range, readAll, recordsIn, temporaryDirectory } from './journalRecords.ts'

function newFile(): string {
  return join(temporaryDirectory(), 'logs', 'search.jsonl')
}

async function opened(options: FileJournalOptions): Promise<FileJournal> {
  const journal = new FileJournal({ clock: new VirtualClock(), onProblem: () => undefined, ...options })
  await journal.open(header)
  onTestFinished(() => journal.close())
  return journal
}

async function write(file: string, numbers: readonly number[], options: Partial<FileJournalOptions> = {}): Promise<FileJournal> {
  const journal = await opened({ file, ...options })
  for (const number of numbers) journal.append(numbered(number))
  await journal.close()
  return journal
}

const headersIn = (file: string) =>
  recordsIn(file, { rotated: true }).flatMap((record) => (record.type === 'header' ? [record.reason] : []))

/** A disk that fails while `failure` says so. A failing write leaves half of what it was given. */
function faultyDisk(): { fs: JournalFs; failure: string | undefined } {
  const disk: { fs: JournalFs; failure: string | undefined } = { failure: undefined, fs: fsPromises }
  const check = () => {
    if (disk.failure !== undefined) throw Object.assign(new Error(`${disk.failure}: so the disk says`), { code: disk.failure })
  }
  disk.fs = {
    ...fsPromises,
    open: (async (...args: Parameters<typeof fsPromises.open>) => {
      check()
      const handle = await fsPromises.open(...args)
      return new Proxy(handle, {
        get(target, name) {
          if (name === 'write') {
            return async (bytes: Buffer, from: number, length: number, position: number) => {
              if (disk.failure !== undefined) await target.write(bytes, from, length >> 1, position)
              check()
              // Short writes, as a system may make them.
              return await target.write(bytes, from, Math.min(length, 1000), position)
            }
          }
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    }) as typeof fsPromises.open,
    rename: async (from, to) => {
      check()
      await fsPromises.rename(from, to)
    },
  }
  return disk
}

describe('the file journal', () => {
  it('makes the directory and a file for its owner only, and writes header and records in order', async () => {
    const file = newFile()
    const journal = await opened({ file })
    for (const number of range(1, 3)) journal.append(numbered(number))
    await journal.flush()
    expect(recordsIn(file)).toEqual([header('start'), numbered(1), numbered(2), numbered(3)])
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('keeps any records, written in any pieces, plain and encrypted', { timeout: 60_000 }, async () => {
    const pieces = fc.array(fc.array(anyEvent, { maxLength: 8 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), async (batches, encrypted) => {
        const options = encrypted ? { key: 'ab'.repeat(32) } : {}
        const file = newFile()
        const journal = new FileJournal({ file, clock: new VirtualClock(), ...options })
        await journal.open(header)
        for (const batch of batches) {
          for (const record of batch) journal.append(record)
          await journal.flush()
        }
        await journal.close()
        expect(recordsIn(file, options)).toEqual([header('start'), ...batches.flat()])
      }),
      { numRuns: 40 },
    )
  })

  it('takes the header at once, and what is appended while it opens comes behind it', async () => {
    const file = newFile()
    const journal = new FileJournal({ file, clock: new VirtualClock() })
    journal.append(numbered(1))
    const opening = journal.open(header)
    journal.append(numbered(2))
    await opening
    await journal.close()
    journal.append(numbered(3))
    expect(recordsIn(file)).toEqual([header('start'), numbered(2)])
  })

  it('writes by itself after a few milliseconds', async () => {
    const clock = new VirtualClock()
    const journal = await opened({ file: newFile(), clock, flushMs: 5 })
    journal.append(numbered(1))
    clock.advance(4)
    await journal.flush()
    journal.append(numbered(2))
    clock.advance(5)
    // The write that the clock began is under way; nothing but the reading below waits for it.
    await until(() => numbersOf(recordsIn(journal.file)).length === 2)
  })

  it('writes at the end of the turn when it is told not to wait', async () => {
    const journal = await opened({ file: newFile(), flushMs: 0 })
    journal.append(numbered(1))
    await until(() => numbersOf(recordsIn(journal.file)).length === 1)
  })

  it('goes on with the chain of the sessions before', async () => {
    const file = newFile()
    await write(file, [1, 2])
    await write(file, [3])
    await write(file, [4, 5])
    expect(numbersOf(recordsIn(file))).toEqual([1, 2, 3, 4, 5])
    expect(headersIn(file)).toEqual(['start', 'start', 'start'])
  })

  it('leaves no listener and no timer behind', async () => {
    const clock = new VirtualClock()
    const listeners = process.listenerCount('exit')
    const journals = await Promise.all(range(1, 3).map(() => opened({ file: newFile(), clock })))
    expect(process.listenerCount('exit')).toBe(listeners + 1)
    for (const journal of journals) journal.append(numbered(1))
    await Promise.all(journals.map((journal) => journal.close()))
    expect(process.listenerCount('exit')).toBe(listeners)
    expect(clock.pending).toBe(0)
    expect(readdirSync(dirname(journals[0]?.file ?? ''))).toEqual(['search.jsonl'])
  })

  it('writes what is left when the process exits', { timeout: 60_000 }, () => {
    const file = newFile()
    const script = `
      import { FileJournal } from ${JSON.stringify(new URL('../../dist/bus/fileJournal.js', import.meta.url).href)}
      const journal = new FileJournal({ file: ${JSON.stringify(file)} })
      await journal.open(() => (${JSON.stringify(header('start'))}))
      journal.append(${JSON.stringify(numbered(1))})
      void journal.flush()
      setImmediate(() => setImmediate(() => { journal.append(${JSON.stringify(numbered(2))}); process.exit(0) }))`
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(numbersOf(recordsIn(file))).toEqual([1, 2])
    expect(existsSync(`${file}.lock`)).toBe(false)
  })
})

describe('rotation', () => {
  it('starts a new file with a header when the size is reached, and keeps the newest', async () => {
    const file = newFile()
    const journal = await opened({ file, maxBytes: 2000, keep: 3 })
    for (const number of range(1, 100)) {
      journal.append(numbered(number))
      await journal.flush()
    }
    await journal.close()
    const names = readdirSync(dirname(file)).sort()
    expect(names).toHaveLength(4)
    expect(names).toContain('search.jsonl')
    const numbers = numbersOf(recordsIn(file, { rotated: true }))
    expect(numbers).toEqual(range(numbers[0] ?? 0, 100))
    expect(new Set(headersIn(file))).toEqual(new Set(['rotation']))
    for (const name of names) expect(statSync(join(dirname(file), name)).size).toBeLessThan(2400)
  })

  it('puts everything that came before the header into the old file', { timeout: 60_000 }, async () => {
    const file = newFile()
    let told = 0
    const journal = new FileJournal({ file, maxBytes: 5000, clock: new VirtualClock() })
    onTestFinished(() => journal.close())
    await journal.open((reason) => ({ ...header(reason), seed: told }))
    for (const number of range(1, 30_000)) {
      told = number
      journal.append(numbered(number))
      if (number % 1979 === 0) await journal.flush()
    }
    await journal.flush()
    let last = 0
    for (const { record } of readAll(file, { rotated: true })) {
      if (record.type === 'header') expect(record.seed).toBe(last)
      else if (record.type === 'outcome') last = record.generation
    }
    expect(last).toBe(30_000)
    expect(headersIn(file).length).toBeGreaterThan(3)
  })

  it('is not done again and again when the header alone is longer than a file should be', async () => {
    const file = newFile()
    const journal = new FileJournal({ file, maxBytes: 100, clock: new VirtualClock() })
    await journal.open((reason) => ({ ...header(reason), software: 'x'.repeat(5000) }))
    for (const number of range(1, 60)) {
      journal.append(numbered(number))
      await journal.flush()
    }
    await journal.close()
    expect(readdirSync(dirname(file))).toHaveLength(2)
  })

  it('is done at the start for a file that is full, and when encryption is turned on', async () => {
    const file = newFile()
    await write(file, range(1, 20))
    await write(file, [21], { maxBytes: 500 })
    await write(file, [22], { key: Buffer.alloc(32, 1) })
    expect(numbersOf(recordsIn(file.replace('.jsonl', '.1.jsonl')))).toEqual(range(1, 20))
    expect(numbersOf(recordsIn(file.replace('.jsonl', '.2.jsonl')))).toEqual([21])
    expect(numbersOf(recordsIn(file, { key: Buffer.alloc(32, 1) }))).toEqual([22])
  })
})

describe('a journal that cannot keep up', () => {
  it('drops the newest records, counts them, and goes on behind a gap header', async () => {
    const file = newFile()
    const journal = await opened({ file, maxBufferRecords: 10 })
    for (const number of range(1, 15)) journal.append(numbered(number))
    await journal.flush()
    for (const number of range(16, 18)) journal.append(numbered(number))
    await journal.flush()
    expect(journal.dropped).toBe(5)
    const records = recordsIn(file)
    expect(numbersOf(records)).toEqual([...range(1, 10), 16, 17, 18])
    expect(records[11]).toEqual(header('gap', 5))
  })

  it('leaves out a record that cannot be written, and what its service says up to the gap header, and nothing else', async () => {
    const file = newFile()
    const journal = await opened({ file })
    for (let i = 0; i < 3; i++) {
      for (const number of range(1, 9000)) {
        const bad = number === 4000 && i === 0
        const record = numbered(number, bad || number === 8999 ? 'other' : 'search')
        journal.append(bad ? { ...record, latency: Number.NaN } : record)
      }
      await journal.flush()
    }
    const records = recordsIn(file)
    expect(numbersOf(records)).toEqual(
      range(1, 9000)
        .filter((n) => n !== 4000 && n !== 8999)
        .concat(range(1, 9000), range(1, 9000)),
    )
    expect(records.flatMap((record, i) => (record.type === 'header' ? [[i, record]] : []))).toEqual([
      [0, header('start')],
      [8999, header('gap', 2)],
    ])
    expect([journal.dropped, journal.problems, journal.problem]).toEqual([2, 1, undefined])
  })

  it('leaves a gap for a record that cannot be written, and never throws', async () => {
    const file = newFile()
    const journal = await opened({ file })
    journal.append(numbered(1))
    journal.append({ ...numbered(2), latency: Number.NaN })
    journal.append(numbered(3))
    await journal.flush()
    journal.append({ type: 'alert', at: 1, service: 's', level: 'info', code: 'long', message: 'x'.repeat(2_000_000) })
    await journal.flush()
    journal.append(numbered(4))
    await journal.flush()
    expect(recordsIn(file)).toEqual([header('start'), numbered(1), header('gap', 2), header('gap', 1), numbered(4)])
    expect([journal.dropped, journal.problems, journal.problem]).toEqual([3, 2, undefined])
  })
})

describe('a disk that fails', () => {
  it('costs no record when it comes back in time, and leaves no half line meanwhile', async () => {
    const disk = faultyDisk()
    const problems: string[] = []
    const file = newFile()
    const journal = await opened({ file, fs: disk.fs, onProblem: (problem) => problems.push(problem.message) })
    journal.append(numbered(1))
    await journal.flush()
    disk.failure = 'ENOSPC'
    for (const number of range(2, 40)) journal.append(numbered(number))
    await expect(journal.flush()).rejects.toThrow('ENOSPC')
    expect(journal.problem?.message).toContain('ENOSPC')
    expect(numbersOf(recordsIn(file, { onTorn: () => expect.fail('a half line') }))).toEqual([1])
    disk.failure = undefined
    journal.append(numbered(41))
    await journal.flush()
    expect(numbersOf(recordsIn(file))).toEqual(range(1, 41))
    expect(problems).toEqual(['ENOSPC: so the disk says'])
    expect([journal.problem, journal.problems, journal.dropped]).toEqual([undefined, 1, 0])
  })

  it('is tried again by itself, and what found no room meanwhile is a gap', async () => {
    const disk = faultyDisk()
    const clock = new VirtualClock()
    const file = newFile()
    const journal = await opened({ file, fs: disk.fs, clock, maxBufferRecords: 5, retryMs: 250 })
    disk.failure = 'EIO'
    for (const number of range(1, 3)) journal.append(numbered(number))
    await expect(journal.flush()).rejects.toThrow('EIO')
    for (const number of range(4, 20)) journal.append(numbered(number))
    expect(journal.dropped).toBe(12)
    disk.failure = undefined
    clock.advance(250)
    await until(() => journal.problem === undefined)
    await journal.flush()
    const records = recordsIn(file)
    expect(numbersOf(records)).toEqual(range(1, 8))
    expect(records.at(-1)).toEqual(header('gap', 12))
  })

  it('may fail in the middle of a rotation', async () => {
    const disk = faultyDisk()
    const file = newFile()
    const journal = await opened({ file, fs: disk.fs, maxBytes: 1000 })
    for (const number of range(1, 60)) {
      disk.failure = number % 3 === 0 ? 'EACCES' : undefined
      journal.append(numbered(number))
      await journal.flush().catch(() => undefined)
    }
    disk.failure = undefined
    await journal.flush()
    expect(numbersOf(recordsIn(file, { rotated: true }))).toEqual(range(1, 60))
    expect(headersIn(file).length).toBeGreaterThan(3)
  })

  it('may lose the whole directory: it is made again, with a new header', async () => {
    const file = newFile()
    const journal = await opened({ file })
    journal.append(numbered(1))
    await journal.flush()
    rmSync(dirname(file), { recursive: true })
    journal.append(numbered(2))
    await expect(journal.flush()).rejects.toThrow(/deleted while it was being written/)
    journal.append(numbered(3))
    await journal.flush()
    journal.append(numbered(4))
    await journal.flush()
    expect(recordsIn(file)).toEqual([header('rotation'), numbered(4)])
    expect(journal.problem).toBeUndefined()
  })

  it('says so at the start, and lets go of the file', async () => {
    const disk = faultyDisk()
    const file = newFile()
    disk.failure = 'EROFS'
    const journal = new FileJournal({ file, fs: disk.fs })
    await expect(journal.open(header)).rejects.toThrow('EROFS')
    expect(existsSync(`${file}.lock`)).toBe(false)
    await journal.close()
    await write(file, [1])
    expect(numbersOf(recordsIn(file))).toEqual([1])
  })

  it('is warned of once for each spell of trouble, with what was lost when it is over', async () => {
    const disk = faultyDisk()
    const clock = new VirtualClock()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const told = () => warned.mock.calls.splice(0).map(([text]) => String(text).replace(/^the journal .*search\.jsonl /, ''))
    const journal = new FileJournal({ file: newFile(), fs: disk.fs, clock, maxBufferRecords: 5 })
    await journal.open(header)
    const spell = async () => {
      disk.failure = 'ENOSPC'
      for (const number of range(1, 3)) {
        journal.append(numbered(number))
        await journal.flush().catch(() => undefined)
      }
      for (const number of range(4, 20)) journal.append(numbered(number))
      disk.failure = undefined
      await journal.flush()
    }
    await spell()
    expect(warned.mock.calls[0]?.[1]).toEqual({ type: 'SwitchgearWarning', code: 'SWITCHGEAR_JOURNAL' })
    expect(told()).toEqual(['is in trouble: ENOSPC: so the disk says', `is written again; ${journal.dropped} records were lost`])
    const first = journal.dropped
    await spell()
    expect(told()).toEqual([])
    clock.advance(60_000)
    journal.append(numbered(21))
    await journal.flush()
    expect(told()).toEqual([`is written again; ${journal.dropped - first} records were lost`])
    const second = journal.dropped
    clock.advance(60_000)
    await spell()
    expect(told()).toEqual([
      'is in trouble: ENOSPC: so the disk says',
      `is written again; ${journal.dropped - second} records were lost`,
    ])
    disk.failure = 'EIO'
    journal.append(numbered(21))
    await journal.close()
    expect(told()).toEqual(['is closed; a record was lost'])
  })

  it('is not warned of where somebody is told of it', async () => {
    const disk = faultyDisk()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const journal = await opened({ file: newFile(), fs: disk.fs })
    disk.failure = 'EIO'
    journal.append(numbered(1))
    await journal.close()
    expect(warned).not.toHaveBeenCalled()
  })

  it('never stops a close', async () => {
    const disk = faultyDisk()
    const journal = await opened({ file: newFile(), fs: disk.fs })
    disk.failure = 'ENOSPC'
    journal.append(numbered(1))
    await journal.close()
    expect([journal.dropped, journal.problem?.message]).toEqual([1, 'ENOSPC: so the disk says'])
  })
})

describe('opening a journal that is there', () => {
  it('cuts a torn last line off, tells it, and goes on', async () => {
    const file = newFile()
    await write(file, [1, 2, 3])
    truncateSync(file, statSync(file).size - 20)
    const length = readFileSync(file, 'utf8').split('\n').at(-1)?.length
    const journal = await write(file, [4])
    expect(journal.torn).toEqual({ file, line: 4, bytes: length })
    expect(numbersOf(recordsIn(file))).toEqual([1, 2, 4])
  })

  it('cuts a last line off that has its end and not its content, and a header that is all there is', async () => {
    const file = newFile()
    await write(file, [1, 2])
    writeFileSync(file, readFileSync(file, 'utf8').replace(/.{9}\n$/, `${'\0'.repeat(9)}\n`))
    expect((await write(file, [3])).torn?.line).toBe(3)
    expect(numbersOf(recordsIn(file))).toEqual([1, 3])
    truncateSync(file, 30)
    expect((await write(file, [4])).torn).toEqual({ file, line: 1, bytes: 30 })
    expect(recordsIn(file)).toEqual([header('start'), numbered(4)])
  })

  it('does not touch a file that is no journal', async () => {
    const file = join(temporaryDirectory(), 'letter.txt')
    writeFileSync(file, 'Dear Anna')
    await expect(new FileJournal({ file }).open(header)).rejects.toThrow(JournalError)
    expect(readFileSync(file, 'utf8')).toBe('Dear Anna')
  })

  it('needs the key it was written with', async () => {
    const file = newFile()
    await write(file, [1], { key: 'ab'.repeat(32) })
    expect(readFileSync(file, 'utf8')).not.toContain('search')
    const other = new FileJournal({ file, key: Buffer.alloc(32, 1).toString('base64') })
    await expect(other.open(header)).rejects.toThrow(/the key does not fit/)
    await write(file, [2], { key: Buffer.alloc(32, 0xab) })
    expect(numbersOf(recordsIn(file, { key: 'ab'.repeat(32) }))).toEqual([1, 2])
    expect(() => new FileJournal({ file, key: 'short' })).toThrow(/allowed: 32/)
  })

  it('is refused while a live process writes it, this one or another', async () => {
    const file = newFile()
    const journal = await opened({ file })
    await expect(new FileJournal({ file }).open(header)).rejects.toThrow(
      new RegExp(`process ${process.pid} is writing this journal`),
    )
    const lock = lockOf(file)
    await journal.close()
    writeFileSync(`${file}.lock`, JSON.stringify({ ...lock, pid: process.ppid, born: '' }))
    await expect(new FileJournal({ file }).open(header)).rejects.toThrow(JournalError)
    expect(existsSync(`${file}.lock`)).toBe(true)
    rmSync(`${file}.lock`)
  })

  it.each([
    ['of a process that is gone', () => ({ pid: spawnSync(process.execPath, ['-v']).pid, born: '' })],
    ['that says nothing', undefined],
    ['of an earlier process with our pid', () => ({ born: 'another boot 1' })],
  ])('takes over a lock %s', async (_, holder) => {
    const file = newFile()
    const journal = await opened({ file })
    const lock = { ...lockOf(file), ...holder?.() }
    await journal.close()
    writeFileSync(`${file}.lock`, holder ? JSON.stringify(lock) : '')
    await write(file, [2])
    expect(numbersOf(recordsIn(file))).toEqual([2])
    expect(readdirSync(dirname(file))).toEqual([basename(file)])
  })

  it.each([
    ['machine', { host: 'elsewhere' }, /another machine or in another container \(elsewhere\).*remove .*search\.jsonl\.lock/],
    ['container', { namespace: 'pid:[1]' }, /in another container.*remove .*search\.jsonl\.lock/],
  ])(
    'leaves a lock of another %s alone, dead as its pid may look here, until it was not touched for a minute',
    async (_, where, words) => {
      const file = newFile()
      const journal = await opened({ file })
      const lock = lockOf(file)
      await journal.close()
      writeFileSync(`${file}.lock`, JSON.stringify({ ...lock, born: 'another boot 1', ...where }))
      lastTouched(file, 50)
      await expect(new FileJournal({ file }).open(header)).rejects.toThrow(words)
      lastTouched(file, 70)
      await write(file, [1])
      expect(numbersOf(recordsIn(file))).toEqual([1])
    },
  )

  it('touches its lock while it is open, also when nothing is written', async () => {
    const clock = new VirtualClock()
    const journal = await opened({ file: newFile(), clock })
    const text = readFileSync(`${journal.file}.lock`, 'utf8')
    for (let beat = 0; beat < 2; beat++) {
      lastTouched(journal.file, 50)
      const before = statSync(`${journal.file}.lock`).mtimeMs
      clock.advance(10_000)
      await until(() => statSync(`${journal.file}.lock`).mtimeMs > before + 40_000)
    }
    expect(readFileSync(`${journal.file}.lock`, 'utf8')).toBe(text)
  })

  it('can be acquired before it is opened, and given back unopened', async () => {
    const file = newFile()
    const clock = new VirtualClock()
    const first = new FileJournal({ file, clock })
    first.acquire()
    first.acquire()
    expect(() => new FileJournal({ file, clock }).acquire()).toThrow(JournalError)
    expect(existsSync(file)).toBe(false)
    await first.close()
    expect([existsSync(`${file}.lock`), clock.pending]).toEqual([false, 0])
    const second = new FileJournal({ file, clock })
    second.acquire()
    await second.open(header)
    second.append(numbered(1))
    await second.close()
    expect(numbersOf(recordsIn(file))).toEqual([1])
  })
})

function lockOf(file: string): object {
  return JSON.parse(readFileSync(`${file}.lock`, 'utf8'))
}

/** Makes the lock look as if it had been touched that long ago. */
function lastTouched(file: string, seconds: number): void {
  const lock = `${file}.lock`
  writeFileSync(lock, readFileSync(lock))
  const at = statSync(lock).mtimeMs / 1000 - seconds
  utimesSync(lock, at, at)
}

/** How many turns of the loop the disk takes is nobody's promise: what does not come about at all ends with the test's time. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}
