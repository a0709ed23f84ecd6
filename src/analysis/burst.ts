// Burst: one service fails far more than it ordinarily does. Whether it does has been decided by episodeDetector.ts against
// the service's own baseline and scatter; this says how bad it is.
import type { Finding } from '../model/findings.ts'
import { prevailing } from './episodes.ts'
import { recommend } from './recommendations.ts'
import { evidence, intervalOf, isLive, MINUTE_MS, type Scene } from './scene.ts'

/** The least share of calls that is lost and ordinarily would not be. */
const LEAST_EFFECT = 0.2

/** Those of services that no other finding is about. */
export function bursts(scene: Scene, explained: ReadonlySet<string>): Finding[] {
  return scene.services.flatMap(({ service, episodes }) => {
    const episode = explained.has(service) ? undefined : episodes.at(-1)
    // That a breaker has opened is told by its own transition.
    if (!episode || episode.opening || !isLive(episode, scene.at, MINUTE_MS)) return []
    const { calls, failures, baseline, chance } = episode
    const effect = Math.max(0, failures / calls - baseline) / (1 - baseline)
    if (effect < LEAST_EFFECT) return []
    const interval = intervalOf([episode])
    return [
      {
        pattern: 'burst',
        services: [service],
        strength: effect * (1 - chance),
        severity: 'normal',
        failureType: prevailing(episode).type,
        interval,
        evidence: evidence(scene, [service], interval, 1, chance),
        recommendations: recommend.burst(service),
      },
    ]
  })
}
