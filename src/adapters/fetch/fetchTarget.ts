// What a guarded fetch is pointed at, and what its user may ask for. The board makes the target: a service, or a route that
// picks one of several backends for each call.
import type { Breaker } from '../../actors/breaker.ts'
import type { CallResult } from '../../actors/callFollower.ts'
import type { KeyedBreakers } from '../../actors/keyedBreakers.ts'
import type { CallRejectedError } from '../../model/errors.ts'
import type { Exemption } from '../../model/records.ts'
import type { ServiceSettings } from '../../model/settings.ts'
import type { FetchFallback } from './fetchFallback.ts'

export interface FetchTarget {
  /** The service or route that was asked for. */
  readonly name: string
  /** By whom the other services of the board are known: the service's breaker, or that of a route's first backend. */
  readonly origin: Breaker
  /** The backend for one call, chosen anew each time; an error where none would take it. */
  choose(exemption?: Exemption): FetchBackend | CallRejectedError
  /** The next best where those in `tried` have refused; undefined where no other would take it. A route's. */
  chooseBut?(tried: ReadonlySet<Breaker>, exemption?: Exemption): FetchBackend | undefined
}

export interface FetchBackend {
  readonly breaker: Breaker
  readonly settings: ServiceSettings
  /** Breakers for the service's models; undefined: models are not told apart. */
  readonly models: KeyedBreakers | undefined
  /** Takes the place of the origin that a request names, and goes before its path; undefined: requests go where they say. */
  readonly baseUrl: string | undefined
  /** Hears how each call ended, and how long it took in ms; a route's. */
  readonly ended?: ((result: CallResult, ms: number) => void) | undefined
}

export interface FetchOptions {
  /** The fetch underneath; by default the global one, looked up at each call. */
  readonly fetch?: typeof fetch | undefined
  /**
   * What a refused call comes back as. `respond` (the default): an answer with status 503, `x-should-retry: false` and the error
   * in its body, so that clients which retry do not. `throw`: the CallRejectedError itself.
   */
  readonly onRejected?: 'respond' | 'throw' | undefined
  /**
   * Answers in place of a call that was refused, failed or timed out; not of one its caller gave up or got wrong. A function, a
   * list of steps, or answers by name in the order the service is configured with: docs/fallback-and-routing.md.
   */
  readonly fallback?: FetchFallback | undefined
  /** Models that may stand in for one another: asked for one whose breaker admits nothing, the healthiest other one is asked. */
  readonly models?: readonly string[] | undefined
  /** What is asked for, in words of yours, for the budgets; by default what the service's kind reads from the request. */
  readonly operation?: string | undefined
  /** Pass a budget whose rule allows emergency overrides; who and why are journalled. */
  readonly emergencyOverride?: { readonly by: string; readonly why: string } | undefined
  /** Health probes: pass in maintenance, and decide nothing there. */
  readonly healthProbe?: boolean | undefined
}
