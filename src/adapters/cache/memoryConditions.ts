// When a cache is short of room: memory near its limit or pressed again and again, and keys evicted soon after they were
// written. Judged by readings of its figures; see cacheConditions.ts for how conditions end. Pure; told the time.
import type { DegradationLevel } from '../../model/states.ts'
import type { CacheCondition } from './cacheConditions.ts'

/** Shares of the limit from which on there is pressure, and from which on it is full. */
const PRESSED = 0.9
const FULL = 1
/** A level is kept until the share has fallen this far below where it began. */
const CLEARANCE = 0.05
/** More pressure than this within five minutes lasts. */
const PRESSURES_BORNE = 5
const PRESSURE_WINDOW = 300_000
/** A reading says nothing any more when it is older, ms. */
const READING_LAPSES = 300_000

export class MemoryPressure implements CacheCondition {
  readonly name = 'memory'
  reason = ''
  #byShare: DegradationLevel = 0
  #lasting = false
  #readAt = Number.NEGATIVE_INFINITY
  /** When there was pressure, the last six times. */
  readonly #pressures: number[] = []

  get level(): DegradationLevel {
    return this.#lasting ? 2 : this.#byShare
  }

  /** Bytes used, and how many there may be. */
  read(at: number, used: number, limit: number): void {
    const share = used / limit
    this.#readAt = at
    if (share >= FULL || (this.#byShare === 2 && share >= FULL - CLEARANCE)) this.#byShare = 2
    else if (share >= PRESSED || (this.#byShare > 0 && share >= PRESSED - CLEARANCE)) this.#byShare = 1
    else this.#byShare = 0
    if (this.#byShare > 0) this.reason = `memory at ${Math.round(share * 100)}% of ${limit} bytes`
    if (share >= PRESSED) this.pressed(at)
    else this.review(at)
  }

  /** The cache said that it is full, or was read as good as full. */
  pressed(at: number): void {
    this.#pressures.push(at)
    if (this.#pressures.length > PRESSURES_BORNE + 1) this.#pressures.shift()
    this.review(at)
  }

  review(at: number): void {
    if (at - this.#readAt > READING_LAPSES) this.#byShare = 0
    const [first] = this.#pressures
    this.#lasting = this.#pressures.length > PRESSURES_BORNE && at - (first as number) <= PRESSURE_WINDOW
    if (this.#lasting && this.#byShare === 0)
      this.reason = `memory was short more than ${PRESSURES_BORNE} times within five minutes`
  }
}

/** How long a key lasts before it is evicted, s: from the first on level 1, from the second on level 2. */
const SHORT_STAY = 60
const NO_STAY = 10
/** A level is kept until keys last this many times longer. */
const LONGER = 2
/** Fewer evictions than this between two readings are no trend. */
const FEWEST = 50

/**
 * How fast keys are driven out: keys held, divided by evictions a second, is how long a key stays. A full cache that evicts
 * what is old is doing its work; one that evicts what it has just been given is not.
 */
export class Evictions implements CacheCondition {
  readonly name = 'evictions'
  level: DegradationLevel = 0
  reason = ''
  #last: { readonly at: number; readonly evicted: number } | undefined

  /** Evictions so far, and keys held. */
  read(at: number, evicted: number, keys: number): void {
    const last = this.#last
    this.#last = { at, evicted }
    if (last === undefined || at <= last.at) return
    // Less than nothing where the server's statistics began anew.
    const count = evicted - last.evicted
    const perSecond = count / ((at - last.at) / 1000)
    const stay = count < FEWEST ? Number.POSITIVE_INFINITY : keys / perSecond
    if (stay < NO_STAY * (this.level === 2 ? LONGER : 1)) this.level = 2
    else if (stay < SHORT_STAY * (this.level > 0 ? LONGER : 1)) this.level = 1
    else this.level = 0
    if (this.level > 0) this.reason = `${perSecond.toFixed(1)} evictions a second: keys last ${stay.toFixed(1)} s`
  }

  review(at: number): void {
    if (this.#last !== undefined && at - this.#last.at > READING_LAPSES) this.level = 0
  }
}
