// How many calls a second are being asked for, admitted or not: the price of keeping a breaker open.

const INTERVAL = 10_000

export class DemandMeter {
  #current = 0
  #previous = 0
  #endsAt = 0
  /** Since when demand is being counted without a gap, epoch ms. */
  #since = 0

  add(at: number): void {
    if (at >= this.#endsAt) this.#roll(at)
    this.#current++
  }

  addMany(at: number, calls: number): void {
    if (at >= this.#endsAt) this.#roll(at)
    this.#current += calls
  }

  /** Calls a second over the last 10 to 20 s, or over as much of it as there was. */
  perSecond(at: number): number {
    if (at >= this.#endsAt) this.#roll(at)
    const from = Math.max(this.#endsAt - 2 * INTERVAL, this.#since)
    return (this.#previous + this.#current) / Math.max(1, (at - from) / 1000)
  }

  #roll(at: number): void {
    if (at >= this.#endsAt + INTERVAL) {
      this.#previous = 0
      this.#current = 0
      this.#since = at
      this.#endsAt = at + INTERVAL
      return
    }
    this.#previous = this.#current
    this.#current = 0
    this.#endsAt += INTERVAL
  }

  save(): readonly number[] {
    return [this.#current, this.#previous, this.#endsAt, this.#since]
  }

  restore(saved: readonly number[]): void {
    const [current = 0, previous = 0, endsAt = 0, since = 0] = saved
    this.#current = current
    this.#previous = previous
    this.#endsAt = endsAt
    this.#since = since
  }
}
