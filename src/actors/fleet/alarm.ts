// A timer that calls back, with the clock it belongs to: what the parts of a fleet's node wait on.
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'

export class Alarm extends Due {
  readonly #clock: Clock

  constructor(clock: Clock, ring: () => void) {
    super(ring)
    this.#clock = clock
  }

  /** In `ms` from now; one that is armed is moved. */
  in(ms: number): void {
    this.#clock.arm(this, this.#clock.now() + ms)
  }

  /** In `ms` from now, unless it is armed already. */
  within(ms: number): void {
    if (!this.armed) this.in(ms)
  }

  off(): void {
    this.#clock.disarm(this)
  }
}
