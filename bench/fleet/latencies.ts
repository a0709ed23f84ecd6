// Many durations in little memory: counted in steps of an eighth of a power of two, from a microsecond up.

const STEPS = 8
const LEAST = 0.001

export class Latencies {
  readonly #counts = new Float64Array(STEPS * 40)
  #count = 0
  max = 0

  add(ms: number): void {
    const step = ms <= LEAST ? 0 : Math.min(this.#counts.length - 1, Math.floor(Math.log2(ms / LEAST) * STEPS))
    this.#counts[step] = (this.#counts[step] ?? 0) + 1
    this.#count++
    if (ms > this.max) this.max = ms
  }

  /** The upper edge of the step that holds it, ms; 0 where nothing was counted. */
  quantile(q: number): number {
    let left = q * this.#count
    for (const [step, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0 && count > 0) return Math.min(this.max, LEAST * 2 ** ((step + 1) / STEPS))
    }
    return this.max
  }
}
