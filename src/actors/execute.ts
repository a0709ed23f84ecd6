// Running a function through a breaker. The plain path costs one object, two clock reads and two closures; timeouts, aborts,
// fallbacks and every state but plainly closed take the guarded path.
import type { Clock } from '../model/clock.ts'
import { CallRejectedError, CallTimeoutError, ClosedError, ConfigError } from '../model/errors.ts'
import type { Estimate } from '../model/measurement.ts'
import type { Exemption } from '../model/records.ts'
import { Timer } from '../model/timerWheel.ts'
import { admitCall } from './admitCall.ts'
import type { Breaker } from './breaker.ts'
import { Call, type CallContext } from './call.ts'

export interface ExecuteOptions<F = never> {
  /** Give the call up after this long, ms (above 0; Infinity: never): it fails with a CallTimeoutError and its signal is aborted. */
  readonly timeout?: number | undefined
  /** The caller's own signal: when it aborts, the call is given up and counts neither way. */
  readonly signal?: AbortSignal | undefined
  /** Answers in place of a call that was refused, failed or timed out; not of one its caller gave up or got wrong. */
  readonly fallback?: ((error: unknown) => F | PromiseLike<F>) | undefined
  /** Pass a budget whose rule allows emergency overrides; who and why are journalled. */
  readonly emergencyOverride?: { readonly by: string; readonly why: string } | undefined
  /** What is asked for, in words of yours: budgets can be scoped to it, and learn what it costs. */
  readonly operation?: string | undefined
  /** What the call is expected to cost, for the budgets it has to fit under; absent: what such calls have cost so far. */
  readonly estimate?: Estimate | undefined
  /** A health probe: passes in maintenance, and decides nothing there. */
  readonly healthProbe?: boolean | undefined
}

export type Protected<T> = (call: CallContext) => T | PromiseLike<T>

/**
 * Runs `run` if the breaker admits it. Rejects with a CallRejectedError where it does not, with a CallTimeoutError when the
 * timeout runs out, with the signal's reason when the caller gives up, and else with what `run` threw.
 */
export function execute<T, F = never>(breaker: Breaker, run: Protected<T>, options?: ExecuteOptions<F>): Promise<T | F> {
  if (
    breaker.gate.plain &&
    options === undefined &&
    breaker.budgets === undefined &&
    breaker.policy.timeout === undefined &&
    typeof run === 'function'
  )
    return runPlainly(breaker, run)
  return runGuarded(breaker, run, options ?? {})
}

function runPlainly<T>(breaker: Breaker, run: Protected<T>): Promise<T> {
  const now = breaker.clock.now()
  if (now >= breaker.stalls.nextLook) {
    breaker.lookForStalls(now)
    // What stalls has shut the gate on this very call.
    if (!breaker.gate.plain) return runGuarded(breaker, run, {})
  }
  const call = new Call(breaker, now, breaker.gate.generation, undefined, undefined, undefined)
  let result: T | PromiseLike<T>
  let promise: Promise<T> | undefined
  try {
    result = run(call)
    promise = promised(result)
  } catch (error) {
    call.threw(error)
    return Promise.reject(error)
  }
  if (promise === undefined) {
    call.returned(result)
    return Promise.resolve(result as T)
  }
  return promise.then(
    (value) => {
      call.returned(value)
      return value
    },
    (error) => {
      call.threw(error)
      throw error
    },
  )
}

function runGuarded<T, F>(breaker: Breaker, run: Protected<T>, options: ExecuteOptions<F>): Promise<T | F> {
  const { signal, fallback } = options
  if (breaker.disposed) return Promise.reject(new ClosedError(breaker.service))
  if (signal?.aborted) return Promise.reject(signal.reason)
  const timeout = options.timeout ?? breaker.policy.timeout
  if (typeof run !== 'function') return Promise.reject(new TypeError('execute takes a function to run'))
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0))
    return Promise.reject(new ConfigError('timeout', timeout, 'a number of ms above 0'))
  const exemption: Exemption | undefined = options.emergencyOverride
    ? 'emergency_override'
    : options.healthProbe
      ? 'health_probe'
      : undefined
  const { clock } = breaker
  const startedAt = clock.now()
  const deadline = timeout === undefined || timeout === Number.POSITIVE_INFINITY ? undefined : startedAt + timeout
  const call = admitCall(breaker, startedAt, {
    exemption,
    claim: options.emergencyOverride,
    operation: options.operation,
    estimate: options.estimate,
    deadline,
    signal,
  })
  if (call instanceof CallRejectedError) return fallback ? answerFrom(fallback, call) : Promise.reject(call)
  return new Promise<T | F>((resolve, reject) => {
    const end = (): void => {
      if (timer) clock.disarm(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const failed = (error: unknown): void => {
      if (fallback) answerFrom(fallback, error).then(resolve, reject)
      else reject(error)
    }
    const onReturned = (value: T): void => {
      if (call.ended) return
      const said = call.returned(value)
      end()
      if (fallback && said !== undefined && said !== 'ignored') failed(value)
      else resolve(value)
    }
    const onThrown = (error: unknown): void => {
      if (call.ended) return
      const said = call.threw(error)
      end()
      // A call that ran into another breaker's refusal tells nothing of this service, but it was refused all the same.
      if (said === 'ignored' && !(error instanceof CallRejectedError)) reject(error)
      else failed(error)
    }
    const onTimeout = (): void => {
      if (call.ended) return
      const error = new CallTimeoutError(breaker.service, timeout ?? 0)
      call.threw(error)
      end()
      call.abort(error)
      failed(error)
    }
    const onAbort = (): void => {
      if (call.ended) return
      call.abandon()
      end()
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

async function answerFrom<F>(fallback: (error: unknown) => F | PromiseLike<F>, error: unknown): Promise<F> {
  return fallback(error)
}

/** The value as a promise if it is one, or anything with a `then` (which may be a function, and may throw when looked at). */
function promised<T>(value: T | PromiseLike<T>): Promise<T> | undefined {
  if (value instanceof Promise) return value as Promise<T>
  return isThenable(value) ? Promise.resolve(value) : undefined
}

function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}

class CallTimer extends Timer {
  override readonly keepsProcessAlive = true

  constructor(readonly onDue: () => void) {
    super()
  }

  fire(): void {
    this.onDue()
  }
}

function startTimer(clock: Clock, dueAt: number, onDue: () => void): CallTimer {
  const timer = new CallTimer(onDue)
  clock.arm(timer, dueAt)
  return timer
}
