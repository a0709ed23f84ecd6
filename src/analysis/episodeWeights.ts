// What a failed call and a successful one weigh for and against an episode of a service, and how much is enough. Worked out
// from the service's own baseline; used by episodeDetector.ts.
import type { Counted } from './blockBuckets.ts'
import { atLeastOne } from './chance.ts'

/** False episodes that a service may have in an hour of ordinary traffic. */
export const FALSE_AN_HOUR = 0.001
/** What is known of a service before its first call: 1 failure in 100 calls, as if 50 had been seen. */
const PRIOR_CALLS = 50
const PRIOR_RATE = 0.01
const LEAST_RATE = 0.01
const MOST_RATE = 0.5
/** Of a service that has only been watched for a while, a failure rate up to this is nothing new; none is known after 20 min. */
const UNKNOWN_RATE = 0.05
const KNOWN_SECONDS = 1200
/** The least failure rate of an episode. */
const EPISODE_RATE = 0.35

export interface EpisodeWeights {
  /** The ordinary failure rate, and its upper bound. */
  readonly baseline: number
  readonly p0: number
  /** Added for a failure, taken off for a success. */
  readonly failure: number
  readonly success: number
  /** The sum that begins an episode, and the sum the other way that ends it. */
  readonly begin: number
  readonly end: number
  readonly callsPerSecond: number
}

/** The ordinary failure rate, drawn to the prior while few calls have been seen. */
export function ordinaryRate({ calls, failures }: Counted): number {
  return (failures + PRIOR_RATE * PRIOR_CALLS) / (calls + PRIOR_CALLS)
}

/**
 * The chance that a breaker opens by itself within a minute, at the rate at which its service has had episodes otherwise:
 * `1 - exp(-(n + 0.5) 60 s / T)` with `n` of them in the `T` watched of the last hour.
 */
export function openingChance(others: number, watchedSeconds: number): number {
  return atLeastOne((others + 0.5) / Math.min(3600, Math.max(60, watchedSeconds)), 60)
}

/**
 * With p0 the ordinary failure rate (its upper bound, two standard deviations up, of its estimate and of its wandering) and
 * p1 = max(0.35, 3 p0) that of an episode, a failure weighs ln(p1/p0), a success ln((1-p0)/(1-p1)). A sum of
 * ln(calls an hour / FALSE_AN_HOUR) is reached by chance at most FALSE_AN_HOUR times an hour, as each call begins such a sum
 * with a probability of at most exp(-threshold).
 *
 * @param wander the variance of the failure rate from minute to minute
 * @param watchedSeconds for how long the service has been watched
 */
export function weigh(ordinary: Counted, wander: number, watchedSeconds: number): EpisodeWeights {
  const mean = ordinaryRate(ordinary)
  const upper = mean + 2 * Math.sqrt((mean * (1 - mean)) / (ordinary.calls + PRIOR_CALLS) + wander)
  const unknown = UNKNOWN_RATE * Math.max(0, 1 - watchedSeconds / KNOWN_SECONDS)
  const p0 = Math.min(MOST_RATE, Math.max(LEAST_RATE + unknown, upper))
  const p1 = Math.min(0.9, Math.max(EPISODE_RATE, 3 * p0))
  const callsPerSecond = ordinary.calls / Math.min(3600, Math.max(60, watchedSeconds))
  return {
    baseline: Math.min(MOST_RATE, mean),
    p0,
    failure: Math.log(p1 / p0),
    success: Math.log((1 - p0) / (1 - p1)),
    begin: Math.log(Math.max(36, callsPerSecond * 3600) / FALSE_AN_HOUR),
    // As often as once in a hundred minutes of an episode that goes on, it may be taken for over.
    end: Math.max(5, Math.log(Math.max(1, callsPerSecond * 60) / 0.01)),
    callsPerSecond,
  }
}
