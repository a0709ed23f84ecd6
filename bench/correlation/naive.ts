// The baseline: a pair is correlated when 70% of the failures of one have a failure of the other within 300 s of them. Blind
// to how busy either is, and not symmetric: a pair counts as correlated if the rule holds for either of the two.
import type { Incident } from '../../test/incidents/incident.ts'
import type { FailedCall } from '../../test/incidents/traffic.ts'

const SHARE = 0.7
const WITHIN_MS = 300_000
/** The rule looks back an hour, as the analysis does. */
const HOUR_MS = 3_600_000

export type NamePair = readonly [string, string]

export function correlatedByRule({ recordings, seconds }: Incident): NamePair[] {
  const since = seconds * 1000 - HOUR_MS
  const failures = new Map(recordings.map(({ service, failures }) => [service, failures.filter(({ at }) => at >= since)]))
  return pairsOf([...failures.keys()]).filter(([a, b]) => {
    const [x, y] = [failures.get(a)!, failures.get(b)!]
    return shareMet(x, y) >= SHARE || shareMet(y, x) >= SHARE
  })
}

export function pairsOf(services: readonly string[]): NamePair[] {
  const sorted = [...services].sort()
  return sorted.flatMap((a, i) => sorted.slice(i + 1).map((b): NamePair => [a, b]))
}

export function pairKey([a, b]: NamePair): string {
  return `${a} ${b}`
}

function shareMet(a: readonly FailedCall[], b: readonly FailedCall[]): number {
  let met = 0
  let next = 0
  for (const { at } of a) {
    while (next < b.length && b[next]!.at < at - WITHIN_MS) next++
    if (next < b.length && b[next]!.at <= at + WITHIN_MS) met++
  }
  return a.length === 0 ? 0 : met / a.length
}
