// What a process says of a journal that cannot be written, where nobody else was asked to say it. A spell of trouble is a line
// at its begin and, where records were lost, a line at its end; spells that follow each other closely share theirs.

/** After a line, the next spell is only told when this much time has passed, ms. */
const QUIET = 60_000

export class JournalWarnings {
  readonly #file: string
  #standing = false
  #quietUntil = Number.NEGATIVE_INFINITY
  /** Losses told so far. */
  #told = 0

  constructor(file: string) {
    this.#file = file
  }

  trouble(error: Error, at: number): void {
    if (this.#standing || at < this.#quietUntil) return
    this.#standing = true
    this.#warn(`is in trouble: ${error.message}`, at)
  }

  /** Writing works (again); `dropped` records were lost so far. */
  works(dropped: number, at: number): void {
    const tells = this.#standing || at >= this.#quietUntil
    this.#standing = false
    if (dropped === this.#told || !tells) return
    this.#warn(`is written again; ${this.#lost(dropped)}`, at)
  }

  closed(dropped: number, at: number): void {
    if (dropped > this.#told) this.#warn(`is closed; ${this.#lost(dropped)}`, at)
  }

  #lost(dropped: number): string {
    const count = dropped - this.#told
    this.#told = dropped
    return count === 1 ? 'a record was lost' : `${count} records were lost`
  }

  #warn(text: string, at: number): void {
    this.#quietUntil = at + QUIET
    process.emitWarning(`the journal ${this.#file} ${text}`, { type: 'SwitchgearWarning', code: 'SWITCHGEAR_JOURNAL' })
  }
}
