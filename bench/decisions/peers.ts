// The peers: cockatiel 3 and opossum 9, each as its README shows it, and with options found by the grid search of tune.ts.
import {
  CircuitState,
  ConsecutiveBreaker,
  CountBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  type IBackoffFactory,
  type IBreaker,
  SamplingBreaker,
} from 'cockatiel'
import CircuitBreaker from 'opossum'
import type { Contender, OfferedCall } from './contender.ts'

export type CockatielRule =
  | { readonly type: 'consecutive'; readonly failures: number }
  | { readonly type: 'count'; readonly threshold: number; readonly size: number; readonly minimumNumberOfCalls?: number }
  | { readonly type: 'sampling'; readonly threshold: number; readonly duration: number; readonly minimumRps?: number }

export interface CockatielOptions {
  readonly rule: CockatielRule
  /** ms; or an exponential backoff with the options given. */
  readonly halfOpenAfter: number | { readonly initialDelay?: number; readonly maxDelay?: number }
}

export interface OpossumOptions {
  readonly errorThresholdPercentage?: number
  readonly volumeThreshold?: number
  readonly resetTimeout?: number
  readonly rollingCountTimeout?: number
}

export function cockatiel(options: CockatielOptions, form: string): Contender {
  return {
    library: `cockatiel ${options.rule.type}`,
    form,
    asynchronous: true,
    create(_world, onTrip) {
      const breaker = circuitBreaker(handleAll, { halfOpenAfter: backoff(options.halfOpenAfter), breaker: rule(options.rule) })
      let state = CircuitState.Closed
      breaker.onStateChange((next) => {
        if (next === CircuitState.Open && state === CircuitState.Closed) onTrip()
        state = next
      })
      return (call) => {
        breaker.execute(() => asPromise(call)).catch(settled)
      }
    },
  }
}

export function opossum(options: OpossumOptions, form: string): Contender {
  return {
    library: 'opossum',
    form,
    asynchronous: true,
    create(_world, onTrip) {
      // Its own timeout is off because the caller has one already, the same for every breaker here; percentiles and snapshots
      // are off because they only cost time: no decision reads them.
      const breaker = new CircuitBreaker((call: OfferedCall) => asPromise(call), {
        ...options,
        timeout: false,
        rollingPercentilesEnabled: false,
        enableSnapshots: false,
      })
      let probing = false
      breaker.on('halfOpen', () => {
        probing = true
      })
      breaker.on('close', () => {
        probing = false
      })
      breaker.on('open', () => {
        if (!probing) onTrip()
      })
      return (call) => {
        breaker.fire(call).catch(settled)
      }
    },
  }
}

function settled(): void {
  // The caller's side of a failed or refused call; what was let through is counted where the call starts.
}

function asPromise(call: OfferedCall): Promise<void> {
  return new Promise((resolve, reject) => {
    call.start((error) => (error === undefined ? resolve() : reject(error)))
  })
}

function backoff(halfOpenAfter: CockatielOptions['halfOpenAfter']): number | IBackoffFactory<never> {
  return typeof halfOpenAfter === 'number' ? halfOpenAfter : new ExponentialBackoff(halfOpenAfter)
}

function rule(options: CockatielRule): IBreaker {
  switch (options.type) {
    case 'consecutive':
      return new ConsecutiveBreaker(options.failures)
    case 'count':
      return new CountBreaker(options)
    case 'sampling':
      return new SamplingBreaker(options)
  }
}
