// What a breaker's conduct on a trace cost: failures let through and good calls refused, against a breaker that knows.
import type { Conduct } from './contender.ts'
import { endOfCall, failureProbability, type Trace } from './traces.ts'

export interface Score {
  readonly calls: number
  readonly failuresLetThrough: number
  readonly goodCallsRefused: number
  /** Cost (the sum of the two above) minus the cost of the omniscient breaker. */
  readonly regret: number
  /** For each bad spell in which calls came: ms from its beginning to the first refusal, or its length if there was none. */
  readonly detections: readonly number[]
  /** For each bad spell that ended with the breaker refusing: ms from its end to the first of 5 calls let through in a row. */
  readonly recoveries: readonly number[]
  /** Trips while at most half of the calls failed, and had not done worse within the last 5 s. */
  readonly falseTrips: number
}

const AFTERMATH_MS = 5_000
const CALLS_TO_BE_BACK = 5

export function score(trace: Trace, { startedAt, trips }: Conduct): Score {
  let failuresLetThrough = 0
  let goodCallsRefused = 0
  for (let i = 0; i < trace.arrivals.length; i++) {
    const started = startedAt[i]!
    const failed = endOfCall(trace, i, Number.isNaN(started) ? trace.arrivals[i]! : started).failed
    if (Number.isNaN(started) && !failed) goodCallsRefused++
    if (!Number.isNaN(started) && failed) failuresLetThrough++
  }
  return {
    calls: trace.arrivals.length,
    failuresLetThrough,
    goodCallsRefused,
    regret: failuresLetThrough + goodCallsRefused - omniscientCost(trace),
    detections: detections(trace, startedAt),
    recoveries: recoveries(trace, startedAt),
    falseTrips: trips.filter((at) => !trace.badSpells.some(({ from, to }) => at >= from && at < to + AFTERMATH_MS)).length,
  }
}

/** The cost of a breaker that lets a call through exactly when it is at least as likely to succeed as to fail. */
function omniscientCost(trace: Trace): number {
  let cost = 0
  trace.arrivals.forEach((at, i) => {
    const admits = failureProbability(trace, at) <= 0.5
    if (endOfCall(trace, i, at).failed === admits) cost++
  })
  return cost
}

function detections(trace: Trace, startedAt: Float64Array): number[] {
  const found: number[] = []
  let i = 0
  for (const { from, to } of trace.badSpells) {
    while (i < trace.arrivals.length && trace.arrivals[i]! < from) i++
    const first = i
    let refusedAt: number | undefined
    for (; i < trace.arrivals.length && trace.arrivals[i]! < to; i++) {
      if (refusedAt === undefined && Number.isNaN(startedAt[i]!)) refusedAt = trace.arrivals[i]!
    }
    if (i > first) found.push((refusedAt ?? to) - from)
  }
  return found
}

function recoveries(trace: Trace, startedAt: Float64Array): number[] {
  const found: number[] = []
  trace.badSpells.forEach(({ from, to }, spell) => {
    const nextSpell = trace.badSpells[spell + 1]?.from ?? Number.POSITIVE_INFINITY
    const after = trace.arrivals.findIndex((at) => at >= to)
    if (after < 1 || trace.arrivals[after - 1]! < from || !Number.isNaN(startedAt[after - 1]!)) return
    let inARow = 0
    for (let i = after; i < trace.arrivals.length && trace.arrivals[i]! < nextSpell; i++) {
      inARow = Number.isNaN(startedAt[i]!) ? 0 : inARow + 1
      if (inARow === CALLS_TO_BE_BACK) {
        found.push(trace.arrivals[i - CALLS_TO_BE_BACK + 1]! - to)
        return
      }
    }
  })
  return found
}
