// The clock of one process in a test of many: it may go ahead of or behind the others, and stands still for everything that waits
// on it while the process is paused, as after SIGSTOP.
import type { Clock } from '../../src/model/clock.ts'
import { Timer, TimerWheel } from '../../src/model/timerWheel.ts'

export class NodeClock implements Clock {
  readonly #base: Clock
  readonly #wheel: TimerWheel
  readonly #timer: WakeTimer
  #paused = false

  /** `offset`: how far it is ahead of the world's clock, ms. */
  constructor(
    base: Clock,
    readonly offset = 0,
  ) {
    this.#base = base
    this.#wheel = new TimerWheel(Math.floor(base.now() + offset))
    this.#timer = new WakeTimer(() => this.#wake())
  }

  now(): number {
    return this.#base.now() + this.offset
  }

  arm(timer: Timer, dueAt: number): void {
    this.#wheel.arm(timer, dueAt)
    this.#sleep()
  }

  disarm(timer: Timer): void {
    this.#wheel.disarm(timer)
  }

  get paused(): boolean {
    return this.#paused
  }

  pause(): void {
    this.#paused = true
  }

  /** What came due meanwhile comes at once, late. */
  resume(): void {
    this.#paused = false
    this.#sleep()
  }

  #wake(): void {
    if (this.#paused) return
    try {
      this.#wheel.advance(Math.floor(this.now()))
    } finally {
      this.#sleep()
    }
  }

  #sleep(): void {
    if (this.#paused) return
    const due = this.#wheel.earliestDue()
    if (due === undefined) this.#base.disarm(this.#timer)
    else this.#base.arm(this.#timer, Math.max(due - this.offset, this.#base.now()))
  }
}

class WakeTimer extends Timer {
  readonly #wake: () => void

  constructor(wake: () => void) {
    super()
    this.#wake = wake
  }

  fire(): void {
    this.#wake()
  }
}
