// Time that passes only when it is told to: for replays, simulations and tests. It steps to every due time on the way, so a
// chain of timers that arm each other runs exactly as it would in real time.
import type { Clock } from './clock.ts'
import { type Timer, TimerWheel } from './timerWheel.ts'

/** 2026-01-01T00:00:00Z, so that runs without a start time are alike. */
const DEFAULT_START = 1_767_225_600_000

/** More rounds than this at one instant is a timer that re-arms itself for "now" for ever. */
const ROUNDS_AT_ONE_INSTANT = 100_000

export class VirtualClock implements Clock {
  readonly #wheel: TimerWheel
  #now: number
  #rounds = 0

  /** A clock that stands at `startAt` (epoch ms). Throws a RangeError unless it is a finite number. */
  constructor(startAt: number = DEFAULT_START) {
    if (!Number.isFinite(startAt)) throw new RangeError(`a clock cannot start at ${startAt}`)
    this.#now = startAt
    this.#wheel = new TimerWheel(Math.floor(startAt))
  }

  now(): number {
    return this.#now
  }

  arm(timer: Timer, dueAt: number): void {
    this.#wheel.arm(timer, dueAt)
  }

  disarm(timer: Timer): void {
    this.#wheel.disarm(timer)
  }

  /** Timers armed. */
  get pending(): number {
    return this.#wheel.size
  }

  /** When the next timer is due, epoch ms; undefined when none is armed. */
  nextDueAt(): number | undefined {
    return this.#wheel.earliestDue()
  }

  /**
   * Lets `ms` pass, firing what comes due in order, each at its own due time, and timers armed meanwhile as well. An error
   * thrown by a timer comes out once all others of that instant have fired; time then stands at that instant.
   * Throws a RangeError unless `ms` is a finite number from 0.
   */
  advance(ms: number): void {
    this.runTo(this.#now + ms)
  }

  /** Like {@link advance}, up to an absolute time (epoch ms) not before the present. */
  runTo(epochMs: number): void {
    this.#checkTarget(epochMs)
    while (this.#step(epochMs));
    this.#arrive(epochMs)
  }

  /**
   * Like {@link advance}, but before each step it lets promises settle and immediates run, so that code which awaits between
   * its timers finds time standing still meanwhile. It does not wait for real I/O.
   */
  async advanceAsync(ms: number): Promise<void> {
    const target = this.#now + ms
    this.#checkTarget(target)
    do await turn()
    while (this.#step(target))
    this.#arrive(target)
  }

  /** Goes to the next instant, up to `target`, at which something is due, and fires it; false when there is none. */
  #step(target: number): boolean {
    const due = this.#wheel.earliestDue()
    if (due === undefined || due > target) return false
    if (due > this.#now) {
      this.#now = due
      this.#rounds = 0
    } else if (++this.#rounds > ROUNDS_AT_ONE_INSTANT) {
      throw new Error(`timers armed for the present keep arming each other at ${this.#now}: time cannot pass`)
    }
    this.#wheel.advance(due)
    return true
  }

  #arrive(target: number): void {
    if (target <= this.#now) return
    this.#now = target
    this.#rounds = 0
    this.#wheel.advance(target)
  }

  #checkTarget(target: number): void {
    if (!Number.isFinite(target) || target < this.#now) throw new RangeError(`time cannot pass from ${this.#now} to ${target}`)
  }
}

/** Two immediates: the first lets pending promises settle, the second comes after the immediates which those asked for. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
