import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchCipher } from '../../src/bus/batchCipher.ts'
import type { TornLine } from '../../src/bus/journalDecoder.ts'
import { encode, encryptedBody, seal } from '../../src/bus/journalLine.ts'
import { readJournal, readLastSession } from '../../src/bus/journalReader.ts'
import { JournalError } from '../../src/model/errors.ts'
import type { JournalRecord } from '../../src/model/records.ts'
import { header, numbered, numbersOf, range, readAll, recordsIn, temporaryDirectory } from './journalRecords.ts'

function linesOf(records: readonly JournalRecord[], previousCrc = 0): string[] {
  let crc = previousCrc
  return records.map((record) => {
    const encoded = encode(record, crc)
    crc = encoded.crc
    return encoded.line
  })
}

function crcOf(line: string | undefined): number {
  return Number.parseInt(line?.slice(8, 16) ?? '0', 16)
}

function fileOf(content: string | Buffer): string {
  const file = join(temporaryDirectory(), 'search.jsonl')
  writeFileSync(file, content)
  return file
}

/** A header and the records 1 to `count`: record n stands on line n + 1. */
function session(count: number): string[] {
  return linesOf([header('start'), ...range(1, count).map((number) => numbered(number))])
}

function thrownBy(read: () => unknown): JournalError {
  try {
    read()
  } catch (error) {
    if (error instanceof JournalError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function problemsOf(file: string): { lines: number[]; numbers: number[]; torn: number[] } {
  const lines: number[] = []
  const torn: number[] = []
  const records = recordsIn(file, { onProblem: ({ line }) => lines.push(line), onTorn: ({ line }) => torn.push(line) })
  return { lines, numbers: numbersOf(records), torn }
}

describe('reading a journal', () => {
  it('gives every record with its line, in batches, with a file of many pieces', async () => {
    const file = fileOf(session(20_000).join(''))
    const entries = readAll(file)
    expect(entries.map(({ line }) => line)).toEqual(range(1, 20_001))
    expect(numbersOf(entries.map(({ record }) => record))).toEqual(range(1, 20_000))
    const batches = []
    for await (const batch of readJournal(file)) batches.push(batch)
    expect(batches.length).toBeGreaterThan(3)
    expect(batches.flat()).toEqual(entries)
  })

  it('reads a header of several megabytes', () => {
    const big = { ...header('start'), software: 'ü'.repeat(3_000_000) }
    const file = fileOf(linesOf([big, numbered(1)]).join(''))
    expect(recordsIn(file)).toEqual([big, numbered(1)])
  })

  it('gives nothing for an empty file and fails for one that is not there', async () => {
    expect(recordsIn(fileOf(''))).toEqual([])
    const missing = join(temporaryDirectory(), 'none.jsonl')
    expect(() => recordsIn(missing)).toThrow(/ENOENT/)
    await expect(readJournal(missing).next()).rejects.toThrow(/ENOENT/)
  })

  it('reads rotated files first, oldest first, by number and not by name', () => {
    const directory = temporaryDirectory()
    const write = (name: string, number: number) =>
      writeFileSync(join(directory, name), linesOf([header('rotation'), numbered(number)]).join(''))
    write('search.10.jsonl', 3)
    write('search.9.jsonl', 2)
    write('search.jsonl', 4)
    write('search.x.jsonl', 99)
    write('research.1.jsonl', 99)
    const file = join(directory, 'search.jsonl')
    expect(numbersOf(recordsIn(file, { rotated: true }))).toEqual([2, 3, 4])
    expect(numbersOf(recordsIn(file))).toEqual([4])
  })
})

describe('a journal that is not as it was written', () => {
  it('names the line of any flipped bit', { timeout: 60_000 }, () => {
    const lines = session(8)
    const whole = Buffer.from(lines.join(''))
    fc.assert(
      fc.property(fc.nat(whole.length - 2 - (lines.at(-1)?.length ?? 0)), fc.nat(7), (offset, bit) => {
        const spoilt = Buffer.from(whole)
        spoilt[offset] = (spoilt[offset] as number) ^ (1 << bit)
        const line = whole.subarray(0, offset).toString().split('\n').length
        expect(thrownBy(() => recordsIn(fileOf(spoilt))).line).toBe(line)
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    ['in the record', 40],
    ['in the crc', 10],
    ['in the word crc', 3],
  ])('reports the bad line only, and reads on behind it, when a byte is altered %s', (_, column) => {
    const lines = session(6)
    const line = lines[3] as string
    lines[3] = `${line.slice(0, column)}${line[column] === '5' ? '6' : '5'}${line.slice(column + 1)}`
    expect(problemsOf(fileOf(lines.join('')))).toEqual({ lines: [4], numbers: [1, 2, 4, 5, 6], torn: [] })
  })

  it('names the place of a missing line, a doubled one and two that were swapped', () => {
    const at = (change: (lines: string[]) => void): number => {
      const lines = session(6)
      change(lines)
      return thrownBy(() => recordsIn(fileOf(lines.join('')))).line
    }
    expect(at((lines) => lines.splice(2, 1))).toBe(3)
    expect(at((lines) => lines.splice(0, 1))).toBe(1)
    expect(at((lines) => lines.splice(2, 0, lines[2] as string))).toBe(4)
    expect(at((lines) => lines.splice(2, 2, lines[3] as string, lines[2] as string))).toBe(3)
  })

  it('says file, line and what is allowed', () => {
    const bad = linesOf([header('start'), { ...numbered(1), result: 'maybe' as 'success' }, numbered(2)])
    const file = fileOf(bad.join(''))
    const error = thrownBy(() => recordsIn(file))
    expect(error).toMatchObject({ file, line: 2, code: 'ERR_SWITCHGEAR_JOURNAL' })
    expect(error.message).toContain(`${file}:2: result: `)
    expect(error.message).toContain('"success"')
    expect(problemsOf(file)).toEqual({ lines: [2], numbers: [2], torn: [] })
  })

  it('refuses what is not JSON behind a right crc, and a journal that does not begin with a header', () => {
    const { bytes } = seal(['"type":'], 0)
    expect(thrownBy(() => recordsIn(fileOf(Buffer.concat([bytes, bytes])))).message).toContain(':1: this is not JSON')
    const headless = thrownBy(() => recordsIn(fileOf(linesOf([numbered(1), numbered(2)]).join(''))))
    expect(headless.message).toContain(':1: a journal begins with a header; got outcome')
    expect(thrownBy(() => recordsIn(fileOf('hello\nworld\n'))).message).toContain(':1: this is no line of a journal')
  })

  it('bounds a line without keeping it, and reads on behind it', () => {
    const lines = session(3)
    const long = encode({ ...numbered(9), service: 'x'.repeat(2_000_000) }, crcOf(lines[1]))
    const rest = linesOf([numbered(2), numbered(3)], long.crc)
    const file = fileOf([lines[0], lines[1], long.line, ...rest].join(''))
    expect(thrownBy(() => recordsIn(file)).message).toContain(':3: the line is too long; allowed: 1048576 bytes')
    expect(problemsOf(file)).toEqual({ lines: [3], numbers: [1, 2, 3], torn: [] })
  })
})

describe('a torn last line', () => {
  it('is told and skipped, wherever it was cut', { timeout: 60_000 }, () => {
    const lines = session(3)
    const kept = lines.slice(0, 3).join('')
    const last = lines[3] as string
    for (let length = 1; length < last.length; length++) {
      const torn: TornLine[] = []
      const file = fileOf(kept + last.slice(0, length))
      expect(numbersOf(recordsIn(file, { onTorn: (line) => torn.push(line) }))).toEqual([1, 2])
      expect(torn).toEqual([{ file, line: 4, bytes: length }])
    }
  })

  it('is also one that has its end and not its content, and one without an end in sight', () => {
    const lines = session(3)
    lines[3] = `${lines[3]?.slice(0, 60)}${'\0'.repeat(20)}\n`
    expect(problemsOf(fileOf(lines.join('')))).toEqual({ lines: [], numbers: [1, 2], torn: [4] })
    lines[3] = '\0'.repeat(3_000_000)
    expect(problemsOf(fileOf(lines.join('')))).toEqual({ lines: [], numbers: [1, 2], torn: [4] })
  })

  it('does not hide a bad line before it', () => {
    const lines = session(3)
    lines[2] = lines[2]?.replace('success', 'sucbess') as string
    expect(problemsOf(fileOf(`${lines.join('')}{"crc`))).toEqual({ lines: [3], numbers: [1, 3], torn: [5] })
  })
})

describe('the last session', () => {
  const readLast = (file: string, options: Parameters<typeof readLastSession>[1] = {}) =>
    [...readLastSession(file, options)].flat()

  it('begins at the last header, with the lines of the file', () => {
    const records: JournalRecord[] = [
      header('start'),
      ...range(1, 9000).map((n) => numbered(n)),
      header('restart'),
      ...range(9001, 19_000).map((n) => numbered(n)),
    ]
    // Records in which a header is quoted, to mislead the search.
    records.splice(9050, 0, {
      type: 'alert',
      at: 1,
      service: '{"crc":"00000000","type":"header"',
      level: 'info',
      code: '',
      message: '',
    })
    const entries = readLast(fileOf(linesOf(records).join('')))
    expect(entries[0]).toEqual({ line: 9002, record: header('restart') })
    expect(entries.at(-1)).toEqual({ line: records.length, record: numbered(19_000) })
    expect(entries.length).toBe(records.length - 9001)
  })

  it('finds the header wherever it stands in the pieces that are read', { timeout: 60_000 }, () => {
    for (let shift = 0; shift < 130; shift += 5) {
      const filler = { ...numbered(1), service: 'x'.repeat(1_048_576 - 700 + shift) }
      const first = encode(header('start'), 0)
      const long = encode(filler, first.crc)
      const end = linesOf([header('restart'), numbered(2)], long.crc)
      const entries = readLast(fileOf([first.line, long.line, ...end].join('')))
      expect(entries.map(({ line }) => line)).toEqual([3, 4])
    }
  })

  it('is the one before when the last header is torn', () => {
    const lines = linesOf([header('start'), numbered(1), header('restart')])
    const torn: number[] = []
    const onTorn = ({ line }: TornLine) => torn.push(line)
    expect(readLast(fileOf(lines.join('').slice(0, -1)), { onTorn }).map(({ line }) => line)).toEqual([1, 2])
    lines[2] = lines[2]?.replace('restart', 'rest\0rt') as string
    expect(readLast(fileOf(lines.join('')), { onTorn }).map(({ line }) => line)).toEqual([1, 2])
    expect(torn).toEqual([3, 3])
  })

  it('is in the newest rotated file when a crash came between two files', () => {
    const file = fileOf(session(3).join(''))
    renameSync(file, file.replace('.jsonl', '.7.jsonl'))
    expect(existsSync(file)).toBe(false)
    expect(readLast(file)).toHaveLength(4)
    writeFileSync(file, session(3).join('').slice(0, 30))
    expect(readLast(file)).toHaveLength(4)
    writeFileSync(file, `${'\0'.repeat(30)}\n`)
    expect(readLast(file)).toHaveLength(4)
  })

  it('is nothing when there is no journal, and an error when there is one without a header', () => {
    expect(readLast(join(temporaryDirectory(), 'none', 'search.jsonl'))).toEqual([])
    expect(thrownBy(() => readLast(fileOf(linesOf([numbered(1), numbered(2)]).join('')))).line).toBe(1)
  })

  it('is found in an encrypted journal too, and not without the right key', () => {
    const key = Buffer.alloc(32, 7)
    const cipher = new BatchCipher(key)
    let crc = 0
    let content = ''
    for (const batch of [[header('start')], [numbered(1), numbered(2)], [header('restart')], [numbered(3)]]) {
      const sealed = seal([encryptedBody(cipher.encrypt(batch.map((record) => JSON.stringify(record)).join('\n'), crc))], crc)
      crc = sealed.crc
      content += sealed.bytes.toString()
    }
    const file = fileOf(content)
    expect(readLast(file, { key })).toEqual([
      { line: 3, record: header('restart') },
      { line: 4, record: numbered(3) },
    ])
    expect(thrownBy(() => readLast(file)).message).toContain('is encrypted and no key was given')
    const other = thrownBy(() => readLast(file, { key: Buffer.alloc(32, 8) }))
    expect(other.message).toContain(':1: it cannot be decrypted: the key is not the one')
    expect(thrownBy(() => recordsIn(file, { key: 'ff'.repeat(32) })).line).toBe(1)
    // Whoever can mend the crc still cannot alter, exchange or take out a batch.
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const bodies = lines.map((line) => line.slice(18))
    const forged = seal([bodies[0], bodies[2], bodies[1], bodies[3]].map(String), 0)
    expect(thrownBy(() => recordsIn(fileOf(forged.bytes), { key })).line).toBe(2)
    const altered = String(bodies[1]).replace(/(?<=.{80})./, (letter) => (letter === 'A' ? 'B' : 'A'))
    const mended = seal([String(bodies[0]), altered, String(bodies[2])], 0)
    expect(thrownBy(() => recordsIn(fileOf(mended.bytes), { key })).line).toBe(2)
    appendFileSync(file, lines[3]?.slice(0, 50) ?? '')
    expect(numbersOf(recordsIn(file, { key }))).toEqual([1, 2, 3])
  })
})
