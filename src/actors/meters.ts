// What a breaker measures: the window, the demand, the latencies, and what happened since it entered its present state.
import type { BreakerPolicy } from '../model/policy.ts'
import type { WindowStats } from '../model/stats.ts'
import { minimumCalls } from '../model/trip.ts'
import { type CallWindow, createWindow, type SavedWindow, type WindowCounts } from './callWindow.ts'
import { DemandMeter } from './demandMeter.ts'
import { LatencyWatch, type SavedLatency } from './latencyWatch.ts'

/** Plain JSON form of the meters, for a journal's header. */
export interface SavedMeters {
  readonly window: {
    readonly type: BreakerPolicy['window']['type']
    readonly counts: SavedWindow
    readonly demand: readonly number[]
    readonly sinceEntry: WindowStats['sinceEntry']
  }
  readonly latency: SavedLatency
}

export class Meters {
  readonly demand = new DemandMeter()
  readonly latency = new LatencyWatch()
  window: CallWindow
  #type: BreakerPolicy['window']['type']
  readonly #sinceEntry = { calls: 0, failures: 0, slow: 0 }

  constructor(policy: BreakerPolicy) {
    this.window = createWindow(policy)
    this.#type = policy.window.type
  }

  /** The numbers that travel to the machine. */
  stats(at: number): WindowStats {
    const { window } = this
    window.expire(at)
    return {
      calls: window.calls,
      failures: window.failures,
      slow: window.slow,
      consecutiveFailures: window.consecutiveFailures,
      consecutiveTimeouts: window.consecutiveTimeouts,
      consecutiveServerErrors: window.consecutiveServerErrors,
      callsPerSecond: this.demand.perSecond(at),
      sinceEntry: { ...this.#sinceEntry },
    }
  }

  /** Those of them that may be looked at without a trace, so that a replay need not know who looked. */
  counts(at: number): WindowCounts & Pick<WindowStats, 'consecutiveFailures'> {
    return { ...this.window.countsAt(at), consecutiveFailures: this.window.consecutiveFailures }
  }

  /** The rates of the trip arithmetic, asked without building anything; the machine has the last word. */
  meetsRate(policy: BreakerPolicy): boolean {
    const { failureRate, slowCallRate } = policy.trip
    const { calls, failures, slow } = this.window
    // Divided as the trip arithmetic divides, or the two would part where a rate is just at its threshold.
    return (
      (failureRate !== false && calls >= minimumCalls(failureRate, policy) && failures / calls >= failureRate.threshold) ||
      (slowCallRate !== false && calls >= minimumCalls(slowCallRate, policy) && slow / calls >= slowCallRate.threshold)
    )
  }

  /**
   * Could the failures counted so far trip or degrade by `policy`? Asked of every failure, so that one that changes nothing
   * costs no event; true now and then where the machine will say no.
   */
  mayDecide(policy: BreakerPolicy): boolean {
    const { trip, degrade } = policy
    const { window } = this
    return (
      reached(window.consecutiveFailures, trip.consecutiveFailures) ||
      reached(window.consecutiveTimeouts, trip.consecutiveTimeouts) ||
      this.meetsRate(policy) ||
      (degrade !== false &&
        (reached(window.consecutiveFailures, degrade.consecutiveFailures) ||
          (degrade.failureRate !== false &&
            window.calls >= minimumCalls(degrade.failureRate, policy) &&
            window.failures / window.calls >= degrade.failureRate.threshold)))
    )
  }

  countSinceEntry(failed: number, slow: number, calls = 1): void {
    this.#sinceEntry.calls += calls
    this.#sinceEntry.failures += failed
    this.#sinceEntry.slow += slow
  }

  resetSinceEntry(): void {
    this.#sinceEntry.calls = 0
    this.#sinceEntry.failures = 0
    this.#sinceEntry.slow = 0
  }

  /** Another policy: the counts go on where the new window is of the same type. */
  adapt(policy: BreakerPolicy): void {
    const counts = this.window.save()
    this.window = createWindow(policy)
    if (this.#type === policy.window.type) this.window.restore(counts)
    this.#type = policy.window.type
  }

  save(): SavedMeters {
    return {
      window: {
        type: this.#type,
        counts: this.window.save(),
        demand: this.demand.save(),
        sinceEntry: { ...this.#sinceEntry },
      },
      latency: this.latency.save(),
    }
  }

  restore({ window, latency }: SavedMeters): void {
    if (window.type === this.#type) this.window.restore(window.counts)
    this.demand.restore(window.demand)
    this.latency.restore(latency)
    Object.assign(this.#sinceEntry, window.sinceEntry)
  }
}

function reached(count: number, threshold: number | false): boolean {
  return threshold !== false && count >= threshold
}
