// Writes what is put into a table: the last value of each key, under the condition that nobody else has written it since whose word
// counts for more, and again and again until the server has it. A write whose answer is lost may have been stored, so it is looked up,
// never assumed.
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'
import { type Bucket, isConflict, type Stored } from './bucket.ts'

export interface TableStoreOptions {
  readonly clock: Clock
  /** Undefined while nothing can be stored. */
  readonly bucket: () => Bucket | undefined
  /** The revision of the key as far as is known; 0: it has none. */
  readonly revisionOf: (key: string) => number
  /** What the server has: ours now, or what another has written; false when that is garbage. */
  readonly learn: (stored: Stored) => boolean
  /** Does what was put stand, though this was stored since the key was last heard of? */
  readonly prevails: (key: string, value: unknown, stored: Stored) => boolean
  readonly failed: (error: unknown) => void
  readonly trouble: (code: string, message: () => string) => void
  readonly entryBytes: number
  readonly maxKeys: number
}

interface Wanted {
  /** JSON; undefined: the key is to go. */
  readonly value: unknown
  /** What was known of the key when this was put; undefined: nothing yet. */
  base: number | undefined
}

const RETRY = 250
/** Of one key, what may have been stored without an answer. */
const MOST_UNSETTLED = 8
/** Writes under way at a time. */
const AT_ONCE = 32
const utf8 = new TextEncoder()

export class TableStore {
  readonly #options: TableStoreOptions
  readonly #wanted = new Map<string, Wanted>()
  readonly #writing = new Map<string, Promise<void>>()
  /** By key, what may have been stored without an answer: the last of it. */
  readonly #unsettled = new Map<string, Set<string>>()
  /** By key, the revision of what we stored last: known here when the table has forgotten it, or knows another bucket's. */
  readonly #last = new Map<string, number>()
  readonly #due: Due
  #soon = false
  #closed = false

  constructor(options: TableStoreOptions) {
    this.#options = options
    this.#due = new Due(() => this.go())
  }

  /** `base`: the revision that this replaces, as far as is known. */
  want(key: string, value: unknown, base: number | undefined): void {
    if (this.#wanted.size >= this.#options.maxKeys && !this.#wanted.has(key)) {
      this.#options.trouble('table_full', () => `more than ${this.#options.maxKeys} keys wait to be stored; more are dropped`)
      return
    }
    this.#wanted.set(key, { value, base })
    if (this.#soon) return
    this.#soon = true
    // Not in the next turn of the event loop: all that has come meanwhile would be read before it.
    queueMicrotask(() => this.go())
  }

  /** Writes what is wanted, as far as it can be written now. */
  go(): void {
    this.#soon = false
    for (const key of this.#wanted.keys()) {
      if (this.#options.bucket() === undefined || this.#writing.size >= AT_ONCE) return
      if (!this.#writing.has(key)) this.#begin(key)
    }
  }

  /** Resolves when nothing is wanted any more, or nothing can be written now. */
  async drain(): Promise<void> {
    // A try that failed before is no reason to leave out the rest.
    this.#options.clock.disarm(this.#due)
    this.go()
    while (this.#writing.size > 0) {
      await Promise.all(this.#writing.values())
      if (this.#due.armed) return
      this.go()
    }
  }

  close(): void {
    this.#closed = true
    this.#options.clock.disarm(this.#due)
    this.#wanted.clear()
  }

  #begin(key: string): void {
    const work = this.#write(key).finally(() => {
      this.#writing.delete(key)
      if (this.#wanted.size > 0 && !this.#due.armed) this.go()
    })
    this.#writing.set(key, work)
  }

  async #write(key: string): Promise<void> {
    const { bucket, clock, failed } = this.#options
    for (;;) {
      const wanted = this.#wanted.get(key)
      const open = bucket()
      if (wanted === undefined || open === undefined) return
      this.#wanted.delete(key)
      const text = this.#textOf(key, wanted)
      if (text === undefined) return
      try {
        await this.#once(open, key, wanted, text)
      } catch (error) {
        if (!this.#wanted.has(key)) this.#wanted.set(key, wanted)
        failed(error)
        if (!this.#closed) clock.arm(this.#due, clock.now() + RETRY)
        return
      }
    }
  }

  /** Rejects when the server could not be asked, or did not answer. */
  async #once(bucket: Bucket, key: string, wanted: Wanted, text: string): Promise<void> {
    const base = wanted.base ?? this.#options.revisionOf(key)
    const bytes = wanted.value === undefined ? undefined : utf8.encode(text)
    try {
      const revision = bytes === undefined ? await bucket.remove(key, base) : await bucket.put(key, bytes, base)
      this.#stored(key, { key, revision, bytes })
    } catch (error) {
      if (!isConflict(error)) {
        this.#leave(key, text)
        throw error
      }
      await this.#settle(bucket, key, wanted, text)
    }
  }

  /** It may have been stored. A server that never answers must not fill the memory. */
  #leave(key: string, text: string): void {
    const texts = this.#unsettled.get(key) ?? new Set()
    this.#unsettled.set(key, texts)
    texts.delete(text)
    texts.add(text)
    if (texts.size > MOST_UNSETTLED) texts.delete(texts.values().next().value as string)
  }

  /** Somebody has written the key since; perhaps we ourselves, and did not hear of it. */
  async #settle(bucket: Bucket, key: string, wanted: Wanted, text: string): Promise<void> {
    const stored = await bucket.get(key)
    const revision = stored?.revision ?? 0
    const found = stored?.bytes === undefined ? '' : Buffer.from(stored.bytes).toString()
    const wasUnsettled = this.#unsettled.get(key)?.has(found) === true
    const isOurs = stored !== undefined && (wasUnsettled || revision === this.#last.get(key))
    if (isOurs) this.#stored(key, stored)
    if (isOurs && wasUnsettled && found === text) return
    if (isOurs || stored === undefined || !this.#options.learn(stored) || this.#prevails(key, wanted, stored)) {
      // Of ours, but not the last; or what was there has expired, says nothing, or less than ours.
      if (!this.#wanted.has(key)) this.#wanted.set(key, { value: wanted.value, base: revision })
      else this.#rebase(key, revision)
    }
  }

  #prevails(key: string, { value }: Wanted, stored: Stored): boolean {
    return value !== undefined && this.#options.prevails(key, value, stored)
  }

  #stored(key: string, stored: Stored): void {
    this.#unsettled.delete(key)
    this.#last.delete(key)
    this.#last.set(key, stored.revision)
    if (this.#last.size > this.#options.maxKeys) this.#last.delete(this.#last.keys().next().value as string)
    this.#rebase(key, stored.revision)
    this.#options.learn(stored)
  }

  /** What is wanted next replaces what we have just stored. */
  #rebase(key: string, revision: number): void {
    const next = this.#wanted.get(key)
    if (next?.base !== undefined && next.base < revision) next.base = revision
  }

  #textOf(key: string, { value }: Wanted): string | undefined {
    if (value === undefined) return ''
    const text = JSON.stringify(value)
    if (text.length * 3 <= this.#options.entryBytes || Buffer.byteLength(text) <= this.#options.entryBytes) return text
    this.#options.trouble('entry_too_big', () => {
      return `the entry for ${key} is too big and is not stored; allowed: ${this.#options.entryBytes} bytes`
    })
    return undefined
  }
}
