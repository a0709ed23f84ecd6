// The memory of correlation: what every service's calls came to, in fixed memory for each at any rate. The correlator adds
// outcomes to it and lets findCorrelations.ts read it.
import type { FailureType } from '../model/failures.ts'
import type { Counted } from './blockBuckets.ts'
import { SECONDS_AHEAD } from './secondBuckets.ts'
import { ONSETS_KEPT_MS, ServiceHistory } from './serviceHistory.ts'

export interface FailureHistoryOptions {
  /** How many services are remembered at once; 2000. Beyond that, new ones are refused until an old one has been silent for two hours. */
  readonly maxServices?: number
}

/** How late an event may be, ms. It is counted; whether an episode began is judged after 3 s and not again. */
const LATE_MS = 60_000

export class FailureHistory {
  readonly #services = new Map<string, ServiceHistory>()
  readonly #maxServices: number
  #now = Number.NEGATIVE_INFINITY
  #since = Number.NaN
  #refused = 0
  /** Whether room for new services was looked for in vain since time last moved on. */
  #full = false

  constructor({ maxServices = 2000 }: FailureHistoryOptions = {}) {
    this.#maxServices = maxServices
  }

  /** What the last `advance` said, epoch ms; before the first, the time of the first event. */
  get now(): number {
    return this.#now
  }

  /** How long this history has been watching, ms. */
  get observedMs(): number {
    return Number.isNaN(this.#since) ? 0 : this.#now - this.#since
  }

  /** Events that were refused: without a sensible time or count, older than a minute, a minute ahead, or of a service too many. */
  get refused(): number {
    return this.#refused
  }

  get size(): number {
    return this.#services.size
  }

  /**
   * Adds `count` outcomes of a service at `at` (epoch ms): successes, or failures of a type (`unknown_error` where none is
   * given). Time is not told by events, which may come from elsewhere, but by `advance`. Costs the same however much is
   * remembered. Returns false for an event that was refused.
   */
  add(
    at: number,
    service: string,
    outcome: 'success' | 'failure',
    failure: FailureType = 'unknown_error',
    count = 1,
    id?: string,
  ): boolean {
    if (this.#now === Number.NEGATIVE_INFINITY && at >= 0 && at < Number.MAX_SAFE_INTEGER) this.#begin(at)
    const timely = at >= 0 && at >= this.#now - LATE_MS && at < this.#now + SECONDS_AHEAD * 1000
    const held = timely && Number.isInteger(count) && count > 0 && count < 1e9 ? this.#serviceOf(service) : undefined
    if (!held) {
      this.#refused++
      return false
    }
    held.add(at, outcome === 'failure' ? failure : undefined, count, id)
    return true
  }

  /** The breaker of a service opened at `at` (epoch ms, not later than now), by a failure that was added. */
  opened(service: string, at: number, by: FailureType): void {
    this.#services.get(service)?.opened(at, by)
  }

  /** Says what time it is, epoch ms: judges the seconds that are over, and forgets what has expired. Never goes back. */
  advance(now: number): void {
    if (!(now >= 0 && now < Number.MAX_SAFE_INTEGER)) return
    if (this.#now === Number.NEGATIVE_INFINITY) this.#begin(now)
    if (now > this.#now) this.#now = now
    this.#full = false
    for (const service of this.#services.values()) service.advance(this.#now)
  }

  /**
   * Nobody has looked for a while, and now something fails: from here on it is `now`, and what was before is told by
   * {@link passQuietly} later. Costs nothing.
   */
  resume(now: number): void {
    if (this.#now === Number.NEGATIVE_INFINITY) this.#begin(now)
    if (now > this.#now) this.#now = now
  }

  /**
   * From `from` to `to` (epoch ms, whole seconds) nothing failed, and so many calls of each service went well. What was told
   * before is of before `from`, what was told since {@link resume} of `to` or later. One step for each service and ten seconds.
   */
  passQuietly(from: number, to: number, successes: ReadonlyMap<string, number>): void {
    const [first, last] = [Math.floor(from / 1000), Math.floor(to / 1000) - 1]
    if (!(first >= 0 && last >= first && to <= this.#now)) return
    if (from < this.#since) this.#since = from
    for (const [service, count] of successes) if (count > 0) this.#serviceOf(service)
    for (const service of this.#services.values()) {
      service.passQuietly(first, last, successes.get(service.service) ?? 0)
    }
  }

  forget(service: string): void {
    this.#services.delete(service)
  }

  /** The services, sorted by name: what is found must not depend on who was heard first. */
  services(): ServiceHistory[] {
    return [...this.#services.values()].sort((a, b) => (a.service < b.service ? -1 : 1))
  }

  service(name: string): ServiceHistory | undefined {
    return this.#services.get(name)
  }

  /** What a service's calls came to in [from, to], epoch ms: by the second in the last five minutes, by ten seconds before. */
  counts(service: string, from: number, to: number): Counted {
    return this.#services.get(service)?.counts(from, to, this.#now) ?? { calls: 0, failures: 0 }
  }

  #begin(at: number): void {
    this.#now = at
    this.#since = at
  }

  #serviceOf(name: string): ServiceHistory | undefined {
    const held = this.#services.get(name)
    if (held) return held
    if (this.#services.size >= this.#maxServices && !this.#full) this.#dropSilent()
    this.#full = this.#services.size >= this.#maxServices
    if (this.#full) return undefined
    const made = new ServiceHistory(name, Math.floor(this.#now / 1000))
    this.#services.set(name, made)
    return made
  }

  #dropSilent(): void {
    for (const [name, { lastSecond }] of this.#services) {
      if (lastSecond * 1000 < this.#now - ONSETS_KEPT_MS) this.#services.delete(name)
    }
  }
}
