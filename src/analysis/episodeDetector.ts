// Finds the episodes of one service, second by second, by a cumulative sum of log-likelihood ratios (Page's CUSUM): how much
// better "fails as in an episode" explains the calls than "fails as it always does". Owned by serviceHistory.ts.
import { FAILURE_TYPES } from '../model/failures.ts'
import type { BlockBuckets } from './blockBuckets.ts'
import type { Episode } from './episodes.ts'
import { SECONDS_KEPT, type SecondBuckets } from './secondBuckets.ts'

/** False episodes that a service may have in an hour of ordinary traffic. */
const FALSE_AN_HOUR = 0.001
/** A run of failures is over when none has come for this long: nobody knows what was in between. */
const FORGET_SECONDS = SECONDS_KEPT - 10
/** An episode is over when none has come for this long although calls succeed. */
const SILENT_SECONDS = 60
/** An episode that lasts longer than this is the new normal. */
const NORMAL_AFTER_SECONDS = 900
/** Scatter beyond this is not clumps of failures but a rate that wanders, which `wander` allows for. */
const MOST_DISPERSION = 4
/** What is known of a service before its first call: 1 failure in 100 calls, as if 50 had been seen. */
const PRIOR_CALLS = 50
const PRIOR_RATE = 0.01
const LEAST_RATE = 0.01
/** Of a service that has only been watched for a while, a failure rate up to this is nothing new; none is known after 20 min. */
const UNKNOWN_RATE = 0.05
const KNOWN_SECONDS = 1200
const MOST_RATE = 0.5
const REMEMBERED = 64

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class EpisodeDetector {
  readonly episodes: Mutable<Episode>[] = []
  /** The beginnings of episodes, and of runs that would have been one but for the service's scatter; epoch ms. */
  readonly runs: number[] = []
  readonly #service: string
  readonly #seconds: SecondBuckets
  readonly #blocks: BlockBuckets
  #born = -1
  #tunedBlock = -1
  #wander = 0
  /** The weights of a failure and of a success, and the sums that begin and end an episode; see `#tune`. */
  #failure = 0
  #success = 0
  #begin = 0
  #end = 0
  #baseline = PRIOR_RATE
  #callsPerSecond = 0
  #sum = 0
  #peak = 0
  #back = 0
  #runFrom = -1
  /** Whether the run has been put among `runs`. */
  #noted = false
  #p0 = PRIOR_RATE
  #lastFailure = -1
  /** Seconds up to this one are in the baseline, or are no part of it. */
  #takenTo = -1

  constructor(service: string, seconds: SecondBuckets, blocks: BlockBuckets) {
    this.#service = service
    this.#seconds = seconds
    this.#blocks = blocks
  }

  get current(): Episode | undefined {
    const last = this.episodes.at(-1)
    return last?.open ? last : undefined
  }

  /** Takes in a second that is over. */
  judge(second: number): void {
    const calls = this.#seconds.calls(second)
    const failures = calls === 0 ? 0 : this.#seconds.failures(second)
    this.#takenTo = Math.max(this.#takenTo, second - SECONDS_KEPT)
    if (this.#born < 0) {
      this.#born = second
      this.#takenTo = second - 1
    }
    this.#tune(second)
    const episode = this.current as Mutable<Episode> | undefined
    if (episode) this.#goOn(episode, second, calls, failures)
    else this.#watch(second, calls, failures)
    if (failures > 0) this.#lastFailure = second
  }

  /** Time has passed that was not looked at. */
  skip(): void {
    const episode = this.current as Mutable<Episode> | undefined
    if (episode) episode.open = false
    this.#peak = 0
    this.#rest(0)
    this.#takenTo = Number.NEGATIVE_INFINITY
  }

  dropBefore(at: number): void {
    const kept = this.episodes.findIndex((episode) => episode.open || episode.to >= at)
    if (kept !== 0) this.episodes.splice(0, kept < 0 ? this.episodes.length : kept)
    const fresh = this.runs.findIndex((from) => from >= at)
    if (fresh !== 0) this.runs.splice(0, fresh < 0 ? this.runs.length : fresh)
  }

  #watch(second: number, calls: number, failures: number): void {
    if (calls > 0 && (this.#sum > 0 || failures > 0)) {
      this.#sum += failures * this.#failure - (calls - failures) * this.#success
      this.#peak = Math.max(this.#peak, this.#sum)
      if (this.#sum <= 0) this.#rest(second)
      else if (this.#runFrom < 0) this.#runFrom = second
      if (failures > 0 && this.#sum >= this.#begin && this.#decide(second)) return
    } else if (this.#sum > 0 && second - this.#lastFailure > FORGET_SECONDS) this.#rest(second)
    // A run that may yet become an episode must not count as ordinary, or it would hide itself; but not for ever.
    this.#takeIn(this.#sum > 0 ? second - FORGET_SECONDS : second)
  }

  #takeIn(to: number): void {
    for (let s = this.#takenTo + 1; s <= to; s++) this.#blocks.ordinary(s, this.#seconds.calls(s), this.#seconds.failures(s), 1)
    if (to > this.#takenTo) this.#takenTo = to
  }

  #decide(second: number): boolean {
    const start = this.#startOf(second)
    const from = this.#seconds.firstFailureAt(start)
    if (this.#noted) this.runs.pop()
    this.#noted = true
    this.runs.push(from)
    if (this.runs.length > REMEMBERED) this.runs.shift()
    const scatter = Math.min(MOST_DISPERSION, this.#blocks.dispersion(this.#baseline))
    const evidence = this.#sum / scatter
    if (evidence < this.#begin) return false
    const episode: Mutable<Episode> = {
      service: this.#service,
      from,
      to: second * 1000 + 999,
      open: true,
      calls: 0,
      failures: 0,
      types: new Uint32Array(FAILURE_TYPES.length),
      chance: FALSE_AN_HOUR * Math.exp(this.#begin - evidence),
      baseline: this.#baseline,
      slackMs: Math.min(30_000, 3000 / Math.max(this.#callsPerSecond, 1e-6)),
    }
    for (let s = start; s <= second; s++) {
      this.#count(episode, s)
      if (s <= this.#takenTo) this.#blocks.ordinary(s, this.#seconds.calls(s), this.#seconds.failures(s), -1)
    }
    this.#takenTo = second
    this.episodes.push(episode)
    if (this.episodes.length > REMEMBERED) this.episodes.shift()
    this.#back = 0
    return true
  }

  /**
   * When the run began in truth: a failure just before it may have been an ordinary one. The second from which on the calls
   * are most likely, with the failure rate of the run's later half instead of the one that is looked for.
   */
  #startOf(second: number): number {
    const first = Math.max(this.#runFrom, second - FORGET_SECONDS)
    let [calls, failures] = [PRIOR_CALLS / 10, 0]
    for (let s = first + Math.ceil((second - first) / 2); s <= second; s++) {
      calls += this.#seconds.calls(s)
      failures += this.#seconds.failures(s)
    }
    const p1 = Math.max(1.5 * this.#p0, failures / calls)
    const [failure, success] = [Math.log(p1 / this.#p0), Math.log((1 - this.#p0) / (1 - p1))]
    let [sum, most, start] = [0, Number.NEGATIVE_INFINITY, second]
    for (let s = second; s >= first; s--) {
      const failed = this.#seconds.failures(s)
      sum += failed * failure - (this.#seconds.calls(s) - failed) * success
      if (failed === 0 || sum < most) continue
      most = sum
      start = s
    }
    return start
  }

  #goOn(episode: Mutable<Episode>, second: number, calls: number, failures: number): void {
    if (second * 1000 - episode.from > NORMAL_AFTER_SECONDS * 1000) this.#takeIn(second)
    this.#takenTo = second
    if (calls > 0) {
      this.#back = Math.max(0, this.#back + (calls - failures) * this.#success - failures * this.#failure)
      this.#sum = Math.max(0, this.#sum + failures * this.#failure - (calls - failures) * this.#success)
    }
    if (failures > 0) {
      this.#count(episode, second)
      episode.to = second * 1000 + 999
      return
    }
    const silent = second - this.#lastFailure
    const better = this.#back >= this.#end || (silent > SILENT_SECONDS && this.#back > 0)
    if (!better && silent <= FORGET_SECONDS) return
    episode.open = false
    this.#peak = 0
    this.#rest(second)
  }

  #count(episode: Mutable<Episode>, second: number): void {
    episode.calls += this.#seconds.calls(second)
    episode.failures += this.#seconds.failures(second)
    this.#seconds.addTypes(second, episode.types)
  }

  /** The run is over. One that would have been an episode but for the scatter is no part of what is ordinary: it would hide the next. */
  #rest(second: number): void {
    if (this.#peak >= this.#begin) this.#takenTo = second
    this.#sum = 0
    this.#peak = 0
    this.#back = 0
    this.#runFrom = -1
    this.#noted = false
  }

  /**
   * Sets weights and thresholds anew from the baseline, every ten seconds. With p0 the ordinary failure rate (its upper bound,
   * two standard deviations up, of its estimate and of its wandering) and p1 = max(0.35, 3 p0) that of an episode, a failure weighs ln(p1/p0), a success
   * ln((1-p0)/(1-p1)). A sum of ln(calls an hour / FALSE_AN_HOUR) is reached by chance at most FALSE_AN_HOUR times an hour,
   * as each call begins such a sum with a probability of at most exp(-threshold). The scatter of the service divides the sum.
   */
  #tune(second: number): void {
    const block = Math.floor(second / 10)
    if (block === this.#tunedBlock) return
    this.#blocks.advance(second)
    const { calls, failures } = this.#blocks.baseline
    const mean = (failures + PRIOR_RATE * PRIOR_CALLS) / (calls + PRIOR_CALLS)
    if (Math.floor(block / 6) !== Math.floor(this.#tunedBlock / 6)) this.#wander = this.#blocks.wander(mean)
    this.#tunedBlock = block
    const upper = mean + 2 * Math.sqrt((mean * (1 - mean)) / (calls + PRIOR_CALLS) + this.#wander)
    const unknown = UNKNOWN_RATE * Math.max(0, 1 - (second - this.#born) / KNOWN_SECONDS)
    const p0 = Math.min(MOST_RATE, Math.max(LEAST_RATE + unknown, upper))
    const p1 = Math.min(0.9, Math.max(0.35, 3 * p0))
    this.#p0 = p0
    const observed = Math.min(3600, Math.max(60, second - this.#born))
    this.#callsPerSecond = calls / observed
    this.#baseline = Math.min(MOST_RATE, mean)
    this.#failure = Math.log(p1 / p0)
    this.#success = Math.log((1 - p0) / (1 - p1))
    this.#begin = Math.log(Math.max(36, this.#callsPerSecond * 3600) / FALSE_AN_HOUR)
    this.#end = Math.max(5, Math.log(Math.max(1, this.#callsPerSecond * SILENT_SECONDS) / 0.01))
  }
}
