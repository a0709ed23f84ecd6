// When a run of failures really began: an ordinary failure may have come just before it. Used by episodeDetector.ts.
import type { SecondBuckets } from './secondBuckets.ts'

/** As if so many calls had succeeded in the later half, so that a few calls do not say too much. */
const PRIOR_CALLS = 5

/**
 * The second between `first` and `last` with a failure from which on the calls are most likely to be those of an episode, with
 * the failure rate of the run's later half; `p0` is the rate before it, `prior` how many calls are taken to have succeeded beside.
 */
export function runStart(seconds: SecondBuckets, first: number, last: number, p0: number, prior = PRIOR_CALLS): number {
  let [calls, failures] = [prior, 0]
  for (let second = first + Math.ceil((last - first) / 2); second <= last; second++) {
    calls += seconds.calls(second)
    failures += seconds.failures(second)
  }
  const p1 = Math.max(1.5 * p0, failures / calls)
  const [failure, success] = [Math.log(p1 / p0), Math.log((1 - p0) / (1 - p1))]
  let [sum, most, start] = [0, Number.NEGATIVE_INFINITY, last]
  for (let second = last; second >= first; second--) {
    const failed = seconds.failures(second)
    sum += failed * failure - (seconds.calls(second) - failed) * success
    if (failed === 0 || sum < most) continue
    most = sum
    start = second
  }
  return start
}
