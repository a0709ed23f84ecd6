// Temporal correlation: two services begin to fail together, or one a steady while after the other, more often than chance
// has it. What is compared are onsets (onsets.ts), at most one for each run of failures, and never the failures themselves.
import type { EvidenceEvent, Finding } from '../model/findings.ts'
import { meanAndVariance } from './averages.ts'
import { corrected } from './chance.ts'
import { type Coincidence, coincidence, LAGS_TRIED } from './coincidence.ts'
import { LOOKS, onsetSeries } from './onsets.ts'
import { recommend } from './recommendations.ts'
import { byTime, evidenceOfOnsets, HOUR_MS, type Scene } from './scene.ts'

const LEAST_ONSETS = 3
const MOST_CHANCE = 0.005
/** Up to this it is at least suggested that a pair is correlated. */
const SUGGESTED = 0.5
/** Pairs are looked for among so many services: those with the most episodes, then with the most lone failures. */
const MOST_SERVICES = 32
/** A lag shorter than this has no direction: seconds are what is counted. */
const LEAST_LAG_MS = 300

/** A pair that is correlated or may be, before it is known whether something else explains it. */
export interface Pair {
  /** Who goes first, where that is known; else by name. */
  readonly from: string
  readonly to: string
  readonly directed: boolean
  /** Too clear to be chance; else only suggested. */
  readonly certain: boolean
  readonly lagMs: number
  readonly chance: number
  readonly coincidence: Coincidence
}

export function correlatedPairs(scene: Scene): Pair[] {
  const since = scene.at - HOUR_MS
  const active = scene.services
    .map((service) => ({ service: service.service, series: onsetSeries(service, since) }))
    .filter(({ series }) => series.some((onsets) => onsets.length >= LEAST_ONSETS))
    .sort((x, y) => y.series[0]!.length - x.series[0]!.length || (y.series[1]?.length ?? 0) - (x.series[1]?.length ?? 0))
    .slice(0, MOST_SERVICES)
    .sort((x, y) => (x.service < y.service ? -1 : 1))
  // How many onsets there are says nothing of whether they coincide, so the pairs that have too few are no tests.
  const tests = [0, 0]
  const looked: { readonly a: string; readonly b: string; readonly kind: number; readonly found: Coincidence }[] = []
  for (let i = 0; i < active.length; i++) {
    for (let j = i + 1; j < active.length; j++) {
      const [a, b] = [active[i]!, active[j]!]
      for (let kind = 0; kind < 2; kind++) {
        const [x, y] = [a.series[kind], b.series[kind]]
        if (kind === 1 && !x && !y) continue
        const [first, second] = [x ?? a.series[0]!, y ?? b.series[0]!]
        if (first.length < LEAST_ONSETS || second.length < LEAST_ONSETS) continue
        tests[kind]!++
        const found = coincidence(first, second, scene.watchedMs)
        if (found) looked.push({ a: a.service, b: b.service, kind, found })
      }
    }
  }
  const best = new Map<string, Pair>()
  for (const { a, b, kind, found } of looked) {
    const chance = corrected(found.chance, tests[kind]! * LAGS_TRIED * LOOKS[kind]!)
    if (chance > SUGGESTED) continue
    const key = JSON.stringify([a, b])
    const held = best.get(key)
    if (!held || better({ chance, coincidence: found }, held)) best.set(key, pairOf(a, b, found, chance))
  }
  return [...best.values()]
}

export function pairFinding(scene: Scene, pair: Pair): Finding {
  const { from, to, directed, lagMs, chance, coincidence } = pair
  const services = [from, to].sort()
  const events = onsetsOf(pair).sort(byTime)
  const interval = { from: events[0]!.at, to: events.at(-1)!.at }
  return {
    pattern: 'temporal_correlation',
    services,
    strength: strengthOf(pair),
    severity: 'normal',
    lagMs,
    ...(directed && { direction: { from, to } }),
    interval,
    evidence: evidenceOfOnsets(scene, services, interval, coincidence.matched, chance, events),
    recommendations: recommend.pair(from, to, directed),
  }
}

/** The onsets that came together, of both services. */
export function onsetsOf({ from, to, coincidence: { at, lags } }: Pair): EvidenceEvent[] {
  const [first, second] = [from, to].sort() as [string, string]
  return at.flatMap((one, i) => [
    { at: one, service: first },
    { at: one + lags[i]!, service: second },
  ])
}

export function strengthOf({ chance, coincidence }: Pick<Pair, 'chance' | 'coincidence'>): number {
  return shareOfBoth(coincidence) * (1 - chance)
}

/** Of all occasions on which either began to fail, the share on which both did. */
export function shareOfBoth({ matched, first, second }: Coincidence): number {
  return matched / (first + second - matched)
}

function better(one: Pick<Pair, 'chance' | 'coincidence'>, held: Pair): boolean {
  const certain = one.chance <= MOST_CHANCE
  return certain === held.certain ? strengthOf(one) > strengthOf(held) : certain
}

function pairOf(a: string, b: string, found: Coincidence, chance: number): Pair {
  const { lagMs, lags } = found
  const { mean, variance } = meanAndVariance(lags)
  // Directed if the mean lag is more than two of its standard errors from none.
  const directed = Math.abs(mean) > 2 * Math.sqrt(variance / lags.length) && Math.abs(lagMs) >= LEAST_LAG_MS
  const [from, to] = lagMs >= 0 ? [a, b] : [b, a]
  const certain = chance <= MOST_CHANCE
  return {
    from: directed ? from : a,
    to: directed ? to : b,
    directed,
    certain,
    lagMs: Math.abs(lagMs),
    chance,
    coincidence: found,
  }
}
