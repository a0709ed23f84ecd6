// Waiting on a Clock, for what talks to a server: a bounded wait, and a pause that can be ended.
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'

/** True when `work` was done within `ms`; false when it failed or took longer. The process waits for it. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const overdue = new Due(() => resolve(false), true)
    clock.arm(overdue, clock.now() + ms)
    const end = (done: boolean): void => {
      clock.disarm(overdue)
      resolve(done)
    }
    work.then(
      () => end(true),
      () => end(false),
    )
  })
}

/** Pauses of one loop, which can be ended at once, for good. */
export class Pauses {
  readonly #clock: Clock
  #ended = false
  #wake: (() => void) | undefined
  readonly #due: Due

  constructor(clock: Clock, keepsProcessAlive = false) {
    this.#clock = clock
    this.#due = new Due(() => this.#wake?.(), keepsProcessAlive)
  }

  wait(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#clock.arm(this.#due, this.#clock.now() + ms)
    })
  }

  /** Goes on at once. */
  skip(): void {
    this.#clock.disarm(this.#due)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.skip()
  }
}
