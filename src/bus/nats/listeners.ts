// Those who listen to one thing of the link: told in the order in which they came; one that throws harms nobody else.
import { warnOfThrown } from '../thrownWarning.ts'

export class Listeners<Args extends readonly unknown[]> {
  readonly #what: string
  /** Replaced, never changed, so that one may come or go while they are told. */
  #all: readonly Listening<Args>[] = []
  readonly #warned = new WeakSet<object>()

  /** `what` they listen to, for the warning when one throws. */
  constructor(what: string) {
    this.#what = what
  }

  add(tell: (...args: Args) => void): () => void {
    const listening = { tell }
    this.#all = [...this.#all, listening]
    return () => {
      this.#all = this.#all.filter((other) => other !== listening)
    }
  }

  get some(): boolean {
    return this.#all.length > 0
  }

  tell(...args: Args): void {
    for (const listening of this.#all) {
      try {
        listening.tell(...args)
      } catch (error) {
        this.#warn(listening, error)
      }
    }
  }

  #warn(listening: Listening<Args>, error: unknown): void {
    if (this.#warned.has(listening)) return
    this.#warned.add(listening)
    warnOfThrown(`a listener for ${this.#what}`, error)
  }
}

/** An object of its own, so that one function may listen twice and stop once. */
interface Listening<Args extends readonly unknown[]> {
  readonly tell: (...args: Args) => void
}
