// The journal as a file of JSON lines (see journalLine.ts). Records are taken into memory and written a few ms later in one
// piece, so a call pays for a push into an array; a disk that is slow, full or gone costs records, counted, and never a call.
import { mkdirSync } from 'node:fs'
import * as fsPromises from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, systemClock } from '../model/clock.ts'
import { JournalError } from '../model/errors.ts'
import type { GearEvent } from '../model/records.ts'
import { Due } from '../model/timer.ts'
import { BatchCipher, type JournalKey } from './batchCipher.ts'
import { flushAtExit, forgetAtExit } from './exitFlush.ts'
import { codeOf, type FileLock, HEARTBEAT, lockFile } from './fileLock.ts'
import type { HeaderSource, Journal } from './journal.ts'
import type { TornLine } from './journalDecoder.ts'
import { JournalFile, type JournalFs } from './journalFile.ts'
import { isEncrypted } from './journalLine.ts'
import { headerText, JournalSealer } from './journalSealer.ts'
import { inspectTail, type JournalTail } from './journalTail.ts'
import { JournalWarnings } from './journalWarnings.ts'

export interface FileJournalOptions {
  /** The file being written; its directory is made if need be. Rotated files stand beside it as `name.1.jsonl`, `name.2.jsonl`, … */
  readonly file: string
  /** A file that has grown to this many bytes is rotated. Default 64 MiB. */
  readonly maxBytes?: number
  /** Rotated files kept; the oldest goes first. Default 8. */
  readonly keep?: number
  /** Records held in memory at most while the disk cannot keep up; more are dropped and counted. Default 65,536. */
  readonly maxBufferRecords?: number
  /** How long a record waits for others before they are written together, ms; 0: to the end of the turn. Default 5. */
  readonly flushMs?: number
  /** How long to wait after a disk error before the next try, ms. Default 250. */
  readonly retryMs?: number
  /** Encrypts what is written (AES-256-GCM): 32 bytes, as a buffer, 64 hex digits or base64. */
  readonly key?: JournalKey
  /** Waits for the disk itself, and not only the operating system, at each write. Default false. */
  readonly fsync?: boolean
  /** Told of each disk error. Default: the process warns, with the code SWITCHGEAR_JOURNAL, once for each spell of trouble. */
  readonly onProblem?: (problem: Error) => void
  readonly clock?: Clock
  /** In place of `node:fs/promises`. */
  readonly fs?: JournalFs
}

/** Records serialised in one go: a few ms of work. */
const BATCH = 8192

type Job = { readonly type: 'write'; readonly bytes: Buffer; readonly records: number } | { readonly type: 'rotate' }

export class FileJournal implements Journal {
  /** The last line of the file as it was found, if a crash had cut it short; it has been removed. */
  torn: TornLine | undefined
  /** The disk error that stands; undefined while writing works. */
  problem: Error | undefined
  /** Disk errors so far. */
  problems = 0
  /** Records lost so far, because the disk could not keep up or they could not be written. */
  dropped = 0

  readonly #options: FileJournalOptions
  readonly #clock: Clock
  readonly #file: JournalFile
  readonly #sealer: JournalSealer
  readonly #cipher: BatchCipher | undefined
  readonly #maxBytes: number
  readonly #maxRecords: number
  /** This many pending records are not kept waiting for the timer. */
  readonly #eagerAt: number
  readonly #warnings: JournalWarnings | undefined
  readonly #timer: Due
  readonly #heartbeat: Due
  #source: HeaderSource | undefined
  #lock: FileLock | undefined
  #opening: Promise<void> | undefined
  #state: 'new' | 'opening' | 'open' | 'closing' | 'closed' = 'new'
  #pending: GearEvent[] = []
  /** Serialised and not yet written, in order. Bytes are kept until they are written, so a failed write loses nothing. */
  readonly #jobs: Job[] = []
  #running: Promise<void> | undefined
  #immediate = false
  /** Records dropped since the last header; while there are any, everything is dropped until a header tells the new state. */
  #gap = 0
  /** Bytes of the file, with those that are still to be written. */
  #size = 0
  #headerBytes = 0
  #accepted = 0
  #settled = 0

  /** Throws a TypeError when the key does not have 32 bytes. */
  constructor(options: FileJournalOptions) {
    const { file, keep = 8, fsync = false, fs = fsPromises } = options
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#maxBytes = options.maxBytes ?? 67_108_864
    this.#maxRecords = options.maxBufferRecords ?? 65_536
    this.#eagerAt = Math.min(BATCH, Math.ceil(this.#maxRecords / 2))
    this.#cipher = options.key === undefined ? undefined : new BatchCipher(options.key)
    this.#sealer = new JournalSealer(this.#cipher)
    this.#file = new JournalFile({ file, keep, fsync, fs })
    this.#warnings = options.onProblem === undefined ? new JournalWarnings(file) : undefined
    this.#timer = new Due(() => this.#writeSoon())
    this.#heartbeat = new Due(() => this.#beat())
  }

  get file(): string {
    return this.#options.file
  }

  /**
   * Makes the directory and takes the file's lock, so that nobody else writes it from here on; {@link open} does so by itself
   * where it was not done before. Throws a JournalError when another process is writing the file, and the file system's error
   * when there can be no lock. {@link close} gives the lock back, and so does an `open` that fails.
   */
  acquire(): void {
    if (this.#lock !== undefined || this.#state === 'closed') return
    mkdirSync(dirname(this.file), { recursive: true })
    this.#lock = lockFile(this.file)
    this.#clock.arm(this.#heartbeat, this.#clock.now() + HEARTBEAT)
  }

  /**
   * Opens or makes the file and writes the header. What was appended before this is not taken. Throws a JournalError when another
   * process is writing the file, when it is no journal or has another key, and the file system's error when it cannot be written.
   */
  async open(header: HeaderSource): Promise<void> {
    if (this.#state !== 'new') throw new Error(`the journal ${this.file} has been opened before`)
    const first = headerText(header('start'))
    this.#source = header
    this.#state = 'opening'
    this.#opening = this.#begin(first)
    await this.#opening
  }

  append(record: GearEvent): void {
    if (this.#state !== 'open' && this.#state !== 'opening') return
    if (this.#gap > 0 || this.#pending.length >= this.#maxRecords) {
      this.#gap++
      this.dropped++
      return
    }
    this.#accepted++
    const length = this.#pending.push(record)
    if (length === 1) this.#schedule()
    else if (length === this.#eagerAt) this.#writeAtEndOfTurn()
  }

  /** Rejects with the disk's error when what was appended cannot be written now; it is tried again later. */
  async flush(): Promise<void> {
    await this.#opening
    if (this.#state !== 'open' && this.#state !== 'closing') return
    const mark = this.#accepted
    // Not in the middle of what the caller is doing: a header must tell a state that has settled.
    await nextTurn()
    do await this.#write()
    while (this.#settled < mark || this.#gap > 0)
  }

  /** Writes what is left and lets go of the file. Does not throw: what could not be written is in `problem` and `dropped`. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    if (this.#state === 'new') {
      this.#state = 'closed'
      this.#unlock()
    }
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#clock.disarm(this.#timer)
    await this.flush().catch(() => undefined)
    this.dropped += this.#accepted - this.#settled
    this.#warnings?.closed(this.dropped, this.#clock.now())
    this.#state = 'closed'
    forgetAtExit(this)
    await this.#release()
  }

  /** @internal The last chance, when the process exits: what can be written without a header is. */
  flushSync(): void {
    try {
      while (this.#jobs[0]?.type === 'write') {
        this.#file.writeSync(this.#jobs[0].bytes)
        this.#jobs.shift()
      }
      if (this.#jobs.length === 0) this.#file.writeSync(this.#sealer.records(this.#pending).bytes)
    } catch (error) {
      this.#note(error)
    }
    this.#unlock()
  }

  async #begin(header: string): Promise<void> {
    try {
      this.acquire()
      const tail = this.#inspect()
      const end = tail?.end ?? 0
      this.torn = tail?.torn
      await this.#file.open(end)
      this.#sealer.goOnFrom(tail?.crc ?? 0)
      this.#size = end
      const otherwiseEncrypted = tail?.last !== undefined && isEncrypted(tail.last.value) !== (this.#cipher !== undefined)
      if (end >= this.#maxBytes || otherwiseEncrypted) this.#addRotation()
      this.#addHeader(header)
      await this.#runJobs()
    } catch (error) {
      this.#state = 'closed'
      await this.#release()
      throw error
    }
    this.#state = 'open'
    flushAtExit(this)
    if (this.#pending.length > 0) this.#schedule()
  }

  #inspect(): JournalTail | undefined {
    let tail: JournalTail
    try {
      tail = inspectTail(this.file)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    const { last } = tail
    if (this.#cipher !== undefined && last !== undefined && isEncrypted(last.value)) {
      try {
        this.#cipher.decrypt(last.value.enc, last.previousCrc)
      } catch {
        throw new JournalError(
          this.file,
          0,
          'the key does not fit; allowed: the one this journal was written with, or another file',
        )
      }
    }
    return tail
  }

  #schedule(): void {
    if (this.#state !== 'open' || this.#running !== undefined || this.#timer.armed) return
    const { flushMs = 5, retryMs = 250 } = this.#options
    const delay = this.problem === undefined ? flushMs : retryMs
    if (delay === 0) this.#writeAtEndOfTurn()
    else this.#clock.arm(this.#timer, this.#clock.now() + delay)
  }

  #writeAtEndOfTurn(): void {
    if (this.#state !== 'open' || this.#immediate || this.problem !== undefined) return
    this.#immediate = true
    setImmediate(() => {
      this.#immediate = false
      this.#writeSoon()
    })
  }

  #writeSoon(): void {
    // The error has been noted, and the next try is scheduled.
    if (this.#state === 'open') this.#write().catch(() => undefined)
  }

  /** One round: takes what is pending (unless a failed round is to be repeated) and writes it. One at a time. */
  #write(): Promise<void> {
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined
      if (this.#pending.length >= BATCH) this.#writeAtEndOfTurn()
      if (this.#pending.length > 0 || this.#jobs.length > 0 || this.#gap > 0) this.#schedule()
    })
    return this.#running
  }

  async #round(): Promise<void> {
    try {
      if (this.#jobs.length === 0) this.#take()
      // Asked while we write, to save a turn; of a file that is being rotated out it says nothing.
      const gone = !this.#jobs.some(({ type }) => type === 'rotate') && this.#file.isGone()
      await this.#runJobs()
      if (await gone) throw this.#startAfresh()
      this.problem = undefined
      this.#warnings?.works(this.dropped, this.#clock.now())
    } catch (error) {
      this.#note(error)
      throw error
    }
  }

  async #runJobs(): Promise<void> {
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      if (job.type === 'rotate') await this.#file.rotate()
      else await this.#file.write(job.bytes)
      this.#jobs.shift()
      if (job.type === 'write') this.#settled += job.records
    }
  }

  /** Serialises what is pending; with a header behind it where one is due, which is taken when nothing is pending any more. */
  #take(): void {
    const rotates = this.#size >= this.#maxBytes && this.#size >= 2 * this.#headerBytes
    const all = rotates || this.#gap > 0
    const records = all || this.#pending.length <= BATCH ? this.#pending : this.#pending.slice(0, BATCH)
    this.#pending = records === this.#pending ? [] : this.#pending.slice(BATCH)
    const { bytes, count, error } = this.#sealer.records(records)
    if (error !== undefined) this.#note(error)
    const lost = records.length - count
    this.#settled += lost
    this.#gap += lost
    this.dropped += lost
    if (bytes.length > 0) this.#jobs.push({ type: 'write', bytes, records: count })
    this.#size += bytes.length
    if (this.#gap > 0 && this.#pending.length > 0) this.#take()
    else if (rotates || this.#gap > 0) this.#goOnWithHeader(rotates)
  }

  #goOnWithHeader(rotates: boolean): void {
    const header = this.#gap > 0 ? this.#source?.('gap', this.#gap) : this.#source?.('rotation')
    if (header === undefined) return
    const text = headerText(header)
    if (rotates) this.#addRotation()
    this.#addHeader(text)
    this.#gap = 0
  }

  #addRotation(): void {
    this.#jobs.push({ type: 'rotate' })
    this.#sealer.goOnFrom(0)
    this.#size = 0
  }

  #addHeader(text: string): void {
    const bytes = this.#sealer.header(text)
    this.#jobs.push({ type: 'write', bytes, records: 0 })
    this.#headerBytes = bytes.length
    this.#size += bytes.length
  }

  /** The file was deleted under us: the next round makes a new one. */
  #startAfresh(): Error {
    this.#size = Number.POSITIVE_INFINITY
    return new Error(`${this.file} was deleted while it was being written; what it held is lost, and a new one is begun`)
  }

  #note(error: unknown): void {
    const problem = error instanceof Error ? error : new Error(String(error))
    this.problem = problem
    this.problems++
    this.#warnings?.trouble(problem, this.#clock.now())
    try {
      this.#options.onProblem?.(problem)
    } catch (thrown) {
      process.emitWarning(`the journal's onProblem threw: ${String(thrown)}`, 'SwitchgearWarning')
    }
  }

  #beat(): void {
    void this.#lock?.touch()
    this.#clock.arm(this.#heartbeat, this.#clock.now() + HEARTBEAT)
  }

  #unlock(): void {
    this.#clock.disarm(this.#heartbeat)
    this.#lock?.release()
    this.#lock = undefined
  }

  async #release(): Promise<void> {
    await this.#file.close().catch((error) => this.#note(error))
    this.#unlock()
  }
}
