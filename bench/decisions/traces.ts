// Incident traces: when calls arrive, and how the upstream really is at each moment. Everything that chance decides is drawn
// here, before any breaker is asked, so that every breaker meets the same calls with the same luck.
import { seededRandom } from 'switchgear/testing'
import { incident, type Stretch, TRACE_MS, type TraceKind } from './incidents.ts'

/** Calls a second, on average; they arrive independently of each other (Poisson). */
export const RATES = [0.5, 2, 10, 40] as const

/** The caller's own timeout, ms: a call that hangs fails after this long. */
export const CALL_TIMEOUT_MS = 3_000

export interface Trace {
  readonly kind: TraceKind
  readonly rate: number
  readonly seed: number
  /** When each call arrives, ms from the start of the trace. */
  readonly arrivals: Float64Array
  /** A call fails if its luck is below the failure probability at the moment it is started. */
  readonly luck: Float64Array
  /** Uniform draws from which the latency of each call is made. */
  readonly pace: Float64Array
  readonly stretches: readonly Stretch[]
  /** The stretches of time in which more than half of all calls fail, ms. */
  readonly badSpells: readonly { readonly from: number; readonly to: number }[]
}

export function makeTrace(kind: TraceKind, rate: number, seed: number): Trace {
  // The incident is drawn from a seed of its own: the same seed means the same incident at every call rate.
  const stretches = incident(kind, seededRandom(deriveSeed(seed, kind)))
  const random = seededRandom(deriveSeed(seed, `${kind} at ${rate}`))
  const arrivals: number[] = []
  for (let at = 0; ; ) {
    at += (-Math.log(1 - random.next()) / rate) * 1000
    if (at >= TRACE_MS) break
    arrivals.push(at)
  }
  const draws = () => Float64Array.from(arrivals, () => random.next())
  return {
    kind,
    rate,
    seed,
    arrivals: Float64Array.from(arrivals),
    luck: draws(),
    pace: draws(),
    stretches,
    badSpells: badSpells(stretches),
  }
}

/** The true failure probability at `at` (ms), which only the omniscient breaker may look at. */
export function failureProbability(trace: Trace, at: number): number {
  return probabilityIn(stretchAt(trace, at), at)
}

export interface CallEnd {
  readonly failed: boolean
  readonly timedOut: boolean
  /** ms */
  readonly latency: number
}

/** What becomes of call `index` if it is started at `at`. */
export function endOfCall(trace: Trace, index: number, at: number): CallEnd {
  const stretch = stretchAt(trace, at)
  const failed = trace.luck[index]! < probabilityIn(stretch, at)
  const pace = trace.pace[index]!
  if (!failed) return { failed, timedOut: false, latency: Math.min(healthyLatency(pace) * stretch.slowness, CALL_TIMEOUT_MS - 1) }
  switch (stretch.failing) {
    case 'fast':
      return { failed, timedOut: false, latency: 20 + 130 * pace }
    case 'mixed':
      return { failed, timedOut: false, latency: pace < 0.7 ? 20 + 180 * pace : 1000 + 6000 * (pace - 0.7) }
    case 'hang':
      return { failed, timedOut: true, latency: CALL_TIMEOUT_MS }
  }
}

/** Around 100 ms, with a tail to about 300 ms: a log-logistic distribution, whose inverse is one line. */
function healthyLatency(uniform: number): number {
  const u = Math.min(Math.max(uniform, 0.002), 0.998)
  return 100 * (u / (1 - u)) ** 0.18
}

function stretchAt(trace: Trace, at: number): Stretch {
  const { stretches } = trace
  let i = 0
  while (i < stretches.length - 1 && at >= stretches[i]!.to) i++
  return stretches[i]!
}

function probabilityIn(stretch: Stretch, at: number): number {
  const share = Math.min(Math.max((at - stretch.from) / (stretch.to - stretch.from), 0), 1)
  return stretch.p0 + (stretch.p1 - stretch.p0) * share
}

/** Kinds and rates of the same seed must not share their draws. */
function deriveSeed(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash | 0
}

function badSpells(stretches: readonly Stretch[]): { from: number; to: number }[] {
  const spells: { from: number; to: number }[] = []
  for (const { from, to, p0, p1 } of stretches) {
    if (p0 <= 0.5 && p1 <= 0.5) continue
    const crossing = p0 === p1 ? undefined : from + ((to - from) * (0.5 - p0)) / (p1 - p0)
    const start = p0 > 0.5 ? from : crossing!
    const end = Math.min(p1 > 0.5 ? to : crossing!, TRACE_MS)
    const last = spells.at(-1)
    if (last !== undefined && last.to === start) last.to = end
    else if (start < TRACE_MS) spells.push({ from: start, to: end })
  }
  return spells
}
