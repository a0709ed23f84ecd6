// A route at work: several backends under one name, each behind its own breaker. Picks one for each call, makes the call there,
// and goes on to the next best where leave is refused after all. The board keeps one for each route of the configuration.
import { ConfigError } from '../../model/errors.ts'
import type { Backend } from '../../model/route.ts'
import type { Breaker } from '../breaker.ts'
import type { CallContext } from '../call.ts'
import type { ExecuteOptions } from '../execute.ts'
import { type Enclosing, enclosingChain } from '../fallback/enclosingChain.ts'
import { type Fallback, type FallbackResult, fallbackProblem, type NoFallback } from '../fallback/fallback.ts'
import { chainInstead } from '../fallback/fallbackChain.ts'
import { type CallGuards, exemptionOf, guardedCall, type Miss, originalOf } from '../guardedCall.ts'
import type { Lane } from './lane.ts'
import { Selection, type SelectionOptions, waitOf } from './selection.ts'

/** Told which backend it is to call. */
export type Routed<T> = (call: CallContext, backend: Backend) => T | PromiseLike<T>

export interface RouteOptions<Given extends Fallback | NoFallback = NoFallback> extends ExecuteOptions<Given> {
  /**
   * How many backends may be called, one after another, until one does not fail (1 unless told: a call that failed may have
   * had its effect). A backend that refuses was not called and does not count.
   */
  readonly attempts?: number | undefined
}

/** One call on its way through the backends. */
interface Journey<T, F> {
  readonly run: Routed<T>
  readonly guards: CallGuards
  readonly fallback: Fallback<F> | undefined
  readonly enclosing: Enclosing | undefined
  attemptsLeft: number
  tried: Set<Lane> | undefined
  /** Of the backends that were called, the last one's miss; else the refusal that ends first. */
  miss: { readonly lane: Lane; readonly said: Miss } | undefined
}

export class Router {
  readonly selection: Selection

  constructor(options: SelectionOptions) {
    this.selection = new Selection(options)
  }

  get lanes(): readonly Lane[] {
    return this.selection.lanes
  }

  /**
   * Runs `run` at one of the backends. Rejects as `execute` on a service does; with the refusal that ends first where all
   * backends refuse, and else with what the last one called came to.
   */
  execute<T, Given extends Fallback | NoFallback = Fallback | NoFallback>(
    run: Routed<T>,
    options: RouteOptions<Given> = {},
  ): Promise<T | FallbackResult<Given>> {
    const { attempts = 1, ...guards } = options
    if (typeof run !== 'function') return Promise.reject(new TypeError('execute takes a function to run'))
    if (!(Number.isInteger(attempts) && attempts >= 1))
      return Promise.reject(new ConfigError('attempts', attempts, 'a whole number from 1'))
    const fallback = options.fallback as Fallback<FallbackResult<Given>> | undefined
    const problem = fallback && fallbackProblem(this.#first, fallback)
    if (problem) return Promise.reject(problem)
    const enclosing = fallback && enclosingChain()
    return this.#next({ run, guards, fallback, enclosing, attemptsLeft: attempts, tried: undefined, miss: undefined })
  }

  #next<T, F>(journey: Journey<T, F>): Promise<T | F> {
    const at = this.#now()
    const lane = this.selection.pick(at, exemptionOf(journey.guards), journey.tried)
    if (lane) return this.#call(lane, journey)
    const { miss } = journey
    return miss === undefined || miss.said.how === 'refused' ? this.#refuse(at, journey) : settle(journey, miss)
  }

  #call<T, F>(lane: Lane, journey: Journey<T, F>): Promise<T | F> {
    const { run, guards } = journey
    return guardedCall<T, T | F>(lane.breaker, (call) => run(call, lane.backend), guards, {
      ended: (result, ms) => lane.ended(result, ms, this.#now()),
      instead: (said) => {
        journey.tried ??= new Set()
        journey.tried.add(lane)
        if (said.how !== 'refused') journey.attemptsLeft--
        if (outweighs(said, journey.miss?.said)) journey.miss = { lane, said }
        return journey.attemptsLeft > 0 ? this.#next(journey) : settle(journey, { lane, said })
      },
    })
  }

  /** All refuse: the one that will admit first does so in earnest, so that it is counted where it belongs. */
  #refuse<T, F>(at: number, journey: Journey<T, F>): Promise<T | F> {
    const { tried, miss } = journey
    if (miss && tried?.size === this.lanes.length) return settle(journey, miss)
    const { lane, error, declined } = this.selection.soonest(at, tried)
    const said: Miss | undefined = error && { how: 'refused', error, why: error.code }
    if (said && miss && !outweighs(said, miss.said)) return settle(journey, miss)
    if (said && declined) return settle(journey, { lane, said })
    return this.#call(lane, { ...journey, attemptsLeft: 1, tried: new Set(this.lanes), miss: undefined })
  }

  get #first(): Breaker {
    return this.lanes[0]!.breaker
  }

  #now(): number {
    return Math.floor(this.#first.clock.now())
  }
}

/** The call has missed for good: its fallback answers, or it comes to what it came to. */
function settle<T, F>(
  { fallback, guards, enclosing }: Journey<T, F>,
  { lane, said }: { lane: Lane; said: Miss },
): Promise<T | F> {
  return fallback ? chainInstead<F, T>(lane.breaker, fallback, guards.signal, enclosing)(said) : originalOf<T>(said)
}

/** A call that was made tells more than a refusal, the last one most; of refusals, the one that ends first does. */
function outweighs(said: Miss, before: Miss | undefined): boolean {
  if (before === undefined || said.how !== 'refused') return true
  return before.how === 'refused' && waitOf(said.error) < waitOf(before.error)
}
