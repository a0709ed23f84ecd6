// A journal that is kept twice, in a file and in the fleet's stream, so that a fault can be seen in either.
import type { HeaderSource, Journal } from '../../src/bus/journal.ts'
import type { GearEvent } from '../../src/model/records.ts'

export class DoubleJournal implements Journal {
  readonly #both: readonly [Journal, Journal]

  constructor(one: Journal, other: Journal) {
    this.#both = [one, other]
  }

  async open(header: HeaderSource): Promise<void> {
    await Promise.all(this.#both.map((journal) => journal.open(header)))
  }

  append(record: GearEvent): void {
    for (const journal of this.#both) journal.append(record)
  }

  async flush(): Promise<void> {
    await Promise.all(this.#both.map((journal) => journal.flush()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#both.map((journal) => journal.close()))
  }
}
