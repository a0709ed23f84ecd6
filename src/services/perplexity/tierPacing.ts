// Keeps a service's calls under the rate of a plan that its answers do not tell of: counts them by the minute, and asks for
// pacing when little of the minute's share is left. One for each service; told of each answer.
import type { Signal } from '../../model/signals.ts'

const MINUTE = 60_000
/** The share of a minute's calls at which pacing begins. */
const NEARLY = 0.9

export class TierPacing {
  readonly #perMinute: number
  /** A minute begins with the first call after the one before has passed. */
  #endsAt = Number.NEGATIVE_INFINITY
  #calls = 0
  #told = Number.POSITIVE_INFINITY

  constructor(requestsPerMinute: number) {
    this.#perMinute = requestsPerMinute
  }

  /**
   * One more call has been answered. From 90% of the minute's calls on, what is left of them is to be spread over what is left
   * of the minute; said when that is reached, and again when nothing is left. `at`: epoch ms.
   */
  answered(at: number): Signal | undefined {
    if (at >= this.#endsAt || at < this.#endsAt - MINUTE) {
      this.#endsAt = at + MINUTE
      this.#calls = 0
      this.#told = Number.POSITIVE_INFINITY
    }
    this.#calls++
    if (this.#calls < this.#perMinute * NEARLY) return undefined
    const left = Math.max(0, Math.floor(this.#perMinute - this.#calls))
    if (this.#told !== Number.POSITIVE_INFINITY && (left > 0 || this.#told === 0)) return undefined
    this.#told = left
    return {
      kind: 'limit',
      mode: 'paced',
      perSecond: left / ((this.#endsAt - at) / 1000),
      until: this.#endsAt,
      reason: `${this.#calls} of ${this.#perMinute} calls a minute`,
    }
  }
}
