// RxJS on our clock: every operator that takes a scheduler waits on a Clock, so that streams run in virtual time and stop with
// the board. Used by the correlator.
import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import type { Clock } from '../model/clock.ts'
import { Due } from '../model/timer.ts'

type Work<T> = (this: SchedulerAction<T>, state?: T) => void

export class ClockScheduler implements SchedulerLike {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    return new ClockAction(this.#clock, work).schedule(state as T, delay)
  }
}

class ClockAction<T> extends Subscription implements SchedulerAction<T> {
  readonly #clock: Clock
  readonly #work: Work<T>
  readonly #timer: Due
  #state: T | undefined

  constructor(clock: Clock, work: Work<T>) {
    super(() => clock.disarm(this.#timer))
    this.#clock = clock
    this.#work = work
    this.#timer = new Due(() => this.#run())
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this
    this.#state = state
    this.#clock.arm(this.#timer, this.#clock.now() + Math.max(0, delay))
    return this
  }

  #run(): void {
    if (!this.closed) this.#work.call(this, this.#state)
  }
}
