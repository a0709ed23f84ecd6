// Common cause: several services begin to fail at once and in the same way. Three are needed, or two where the way is one that
// services do not come to by chance: a rejected credential.
import { FAILURE_TYPES, type FailureType } from '../model/failures.ts'
import type { Finding } from '../model/findings.ts'
import { corrected, poissonTail } from './chance.ts'
import { type Episode, occasionsOf, prevailing } from './episodes.ts'
import { recommend } from './recommendations.ts'
import { episodesInHour, evidence, FIVE_MINUTES_MS, intervalOf, lastBegun, REACH_MS, type Scene, severityOf } from './scene.ts'

/** Episodes have begun at once if some moment lies within this of the possible beginnings of each, ms. */
const AT_ONCE_MS = 3000
/** The type must be that of as many of an episode's failures. */
const LEAST_SHARE = 0.6
const MOST_CHANCE = 0.01

/** Causes of the last quarter of an hour, so that they go on to explain what they led to; `fresh` if of the last five minutes. */
export interface Cause {
  readonly finding: Finding
  readonly fresh: boolean
}

export function commonCauses(scene: Scene): Cause[] {
  const recent = scene.services.flatMap((service) => {
    const episode = lastBegun(service, scene.at, REACH_MS)
    const type = episode && prevailing(episode)
    return type && type.share >= LEAST_SHARE ? [{ episode, type: type.type }] : []
  })
  const types = FAILURE_TYPES.filter((type) => recent.filter((one) => one.type === type).length >= leastServices(type))
  return types.flatMap((type) => {
    const causes: Cause[] = []
    const ofType = episodesInHour(scene, (episode) => prevailing(episode).type === type)
    let left = recent.filter((one) => one.type === type).map(({ episode }) => episode)
    for (let group = startingTogether(left); group.length >= leastServices(type); group = startingTogether(left)) {
      const taken = new Set(group)
      const occasions = occasionsOf(ofType.filter((episode) => !taken.has(episode)))
      causes.push(...causeOf(scene, type, group, types.length, occasions))
      left = left.filter((episode) => !taken.has(episode))
    }
    return causes
  })
}

function leastServices(type: FailureType): number {
  return type === 'authentication' ? 2 : 3
}

/** The most episodes whose possible beginnings share a moment. */
export function startingTogether(episodes: readonly Episode[]): Episode[] {
  const first = Float64Array.from(episodes, ({ from, slackMs }) => from - slackMs - AT_ONCE_MS).sort()
  const last = Float64Array.from(episodes, ({ from }) => from + AT_ONCE_MS).sort()
  // Where most have begun is a moment at which one of them begins at the latest; as many share it as may have begun by then,
  // less those that had begun for certain before.
  let [moment, most] = [0, 0]
  for (const { from } of episodes) {
    const tried = from + AT_ONCE_MS
    const sharing = below(first, tried, true) - below(last, tried, false)
    if (sharing > most) [moment, most] = [tried, sharing]
  }
  return episodes.filter(({ from, slackMs }) => from - slackMs - AT_ONCE_MS <= moment && moment <= from + AT_ONCE_MS)
}

/** How many of `sorted` are less than `value`, or as much where `equal`. */
function below(sorted: Float64Array, value: number, equal: boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value || (equal && sorted[middle] === value)) low = middle + 1
    else high = middle
  }
  return low
}

function causeOf(scene: Scene, type: FailureType, group: readonly Episode[], types: number, occasions: number): Cause[] {
  const services = group.map(({ service }) => service)
  const interval = intervalOf(group)
  const span = Math.max(...group.map(({ from }) => from - interval.from)) + 2 * AT_ONCE_MS
  // How many others begin by chance within the span, at the rate at which episodes of this type have begun before.
  const chance = corrected(poissonTail(group.length - 1, ((occasions + 0.5) * span) / scene.watchedMs), types)
  if (chance > MOST_CHANCE) return []
  let [failures, ofType] = [0, 0]
  for (const episode of group) {
    failures += episode.failures
    ofType += episode.types[FAILURE_TYPES.indexOf(type)]!
  }
  const finding: Finding = {
    pattern: 'common_cause',
    services,
    strength: (ofType / failures) * (1 - chance),
    severity: type === 'authentication' ? 'high' : severityOf(services),
    failureType: type,
    interval,
    evidence: evidence(scene, services, interval, group.length, chance),
    recommendations: recommend.commonCause(type),
  }
  return [{ finding, fresh: group.some((episode) => episode.from >= scene.at - FIVE_MINUTES_MS) }]
}
