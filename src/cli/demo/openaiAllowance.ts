// An allowance per minute as OpenAI keeps it: a bucket that refills steadily, and durations as its headers write them.
import type { Clock } from '../../model/clock.ts'

export interface Allowance {
  readonly perMinute: number
  take(amount: number): void
  /** Whole units left, at least 0. */
  remaining(): number
  /** How long until it is full again, in ms. */
  msToFull(): number
}

export function createAllowance(clock: Clock, perMinute: number): Allowance {
  const perMs = perMinute / 60_000
  let level = perMinute
  let readAt = clock.now()
  const refill = (): number => {
    const now = clock.now()
    level = Math.min(perMinute, level + (now - readAt) * perMs)
    readAt = now
    return level
  }
  return {
    perMinute,
    take(amount) {
      level = Math.max(0, refill() - amount)
    },
    remaining: () => Math.floor(refill()),
    msToFull: () => (perMinute - refill()) / perMs,
  }
}

/** 12 → `12ms`, 1000 → `1s`, 8640 → `8.64s`, 360000 → `6m0s`, 3600000 → `1h0m0s`. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms))
  if (whole < 1000) return `${whole}ms`
  const hours = Math.floor(whole / 3_600_000)
  const minutes = Math.floor((whole % 3_600_000) / 60_000)
  const seconds = `${(whole % 60_000) / 1000}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}
