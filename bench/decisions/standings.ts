// The standings of a breaker over many traces: per kind of trace and over all.
import { type Contender, runTrace } from './contender.ts'
import { TRACE_KINDS, type TraceKind } from './incidents.ts'
import { type Score, score } from './score.ts'
import { makeTrace, RATES, type Trace } from './traces.ts'

/** All numbers are means over the traces of a kind, except where it says otherwise. */
export interface KindStanding {
  readonly traces: number
  /** Calls handled worse than by the omniscient breaker, per trace. */
  readonly regret: number
  /** The same per 1000 calls of each trace, so that a quiet service weighs as much as a busy one. */
  readonly regretPerThousand: number
  readonly failuresLetThrough: number
  readonly goodCallsRefused: number
  /** Median, ms; undefined if there was nothing to detect. */
  readonly detectionMs: number | undefined
  readonly recoveryMs: number | undefined
  /** In all traces together. */
  readonly falseTrips: number
}

export interface Standings {
  readonly kinds: Readonly<Record<TraceKind, KindStanding>>
  /** Regret summed over the kinds (each its mean over traces): a busy service weighs more, as it has more calls to lose. */
  readonly total: number
  /** Regret per 1000 calls, mean over the kinds. */
  readonly perThousand: number
}

const traces = new Map<string, Trace>()

/** Traces are made once: every breaker is offered the very same ones. */
export function tracesOf(kind: TraceKind, seeds: readonly number[]): Trace[] {
  return seeds.flatMap((seed) =>
    RATES.map((rate) => {
      const key = `${kind} ${rate} ${seed}`
      const trace = traces.get(key) ?? makeTrace(kind, rate, seed)
      traces.set(key, trace)
      return trace
    }),
  )
}

export async function standingsOf(contender: Contender, seeds: readonly number[]): Promise<Standings> {
  const kinds: Partial<Record<TraceKind, KindStanding>> = {}
  for (const kind of TRACE_KINDS) {
    const scores: Score[] = []
    for (const trace of tracesOf(kind, seeds)) scores.push(score(trace, await runTrace(contender, trace)))
    kinds[kind] = standing(scores)
  }
  const complete = kinds as Record<TraceKind, KindStanding>
  return {
    kinds: complete,
    total: sum(TRACE_KINDS.map((kind) => complete[kind].regret)),
    perThousand: mean(TRACE_KINDS.map((kind) => complete[kind].regretPerThousand)),
  }
}

function standing(scores: readonly Score[]): KindStanding {
  return {
    traces: scores.length,
    regret: mean(scores.map((one) => one.regret)),
    regretPerThousand: mean(scores.map((one) => (1000 * one.regret) / Math.max(one.calls, 1))),
    failuresLetThrough: mean(scores.map((one) => one.failuresLetThrough)),
    goodCallsRefused: mean(scores.map((one) => one.goodCallsRefused)),
    detectionMs: median(scores.flatMap((one) => one.detections)),
    recoveryMs: median(scores.flatMap((one) => one.recoveries)),
    falseTrips: sum(scores.map((one) => one.falseTrips)),
  }
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
