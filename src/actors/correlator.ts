// Looks for patterns in the failures of all services, as an RxJS stream on the board's clock that the orchestrator invokes:
// failures are told one by one, successes are counted once a second from what the breakers have counted anyway.
import { concatMap, exhaustMap, from, type Observable, Subject, takeWhile, timer } from 'rxjs'
import type { DependencyGraph } from '../analysis/dependencyGraph.ts'
import { FailureHistory } from '../analysis/failureHistory.ts'
import { findCorrelations } from '../analysis/findCorrelations.ts'
import type { OrchestratorEvent } from '../machines/orchestratorMachine.ts'
import type { Clock } from '../model/clock.ts'
import type { FailureType } from '../model/failures.ts'
import type { Finding } from '../model/findings.ts'
import type { Place } from '../model/orchestrator/config.ts'
import { ClockScheduler } from './clockScheduler.ts'
import { parentOf } from './keyedName.ts'

type FindingMade = Extract<OrchestratorEvent, { type: 'finding.made' }>

export interface CorrelatorOptions {
  readonly clock: Clock
  readonly places: Readonly<Record<string, Pick<Place, 'dependsOn'>>>
  /** What each breaker has counted, those of keys included. */
  readonly breakers: () => Iterable<{ readonly service: string; readonly successes: number }>
}

/** ms */
const TICK = 1000
/** With no failure for so long and nothing found, nobody looks until the next one; ms. */
const WATCHES_FOR = 300_000
/** What is known of the time that nobody looked, which had no failures: the calls of an hour at most, spread evenly. */
const CAUGHT_UP = 3_600_000
const STEPS = 60

export class Correlator {
  /** What is found, when it comes and when it is over. */
  readonly findings$: Observable<FindingMade>
  readonly #options: CorrelatorOptions
  readonly #graph: DependencyGraph
  readonly #history = new FailureHistory()
  /** Successes as they were at the last look. */
  readonly #counted = new Map<string, number>()
  readonly #standing = new Map<string, Finding>()
  readonly #wakes$ = new Subject<void>()
  #lastFailure = Number.NEGATIVE_INFINITY
  #lastLook: number

  constructor(options: CorrelatorOptions) {
    this.#options = options
    this.#graph = new Map(Object.entries(options.places).map(([service, { dependsOn }]) => [service, dependsOn]))
    this.#lastLook = Math.floor(options.clock.now())
    const ticks$ = timer(TICK, TICK, new ClockScheduler(options.clock))
    this.findings$ = this.#wakes$.pipe(
      exhaustMap(() => ticks$.pipe(takeWhile(() => !this.#dozes(Math.floor(options.clock.now()))))),
      concatMap(() => from(this.#tick())),
    )
  }

  failed(service: string, at: number, type: FailureType): void {
    const dozed = this.#dozes(at)
    // What was slept through comes first.
    if (dozed) this.#count(at)
    this.#lastFailure = at
    this.#history.add(at, service, 'failure', type)
    if (dozed) this.#wakes$.next()
  }

  #tick(): FindingMade[] {
    const at = Math.floor(this.#options.clock.now())
    this.#count(at)
    const found = new Map(findCorrelations(this.#history, this.#graph, at).map((finding) => [keyOf(finding), finding]))
    const made: FindingMade[] = []
    for (const [key, finding] of this.#standing) {
      if (found.has(key)) continue
      this.#standing.delete(key)
      made.push({ type: 'finding.made', at, finding, over: true })
    }
    for (const [key, finding] of found) {
      const known = this.#standing.get(key)
      this.#standing.set(key, finding)
      if (known?.severity !== finding.severity) made.push({ type: 'finding.made', at, finding, over: false })
    }
    return made
  }

  #dozes(at: number): boolean {
    return at - this.#lastFailure > WATCHES_FOR && this.#standing.size === 0
  }

  /** Adds the successes since the last look, spread over the time since. */
  #count(at: number): void {
    const from = Math.max(this.#lastLook, at - CAUGHT_UP)
    const steps = Math.min(STEPS, Math.max(1, Math.round((at - from) / TICK)))
    this.#lastLook = at
    const more = this.#successesSince()
    for (let step = 1; step <= steps; step++) {
      const then = from + Math.round(((at - from) * step) / steps)
      this.#history.advance(then)
      for (const [service, count] of more) {
        const share = Math.floor((count * step) / steps) - Math.floor((count * (step - 1)) / steps)
        if (share > 0) this.#history.add(then, service, 'success', undefined, share)
      }
    }
  }

  #successesSince(): Map<string, number> {
    const now = new Map<string, number>()
    for (const { service, successes } of this.#options.breakers()) {
      const name = parentOf(service)
      now.set(name, (now.get(name) ?? 0) + successes)
    }
    const more = new Map<string, number>()
    for (const [service, successes] of now) {
      // A key's breaker that was taken off took its count with it.
      more.set(service, Math.max(0, successes - (this.#counted.get(service) ?? 0)))
      this.#counted.set(service, successes)
    }
    return more
  }
}

function keyOf({ pattern, services }: Finding): string {
  return `${pattern}:${services.join()}`
}
