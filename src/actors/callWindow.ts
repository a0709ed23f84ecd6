// The window that the trip arithmetic sees: counts of calls, failures and slow calls, over time or over the last calls, and
// how many failures came in a row. Running sums, so that reading costs nothing; expired counts go before every read.
import { type FailureType, isServerError } from '../model/failures.ts'
import type { BreakerPolicy } from '../model/policy.ts'

/** Plain JSON form of a window, for a journal's header. */
export interface SavedWindow {
  readonly calls: readonly number[]
  readonly failures: readonly number[]
  readonly slow: readonly number[]
  readonly position: number
  readonly streak: readonly [failures: number, timeouts: number, serverErrors: number]
  /** Until when a streak outlives the calls that were cleared from beneath it, epoch ms. */
  readonly streakUntil?: number | undefined
}

export interface WindowCounts {
  readonly calls: number
  readonly failures: number
  readonly slow: number
}

export abstract class CallWindow {
  calls = 0
  failures = 0
  slow = 0
  consecutiveFailures = 0
  consecutiveTimeouts = 0
  consecutiveServerErrors = 0

  /** Drops what has expired at `at`, epoch ms. */
  abstract expire(at: number): void
  /** What is left at `at` once that is done, without doing it. */
  abstract countsAt(at: number): WindowCounts
  protected abstract count(at: number, failed: 0 | 1, slow: 0 | 1): void
  /** Counts many calls at once. */
  protected abstract countMany(at: number, calls: number, failures: number, slow: number): void
  protected abstract empty(): void
  abstract save(): SavedWindow
  abstract restore(saved: SavedWindow): void

  success(at: number, slow: 0 | 1): void {
    this.count(at, 0, slow)
    if (this.consecutiveFailures !== 0) this.endStreak()
  }

  failure(at: number, type: FailureType, slow: 0 | 1): void {
    this.count(at, 1, slow)
    this.consecutiveFailures++
    this.consecutiveTimeouts = type === 'timeout' ? this.consecutiveTimeouts + 1 : 0
    this.consecutiveServerErrors = isServerError(type) ? this.consecutiveServerErrors + 1 : 0
  }

  /** Many calls that all came to the same, told together. `type`: of failures. */
  tally(at: number, calls: number, slow: number, type?: FailureType): void {
    this.countMany(at, calls, type === undefined ? 0 : calls, slow)
    if (type === undefined) {
      this.endStreak()
      return
    }
    this.consecutiveFailures += calls
    this.consecutiveTimeouts = type === 'timeout' ? this.consecutiveTimeouts + calls : 0
    this.consecutiveServerErrors = isServerError(type) ? this.consecutiveServerErrors + calls : 0
  }

  /** Empties the window; `keepStreak` where what failed in a row goes on failing (a probe after a trip). */
  clear(keepStreak = false): void {
    this.calls = 0
    this.failures = 0
    this.slow = 0
    if (!keepStreak) this.endStreak()
    this.empty()
  }

  protected endStreak(): void {
    this.consecutiveFailures = 0
    this.consecutiveTimeouts = 0
    this.consecutiveServerErrors = 0
  }

  protected savedStreak(): SavedWindow['streak'] {
    return [this.consecutiveFailures, this.consecutiveTimeouts, this.consecutiveServerErrors]
  }

  protected restoreStreak(streak: SavedWindow['streak']): void {
    ;[this.consecutiveFailures, this.consecutiveTimeouts, this.consecutiveServerErrors] = streak
  }
}

export function createWindow(policy: BreakerPolicy): CallWindow {
  return policy.window.type === 'time' ? new TimeWindow(policy.window.seconds) : new CountWindow(policy.window.size)
}

/** One bucket a second; the newest is the second being lived through. */
export class TimeWindow extends CallWindow {
  readonly #calls: Uint32Array
  readonly #failures: Uint32Array
  readonly #slow: Uint32Array
  #index = 0
  /** The end of the newest bucket's second, epoch ms; 0 before the first call. */
  #endsAt = 0
  /** Until then the calls of the streak, cleared from the buckets, would still be in the window. */
  #streakUntil = 0

  constructor(readonly seconds: number) {
    super()
    this.#calls = new Uint32Array(seconds)
    this.#failures = new Uint32Array(seconds)
    this.#slow = new Uint32Array(seconds)
  }

  expire(at: number): void {
    if (at >= this.#endsAt) this.#advance(at)
  }

  protected count(at: number, failed: 0 | 1, slow: 0 | 1): void {
    if (at >= this.#endsAt) this.#advance(at)
    const index = this.#index
    this.calls++
    this.#calls[index]!++
    if (failed === 1) {
      this.failures++
      this.#failures[index]!++
    }
    if (slow === 1) {
      this.slow++
      this.#slow[index]!++
    }
  }

  protected countMany(at: number, calls: number, failures: number, slow: number): void {
    if (at >= this.#endsAt) this.#advance(at)
    const index = this.#index
    this.calls += calls
    this.failures += failures
    this.slow += slow
    this.#calls[index]! += calls
    this.#failures[index]! += failures
    this.#slow[index]! += slow
  }

  countsAt(at: number): WindowCounts {
    let { calls, failures, slow } = this
    const expired = Math.min(Math.floor((at - this.#endsAt) / 1000) + 1, this.seconds)
    for (let step = 1; step <= expired; step++) {
      const index = (this.#index + step) % this.seconds
      calls -= this.#calls[index]!
      failures -= this.#failures[index]!
      slow -= this.#slow[index]!
    }
    return { calls, failures, slow }
  }

  #advance(at: number): void {
    const endsAt = Math.floor(at / 1000) * 1000 + 1000
    const steps = Math.min((endsAt - this.#endsAt) / 1000, this.seconds)
    for (let step = 0; step < steps; step++) {
      this.#index = (this.#index + 1) % this.seconds
      const index = this.#index
      this.calls -= this.#calls[index]!
      this.failures -= this.#failures[index]!
      this.slow -= this.#slow[index]!
      this.#calls[index] = 0
      this.#failures[index] = 0
      this.#slow[index] = 0
    }
    this.#endsAt = endsAt
    // Silence for a whole window: failures before it are no longer "in a row" with what comes now.
    if (this.calls === 0 && endsAt > this.#streakUntil) this.endStreak()
  }

  protected empty(): void {
    const age = this.#ageOfNewestCall()
    if (age !== undefined) this.#streakUntil = this.#endsAt + (this.seconds - 1 - age) * 1000
    this.#calls.fill(0)
    this.#failures.fill(0)
    this.#slow.fill(0)
  }

  /** Buckets since the newest that holds a call; undefined when none does. */
  #ageOfNewestCall(): number | undefined {
    for (let age = 0; age < this.seconds; age++) {
      if (this.#calls[(this.#index - age + this.seconds) % this.seconds]! > 0) return age
    }
    return undefined
  }

  save(): SavedWindow {
    const oldestFirst = (counts: Uint32Array): number[] => [
      ...counts.subarray(this.#index + 1),
      ...counts.subarray(0, this.#index + 1),
    ]
    const calls = oldestFirst(this.#calls)
    const first = calls.findIndex((count) => count > 0)
    const from = first < 0 ? calls.length : first
    return {
      calls: calls.slice(from),
      failures: oldestFirst(this.#failures).slice(from),
      slow: oldestFirst(this.#slow).slice(from),
      position: this.#endsAt,
      streak: this.savedStreak(),
      streakUntil: this.#streakUntil,
    }
  }

  restore(saved: SavedWindow): void {
    this.clear()
    const shift = this.seconds - saved.calls.length
    for (let i = Math.max(0, -shift); i < saved.calls.length; i++) {
      this.#calls[i + shift] = saved.calls[i] ?? 0
      this.#failures[i + shift] = saved.failures[i] ?? 0
      this.#slow[i + shift] = saved.slow[i] ?? 0
      this.calls += this.#calls[i + shift]!
      this.failures += this.#failures[i + shift]!
      this.slow += this.#slow[i + shift]!
    }
    this.#index = this.seconds - 1
    this.#endsAt = saved.position
    this.#streakUntil = saved.streakUntil ?? 0
    this.restoreStreak(saved.streak)
  }
}

/** The last `size` calls, however long ago. */
export class CountWindow extends CallWindow {
  /** Bit 0: failed; bit 1: slow. */
  readonly #entries: Uint8Array
  #next = 0

  constructor(readonly size: number) {
    super()
    this.#entries = new Uint8Array(size)
  }

  expire(): void {}

  countsAt(): WindowCounts {
    const { calls, failures, slow } = this
    return { calls, failures, slow }
  }

  protected count(_at: number, failed: 0 | 1, slow: 0 | 1): void {
    const index = this.#next
    if (this.calls === this.size) {
      const oldest = this.#entries[index]!
      this.failures -= oldest & 1
      this.slow -= oldest >> 1
    } else {
      this.calls++
    }
    this.#entries[index] = failed | (slow << 1)
    this.failures += failed
    this.slow += slow
    this.#next = index + 1 === this.size ? 0 : index + 1
  }

  /** Those that the window does not hold are gone by the time they are counted. */
  protected countMany(at: number, calls: number, failures: number, slow: number): void {
    const held = Math.min(calls, this.size)
    const slowOfThem = Math.round((slow * held) / calls)
    for (let i = 0; i < held; i++) this.count(at, failures > 0 ? 1 : 0, i < slowOfThem ? 1 : 0)
  }

  protected empty(): void {
    this.#next = 0
  }

  save(): SavedWindow {
    const entries = Array.from({ length: this.calls }, (_, i) => {
      const index = (this.#next - this.calls + i + 2 * this.size) % this.size
      return this.#entries[index]!
    })
    return {
      calls: entries.map(() => 1),
      failures: entries.map((entry) => entry & 1),
      slow: entries.map((entry) => entry >> 1),
      position: 0,
      streak: this.savedStreak(),
    }
  }

  restore(saved: SavedWindow): void {
    this.clear()
    for (let i = 0; i < saved.calls.length; i++) {
      this.count(0, saved.failures[i] === 1 ? 1 : 0, saved.slow[i] === 1 ? 1 : 0)
    }
    this.restoreStreak(saved.streak)
  }
}
