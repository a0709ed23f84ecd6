// How often the onsets of two services come together, at which lag, and whether that may be chance. The arithmetic of
// temporalCorrelation.ts; symmetric: exchanging the two turns the sign of the lag and changes nothing else.
import { median } from './averages.ts'
import { atLeastOne, binomialTail } from './chance.ts'

export interface Coincidence {
  /** Onsets of the one that have one of the other at that lag, each counted once. */
  readonly matched: number
  readonly first: number
  readonly second: number
  /** From the first to the second, ms, the median; negative if the second goes before. */
  readonly lagMs: number
  /** The lags of the matched, ms. */
  readonly lags: readonly number[]
  /** When the matched onsets of the first were. */
  readonly at: readonly number[]
  /** By chance, for this lag alone. */
  readonly chance: number
}

/** The longest lag that is looked for, ms. */
const LONGEST_LAG_MS = 60_000
/** Lags are alike within this, or within this share of the lag where that is more. */
const ALIKE_MS = 1500
const ALIKE_SHARE = 0.25
/** Lags further out, which tell how close together the two come by chance at such times. */
const AROUND_MS = 180_000
const TRIED = 6
const LEAST_MATCHED = 3
/** The share of the onsets of the one that has fewer. */
const LEAST_SHARE = 0.5
/**
 * How many lags are tried, in effect: windows side by side between -60 s and 60 s are 13 (four of 3 s up to 6 s, and on each
 * side ln(60 / 6) / (2 * 0.25) = 4.6 beyond); as they are laid where the data are and not side by side, twice as many.
 */
export const LAGS_TRIED = 26

/** The lag at which two series of onsets (sorted, epoch ms) meet least by chance; undefined if they meet too seldom to say. */
export function coincidence(a: readonly number[], b: readonly number[], spanMs: number): Coincidence | undefined {
  const near: number[] = []
  let around = 0
  for (let i = 0, start = 0; i < a.length; i++) {
    while (start < b.length && b[start]! < a[i]! - AROUND_MS) start++
    for (let j = start; j < b.length && b[j]! <= a[i]! + AROUND_MS; j++) {
      const lag = b[j]! - a[i]!
      around++
      if (Math.abs(lag) <= LONGEST_LAG_MS) near.push(lag)
    }
  }
  const least = Math.max(LEAST_MATCHED, LEAST_SHARE * Math.min(a.length, b.length))
  if (near.length < least) return undefined
  let best: Coincidence | undefined
  for (const centre of fullest(near, least)) {
    const found = matchAt(a, b, centre, around, spanMs)
    if (found.matched < least) continue
    if (!best || found.chance < best.chance || (found.chance === best.chance && Math.abs(found.lagMs) < Math.abs(best.lagMs)))
      best = found
  }
  return best
}

/** Half the width of the window around a lag, ms. */
function halfWidth(lag: number): number {
  return Math.max(ALIKE_MS, Math.abs(lag) * ALIKE_SHARE)
}

/** Where the most lags lie together: the lags around which the window is fullest, for its width. */
function fullest(lags: readonly number[], least: number): number[] {
  const sorted = Float64Array.from(lags).sort()
  const scored: { readonly lag: number; readonly score: number }[] = []
  let [low, high] = [0, 0]
  for (const lag of sorted) {
    const half = halfWidth(lag)
    while (low < sorted.length && sorted[low]! < lag - half) low++
    while (low > 0 && sorted[low - 1]! >= lag - half) low--
    while (high < sorted.length && sorted[high]! <= lag + half) high++
    while (high > 0 && sorted[high - 1]! > lag + half) high--
    const inside = high - low
    if (inside >= least) scored.push({ lag, score: inside - (sorted.length * half) / LONGEST_LAG_MS })
  }
  scored.sort((x, y) => y.score - x.score || Math.abs(x.lag) - Math.abs(y.lag))
  const centres: number[] = []
  let [distances, distance] = [0, -1]
  for (const { lag } of scored) {
    // Lags that mirror each other are tried both or neither, or the order of the two services would matter.
    if (Math.abs(lag) !== distance && ++distances > TRIED) break
    distance = Math.abs(lag)
    if (!centres.includes(lag)) centres.push(lag)
  }
  return centres
}

function matchAt(a: readonly number[], b: readonly number[], centre: number, around: number, spanMs: number): Coincidence {
  const half = halfWidth(centre)
  const [lags, at]: [number[], number[]] = [[], []]
  // Both are sorted and the window is the same for all, so the first that fits is never a loss.
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const lag = b[j]! - a[i]!
    if (lag < centre - half) j++
    else if (lag > centre + half) i++
    else {
      lags.push(lag)
      at.push(a[i]!)
      i++
      j++
    }
  }
  const matched = lags.length
  const outside = Math.max(0, around - matched) * (half / (AROUND_MS - half))
  const chanceOf = (tried: number, others: number): number => {
    // How likely one onset is met by chance: by the rate of the other, or by how close the two come in general, if that is more.
    const met = Math.max(atLeastOne(others / spanMs, 2 * half), 1 - Math.exp(-outside / tried))
    return binomialTail(tried, matched, met)
  }
  const chance = Math.max(chanceOf(a.length, b.length), chanceOf(b.length, a.length))
  return { matched, first: a.length, second: b.length, lagMs: matched > 0 ? median(lags) : 0, lags, at, chance }
}
