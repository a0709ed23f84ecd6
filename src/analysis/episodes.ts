// What the patterns are made of: an episode is a stretch in which a service fails more than it ordinarily does. Counting
// episodes and not failures is what keeps one burst of a thousand failures from looking like a thousand coincidences.
import { FAILURE_TYPES, type FailureType } from '../model/failures.ts'

export interface Episode {
  readonly service: string
  /** Its first failure and its last so far, epoch ms. */
  readonly from: number
  readonly to: number
  /** Whether it still goes on. */
  readonly open: boolean
  readonly calls: number
  readonly failures: number
  /** Failures by place in FAILURE_TYPES. */
  readonly types: Uint32Array
  /** How many episodes as clear as this an hour of ordinary traffic would bring: an upper bound. Of an opening, see `openingChance`. */
  readonly chance: number
  /** The share of calls that ordinarily fails. */
  readonly baseline: number
  /** If it is one by the judgement of its breaker alone, the type of the failure that opened it; its calls have not said as much. */
  readonly opening: FailureType | undefined
  /** How much earlier it may have begun than was seen: three calls' worth of time, ms, at most 30 s. */
  readonly slackMs: number
}

/** One of which nothing but the beginning is known. */
export function beginning(service: string, from: number) {
  return { service, from, open: true, calls: 0, failures: 0, types: new Uint32Array(FAILURE_TYPES.length) }
}

/** Three calls' worth of time, ms, at most 30 s. */
export function slackAt(callsPerSecond: number): number {
  return Math.min(30_000, 3000 / Math.max(callsPerSecond, 1e-6))
}

/** Episodes that begin within this of the one before, ms, are one occasion, or one trouble of many would explain the next. */
const ONE_OCCASION_MS = 6000

/** On how many occasions `episodes` began; the first first. */
export function occasionsOf(episodes: readonly Episode[]): number {
  return episodes.filter(({ from }, i) => i === 0 || from - episodes[i - 1]!.from > ONE_OCCASION_MS).length
}

/** The type of most of its failures, and their share. Of few that opened a breaker, the last says what it opened for. */
export function prevailing(episode: Pick<Episode, 'types' | 'failures' | 'opening'>): {
  readonly type: FailureType
  readonly share: number
} {
  if (episode.opening) return { type: episode.opening, share: 1 }
  let best = 0
  for (let place = 1; place < episode.types.length; place++) {
    if (episode.types[place]! > episode.types[best]!) best = place
  }
  return { type: FAILURE_TYPES[best]!, share: episode.types[best]! / Math.max(1, episode.failures) }
}
