// Turns the bytes of one journal file, in pieces as they come, into checked records with their line numbers. It owns the
// buffer that the pieces are read into, so that no byte is copied but those of a line that straddles two pieces.
import { JournalError } from '../model/errors.ts'
import type { JournalRecord } from '../model/records.ts'
import type { BatchCipher } from './batchCipher.ts'
import { crc32 } from './crc32.ts'
import {
  fits,
  isEncrypted,
  MAX_LINE,
  MAX_LONG_LINE,
  mayBeLong,
  NEWLINE,
  PREFIX_LENGTH,
  parseLine,
  writtenCrc,
} from './journalLine.ts'
import { problemOf } from './recordCheck.ts'

export interface JournalEntry {
  /** 1-based; the records of an encrypted batch share a line. */
  readonly line: number
  readonly record: JournalRecord
}

/** A last line that was cut short, by a crash in mid-write. */
export interface TornLine {
  readonly file: string
  readonly line: number
  /** Its length in the file, bytes. */
  readonly bytes: number
}

export interface DecoderOptions {
  readonly file: string
  readonly cipher: BatchCipher | undefined
  /** Told of a torn last line, which is skipped. */
  readonly onTorn: ((torn: TornLine) => void) | undefined
  /** Told of every bad place, which is skipped; without it the first one is thrown. */
  readonly onProblem: ((error: JournalError) => void) | undefined
}

/** Where decoding starts in a file: at its beginning, or at a later line. */
export interface DecoderStart {
  readonly offset: number
  readonly line: number
  /** The crc written in the line before; 0 at the beginning. */
  readonly previousCrc: number
}

export const BEGINNING: DecoderStart = { offset: 0, line: 1, previousCrc: 0 }

const PIECE = 262_144

export class JournalDecoder {
  readonly #options: DecoderOptions
  #buffer = Buffer.allocUnsafe(2 * PIECE)
  #held = 0
  #searched = 0
  #line: number
  #firstLine: number
  /** The crcs that the next line may go on from: the one written in the line before, and what that line's would have been. */
  #previousCrc: number
  #otherCrc: number | undefined
  #skipped = 0
  /** A bad line is only known to be one, and not a torn last one, when something follows it. */
  #suspect: { readonly line: number; readonly bytes: number; readonly problem: string } | undefined
  #entries: JournalEntry[] = []

  constructor(options: DecoderOptions, start: DecoderStart) {
    this.#options = options
    this.#line = start.line
    this.#firstLine = start.line
    this.#previousCrc = start.previousCrc
  }

  /** Where the next piece goes. */
  space(): Buffer {
    if (this.#buffer.length - this.#held < PIECE) {
      const larger = Buffer.allocUnsafe(this.#buffer.length * 2)
      this.#buffer.copy(larger, 0, 0, this.#held)
      this.#buffer = larger
    }
    return this.#buffer.subarray(this.#held)
  }

  /** Takes `length` bytes that were put into {@link space}; returns the records that are complete with them. */
  take(length: number): JournalEntry[] {
    const end = this.#held + length
    let start = 0
    let from = this.#searched
    for (;;) {
      const newline = this.#buffer.subarray(0, end).indexOf(NEWLINE, from)
      if (newline < 0) break
      this.#decodeLine(start, newline)
      start = newline + 1
      from = start
    }
    this.#buffer.copyWithin(0, start, end)
    this.#held = end - start
    this.#searched = this.#held
    this.#boundHeld()
    return this.#takeEntries()
  }

  /** To be called after the last piece: what is left is a torn line. */
  end(): JournalEntry[] {
    const { file, onTorn } = this.#options
    const left = this.#skipped + this.#held
    if (left > 0) {
      this.#confirmSuspect()
      onTorn?.({ file, line: this.#line, bytes: left })
    } else if (this.#suspect !== undefined) {
      onTorn?.({ file, line: this.#suspect.line, bytes: this.#suspect.bytes })
      this.#suspect = undefined
    }
    return this.#takeEntries()
  }

  #takeEntries(): JournalEntry[] {
    const entries = this.#entries
    this.#entries = []
    return entries
  }

  #decodeLine(start: number, end: number): void {
    const line = this.#line++
    if (this.#suspect !== undefined) this.#confirmSuspect()
    if (this.#skipped > 0) {
      this.#skipped = 0
      this.#reportTooLong(line)
      return
    }
    const bytes = this.#buffer
    const written = writtenCrc(bytes, start, end)
    if (written === undefined) {
      if (end - start > PREFIX_LENGTH) this.#otherCrc = crc32(bytes, start + PREFIX_LENGTH, end, this.#previousCrc)
      this.#suspect = {
        line,
        bytes: end - start + 1,
        problem: 'this is no line of a journal; allowed: {"crc":"<8 hex digits>",...}',
      }
      return
    }
    const previous = this.#previousCrc
    const other = this.#otherCrc
    this.#previousCrc = written
    this.#otherCrc = undefined
    let base = previous
    if (!fits(bytes, start, end, previous, written)) {
      if (other === undefined || !fits(bytes, start, end, other, written)) {
        this.#otherCrc = crc32(bytes, start + PREFIX_LENGTH, end, previous)
        const problem = 'its crc does not fit: this line was altered, or one is missing, doubled or moved here'
        this.#suspect = { line, bytes: end - start + 1, problem }
        return
      }
      base = other
    }
    this.#decodeRecord(start, end, line, base)
  }

  #decodeRecord(start: number, end: number, line: number, previousCrc: number): void {
    if (end - start > MAX_LINE && !mayBeLong(this.#buffer, start)) {
      this.#reportTooLong(line)
      return
    }
    let value: unknown
    try {
      value = parseLine(this.#buffer, start, end)
    } catch {
      this.#report(this.#error(line, 'this is not JSON; allowed: one JSON object'))
      return
    }
    if (isEncrypted(value)) this.#decodeBatch(value.enc, line, previousCrc)
    else this.#accept(value, line)
  }

  #decodeBatch(encoded: string, line: number, previousCrc: number): void {
    const { cipher } = this.#options
    if (cipher === undefined) {
      this.#report(
        this.#error(line, 'this journal is encrypted and no key was given; allowed: the 32-byte key it was written with'),
      )
      return
    }
    let values: unknown[]
    try {
      values = JSON.parse(`[${cipher.decrypt(encoded, previousCrc).replaceAll('\n', ',')}]`) as unknown[]
    } catch {
      const problem = 'it cannot be decrypted: the key is not the one it was written with, or the line was tampered with'
      this.#report(this.#error(line, problem))
      return
    }
    for (const value of values) this.#accept(value, line)
  }

  #accept(value: unknown, line: number): void {
    const problem = problemOf(value)
    if (problem !== undefined) {
      this.#report(this.#error(line, problem))
      return
    }
    const record = value as JournalRecord
    if (line === this.#firstLine) {
      this.#firstLine = 0
      if (record.type !== 'header') this.#report(this.#error(line, `a journal begins with a header; got ${record.type}`))
    }
    this.#entries.push({ line, record })
  }

  /** Keeps a line without end from filling the memory. */
  #boundHeld(): void {
    const held = this.#held
    if (held === 0 || (this.#skipped === 0 && held <= (mayBeLong(this.#buffer, 0) ? MAX_LONG_LINE : MAX_LINE))) return
    if (this.#skipped === 0) this.#previousCrc = writtenCrc(this.#buffer, 0, held) ?? this.#previousCrc
    this.#skipped += held
    this.#held = 0
    this.#searched = 0
  }

  #reportTooLong(line: number): void {
    this.#report(this.#error(line, `the line is too long; allowed: ${MAX_LINE} bytes, ${MAX_LONG_LINE} for a header`))
  }

  #confirmSuspect(): void {
    const suspect = this.#suspect
    this.#suspect = undefined
    if (suspect !== undefined) this.#report(this.#error(suspect.line, suspect.problem))
  }

  #report(error: JournalError): void {
    if (this.#options.onProblem === undefined) throw error
    this.#options.onProblem(error)
  }

  #error(line: number, problem: string): JournalError {
    return new JournalError(this.#options.file, line, problem)
  }
}
