// One call by the guarded path: with a timeout, the caller's signal, a budget, or a gate that is not plainly open. `execute`,
// the steps of a fallback chain and the router run calls by it, each with its own idea of what follows when one misses.
import type { Clock } from '../model/clock.ts'
import { CallRejectedError, CallTimeoutError, ClosedError, ConfigError } from '../model/errors.ts'
import type { Classification, Failure } from '../model/failures.ts'
import type { Estimate } from '../model/measurement.ts'
import type { Exemption } from '../model/records.ts'
import { Due } from '../model/timer.ts'
import { admitCall } from './admitCall.ts'
import type { Breaker } from './breaker.ts'
import type { CallContext } from './call.ts'
import type { CallResult } from './callFollower.ts'
import { callOptionsProblem } from './callOptions.ts'
import { promised } from './promised.ts'

export type Protected<T> = (call: CallContext) => T | PromiseLike<T>

export interface CallGuards {
  /** Give the call up after this long, ms (above 0; Infinity: never): it fails with a CallTimeoutError and its signal is aborted. */
  readonly timeout?: number | undefined
  /** The caller's own signal: when it aborts, the call is given up and counts neither way. */
  readonly signal?: AbortSignal | undefined
  /** Pass a budget whose rule allows emergency overrides; who and why are journalled. */
  readonly emergencyOverride?: { readonly by: string; readonly why: string } | undefined
  /** What is asked for, in words of yours: budgets can be scoped to it, and learn what it costs. */
  readonly operation?: string | undefined
  /** What the call is expected to cost, for the budgets it has to fit under; absent: what such calls have cost so far. */
  readonly estimate?: Estimate | undefined
  /** A health probe: passes in maintenance, and decides nothing there. */
  readonly healthProbe?: boolean | undefined
}

/** A call that another may answer in place of: refused, failed or timed out, but not given up or got wrong by its caller. */
export interface Miss {
  /** `refused`: not let through; `failed`: threw or timed out; `returned`: came back with what counts as a failure. */
  readonly how: 'refused' | 'failed' | 'returned'
  /** What was thrown, or what came back. */
  readonly error: unknown
  /** The code of a rejection, or a failure type. */
  readonly why: string
}

/** What follows a call. */
export interface Aftermath<F> {
  /** Settles in the call's place. */
  readonly instead?: ((miss: Miss) => Promise<F>) | undefined
  /** Hears of every call that was made, once, as it ends. `ms`: how long it took. */
  readonly ended?: ((result: CallResult, ms: number) => void) | undefined
}

/** A call that ran out of time has missed, whatever its profile makes of that. */
const TIMED_OUT: Failure = { type: 'timeout' }

export function exemptionOf({ emergencyOverride, healthProbe }: CallGuards): Exemption | undefined {
  return emergencyOverride ? 'emergency_override' : healthProbe ? 'health_probe' : undefined
}

/** Comes to what its caller would have got of the missed call. */
export function originalOf<T>({ how, error }: Miss): Promise<T> {
  return how === 'returned' ? Promise.resolve(error as T) : Promise.reject(error)
}

export function guardedCall<T, F = never>(
  breaker: Breaker,
  run: Protected<T>,
  options: CallGuards,
  { instead, ended }: Aftermath<F>,
): Promise<T | F> {
  const { signal } = options
  if (breaker.disposed) return Promise.reject(new ClosedError(breaker.service))
  if (signal?.aborted) return Promise.reject(signal.reason)
  const timeout = options.timeout ?? breaker.policy.timeout
  if (typeof run !== 'function') return Promise.reject(new TypeError('execute takes a function to run'))
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0))
    return Promise.reject(new ConfigError('timeout', timeout, 'a number of ms above 0'))
  const problem = callOptionsProblem(options)
  if (problem) return Promise.reject(problem)
  const { clock } = breaker
  const startedAt = clock.now()
  const deadline = timeout === undefined || timeout === Number.POSITIVE_INFINITY ? undefined : startedAt + timeout
  const call = admitCall(breaker, startedAt, {
    exemption: exemptionOf(options),
    claim: options.emergencyOverride,
    operation: options.operation,
    estimate: options.estimate,
    deadline,
    signal,
  })
  if (call instanceof CallRejectedError)
    return instead ? instead({ how: 'refused', error: call, why: call.code }) : Promise.reject(call)
  return new Promise<T | F>((resolve, reject) => {
    const end = (said: Classification | undefined): void => {
      if (timer) clock.disarm(timer)
      signal?.removeEventListener('abort', onAbort)
      ended?.(said === undefined ? 'success' : said === 'ignored' ? 'ignored' : 'failure', clock.now() - startedAt)
    }
    const onReturned = (value: T): void => {
      if (call.ended) return
      const said = call.returned(value)
      end(said)
      if (instead && said !== undefined && said !== 'ignored')
        instead({ how: 'returned', error: value, why: said.type }).then(resolve, reject)
      else resolve(value)
    }
    const failed = (error: unknown, said: Classification): void => {
      end(said)
      // A call that ran into another breaker's refusal tells nothing of this service, but it was refused all the same.
      const why = error instanceof CallRejectedError ? error.code : said === 'ignored' ? undefined : said.type
      if (instead && why !== undefined) instead({ how: 'failed', error, why }).then(resolve, reject)
      else reject(error)
    }
    const onThrown = (error: unknown): void => {
      if (!call.ended) failed(error, call.threw(error))
    }
    const onTimeout = (): void => {
      if (call.ended) return
      const error = new CallTimeoutError(breaker.service, timeout ?? 0)
      const said = call.threw(error)
      call.abort(error)
      failed(error, said === 'ignored' ? TIMED_OUT : said)
    }
    const onAbort = (): void => {
      if (call.ended) return
      call.abandon()
      end('ignored')
      call.abort(signal?.reason)
      reject(signal?.reason)
    }
    const timer = deadline === undefined ? undefined : startTimer(clock, deadline, onTimeout)
    signal?.addEventListener('abort', onAbort, { once: true })
    let result: T | PromiseLike<T>
    let promise: Promise<T> | undefined
    try {
      result = run(call)
      promise = promised(result)
    } catch (error) {
      onThrown(error)
      return
    }
    if (promise === undefined) onReturned(result as T)
    else promise.then(onReturned, onThrown)
  })
}

function startTimer(clock: Clock, dueAt: number, onDue: () => void): Due {
  const timer = new Due(onDue, true)
  clock.arm(timer, dueAt)
  return timer
}
