// Are the answers still good enough? Holds the mean quality of a service's last answers against its floor.
import type { ExpectedImpact } from '../model/degradation.ts'
import type { DegradationLevel } from '../model/states.ts'

/** Answers that the mean is taken of; DESIGN: "mean of last 20". */
const ANSWERS = 20
/** A mean of fewer answers says nothing. */
const FEWEST = 5
/** Below this share of the floor, level 2 is called for; level 3 is not, as nothing would be left to see a recovery by. */
const FAR_BELOW = 0.75

export class QualityWatch {
  readonly #last = new Float64Array(ANSWERS)
  #count = 0
  #sum = 0

  /**
   * Takes one answer's quality, 0–1. What was asked for with less in mind (`expected` of the level it was asked at) is judged by
   * what could be expected of it; else a degradation for bad answers would feed on its own effect.
   */
  add(quality: number, expected: ExpectedImpact): void {
    if (!(quality >= 0 && quality <= 1)) return
    const fair = Math.min(1, quality / Math.max(0.1, 1 - expected.performanceImpact))
    const index = this.#count % ANSWERS
    if (this.#count >= ANSWERS) this.#sum -= this.#last[index] as number
    this.#last[index] = fair
    this.#sum += fair
    this.#count++
  }

  /** The mean of the last answers; undefined while there are too few. */
  get mean(): number | undefined {
    return this.#count < FEWEST ? undefined : this.#sum / Math.min(this.#count, ANSWERS)
  }

  /** The level that the answers call for. */
  levelFor(floor: number): DegradationLevel {
    const { mean } = this
    if (mean === undefined || mean >= floor) return 0
    return mean < floor * FAR_BELOW ? 2 : 1
  }
}
