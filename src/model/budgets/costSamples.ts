// What calls of one sort have cost: the last hundred whose price was known, and what the next is therefore expected to cost.

const KEPT = 100

/** Number, mean and standard deviation (billionths of a dollar) of what was kept. */
export type SavedSamples = readonly [count: number, mean: number, deviation: number]

export class CostSamples {
  readonly #costs: number[] = []
  #next = 0
  /** Worked out when first asked for after a change. */
  #expected: number | undefined

  get known(): boolean {
    return this.#costs.length > 0
  }

  add(nanos: number): void {
    this.#costs[this.#next] = nanos
    this.#next = (this.#next + 1) % KEPT
    this.#expected = undefined
  }

  /** Mean and one standard deviation more, billionths of a dollar; undefined when nothing is known. */
  get expected(): number | undefined {
    if (this.#costs.length === 0) return undefined
    if (this.#expected === undefined) {
      const [, mean, deviation] = this.save()
      this.#expected = mean + deviation
    }
    return this.#expected
  }

  get mean(): number | undefined {
    return this.known ? this.save()[1] : undefined
  }

  save(): SavedSamples {
    const count = this.#costs.length
    if (count === 0) return [0, 0, 0]
    // Afresh over all of them: a running sum of squares would keep the rounding error of its largest cost for ever.
    let sum = 0
    for (const cost of this.#costs) sum += cost
    const mean = sum / count
    let squares = 0
    for (const cost of this.#costs) squares += (cost - mean) * (cost - mean)
    return [count, Math.round(mean), Math.round(Math.sqrt(squares / count))]
  }

  /** Stands in for the samples that were saved: as many, with the same mean and deviation, to be displaced by new ones. */
  restore([count, mean, deviation]: SavedSamples): void {
    const kept = Math.min(count, KEPT)
    const pairs = Math.floor(kept / 2)
    const aside = pairs === 0 ? 0 : deviation * Math.sqrt(kept / (2 * pairs))
    this.#costs.length = 0
    for (let i = 0; i < pairs; i++) this.#costs.push(mean - aside, mean + aside)
    if (kept > 2 * pairs) this.#costs.push(mean)
    this.#next = kept % KEPT
    this.#expected = undefined
  }
}
