// When a service began to fail, as series of moments: its episodes, and its episodes together with its lone failures. Pairs and
// rhythms are looked for in both.
import type { ServiceHistory } from './serviceHistory.ts'

/**
 * What chances are multiplied by for having looked in both series, at every tick: 2 for episodes, and fifty times as much
 * for series with lone failures, of which there are many in any traffic.
 */
export const LOOKS = [2, 100] as const

/** A service with more lone failures than this in the time looked at has too many for any of them to mean something. */
const MOST_LONE = 60

/** Onsets since `since`, epoch ms, oldest first: of episodes; and of episodes and lone failures, if there are few of those. */
export function onsetSeries({ episodes, lone }: ServiceHistory, since = 0): number[][] {
  const strong = episodes.filter((episode) => episode.from >= since).map((episode) => episode.from)
  const weak = lone.filter((at) => at >= since)
  if (weak.length === 0) return [strong]
  if (weak.length > MOST_LONE) return [strong]
  return [strong, [...strong, ...weak].sort((a, b) => a - b)]
}
