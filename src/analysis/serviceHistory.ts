// Everything that is remembered of one service: seconds, blocks, episodes and lone failures. Owned by failureHistory.ts.
import type { FailureType } from '../model/failures.ts'
import { BlockBuckets, type Counted } from './blockBuckets.ts'
import { dropOldest } from './dropOldest.ts'
import { EpisodeDetector } from './episodeDetector.ts'
import type { Episode } from './episodes.ts'
import { SECONDS_KEPT, SecondBuckets } from './secondBuckets.ts'

/** How long episodes and lone failures are remembered: a period of 20 minutes needs as much to be told from chance. */
export const ONSETS_KEPT_MS = 7_200_000
/** A second is judged when it is over for this long, so that late events are in. */
const SETTLED_SECONDS = 3
/** A failure is a lone one when none has come for this long before it, and calls have succeeded since. */
const LONE_AFTER_SECONDS = 10
const LONE_AFTER_SUCCESSES = 2
const LONE_REMEMBERED = 128

export class ServiceHistory {
  readonly service: string
  readonly seconds = new SecondBuckets()
  /** Lone failures outside episodes, epoch ms, oldest first: what a seldom failing service has instead of episodes. */
  readonly lone: number[] = []
  /** The last second in which anything was told. */
  lastSecond: number
  readonly #blocks = new BlockBuckets()
  readonly #detector: EpisodeDetector
  #judgedTo: number
  #lastFailureSecond = -1
  #successesSince = 0

  constructor(service: string, second: number) {
    this.service = service
    this.lastSecond = second
    // Late events of the seconds before the first are judged too.
    this.#judgedTo = second - SETTLED_SECONDS - 1
    this.#detector = new EpisodeDetector(service, this.seconds, this.#blocks)
  }

  get episodes(): readonly Episode[] {
    return this.#detector.episodes
  }

  /** The beginnings of episodes, and of runs of failures that were nearly one, epoch ms, oldest first. */
  get runs(): readonly number[] {
    return this.#detector.runs
  }

  add(at: number, failure: FailureType | undefined, count: number, id: string | undefined): void {
    this.seconds.add(at, failure, count, id)
    const second = Math.floor(at / 1000)
    this.#blocks.add(second, count, failure === undefined ? 0 : count)
    if (second > this.lastSecond) this.lastSecond = second
  }

  /** Its breaker has opened. It is judged with the second, when late events are in. */
  opened(at: number, by: FailureType): void {
    this.#detector.opened(Math.floor(at / 1000), by)
  }

  /** Judges the seconds that are over, and forgets what has expired. */
  advance(now: number): void {
    const upTo = Math.floor(now / 1000) - SETTLED_SECONDS - 1
    if (upTo <= this.#judgedTo) return
    if (upTo - this.#judgedTo > SECONDS_KEPT) {
      this.#detector.skip()
      this.#successesSince = 0
      this.#judgedTo = upTo - SECONDS_KEPT
    }
    for (let second = this.#judgedTo + 1; second <= upTo; second++) this.#judge(second)
    this.#judgedTo = upTo
    this.#detector.dropBefore(now - ONSETS_KEPT_MS)
    dropOldest(this.lone, (at) => at >= now - ONSETS_KEPT_MS)
  }

  /**
   * From the second `first` to `last` nothing failed, and `successes` calls went well. It is the next that is heard, but for what
   * is of `last + 1` or later. Costs a step for each ten seconds.
   */
  passQuietly(first: number, last: number, successes: number): void {
    // What was told before has its last seconds yet to be judged.
    const told = Math.min(first - 1, this.#judgedTo + SETTLED_SECONDS + 1)
    for (let second = this.#judgedTo + 1; second <= told; second++) this.#judge(second)
    this.#detector.passed(first, last)
    this.#blocks.quiet(first, last, successes)
    this.#successesSince += successes
    this.#judgedTo = last
    if (successes > 0 && last > this.lastSecond) this.lastSecond = last
  }

  /** Counts in [from, to], epoch ms: by the second in the last five minutes, by ten seconds before that. */
  counts(from: number, to: number, now: number): Counted {
    if (from < now - (SECONDS_KEPT - 5) * 1000) return this.#blocks.counts(from, to)
    let [calls, failures] = [0, 0]
    for (let second = Math.floor(from / 1000); second <= Math.floor(to / 1000); second++) {
      calls += this.seconds.calls(second)
      failures += this.seconds.failures(second)
    }
    return { calls, failures }
  }

  #judge(second: number): void {
    this.#detector.judge(second)
    this.#noteLone(second)
  }

  #noteLone(second: number): void {
    const failures = this.seconds.failures(second)
    const calls = this.seconds.calls(second)
    if (failures === 0) {
      this.#successesSince += calls
      return
    }
    const current = this.#detector.current
    const apart = second - this.#lastFailureSecond > LONE_AFTER_SECONDS && this.#successesSince >= LONE_AFTER_SUCCESSES
    if (current) {
      // What looked like a lone failure was the first of an episode.
      while ((this.lone.at(-1) ?? -1) >= current.from) this.lone.pop()
    } else if (apart || this.#lastFailureSecond < 0) {
      this.lone.push(this.seconds.firstFailureAt(second))
      if (this.lone.length > LONE_REMEMBERED) this.lone.shift()
    }
    this.#lastFailureSecond = second
    this.#successesSince = calls - failures
  }
}
