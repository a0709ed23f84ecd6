// Makes a value once for all who ask for it meanwhile: a key that has just expired would otherwise be made by everyone at once.

/** Keys made at once that are shared; beyond it each caller makes their own. */
const MOST_FLIGHTS = 1000

interface Flight<V> {
  readonly made: Promise<V>
  /** Nothing has been written or deleted under its key since it began. */
  readonly current: () => boolean
}

export class SingleFlight<V> {
  readonly #flights = new Map<string, Flight<V>>()

  /**
   * What is being made for `key`, or else what `make` makes. `current` tells `make` whether its value is still worth keeping:
   * what was written or deleted meanwhile is newer.
   */
  async join(key: string, make: (current: () => boolean) => Promise<V>): Promise<V> {
    const known = this.#flights.get(key)
    if (known !== undefined) return known.made
    if (this.#flights.size >= MOST_FLIGHTS) return make(() => true)
    const current = (): boolean => this.#flights.get(key)?.current === current
    const made = make(current)
    this.#flights.set(key, { made, current })
    try {
      return await made
    } finally {
      if (current()) this.#flights.delete(key)
    }
  }

  /** What is being made for `key` is old already. */
  overtake(key: string): void {
    this.#flights.delete(key)
  }

  overtakeAll(): void {
    this.#flights.clear()
  }
}
