// System-wide: three services or more fail within a minute, with at least five failures between them, each beyond what is
// ordinary for it; four or more are high.
import type { Finding } from '../model/findings.ts'
import { corrected, poissonTail } from './chance.ts'
import { type Episode, occasionsOf } from './episodes.ts'
import { recommend } from './recommendations.ts'
import { episodesInHour, evidence, isLive, MINUTE_MS, type Scene, severityOf } from './scene.ts'

const LEAST_SERVICES = 3
const LEAST_FAILURES = 5
const MOST_CHANCE = 0.05

export function systemWide(scene: Scene): Finding[] {
  const { at } = scene
  const hit = scene.services.flatMap(({ service, episodes }) => {
    const episode = episodes.at(-1)
    return episode && isLive(episode, at, MINUTE_MS) ? [{ service, episode }] : []
  })
  if (hit.length < LEAST_SERVICES) return []
  const interval = { from: at - MINUTE_MS, to: at }
  const services = hit.map(({ service }) => service)
  let failures = 0
  for (const service of services) failures += scene.history.counts(service, interval.from, interval.to).failures
  // Where a breaker has opened, few calls may be all that could fail.
  if (failures < LEAST_FAILURES && !hit.some(({ episode }) => episode.opening)) return []
  const chance = chanceOf(scene, new Set(hit.map(({ episode }) => episode)))
  if (chance > MOST_CHANCE) return []
  return [
    {
      pattern: 'system_wide',
      services,
      strength: 1 - chance,
      severity: severityOf(services),
      interval,
      evidence: evidence(scene, services, interval, hit.length, chance),
      recommendations: recommend.systemWide(services),
    },
  ]
}

/**
 * That as many as `hit` stand at once by chance: how many do on average is the number of occasions in the last hour, these not
 * counted, plus a half, times how long one stands (as long as it lasts, and a minute), by the time watched. Each occasion was one
 * on which others might have joined.
 */
function chanceOf(scene: Scene, hit: ReadonlySet<Episode>): number {
  const others = episodesInHour(scene, (episode) => !hit.has(episode))
  const occasions = occasionsOf(others)
  const lasted = others.reduce((sum, { from, to }) => sum + to - from, 0)
  const stands = MINUTE_MS + lasted / Math.max(1, others.length)
  return corrected(poissonTail(hit.size - 1, ((occasions + 0.5) * stands) / scene.watchedMs), occasions)
}
