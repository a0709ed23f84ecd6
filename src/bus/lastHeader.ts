// Finds the last header of a journal file, where a restart begins to read. It only looks at line breaks and at the first bytes
// of lines, so that a file of many megabytes costs milliseconds; what it finds is checked when it is read.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { BatchCipher } from './batchCipher.ts'
import { BEGINNING, type DecoderStart } from './journalDecoder.ts'
import { encryptedHead, fits, HEAD_LENGTH, isHeaderLine, NEWLINE, writtenCrc } from './journalLine.ts'

const PIECE = 1_048_576

interface Line extends DecoderStart {
  readonly isHeader: boolean
  /** The crc written in it; 0 where there is none. */
  readonly crc: number
}

/**
 * Where the last complete header of `file` is. Undefined when there is no complete line in it; the beginning when there are
 * lines and no header among them, so that whoever reads on from there finds out why.
 */
export function lastHeader(file: string, cipher: BatchCipher | undefined): DecoderStart | undefined {
  const fd = openSync(file, 'r')
  try {
    let last: Line | undefined
    let header: Line | undefined
    let headerBefore: Line | undefined
    for (const line of completeLines(fd, cipher)) {
      last = line
      if (!line.isHeader) continue
      headerBefore = header
      header = line
    }
    if (last === undefined) return undefined
    if (header === undefined) return last.offset === 0 && !isIntact(fd, last) ? undefined : BEGINNING
    return header !== last || isIntact(fd, header) ? header : headerBefore
  } finally {
    closeSync(fd)
  }
}

/** Lines that end in a newline. */
function* completeLines(fd: number, cipher: BatchCipher | undefined): Generator<Line, void> {
  const buffer = Buffer.allocUnsafe(PIECE)
  let position = 0
  let number = 1
  let previousCrc = 0
  let line: Line | undefined
  for (;;) {
    const length = readSync(fd, buffer, 0, PIECE, position)
    if (length === 0) return
    const piece = buffer.subarray(0, length)
    let at = 0
    for (;;) {
      // A line's head must be in one piece: where it is not, the next piece begins with it.
      if (line === undefined && at > 0 && length - at < HEAD_LENGTH) break
      line ??= {
        offset: position + at,
        line: number,
        previousCrc,
        isHeader: isHeader(piece, at, cipher),
        crc: writtenCrc(piece, at, length) ?? previousCrc,
      }
      const newline = piece.indexOf(NEWLINE, at)
      if (newline < 0) {
        at = length
        break
      }
      yield line
      number++
      previousCrc = line.crc
      line = undefined
      at = newline + 1
      if (at === length) break
    }
    position += at
  }
}

function isHeader(piece: Buffer, at: number, cipher: BatchCipher | undefined): boolean {
  const encrypted = encryptedHead(piece, at)
  if (encrypted === undefined) return isHeaderLine(piece, at)
  // Without a key none can be told from the others; the reader then says that a key is needed.
  return cipher === undefined || cipher.peek(encrypted).startsWith('{"type":"header"')
}

/** Checks the crc of the file's last complete line, which a crash may have spoilt. */
function isIntact(fd: number, line: Line): boolean {
  const bytes = Buffer.alloc(fstatSync(fd).size - line.offset)
  readSync(fd, bytes, 0, bytes.length, line.offset)
  const end = bytes.indexOf(NEWLINE)
  const written = writtenCrc(bytes, 0, end)
  return written !== undefined && fits(bytes, 0, end, line.previousCrc, written)
}
