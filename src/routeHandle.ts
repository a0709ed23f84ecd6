// A route as users of a board hold it: one name for several backends, to be called like a service.

import type { Breaker } from './actors/breaker.ts'
import type { Fallback, FallbackResult, NoFallback } from './actors/fallback/fallback.ts'
import type { Lane } from './actors/routing/lane.ts'
import { type Routed, type RouteOptions, Router } from './actors/routing/router.ts'
import type { FetchBackend, FetchTarget } from './adapters/fetch/fetchTarget.ts'
import { CallRejectedError } from './model/errors.ts'
import type { Random } from './model/random.ts'
import type { Exemption } from './model/records.ts'
import type { Route, Strategy } from './model/route.ts'

export interface RouteHandle {
  readonly name: string
  readonly strategy: Strategy
  /** The names of its services, in the order of the configuration. */
  readonly backends: readonly string[]
  /**
   * Runs `run` at one of the backends. Rejects as `execute` on a service does: with the refusal that ends first where all
   * backends refuse, and else with what the last one called came to.
   */
  execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    run: Routed<T>,
    options?: RouteOptions<F>,
  ): Promise<T | FallbackResult<F>>
}

export interface RouteParts {
  readonly route: Route
  readonly random: Random
  /** Each backend as `fetch` meets it, in their order. */
  readonly backends: readonly Omit<FetchBackend, 'ended'>[]
}

/** A route at work, for calls by hand and for `fetch`. */
export class LiveRoute implements RouteHandle, FetchTarget {
  readonly #route: Route
  readonly #router: Router
  readonly #backends = new Map<Breaker, FetchBackend>()

  constructor(
    readonly name: string,
    { route, random, backends }: RouteParts,
  ) {
    this.#route = route
    const breakers = backends.map(({ breaker }) => breaker)
    const costs = new Map(breakers.map((breaker) => [breaker.service, breaker]))
    const meanCost = (service: string): number | undefined => costs.get(service)?.follower?.meanCost
    this.#router = new Router({ route, random, breakers, meanCost })
    for (const [index, lane] of this.#router.lanes.entries()) {
      const backend = backends[index]
      if (!backend) continue
      const ended: FetchBackend['ended'] = (result, ms) => lane.ended(result, ms, now(lane.breaker))
      this.#backends.set(lane.breaker, { ...backend, baseUrl: lane.baseUrl, ended })
    }
  }

  get origin(): Breaker {
    return (this.#router.lanes[0] as Lane).breaker
  }

  get strategy(): Strategy {
    return this.#route.strategy
  }

  get backends(): readonly string[] {
    return this.#route.backends.map(({ service }) => service)
  }

  execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    run: Routed<T>,
    options?: RouteOptions<F>,
  ): Promise<T | FallbackResult<F>> {
    return this.#router.execute(run, options)
  }

  choose(exemption?: Exemption): FetchBackend | CallRejectedError {
    const lane = this.#router.selection.choose(now(this.origin), exemption)
    if (lane instanceof CallRejectedError) return lane
    return this.#backends.get(lane.breaker) as FetchBackend
  }

  chooseBut(tried: ReadonlySet<Breaker>, exemption?: Exemption): FetchBackend | undefined {
    const except = new Set(this.#router.lanes.filter(({ breaker }) => tried.has(breaker)))
    const lane = this.#router.selection.pick(now(this.origin), exemption, except)
    return lane && this.#backends.get(lane.breaker)
  }
}

function now(breaker: Breaker): number {
  return Math.floor(breaker.clock.now())
}
