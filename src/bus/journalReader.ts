// Reads journals back, batch by batch and never a whole file at once: for replay, from the beginning; for a restart, from the
// last header. Every record that comes out was checked: its crc, its place in the chain, its shape.
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { JournalError } from '../model/errors.ts'
import { BatchCipher, type JournalKey } from './batchCipher.ts'
import { BEGINNING, type DecoderStart, JournalDecoder, type JournalEntry, type TornLine } from './journalDecoder.ts'
import { rotatedName, rotatedNumbers } from './journalFiles.ts'
import { lastHeader } from './lastHeader.ts'

export type { JournalEntry, TornLine } from './journalDecoder.ts'

export interface ReadOptions {
  /** The key of an encrypted journal. */
  readonly key?: JournalKey
  /** Told of a last line that was cut short by a crash; it is skipped. */
  readonly onTorn?: (torn: TornLine) => void
  /** Told of every bad place, which is skipped. Without it the first one is thrown. */
  readonly onProblem?: (error: JournalError) => void
}

export interface ReadAllOptions extends ReadOptions {
  /** Reads the rotated files first, oldest first; by default the given file only. */
  readonly rotated?: boolean
}

/**
 * The records of `file`, in batches of a few thousand. Throws a JournalError that names the line where the file is not what
 * was written, and the file system's error where it cannot be read.
 */
export async function* readJournal(file: string, options: ReadAllOptions = {}): AsyncGenerator<readonly JournalEntry[], void> {
  for (const name of filesToRead(file, options)) {
    const decoder = decoderOf(name, options, BEGINNING)
    const handle = await open(name, 'r')
    try {
      for (let offset = 0; ; ) {
        const space = decoder.space()
        const { bytesRead } = await handle.read(space, 0, space.length, offset)
        if (bytesRead === 0) break
        offset += bytesRead
        const entries = decoder.take(bytesRead)
        if (entries.length > 0) yield entries
      }
    } finally {
      await handle.close()
    }
    const rest = decoder.end()
    if (rest.length > 0) yield rest
  }
}

/** {@link readJournal} for those who can wait for the disk. */
export function* readJournalSync(file: string, options: ReadAllOptions = {}): Generator<readonly JournalEntry[], void> {
  for (const name of filesToRead(file, options)) yield* readFrom(name, options, BEGINNING)
}

/**
 * The records from the last header on, which is all that a restart needs: the header tells how every breaker stood. Yields
 * nothing when there is no journal yet. Line numbers are those of the file the header is in: `file` itself, or the newest
 * rotated one if a crash came between two files. Throws as {@link readJournal} does.
 */
export function* readLastSession(file: string, options: ReadOptions = {}): Generator<readonly JournalEntry[], void> {
  for (const name of [file, ...rotatedFiles(file).reverse()]) {
    if (!existsSync(name)) continue
    const start = lastHeader(name, cipherOf(options))
    if (start === undefined) continue
    yield* readFrom(name, options, start)
    return
  }
}

function* readFrom(file: string, options: ReadOptions, start: DecoderStart): Generator<readonly JournalEntry[], void> {
  const decoder = decoderOf(file, options, start)
  const fd = openSync(file, 'r')
  try {
    for (let offset = start.offset; ; ) {
      const space = decoder.space()
      const length = readSync(fd, space, 0, space.length, offset)
      if (length === 0) break
      offset += length
      const entries = decoder.take(length)
      if (entries.length > 0) yield entries
    }
  } finally {
    closeSync(fd)
  }
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}

function filesToRead(file: string, options: ReadAllOptions): string[] {
  if (options.rotated !== true) return [file]
  const rotated = rotatedFiles(file)
  return rotated.length > 0 && !existsSync(file) ? rotated : [...rotated, file]
}

function rotatedFiles(file: string): string[] {
  const directory = dirname(file)
  if (!existsSync(directory)) return []
  return rotatedNumbers(file, readdirSync(directory)).map((number) => rotatedName(file, number))
}

function decoderOf(file: string, options: ReadOptions, start: DecoderStart): JournalDecoder {
  return new JournalDecoder({ file, cipher: cipherOf(options), onTorn: options.onTorn, onProblem: options.onProblem }, start)
}

function cipherOf({ key }: ReadOptions): BatchCipher | undefined {
  return key === undefined ? undefined : new BatchCipher(key)
}
