// When a service began to fail, as series of moments: its runs of failures, and these together with its lone failures. Pairs
// and rhythms are looked for in both.
import type { ServiceHistory } from './serviceHistory.ts'

/** A service with more lone failures than this in the time looked at has too many for any of them to mean something. */
const MOST_LONE = 60

/**
 * What chances are multiplied by for having looked in both series, at every tick: 2 for runs, and fifty times as much for
 * series with lone failures, of which there are many in any traffic.
 */
export const LOOKS = [2, 100] as const

/** Onsets since `since`, epoch ms, oldest first: of runs; and of runs and lone failures, if there are few of those. */
export function onsetSeries({ runs, lone }: ServiceHistory, since = 0): number[][] {
  const strong = runs.filter((from) => from >= since)
  const weak = lone.filter((at) => at >= since && !strong.includes(at))
  if (weak.length === 0 || weak.length > MOST_LONE) return [strong]
  return [strong, [...strong, ...weak].sort((a, b) => a - b)]
}
