// Looks for patterns in the failures of all services, as an RxJS stream on the board's clock that the orchestrator invokes:
// failures are told one by one, successes are counted once a second from what the breakers have counted anyway.
import { concatMap, exhaustMap, from, type Observable, Subject, takeWhile, timer } from 'rxjs'
import { FailureHistory } from '../analysis/failureHistory.ts'
import { findCorrelations } from '../analysis/findCorrelations.ts'
import { StandingFindings } from '../analysis/standingFindings.ts'
import type { OrchestratorEvent } from '../machines/orchestratorMachine.ts'
import type { Clock } from '../model/clock.ts'
import type { FailureType } from '../model/failures.ts'
import type { Finding } from '../model/findings.ts'
import type { Dependencies } from '../model/orchestrator/graph.ts'
import { ClockScheduler } from './clockScheduler.ts'
import { isKeyed, parentOf } from './keyedName.ts'

export type FindingMade = Extract<OrchestratorEvent, { type: 'finding.made' }>

export interface CorrelatorOptions {
  readonly clock: Clock
  readonly places: Dependencies
  /** What each breaker has counted, those of keys included. */
  readonly breakers: () => Iterable<Counted>
}

/** A breaker, and how many calls of it have gone well. */
export interface Counted {
  readonly service: string
  readonly successes: number
}

/** ms */
const TICK = 1000
/** With no failure for so long and nothing found, nobody looks until the next one; ms. */
const WATCHES_FOR = 300_000
/** What is known of the time that nobody looked, which had no failures: the calls of an hour at most, spread evenly; ms. */
const CAUGHT_UP = 3_600_000

export class Correlator {
  /** What is found, when it comes and when it is over. */
  readonly findings$: Observable<FindingMade>
  readonly #options: CorrelatorOptions
  readonly #history = new FailureHistory()
  /** Successes as they were at the last look. */
  readonly #counted = new Map<string, number>()
  /** Those of keys' breakers that are no more: keys come and go by the thousand. */
  readonly #gone = new Map<string, number>()
  readonly #standing = new StandingFindings()
  readonly #wakes$ = new Subject<void>()
  #last: { readonly service: string; readonly at: number; readonly type: FailureType } | undefined
  #lastFailure = Number.NEGATIVE_INFINITY
  #lastLook: number
  /** The failure that ended its sleep, until the next look. */
  #wokenAt: number | undefined

  constructor(options: CorrelatorOptions) {
    this.#options = options
    this.#lastLook = Math.floor(options.clock.now())
    const ticks$ = timer(TICK, TICK, new ClockScheduler(options.clock))
    this.findings$ = this.#wakes$.pipe(
      exhaustMap(() => ticks$.pipe(takeWhile(() => !this.#dozes(Math.floor(options.clock.now()))))),
      concatMap(() => from(this.#tick())),
    )
  }

  failed(service: string, at: number, type: FailureType): void {
    const dozed = this.#dozes(at)
    this.#lastFailure = at
    if (dozed) {
      // What was slept through is looked up with the next look: a call that fails must not wait for it.
      this.#history.resume(at)
      this.#wokenAt = at
    }
    this.#history.add(at, service, 'failure', type)
    this.#last = { service, at, type }
    if (dozed) this.#wakes$.next()
  }

  /** The breaker of a service opened. If by a failure, that is the last that was told; else it says nothing of failures. */
  opened(service: string, at: number): void {
    if (this.#last?.service === service && this.#last.at === at) this.#history.opened(service, at, this.#last.type)
  }

  /** Goes on with what stood before a restart, until it is found again or has had the time to be. */
  adopt(findings: readonly Finding[]): void {
    this.#standing.adopt(findings, Math.floor(this.#options.clock.now()))
    if (this.#standing.size > 0) this.#wakes$.next()
  }

  /**
   * A breaker leaves the board. What one of a key has counted stays counted; a service that leaves is forgotten, as strangers may
   * make up any number of them for a fleet.
   */
  removed({ service, successes }: Counted): void {
    if (isKeyed(service)) {
      const name = parentOf(service)
      this.#gone.set(name, (this.#gone.get(name) ?? 0) + successes)
      return
    }
    this.#gone.delete(service)
    this.#counted.delete(service)
    this.#history.forget(service)
  }

  #tick(): FindingMade[] {
    const at = Math.floor(this.#options.clock.now())
    this.#count(at)
    const changes = this.#standing.take(findCorrelations(this.#history, this.#options.places, at), at)
    return changes.map((change) => ({ type: 'finding.made', at, ...change }))
  }

  #dozes(at: number): boolean {
    return at - this.#lastFailure > WATCHES_FOR && this.#standing.size === 0
  }

  /** Adds the successes since the last look. */
  #count(at: number): void {
    const more = this.#successesSince()
    const slept = this.#wokenAt === undefined ? undefined : this.#sleptThrough(this.#wokenAt, at, more)
    this.#wokenAt = undefined
    this.#lastLook = at
    this.#history.advance(at)
    for (const [service, count] of more) {
      const left = count - (slept?.get(service) ?? 0)
      if (left > 0) this.#history.add(at, service, 'success', undefined, left)
    }
  }

  /** Takes in the time before the second of the failure that ended the sleep. Returns how many of the successes were in it. */
  #sleptThrough(wokenAt: number, at: number, more: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const since = this.#lastLook
    const to = wokenAt - (wokenAt % TICK)
    const from = Math.max(since - (since % TICK) + TICK, to - CAUGHT_UP)
    const slept = new Map<string, number>()
    if (from >= to) return slept
    const known = new Map<string, number>()
    for (const [service, count] of more) {
      const before = Math.floor((count * (to - since)) / (at - since))
      slept.set(service, before)
      known.set(service, Math.floor(before * Math.min(1, (to - from) / (to - since))))
    }
    this.#history.passQuietly(from, to, known)
    return slept
  }

  #successesSince(): Map<string, number> {
    const now = new Map(this.#gone)
    for (const { service, successes } of this.#options.breakers()) {
      const name = parentOf(service)
      now.set(name, (now.get(name) ?? 0) + successes)
    }
    const more = new Map<string, number>()
    for (const [service, successes] of now) {
      more.set(service, successes - (this.#counted.get(service) ?? 0))
      this.#counted.set(service, successes)
    }
    return more
  }
}
