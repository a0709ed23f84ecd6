// The file under a journal: bytes go to a place that is known, so a write that failed is done again at the same place, and a
// write that may still be under way at exit can be repeated without harm.
import { ftruncateSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from './fileLock.ts'
import { rotatedName, rotatedNumbers } from './journalFiles.ts'

/** The part of `node:fs/promises` that a journal writes with; another may be injected. */
export type JournalFs = Pick<typeof import('node:fs/promises'), 'open' | 'rename' | 'rm' | 'readdir' | 'mkdir'>

export interface JournalFileOptions {
  readonly file: string
  readonly fs: JournalFs
  /** Rotated files to keep. */
  readonly keep: number
  /** Wait for the disk itself after each write. */
  readonly fsync: boolean
}

export class JournalFile {
  readonly #options: JournalFileOptions
  #handle: FileHandle | undefined
  /** Where the last good line ends. */
  #offset = 0

  constructor(options: JournalFileOptions) {
    this.#options = options
  }

  /** Opens the file, new or not, and cuts off what lies behind `end`. */
  async open(end: number): Promise<void> {
    const { file, fs } = this.#options
    const handle = await fs.open(file, end === 0 ? 'w' : 'r+', 0o600)
    try {
      await handle.truncate(end)
    } catch (error) {
      await handle.close()
      throw error
    }
    this.#handle = handle
    this.#offset = end
  }

  /** Appends `bytes`; when that fails nothing of them stays, and it may be tried again. */
  async write(bytes: Buffer): Promise<void> {
    const handle = this.#opened()
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await handle.write(bytes, written, bytes.length - written, this.#offset + written)).bytesWritten
      }
      if (this.#options.fsync) await handle.datasync()
    } catch (error) {
      await handle.truncate(this.#offset).catch(() => undefined)
      throw error
    }
    this.#offset += bytes.length
  }

  /** True when the file was deleted while we write it, so that what we write is lost. Never rejects. */
  async isGone(): Promise<boolean> {
    const stat = await this.#handle?.stat().catch(() => undefined)
    return stat?.nlink === 0
  }

  /** Moves the file aside under the next number and starts a new one. When that fails it may be tried again. */
  async rotate(): Promise<void> {
    const { file, fs, keep } = this.#options
    const directory = dirname(file)
    await fs.mkdir(directory, { recursive: true })
    const numbers = rotatedNumbers(file, await fs.readdir(directory))
    const next = (numbers.at(-1) ?? 0) + 1
    try {
      await fs.rename(file, rotatedName(file, next))
    } catch (error) {
      // It was moved by an earlier try, or deleted.
      if (codeOf(error) !== 'ENOENT') throw error
    }
    const handle = await fs.open(file, 'wx', 0o600)
    await this.#handle?.close().catch(() => undefined)
    this.#handle = handle
    this.#offset = 0
    const surplus = keep === 0 ? numbers : [...numbers, next].slice(0, -keep)
    if (keep === 0) surplus.push(next)
    for (const number of surplus) await fs.rm(rotatedName(file, number), { force: true }).catch(() => undefined)
  }

  /** {@link write}, for a process that exits. */
  writeSync(bytes: Buffer): void {
    const { fd } = this.#opened()
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(fd, bytes, written, bytes.length - written, this.#offset + written)
      }
    } catch (error) {
      ftruncateSync(fd, this.#offset)
      throw error
    }
    this.#offset += bytes.length
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  #opened(): FileHandle {
    if (this.#handle === undefined) throw new Error(`${this.#options.file} is not open`)
    return this.#handle
  }
}
