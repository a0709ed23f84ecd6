// The only door to time. Everything that waits, waits on a Clock; everything that stamps, is stamped by one.
import { type Timer, TimerWheel } from './timerWheel.ts'

export interface Clock {
  /** Epoch ms; never runs backwards; may carry a fraction. */
  now(): number
  /** Fires `timer` once `dueAt` (epoch ms) is reached, never before; a timer that is already armed is moved. */
  arm(timer: Timer, dueAt: number): void
  /** Takes an armed timer back; does nothing to one that is not armed. */
  disarm(timer: Timer): void
}

/** A wall clock that is this far ahead (ms) was not set right but went on while the machine slept. */
const SUSPENDED = 60_000

/**
 * Real time, with one Node timer for all that is armed. It reads the monotonic clock, anchored to the wall clock, so a step
 * of the wall clock cannot make a latency negative or time a call out; only a machine that slept is followed.
 */
export class SystemClock implements Clock {
  #origin = performance.timeOrigin
  readonly #wheel = new TimerWheel(Math.floor(performance.timeOrigin + performance.now()))
  #handle: NodeJS.Timeout | undefined
  #wakeAt = Number.POSITIVE_INFINITY

  now(): number {
    return this.#origin + performance.now()
  }

  arm(timer: Timer, dueAt: number): void {
    const tick = this.#wheel.arm(timer, dueAt)
    if (tick < this.#wakeAt) this.#sleepUntil(tick)
    else if (this.#wheel.keepingAlive > 0) this.#handle?.ref()
  }

  disarm(timer: Timer): void {
    this.#wheel.disarm(timer)
    if (this.#wheel.keepingAlive === 0) this.#handle?.unref()
  }

  #sleepUntil(tick: number): void {
    clearTimeout(this.#handle)
    this.#wakeAt = tick
    // Node fires a delay over 2^31 − 1 ms at once; a wake-up that finds nothing due just sleeps on.
    const delay = Math.min(Math.max(tick - this.now(), 0), 2_147_483_647)
    this.#handle = setTimeout(this.#wake, Math.ceil(delay))
    if (this.#wheel.keepingAlive === 0) this.#handle.unref()
  }

  readonly #wake = (): void => {
    const ahead = Date.now() - this.now()
    if (ahead > SUSPENDED) this.#origin += ahead
    this.#wakeAt = Number.POSITIVE_INFINITY
    this.#handle = undefined
    try {
      this.#wheel.advance(Math.floor(this.now()))
    } finally {
      const next = this.#wheel.nextTick()
      if (next !== undefined && next < this.#wakeAt) this.#sleepUntil(next)
    }
  }
}

/** The process's real clock, shared by every board that is not given another. */
export const systemClock: Clock = new SystemClock()
