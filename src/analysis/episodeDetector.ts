// Finds the episodes of one service, second by second, by a cumulative sum of log-likelihood ratios (Page's CUSUM): how much
// better "fails as in an episode" explains the calls than "fails as it always does". Owned by serviceHistory.ts.
import type { FailureType } from '../model/failures.ts'
import type { BlockBuckets } from './blockBuckets.ts'
import { dropOldest } from './dropOldest.ts'
import { beginning, type Episode, slackAt } from './episodes.ts'
import { type EpisodeWeights, FALSE_AN_HOUR, openingChance, ordinaryRate, weigh } from './episodeWeights.ts'
import { NotedRuns } from './notedRuns.ts'
import { runStart } from './runStart.ts'
import { SECONDS_KEPT, type SecondBuckets } from './secondBuckets.ts'

/** A run of failures is over when none has come for this long: nobody knows what was in between. */
const FORGET_SECONDS = SECONDS_KEPT - 10
/** An episode is over when none has come for this long although calls succeed. */
const SILENT_SECONDS = 60
/** An episode that lasts longer than this is the new normal. */
const NORMAL_AFTER_SECONDS = 900
/** Scatter beyond this is not clumps of failures but a rate that wanders, which `wander` allows for. */
const MOST_DISPERSION = 4
const REMEMBERED = 64
/** A breaker that opens again within this, ms, does so in a rhythm of its own: no onset to look for pairs and rhythms in. */
const OPENS_ANEW_MS = 300_000

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class EpisodeDetector {
  readonly episodes: Mutable<Episode>[] = []
  readonly #runs = new NotedRuns()
  readonly #service: string
  readonly #seconds: SecondBuckets
  readonly #blocks: BlockBuckets
  #born = -1
  #tunedBlock = -1
  #wander = 0
  #weights: EpisodeWeights = weigh({ calls: 0, failures: 0 }, 0, 0)
  #sum = 0
  #peak = 0
  #back = 0
  #runFrom = -1
  #lastFailure = -1
  /** Seconds of the episode that goes on are counted up to this one: its last with a failure so far. */
  #countedTo = -1
  /** The second in which the service's breaker last opened. */
  #openedIn = -1
  #openedBy: FailureType | undefined
  /** Seconds up to this one are in the baseline, or are no part of it. */
  #takenTo = -1

  constructor(service: string, seconds: SecondBuckets, blocks: BlockBuckets) {
    this.#service = service
    this.#seconds = seconds
    this.#blocks = blocks
  }

  get current(): Mutable<Episode> | undefined {
    const last = this.episodes.at(-1)
    return last?.open ? last : undefined
  }

  /** The beginnings of episodes, and of runs that would have been one but for the service's scatter; epoch ms. */
  get runs(): readonly number[] {
    return this.#runs.begun
  }

  /** The breaker of the service opened in this second, which is yet to be judged. */
  opened(second: number, by: FailureType): void {
    this.#openedIn = second
    this.#openedBy = by
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
    const episode = this.current
    if (episode) this.#goOn(episode, second, calls, failures)
    else this.#watch(second, calls, failures)
    if (failures > 0) this.#lastFailure = second
  }

  /** Time has passed that was not looked at. */
  skip(): void {
    const episode = this.current
    if (episode) episode.open = false
    this.#peak = 0
    this.#rest(0)
    this.#takenTo = Number.NEGATIVE_INFINITY
  }

  /** Seconds from `first` to `last` had no failure, and their calls are in the blocks already. */
  passed(first: number, last: number): void {
    this.skip()
    if (this.#born < 0) this.#born = first
    this.#takenTo = last
  }

  dropBefore(at: number): void {
    dropOldest(this.episodes, (episode) => episode.open || episode.to >= at)
    this.#runs.dropBefore(at)
  }

  #watch(second: number, calls: number, failures: number): void {
    if (calls > 0 && (this.#sum > 0 || failures > 0)) {
      this.#sum += failures * this.#weights.failure - (calls - failures) * this.#weights.success
      this.#peak = Math.max(this.#peak, this.#sum)
      if (this.#sum <= 0) this.#rest(second)
      else if (this.#runFrom < 0) this.#runFrom = second
      if (failures > 0 && this.#sum >= this.#weights.begin && this.#decide(second)) return
    } else if (this.#sum > 0 && second - this.#lastFailure > FORGET_SECONDS) this.#rest(second)
    if (second === this.#openedIn && this.#opens(second)) return
    // A run that may yet become an episode must not count as ordinary, or it would hide itself; but not for ever.
    this.#takeIn(this.#sum > 0 ? second - FORGET_SECONDS : second)
  }

  #takeIn(to: number): void {
    for (let s = this.#takenTo + 1; s <= to; s++) this.#blocks.ordinary(s, this.#seconds.calls(s), this.#seconds.failures(s), 1)
    if (to > this.#takenTo) this.#takenTo = to
  }

  #decide(second: number): boolean {
    const start = this.#startOf(second)
    this.#runs.note(this.#seconds.firstFailureAt(start))
    const evidence = this.#evidence()
    if (evidence < this.#weights.begin) return false
    this.#begin(start, second, chanceOf(evidence, this.#weights), undefined)
    return true
  }

  /** A breaker that opens has judged the few calls that failed, and lets no more come that would say it. */
  #opens(second: number): boolean {
    // Few failures open it, and they are to be trusted: one that came some calls before them was another.
    const start = this.#startOf(second, 1)
    if (this.#seconds.failures(start) === 0) return false
    const from = this.#seconds.firstFailureAt(start)
    if (this.#runs.noted || from - (this.runs.at(-1) ?? Number.NEGATIVE_INFINITY) > OPENS_ANEW_MS) this.#runs.note(from)
    const others = this.episodes.filter((episode) => episode.from >= from - 3_600_000).length
    this.#begin(start, second, openingChance(others, second - this.#born), this.#openedBy)
    return true
  }

  #startOf(second: number, prior?: number): number {
    const first = this.#runFrom < 0 ? second : Math.max(this.#runFrom, second - FORGET_SECONDS)
    return runStart(this.#seconds, first, second, this.#weights.p0, prior)
  }

  /** How much more the calls are like an episode's, their scatter allowed for. */
  #evidence(): number {
    return this.#sum / Math.min(MOST_DISPERSION, this.#blocks.dispersion(this.#weights.baseline))
  }

  #begin(start: number, second: number, chance: number, opening: FailureType | undefined): void {
    const { baseline, callsPerSecond } = this.#weights
    const from = this.#seconds.firstFailureAt(start)
    const slackMs = slackAt(callsPerSecond)
    const episode = { ...beginning(this.#service, from), to: second * 1000 + 999, chance, opening, baseline, slackMs }
    this.#countFrom(start, second, episode)
    for (let s = start; s <= Math.min(second, this.#takenTo); s++) {
      this.#blocks.ordinary(s, this.#seconds.calls(s), this.#seconds.failures(s), -1)
    }
    this.#takenTo = second
    this.episodes.push(episode)
    if (this.episodes.length > REMEMBERED) this.episodes.shift()
    this.#back = 0
  }

  #goOn(episode: Mutable<Episode>, second: number, calls: number, failures: number): void {
    if (second * 1000 - episode.from > NORMAL_AFTER_SECONDS * 1000) this.#takeIn(second)
    this.#takenTo = second
    if (calls > 0) {
      this.#back = Math.max(0, this.#back + (calls - failures) * this.#weights.success - failures * this.#weights.failure)
      this.#sum = Math.max(0, this.#sum + failures * this.#weights.failure - (calls - failures) * this.#weights.success)
    }
    if (failures > 0) {
      // What went well between two failures is the episode's as much as they are.
      this.#countFrom(Math.max(this.#countedTo + 1, second - SECONDS_KEPT), second, episode)
      if (episode.opening) this.#confirm(episode)
      episode.to = second * 1000 + 999
    }
    const silent = failures > 0 ? 0 : second - this.#lastFailure
    const better = this.#back >= this.#weights.end || (silent > SILENT_SECONDS && this.#back > 0)
    if (!better && silent <= FORGET_SECONDS) return
    episode.open = false
    this.#peak = 0
    this.#rest(second)
  }

  /** What a breaker had judged, its calls may say later. */
  #confirm(episode: Mutable<Episode>): void {
    const evidence = this.#evidence()
    if (evidence < this.#weights.begin) return
    episode.opening = undefined
    episode.chance = chanceOf(evidence, this.#weights)
  }

  #countFrom(first: number, last: number, episode: Mutable<Episode>): void {
    for (let second = first; second <= last; second++) {
      episode.calls += this.#seconds.calls(second)
      episode.failures += this.#seconds.failures(second)
      this.#seconds.addTypes(second, episode.types)
    }
    this.#countedTo = last
  }

  /** The run is over. One that would have been an episode but for the scatter is no part of what is ordinary: it would hide the next. */
  #rest(second: number): void {
    if (this.#peak >= this.#weights.begin) this.#takenTo = second
    this.#sum = 0
    this.#peak = 0
    this.#back = 0
    this.#runFrom = -1
    this.#runs.end()
  }

  /** Sets the weights anew, every ten seconds; how far the failure rate wanders, every minute. */
  #tune(second: number): void {
    const block = Math.floor(second / 10)
    if (block === this.#tunedBlock) return
    this.#blocks.advance(second)
    const { baseline } = this.#blocks
    if (Math.floor(block / 6) !== Math.floor(this.#tunedBlock / 6)) this.#wander = this.#blocks.wander(ordinaryRate(baseline))
    this.#tunedBlock = block
    this.#weights = weigh(baseline, this.#wander, second - this.#born)
  }
}

function chanceOf(evidence: number, { begin }: EpisodeWeights): number {
  return FALSE_AN_HOUR * Math.exp(begin - evidence)
}
