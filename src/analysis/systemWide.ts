// System-wide: three services or more fail within a minute, with at least five failures between them, each beyond what is
// ordinary for it; four or more are high.
import type { Finding } from '../model/findings.ts'
import { poissonTail } from './chance.ts'
import { recommend } from './recommendations.ts'
import { evidence, inHour, isLive, MINUTE_MS, type Scene } from './scene.ts'

const LEAST_SERVICES = 3
const LEAST_FAILURES = 5
const HIGH_SERVICES = 4

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
  if (failures < LEAST_FAILURES) return []
  // How many would by chance join the first within the minute, at the rate at which all services together have had episodes
  // in the last hour, these not counted; one is added, so that none seen is not taken for none possible.
  let others = 1 - hit.length
  for (const service of scene.services) others += inHour(service, at).length
  const chance = poissonTail(hit.length - 1, (Math.max(1, others) * MINUTE_MS) / scene.watchedMs)
  return [
    {
      pattern: 'system_wide',
      services,
      strength: 1 - chance,
      severity: hit.length >= HIGH_SERVICES ? 'high' : 'normal',
      interval,
      evidence: evidence(scene, services, interval, hit.length, chance),
      recommendations: recommend.systemWide(services),
    },
  ]
}
