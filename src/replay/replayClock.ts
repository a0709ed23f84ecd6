// The clock of a replay: it shows the time of the record being replayed, and fires nothing. Timers that fired are records.
import type { Clock } from '../model/clock.ts'

export class ReplayClock implements Clock {
  at = 0

  now(): number {
    return this.at
  }

  arm(): void {}

  disarm(): void {}
}
