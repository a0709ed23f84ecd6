// What degradation costs and saves: latency, cost and quality of the calls at each level, side by side with what the ladder
// expected.
import { type ExpectedImpact, UNDEGRADED } from '../model/degradation.ts'
import type { Measurement } from '../model/measurement.ts'
import type { DegradationLevel } from '../model/states.ts'
import type { Ladder } from '../services/serviceProfile.ts'

export interface LevelImpact {
  readonly level: DegradationLevel
  /** Successful calls at this level. */
  readonly calls: number
  /** Means of these calls; undefined where none was measured. Latency in ms, cost in dollars, quality 0–1. */
  readonly latency: number | undefined
  readonly cost: number | undefined
  readonly quality: number | undefined
  readonly expected: ExpectedImpact
  /** Against level 0, as shares: 0.5 of cost saved is half as dear. Undefined where either side was not measured. */
  readonly measured: {
    readonly latencyChange: number | undefined
    readonly costSaved: number | undefined
    readonly qualityLost: number | undefined
  }
}

export interface Impact {
  /** Levels 0 to 3. */
  readonly levels: readonly LevelImpact[]
  /** Dollars of all calls whose cost is known. */
  readonly spent: number
  /** Dollars that degraded calls were cheaper than calls at level 0 are on average. */
  readonly savedByDegradation: number
  /** Dollars that calls at level 0 are worth which were rejected. */
  readonly avoidedByRejection: number
}

export class ImpactMeter {
  readonly #levels = [new LevelMeter(), new LevelMeter(), new LevelMeter(), new LevelMeter()] as const
  #spent = 0

  /** A call succeeded; `latency` in ms. */
  add(level: DegradationLevel, latency: number, measured: Measurement | undefined): void {
    const meter = this.#levels[level]
    meter.latency.add(latency)
    if (measured?.cost !== undefined) meter.cost.add(measured.cost)
    if (measured?.quality !== undefined) meter.quality.add(measured.quality)
  }

  /** Dollars, whatever came of the call. */
  spend(cost: number): void {
    this.#spent += cost
  }

  /** The mean cost of a call at level 0, dollars. */
  get usualCost(): number | undefined {
    return this.#levels[0].cost.value
  }

  report(ladder: Ladder | undefined, rejected: number): Impact {
    const [whole] = this.#levels
    const usual = this.usualCost
    const savedBy = ({ cost }: LevelMeter): number =>
      usual === undefined || cost.value === undefined ? 0 : (usual - cost.value) * cost.count
    return {
      levels: this.#levels.map((meter, level) => reportOf(meter, whole, level as DegradationLevel, ladder)),
      spent: this.#spent,
      savedByDegradation: this.#levels.slice(1).reduce((sum, meter) => sum + savedBy(meter), 0),
      avoidedByRejection: (usual ?? 0) * rejected,
    }
  }
}

function reportOf(meter: LevelMeter, whole: LevelMeter, level: DegradationLevel, ladder: Ladder | undefined): LevelImpact {
  const step = level === 0 ? undefined : ladder?.[(level - 1) as 0 | 1 | 2]
  return {
    level,
    calls: meter.latency.count,
    latency: meter.latency.value,
    cost: meter.cost.value,
    quality: meter.quality.value,
    expected: step?.expected ?? UNDEGRADED.expected,
    measured: {
      latencyChange: change(whole.latency.value, meter.latency.value),
      costSaved: negated(change(whole.cost.value, meter.cost.value)),
      qualityLost: negated(change(whole.quality.value, meter.quality.value)),
    },
  }
}

/** How much more `now` is than `usual`, as a share of it. */
function change(usual: number | undefined, now: number | undefined): number | undefined {
  return usual === undefined || now === undefined || usual === 0 ? undefined : now / usual - 1
}

function negated(share: number | undefined): number | undefined {
  return share === undefined ? undefined : 0 - share
}

class LevelMeter {
  readonly latency = new Mean()
  readonly cost = new Mean()
  readonly quality = new Mean()
}

/** A mean that forgets: no value weighs less than a thousandth, so that what was usual last month does not count for ever. */
class Mean {
  count = 0
  #mean = 0

  add(value: number): void {
    this.count++
    this.#mean += (value - this.#mean) / Math.min(this.count, 1000)
  }

  get value(): number | undefined {
    return this.count === 0 ? undefined : this.#mean
  }
}
