// Recurring: a service begins to fail again and again at even intervals. Of the intervals between onsets those count that are
// once, twice or three times the median, so that an occasion that was missed does not hide the others.
import type { Finding } from '../model/findings.ts'
import { meanAndVariance, median } from './averages.ts'
import { binomialTail, corrected } from './chance.ts'
import { LOOKS, onsetSeries } from './onsets.ts'
import { recommend } from './recommendations.ts'
import { evidenceOfOnsets, type Scene } from './scene.ts'
import type { ServiceHistory } from './serviceHistory.ts'

const LEAST_ONSETS = 4
/** How far an interval may be off, as a share of the period; each is tried, which the chance is corrected for. */
const TOLERANCES = [0.03, 0.06, 0.12, 0.2]
const MOST_MULTIPLE = 3
/** The share of intervals that must fit. */
const LEAST_FIT = 0.6
const MOST_CHANCE = 0.005
/** Onsets are never closer than this by the way they are counted, which is no rhythm. */
const APART_MS = 10_000
const SHORTEST_MS = 2 * APART_MS
/** Rhythms are looked for in so many series of each sort: those with the most onsets. */
const MOST_SERIES = 100

export interface Rhythm {
  readonly periodMs: number
  readonly spreadMs: number
  /** Intervals that fit, and all. */
  readonly fitting: number
  readonly intervals: number
  readonly chance: number
}

export function recurring(scene: Scene): Finding[] {
  const series = scene.services.flatMap((service) =>
    onsetSeries(service).flatMap((onsets, kind) => (onsets.length >= LEAST_ONSETS ? [{ service, onsets, kind }] : [])),
  )
  const candidates = LOOKS.flatMap((_, kind) =>
    series
      .filter((one) => one.kind === kind)
      .sort((a, b) => b.onsets.length - a.onsets.length)
      .slice(0, MOST_SERIES),
  )
  const tests = LOOKS.map((looks, kind) => looks * candidates.filter((one) => one.kind === kind).length)
  const found = new Map<string, Finding>()
  for (const { service, onsets, kind } of candidates) {
    const rhythm = rhythmOf(onsets, tests[kind])
    if (!rhythm || rhythm.chance > MOST_CHANCE || !goesOn(rhythm, onsets, scene.at)) continue
    const finding = findingOf(scene, service, onsets, rhythm)
    if ((found.get(service.service)?.strength ?? 0) < finding.strength) found.set(service.service, finding)
  }
  return [...found.values()]
}

/** The rhythm of onsets (sorted, epoch ms) that chance explains least, corrected for `tests` series; undefined if there is none. */
export function rhythmOf(onsets: readonly number[], tests = 1): Rhythm | undefined {
  if (onsets.length < LEAST_ONSETS) return undefined
  const intervals = onsets.slice(1).map((at, i) => at - onsets[i]!)
  const base = median(intervals)
  if (base < SHORTEST_MS) return undefined
  const mean = (onsets.at(-1)! - onsets[0]!) / intervals.length
  let best: Rhythm | undefined
  for (const tolerance of TOLERANCES) {
    const fitting = intervals.flatMap((interval) => {
      const times = Math.round(interval / base)
      return times >= 1 && times <= MOST_MULTIPLE && Math.abs(interval - times * base) <= tolerance * base
        ? [interval / times]
        : []
    })
    if (fitting.length < LEAST_FIT * intervals.length) continue
    // Onsets that come at random leave intervals that are distributed exponentially, but for the least one. One of them is the
    // median and fits itself.
    const chance = binomialTail(intervals.length - 1, fitting.length - 1, fitsByChance(base, mean, tolerance))
    if (best && chance >= best.chance) continue
    const { mean: periodMs, variance } = meanAndVariance(fitting)
    best = { periodMs, spreadMs: Math.sqrt(variance), fitting: fitting.length, intervals: intervals.length, chance }
  }
  return best && { ...best, chance: corrected(best.chance, TOLERANCES.length * tests) }
}

function fitsByChance(base: number, mean: number, tolerance: number): number {
  let sum = 0
  for (let times = 1; times <= MOST_MULTIPLE; times++) {
    const [low, high] = [(times - tolerance) * base - APART_MS, (times + tolerance) * base - APART_MS]
    sum += Math.exp(-Math.max(0, low) / (mean - APART_MS)) - Math.exp(-high / (mean - APART_MS))
  }
  return Math.min(1, sum)
}

/** A rhythm that has missed two beats has stopped. */
function goesOn({ periodMs, spreadMs }: Rhythm, onsets: readonly number[], at: number): boolean {
  return at - onsets.at(-1)! <= 2 * periodMs + 3 * spreadMs
}

function findingOf(scene: Scene, { service }: ServiceHistory, onsets: readonly number[], rhythm: Rhythm): Finding {
  const { periodMs, spreadMs, fitting, intervals, chance } = rhythm
  const interval = { from: onsets[0]!, to: onsets.at(-1)! }
  const events = onsets.map((at) => ({ at, service }))
  return {
    pattern: 'recurring',
    services: [service],
    strength: (fitting / intervals) * Math.max(0, 1 - spreadMs / periodMs) * (1 - chance),
    severity: 'normal',
    periodMs,
    spreadMs,
    interval,
    evidence: evidenceOfOnsets(scene, [service], interval, fitting, chance, events),
    recommendations: recommend.recurring(service, periodMs),
  }
}
