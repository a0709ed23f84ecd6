// Watches whether latency has left its baseline: every ten seconds the 95th percentile of the latest calls is held against
// that of the healthy calls before. Also keeps the histogram that percentiles are reported from.
import type { LatencyStats } from '../model/stats.ts'
import { LatencyHistogram } from './latencyHistogram.ts'

const REVIEW_MS = 10_000
/** Fewer calls than this say nothing of a 95th percentile. */
const MINIMUM_CALLS = 20
/** The baseline needs five times that before anything is held against it. */
const MINIMUM_BASELINE = 100
/** Below this no rise matters, whatever the ratio: jitter of the process itself is of this size. In ms. */
const FLOOR_MS = 10
/** The weight a baseline keeps at each review: half of it is gone after seven. */
const KEEP = 0.9

export interface SavedLatency {
  readonly recent: readonly number[]
  readonly baseline: readonly number[]
  readonly lifetime: readonly number[]
  readonly reviewAt: number
  readonly typical?: number | undefined
  readonly risen?: LatencyStats | undefined
}

export class LatencyWatch {
  readonly #recent = new LatencyHistogram()
  readonly #baseline = new LatencyHistogram()
  readonly #lifetime = new LatencyHistogram()
  #reviewAt = 0
  /** What the last review saw, while latency is above its limit. */
  risen: LatencyStats | undefined

  /**
   * What a call takes at the upper end of the ordinary, in microseconds: an average that rises fast and falls slowly, so that
   * some nine in ten calls stay below it. It begins with the first call; 0 before that.
   */
  typical = 0

  /** Adds a latency in whole microseconds; true when it is time for {@link review}. */
  add(at: number, microseconds: number): boolean {
    this.#recent.add(microseconds)
    const above = microseconds - this.typical
    this.typical += this.typical === 0 ? above : above > 0 ? above * 0.2 : above * 0.02
    return at >= this.#reviewAt
  }

  /** Judges the latest calls; true when latency has just risen above `ratio` times the baseline. */
  review(at: number, ratio: number | false): boolean {
    if (this.#reviewAt === 0) {
      this.#reviewAt = at + REVIEW_MS
      return false
    }
    const recent = this.#recent
    if (recent.total < MINIMUM_CALLS) return false
    const before = this.risen
    const p95 = recent.quantile(0.95)
    const baselineP95 = this.#baseline.quantile(0.95)
    const above = ratio !== false && this.#baseline.total >= MINIMUM_BASELINE && p95 > FLOOR_MS && p95 > ratio * baselineP95
    this.risen = above ? { p95, baselineP95, calls: recent.total } : undefined
    if (!above) this.#baseline.merge(recent, KEEP)
    this.#lifetime.merge(recent)
    recent.clear()
    this.#reviewAt = at + REVIEW_MS
    return above && before === undefined
  }

  /** A latency percentile over the life of the breaker, ms. */
  quantile(q: number): number {
    const all = new LatencyHistogram()
    all.merge(this.#lifetime)
    all.merge(this.#recent)
    return all.quantile(q)
  }

  /** Of all successes so far: the sum of what they took, and how many were slower than `slowFrom`; microseconds. */
  tally(slowFrom: number): { readonly microseconds: number; readonly slow: number } {
    const [recent, before] = [this.#recent.tally(slowFrom), this.#lifetime.tally(slowFrom)]
    return { microseconds: recent.microseconds + before.microseconds, slow: recent.slow + before.slow }
  }

  save(): SavedLatency {
    return {
      recent: this.#recent.save(),
      baseline: this.#baseline.save(),
      lifetime: this.#lifetime.save(),
      reviewAt: this.#reviewAt,
      typical: this.typical,
      risen: this.risen,
    }
  }

  restore(saved: SavedLatency): void {
    this.#recent.restore(saved.recent)
    this.#baseline.restore(saved.baseline)
    this.#lifetime.restore(saved.lifetime)
    this.#reviewAt = saved.reviewAt
    this.typical = saved.typical ?? 0
    this.risen = saved.risen
  }
}
