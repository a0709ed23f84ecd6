// Looks at the end of a journal file that is to be gone on with: where the last good line ends, what the chain goes on from,
// and what a crash left behind. It never lets a file that is no journal be cut.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { JournalError } from '../model/errors.ts'
import type { TornLine } from './journalDecoder.ts'
import { fits, NEWLINE, PREFIX_LENGTH, parseLine, writtenCrc } from './journalLine.ts'

export interface JournalTail {
  /** Where the last good line ends, bytes from the beginning; what lies behind it is to be cut off. */
  readonly end: number
  /** What the next line goes on from. */
  readonly crc: number
  readonly torn: TornLine | undefined
  /** The last good line: its object, and the crc it went on from. */
  readonly last: { readonly value: unknown; readonly previousCrc: number } | undefined
}

const PIECE = 65_536
const JOURNAL_OPENING = Buffer.from('{"crc":"')

/** Throws a JournalError when `file` is not a journal, and the file system's error when it cannot be read. */
export function inspectTail(file: string): JournalTail {
  const fd = openSync(file, 'r')
  try {
    const { size } = fstatSync(fd)
    refuseForeign(fd, file, size)
    const afterNewline = lineStart(fd, size)
    if (afterNewline < size) {
      const torn = { file, line: lineNumber(fd, afterNewline), bytes: size - afterNewline }
      return { ...lastLine(fd, afterNewline), torn }
    }
    const last = lastLine(fd, size)
    if (last.intact) return { ...last, torn: undefined }
    const start = lineStart(fd, size - 1)
    return { ...lastLine(fd, start), torn: { file, line: lineNumber(fd, start), bytes: size - start } }
  } finally {
    closeSync(fd)
  }
}

function lastLine(fd: number, end: number): Omit<JournalTail, 'torn'> & { readonly intact: boolean } {
  if (end === 0) return { end, crc: 0, last: undefined, intact: true }
  const start = lineStart(fd, end - 1)
  const bytes = read(fd, start, end - 1)
  const crc = writtenCrc(bytes, 0, bytes.length)
  const previousCrc = start === 0 ? 0 : crcAt(fd, lineStart(fd, start - 1))
  if (crc === undefined || previousCrc === undefined || !fits(bytes, 0, bytes.length, previousCrc, crc)) {
    return { end, crc: crc ?? 0, last: undefined, intact: false }
  }
  return { end, crc, last: { value: objectOf(bytes), previousCrc }, intact: true }
}

function objectOf(bytes: Buffer): unknown {
  try {
    return parseLine(bytes, 0, bytes.length)
  } catch {
    return undefined
  }
}

function crcAt(fd: number, start: number): number | undefined {
  const head = read(fd, start, start + PREFIX_LENGTH + 1)
  return writtenCrc(head, 0, head.length)
}

/** A crash leaves a journal's own beginning, or zeros, or nothing; anything else is somebody's file. */
function refuseForeign(fd: number, file: string, size: number): void {
  const head = read(fd, 0, Math.min(size, JOURNAL_OPENING.length))
  if (head.equals(JOURNAL_OPENING.subarray(0, head.length)) || head.every((byte) => byte === 0)) return
  throw new JournalError(file, 1, 'this file is not a journal; allowed: a journal to go on with, or a name that is free')
}

/** Where the line begins that holds the byte before `end`, searching backwards. */
function lineStart(fd: number, end: number): number {
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - PIECE)
    const newline = read(fd, from, to).lastIndexOf(NEWLINE)
    if (newline >= 0) return from + newline + 1
    to = from
  }
  return 0
}

function lineNumber(fd: number, offset: number): number {
  let line = 1
  for (let from = 0; from < offset; from += PIECE) {
    const piece = read(fd, from, Math.min(offset, from + PIECE))
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) line++
  }
  return line
}

function read(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe(to - from)
  const length = readSync(fd, bytes, 0, bytes.length, from)
  return bytes.subarray(0, length)
}
