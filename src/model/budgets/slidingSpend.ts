// What was spent within the last so many ms, for rules of the type `rate`: sixty-one buckets, each a sixtieth of the span, of
// which the oldest is dropped as a new one begins. So it looks back over the span and up to a sixtieth more, never less.

const KEPT = 61

export class SlidingSpend {
  /** ms of a bucket. */
  readonly #width: number
  readonly #buckets = new Array<number>(KEPT).fill(0)
  #latest = 0
  #total = 0

  /** `span`: ms. */
  constructor(span: number) {
    this.#width = Math.ceil(span / (KEPT - 1))
  }

  add(at: number, nanos: number): void {
    this.#goTo(at)
    this.#buckets[this.#latest % KEPT] = (this.#buckets[this.#latest % KEPT] as number) + nanos
    this.#total += nanos
  }

  at(at: number): number {
    this.#goTo(at)
    return this.#total
  }

  /** When, if nothing is added, less than `nanos` is left, epoch ms; `at` if that is so now. */
  below(nanos: number, at: number): number {
    this.#goTo(at)
    let left = this.#total
    for (let index = Math.max(0, this.#latest - KEPT + 1); left >= nanos && index <= this.#latest; index++) {
      left -= this.#buckets[index % KEPT] as number
      if (left < nanos) return (index + KEPT) * this.#width
    }
    return at
  }

  /** When all that is counted at `at` will have been dropped at the latest, epoch ms. */
  emptyFrom(at: number): number {
    return (Math.floor(at / this.#width) + KEPT) * this.#width
  }

  /** The buckets that hold something: the time at which each ends (epoch ms, its last), and what it holds. */
  save(): [endsAt: number, nanos: number][] {
    const saved: [number, number][] = []
    for (let index = Math.max(0, this.#latest - KEPT + 1); index <= this.#latest; index++) {
      const nanos = this.#buckets[index % KEPT] as number
      if (nanos !== 0) saved.push([(index + 1) * this.#width - 1, nanos])
    }
    return saved
  }

  /** Forgets everything and counts what was saved, perhaps with buckets of another width. */
  restore(saved: readonly (readonly [endsAt: number, nanos: number])[]): void {
    this.#buckets.fill(0)
    this.#total = 0
    this.#latest = 0
    for (const [endsAt, nanos] of saved) this.add(endsAt, nanos)
  }

  /** A clock that was ahead is right now: what it has counted in times to come was spent by `now`. */
  notAfter(now: number): void {
    if (this.#latest > Math.floor(now / this.#width)) this.restore(this.save().map(([at, nanos]) => [Math.min(at, now), nanos]))
  }

  #goTo(at: number): void {
    const index = Math.floor(at / this.#width)
    if (index <= this.#latest) return
    for (let left = Math.min(index - this.#latest, KEPT), next = index; left > 0; left--, next--) {
      this.#total -= this.#buckets[next % KEPT] as number
      this.#buckets[next % KEPT] = 0
    }
    this.#latest = index
  }
}
