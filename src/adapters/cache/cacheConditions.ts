// When a cache's own figures say that it is not well: too few hits, a storage that keeps failing. Each condition has a level, a
// reason, and a gap between where it begins and where it ends. It also ends when it has not been confirmed for a while: a
// degraded cache is asked less, and might otherwise never get to show that it is well again. Pure; told the time.
import type { DegradationLevel } from '../../model/states.ts'

export interface CacheCondition {
  readonly name: string
  readonly level: DegradationLevel
  /** Why, while the level is above 0. */
  readonly reason: string
  /** Looks whether what stands has lapsed. `at`: epoch ms. */
  review(at: number): void
}

/** How far above its floor the hit rate has to come before it counts as well. */
const CLEARANCE = 0.05

/** A low hit rate stands for this long and is then counted anew, ms: shorter lifetimes may be what keeps it low. */
const LOOKED_AT_ANEW = 300_000

/** The share of hits among the last lookups. Not judged before there are that many, as a cold cache only misses. */
export class HitRate implements CacheCondition {
  readonly name = 'hit_rate'
  level: DegradationLevel = 0
  reason = ''
  readonly #floor: number | false
  readonly #last: Uint8Array
  #lookups = 0
  #hits = 0
  #since = 0

  constructor(floor: number | false, lookups: number) {
    this.#floor = floor
    this.#last = new Uint8Array(lookups)
  }

  lookup(hit: boolean, at: number): void {
    const size = this.#last.length
    const place = this.#lookups % size
    if (this.#lookups >= size) this.#hits -= this.#last[place] as number
    this.#last[place] = hit ? 1 : 0
    this.#hits += hit ? 1 : 0
    this.#lookups++
    this.#judge(at)
  }

  /** The share of hits, 0–1; undefined until there are enough lookups. */
  get rate(): number | undefined {
    return this.#lookups < this.#last.length ? undefined : this.#hits / this.#last.length
  }

  /** The cache was emptied, or may have been: it is cold. */
  reset(): void {
    this.#lookups = 0
    this.#hits = 0
    this.level = 0
  }

  review(at: number): void {
    if (this.level > 0 && at - this.#since >= LOOKED_AT_ANEW) this.reset()
  }

  #judge(at: number): void {
    const floor = this.#floor
    const { rate } = this
    if (floor === false || rate === undefined) return
    if (this.level === 0 && rate < floor) {
      this.level = 1
      this.#since = at
      this.reason = `hit rate ${rate.toFixed(2)} of the last ${this.#last.length} lookups, floor ${floor}`
    } else if (this.level > 0 && rate >= Math.min(floor + CLEARANCE, 1)) {
      this.level = 0
    }
  }
}

/** More storage errors in a row than this, and the storage counts as sick. */
const ERRORS_BORNE = 5
/** Answers in a row after which it counts as well. */
const ANSWERS_TO_CLEAR = 3
/** Without another error for this long it is tried again, ms. */
const ERRORS_LAPSE = 60_000

/** Errors of the storage behind the cache, in a row. */
export class StorageErrors implements CacheCondition {
  readonly name = 'storage'
  level: DegradationLevel = 0
  reason = ''
  consecutive = 0
  #answers = 0
  #last = 0

  failed(at: number): void {
    this.consecutive++
    this.#answers = 0
    this.#last = at
    if (this.consecutive <= ERRORS_BORNE) return
    this.level = 2
    this.reason = `${this.consecutive} storage errors in a row`
  }

  answered(): void {
    this.consecutive = 0
    if (this.level > 0 && ++this.#answers >= ANSWERS_TO_CLEAR) this.level = 0
  }

  review(at: number): void {
    if (this.level === 0 || at - this.#last < ERRORS_LAPSE) return
    this.level = 0
    this.consecutive = 0
  }
}
