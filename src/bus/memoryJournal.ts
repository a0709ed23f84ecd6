// A journal that keeps its records in an array: for tests, for replays in one process, and for a board without a file.
import type { GearEvent, JournalRecord } from '../model/records.ts'
import type { HeaderSource, Journal } from './journal.ts'

export interface MemoryJournalOptions {
  /** The most records kept; what comes later is dropped and counted. Default: no bound. */
  readonly maxRecords?: number
}

export class MemoryJournal implements Journal {
  /** Everything since the journal was opened, headers included. */
  readonly records: JournalRecord[] = []
  /** Records that found no room. */
  dropped = 0
  readonly #maxRecords: number
  #state: 'new' | 'open' | 'closed' = 'new'

  constructor({ maxRecords = Number.POSITIVE_INFINITY }: MemoryJournalOptions = {}) {
    this.#maxRecords = maxRecords
  }

  async open(header: HeaderSource): Promise<void> {
    if (this.#state !== 'new') throw new Error('the journal has been opened before')
    this.records.push(header('start'))
    this.#state = 'open'
  }

  append(record: GearEvent): void {
    if (this.#state !== 'open') return
    if (this.records.length < this.#maxRecords) this.records.push(record)
    else this.dropped++
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.#state = 'closed'
  }
}
