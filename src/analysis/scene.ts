// What every pattern looks at: the services with their episodes as they stand at one moment, and questions all patterns ask.
import type { EvidenceEvent, Finding, FindingEvidence } from '../model/findings.ts'
import type { Dependencies } from '../model/orchestrator/graph.ts'
import type { Episode } from './episodes.ts'
import type { FailureHistory } from './failureHistory.ts'
import type { ServiceHistory } from './serviceHistory.ts'

export const MINUTE_MS = 60_000
export const FIVE_MINUTES_MS = 300_000
export const HOUR_MS = 3_600_000
/** How old an episode may be to be part of something that has grown in the last five minutes. */
export const REACH_MS = 900_000
const HIGH_SERVICES = 4
const MOST_EVENTS = 16
const MOST_COUNTS = 50

type Interval = Finding['interval']

export interface Scene {
  readonly at: number
  readonly history: FailureHistory
  readonly graph: Dependencies
  /** Sorted by name. */
  readonly services: readonly ServiceHistory[]
  /** How much of the last hour has been watched, ms, at least a minute. */
  readonly watchedMs: number
}

export function sceneOf(history: FailureHistory, graph: Dependencies, at: number): Scene {
  history.advance(at)
  const watchedMs = Math.min(HOUR_MS, Math.max(MINUTE_MS, history.observedMs))
  return { at: history.now, history, graph, services: history.services(), watchedMs }
}

/** Whether an episode was still failing in the last `spanMs`. */
export function isLive(episode: Episode, at: number, spanMs: number): boolean {
  return episode.to >= at - spanMs
}

/** A service's last episode, if it began in the last `spanMs`. */
export function lastBegun({ episodes }: ServiceHistory, at: number, spanMs: number): Episode | undefined {
  const last = episodes.at(-1)
  return last && last.from >= at - spanMs ? last : undefined
}

/** A service's episodes of the last hour. */
export function inHour({ episodes }: ServiceHistory, at: number): Episode[] {
  return episodes.filter((episode) => episode.from >= at - HOUR_MS)
}

/** Of all services, the episodes of the last hour that are `meant`, the first first. */
export function episodesInHour({ services, at }: Scene, isMeant: (episode: Episode) => boolean): Episode[] {
  return services
    .flatMap((service) => inHour(service, at))
    .filter(isMeant)
    .sort((a, b) => a.from - b.from)
}

/** From the first failure of any to the last so far. */
export function intervalOf(episodes: readonly Episode[]): Interval {
  return { from: Math.min(...episodes.map(({ from }) => from)), to: Math.max(...episodes.map(({ to }) => to)) }
}

/** As many services are more than a trouble of their own. */
export function severityOf(services: readonly string[]): Finding['severity'] {
  return services.length >= HIGH_SERVICES ? 'high' : 'normal'
}

/** Evidence with the last failures in the interval, as far as seconds are kept, as its events. */
export function evidence(
  scene: Scene,
  services: readonly string[],
  interval: Interval,
  occasions: number,
  chance: number,
): FindingEvidence {
  return {
    ...evidenceOfOnsets(scene, services, interval, occasions, chance, []),
    events: lastFailures(scene, services, interval),
  }
}

/** Evidence with given onsets, in order, as its events. */
export function evidenceOfOnsets(
  { history }: Scene,
  services: readonly string[],
  interval: Interval,
  occasions: number,
  chance: number,
  onsets: readonly EvidenceEvent[],
): FindingEvidence {
  const { from, to } = interval
  const counts = services.slice(0, MOST_COUNTS).map((service) => ({ service, ...history.counts(service, from, to) }))
  return { counts, occasions, chance, events: onsets.slice(-MOST_EVENTS) }
}

function lastFailures({ history }: Scene, services: readonly string[], interval: Interval): EvidenceEvent[] {
  const events: EvidenceEvent[] = []
  const held = services.flatMap((service) => history.service(service) ?? [])
  const last = Math.floor(interval.to / 1000)
  const first = Math.max(Math.floor(interval.from / 1000), last - 290)
  for (let second = last; second >= first && events.length < MOST_EVENTS; second--) {
    for (const { service, seconds } of held) {
      if (seconds.failures(second) === 0) continue
      const id = seconds.firstFailureId(second)
      events.push({ at: seconds.firstFailureAt(second), service, ...(id !== undefined && { id }) })
    }
  }
  return events.sort(byTime).slice(-MOST_EVENTS)
}

export function byTime(a: EvidenceEvent, b: EvidenceEvent): number {
  return a.at - b.at || (a.service < b.service ? -1 : 1)
}
