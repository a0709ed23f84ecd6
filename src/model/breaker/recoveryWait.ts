// How long an opened breaker waits before it asks to probe.
import type { BreakerPolicy } from '../policy.ts'
import { draw } from '../random.ts'
import type { WindowStats } from '../stats.ts'

export interface Opening {
  /** Openings in a row, this one included. */
  readonly openings: number
  /** Since the first of them, ms. */
  readonly outage: number
  readonly stats: WindowStats
  readonly authentication: boolean
  /** The least wait the service asked for, ms. */
  readonly retryAfterMs: number
}

/** The shortest wait that `adaptiveRecovery` chooses, ms. */
const SHORTEST_ADAPTIVE_WAIT = 100
/** How long an outage is taken to have lasted when it is noticed, ms. */
const NOTICED_AFTER = 1000

/**
 * `recoveryTimeout × multiplier^(openings−1)`, doubled after three timeouts in a row, ×1.5 after three server errors in a
 * row, capped at `maxRecoveryTimeout`, jittered, and never less than the service's own `Retry-After`. Refused credentials
 * wait by a multiplier of at least 2.
 *
 * With `adaptiveRecovery` the wait is shorter where traffic makes waiting dear. Waiting `w` ms at `r` calls a second
 * refuses about `r·w/2` good calls once the service is back, and each probe lets one failure through: over an outage
 * that has lasted `E` the sum is least at `w = √(2E/r)`.
 */
export function recoveryWait(opening: Opening, policy: BreakerPolicy, random: number): { wait: number; random: number } {
  const multiplier = opening.authentication ? Math.max(2, policy.recoveryMultiplier) : policy.recoveryMultiplier
  let wait = policy.recoveryTimeout * multiplier ** (opening.openings - 1)
  if (opening.stats.consecutiveTimeouts >= 3) wait *= 2
  else if (opening.stats.consecutiveServerErrors >= 3) wait *= 1.5
  if (policy.adaptiveRecovery && !opening.authentication) wait = Math.min(wait, adaptiveWait(opening))
  const { value, state } = draw(random)
  const { from, to } = policy.recoveryJitter
  const jittered = Math.min(wait, policy.maxRecoveryTimeout) * (from + (to - from) * value)
  // Never nothing: an opening that is over when it begins would be none.
  return { wait: Math.max(1, Math.round(Math.max(jittered, opening.retryAfterMs))), random: state }
}

function adaptiveWait(opening: Opening): number {
  const perMs = Math.max(opening.stats.callsPerSecond, 0.01) / 1000
  return Math.max(SHORTEST_ADAPTIVE_WAIT, Math.sqrt((2 * (opening.outage + NOTICED_AFTER)) / perMs))
}
