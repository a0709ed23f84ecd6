// Follows the calls of one live service whose answers tell something: keeps the impact of its degradation, and tells its
// breaker when the answers are no longer good enough.
import { UNDEGRADED } from '../model/degradation.ts'
import type { Measurement } from '../model/measurement.ts'
import type { ServiceSettings } from '../model/settings.ts'
import type { DegradationLevel } from '../model/states.ts'
import type { Breaker } from './breaker.ts'
import type { CallFollower, CallResult } from './callFollower.ts'
import { type Impact, ImpactMeter } from './impactMeter.ts'
import { QualityWatch } from './qualityWatch.ts'

export class ServiceFollower implements CallFollower {
  readonly #breaker: Breaker
  readonly #floor: number | false
  readonly #impact = new ImpactMeter()
  readonly #quality = new QualityWatch()

  constructor(breaker: Breaker, { qualityFloor }: ServiceSettings) {
    this.#breaker = breaker
    this.#floor = qualityFloor
  }

  get impact(): Impact {
    return this.#impact.report(this.#breaker.profile.ladder, this.#breaker.rejected)
  }

  get meanCost(): number | undefined {
    return this.#impact.usualCost
  }

  ended(_at: number, result: CallResult, microseconds: number, level: DegradationLevel, measured: Measurement | undefined): void {
    if (measured?.cost !== undefined) this.#impact.spend(measured.cost)
    if (result !== 'success') return
    this.#impact.add(level, microseconds / 1000, measured)
    if (measured?.quality !== undefined && this.#floor !== false) this.#judge(measured.quality, level, this.#floor)
  }

  #judge(quality: number, level: DegradationLevel, floor: number): void {
    const step = level === 0 ? undefined : this.#breaker.profile.ladder?.[(level - 1) as 0 | 1 | 2]
    this.#quality.add(quality, step?.expected ?? UNDEGRADED.expected)
    const called = this.#quality.levelFor(floor)
    const mean = this.#quality.mean?.toFixed(2)
    this.#breaker.health.set('quality', called, called === 0 ? 'quality is back' : `quality ${mean} is below ${floor}`)
  }
}
