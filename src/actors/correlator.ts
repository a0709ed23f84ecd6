// Looks for patterns in the failures of all services, as an RxJS stream on the board's clock that the orchestrator invokes:
// failures are told one by one, successes are counted once a second from what the breakers have counted anyway.
import { concatMap, from, Observable, timer } from 'rxjs'
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
/** With no failure for so long and nothing found, calls are only counted, every ten seconds; ms. */
const WATCHES_FOR = 300_000
const DOZE = 10

export class Correlator {
  /** What is found, when it comes and when it is over. */
  readonly findings$: Observable<FindingMade>
  readonly #options: CorrelatorOptions
  readonly #graph: DependencyGraph
  readonly #history = new FailureHistory()
  /** Successes as they were at the last look. */
  readonly #counted = new Map<string, number>()
  readonly #standing = new Map<string, Finding>()
  #lastFailure = Number.NEGATIVE_INFINITY
  #ticks = 0
  #lastLook: number | undefined

  constructor(options: CorrelatorOptions) {
    this.#options = options
    this.#graph = new Map(Object.entries(options.places).map(([service, { dependsOn }]) => [service, dependsOn]))
    this.findings$ = timer(TICK, TICK, new ClockScheduler(options.clock)).pipe(concatMap(() => from(this.#tick())))
  }

  failed(service: string, at: number, type: FailureType): void {
    // What was slept through comes first.
    if (this.#dozes(at)) this.#count(at)
    this.#lastFailure = at
    this.#history.add(at, service, 'failure', type)
  }

  #tick(): FindingMade[] {
    const at = Math.floor(this.#options.clock.now())
    this.#ticks++
    if (this.#dozes(at)) {
      if (this.#ticks % DOZE === 0) this.#count(at)
      return []
    }
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

  /** Adds the successes since the last look, spread over the seconds since. */
  #count(at: number): void {
    const seconds = Math.min(30, Math.max(1, Math.round((at - (this.#lastLook ?? at - TICK)) / 1000)))
    this.#lastLook = at
    const now = new Map<string, number>()
    for (const { service, successes } of this.#options.breakers()) {
      const name = parentOf(service)
      now.set(name, (now.get(name) ?? 0) + successes)
    }
    this.#history.advance(at)
    for (const [service, successes] of now) {
      // A key's breaker that was taken off took its count with it.
      const more = Math.max(0, successes - (this.#counted.get(service) ?? 0))
      this.#counted.set(service, successes)
      for (let ago = seconds - 1, left = more; ago >= 0 && left > 0; ago--) {
        const share = Math.ceil(left / (ago + 1))
        left -= share
        this.#history.add(at - ago * 1000, service, 'success', undefined, share)
      }
    }
  }
}

function keyOf({ pattern, services }: Finding): string {
  return `${pattern}:${services.join()}`
}
