// A journal that is kept twice: in a file that a restart goes on from, and in the fleet's stream, where the fleet is replayed.
import type { GearEvent } from '../model/records.ts'
import type { HeaderSource, Journal } from './journal.ts'

export class DoubleJournal implements Journal {
  readonly #both: readonly [Journal, Journal]

  constructor(one: Journal, other: Journal) {
    this.#both = [one, other]
  }

  /** Throws what the first of them that cannot be opened throws; then neither is open. */
  async open(header: HeaderSource): Promise<void> {
    try {
      await Promise.all(this.#both.map((journal) => journal.open(header)))
    } catch (error) {
      await this.close().catch(() => undefined)
      throw error
    }
  }

  append(record: GearEvent): void {
    for (const journal of this.#both) journal.append(record)
  }

  /** One that cannot be written keeps the other from nothing; its error is thrown when both are done. */
  flush(): Promise<void> {
    return allDone(this.#both.map((journal) => journal.flush()))
  }

  close(): Promise<void> {
    return allDone(this.#both.map((journal) => journal.close()))
  }
}

async function allDone(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
}
