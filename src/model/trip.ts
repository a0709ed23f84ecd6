// The trip arithmetic: from the window's numbers and the policy to the rule that trips, or none. Edges as in resilience4j:
// no decision below the minimum of calls, and a rate equal to its threshold trips.
import type { BreakerPolicy, RateRule } from './policy.ts'
import type { WindowStats } from './stats.ts'

/** What a streak is judged by. */
type StreakStats = Pick<WindowStats, 'calls' | 'failures' | 'consecutiveFailures'>

export type TripRule = 'consecutive_failures' | 'consecutive_timeouts' | 'failure_rate' | 'slow_call_rate' | 'stalled_calls'

/** The first rule of `policy.trip` that `stats` meets. */
export function trippedRule(stats: WindowStats, policy: BreakerPolicy): TripRule | undefined {
  const { trip } = policy
  if (streakReached(stats.consecutiveFailures, trip.consecutiveFailures, stats, policy)) return 'consecutive_failures'
  if (streakReached(stats.consecutiveTimeouts, trip.consecutiveTimeouts, stats, policy)) return 'consecutive_timeouts'
  if (rateReached(stats.failures, stats.calls, trip.failureRate, policy)) return 'failure_rate'
  if (rateReached(stats.slow, stats.calls, trip.slowCallRate, policy)) return 'slow_call_rate'
  return undefined
}

/** Do the failures in a row, with `stalled` calls that have not ended, trip the breaker? */
export function stallTrips(stats: StreakStats, stalled: number, policy: BreakerPolicy): boolean {
  const { stalledCalls, consecutiveFailures } = policy.trip
  // Absent in journals older than the rule.
  // A stall alone may be a turn to longer calls; with a failure it is a stall.
  if (!stalledCalls || consecutiveFailures === false || stats.consecutiveFailures === 0) return false
  return streakReached(stats.consecutiveFailures + stalled, consecutiveFailures, stats, policy)
}

/** The first rule of `policy.degrade` that `stats` meets. */
export function degradingRule(stats: WindowStats, policy: BreakerPolicy): 'consecutive_failures' | 'failure_rate' | undefined {
  const { degrade } = policy
  if (degrade === false) return undefined
  if (reached(stats.consecutiveFailures, degrade.consecutiveFailures)) return 'consecutive_failures'
  if (rateReached(stats.failures, stats.calls, degrade.failureRate, policy)) return 'failure_rate'
  return undefined
}

/**
 * The calls a rule waits for: its own minimum, but never more than a count window can hold (resilience4j does the same, or
 * a window of 10 with a minimum of 20 would never decide).
 */
export function minimumCalls(rule: RateRule, policy: BreakerPolicy): number {
  return policy.window.type === 'count' ? Math.min(rule.minimumCalls, policy.window.size) : rule.minimumCalls
}

/** What is taken for granted of a service that has not been seen yet: one call in 120 fails. */
const PRIOR_CALLS = 60
const PRIOR_FAILURES = 0.5
/** However often a service fails, a streak of this length is no luck. */
const LONGEST_STREAK = 14

/**
 * A streak of n failures has a chance of bⁿ where a share b of the calls fails anyway; it counts if that chance is below the
 * policy's significance, so n must reach ln(significance) / ln(b).
 */
function streakReached(streak: number, threshold: number | false, stats: StreakStats, policy: BreakerPolicy): boolean {
  if (threshold === false || streak < threshold) return false
  const { streakSignificance } = policy.trip
  if (!streakSignificance || streak >= LONGEST_STREAK) return true
  const before = Math.max(0, stats.calls - stats.consecutiveFailures)
  const failedBefore = Math.max(0, stats.failures - stats.consecutiveFailures)
  const background = (failedBefore + PRIOR_FAILURES) / (before + PRIOR_CALLS)
  return streak >= Math.log(streakSignificance) / Math.log(background)
}

function reached(count: number, threshold: number | false): boolean {
  return threshold !== false && count >= threshold
}

function rateReached(part: number, calls: number, rule: RateRule | false, policy: BreakerPolicy): boolean {
  // Divided, not multiplied: 55 / 100 is the number written 0.55, but 0.55 * 100 is more than 55.
  return rule !== false && calls >= minimumCalls(rule, policy) && part / calls >= rule.threshold
}
