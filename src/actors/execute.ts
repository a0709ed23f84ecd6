// Running a function through a breaker. The plain path costs one object, two clock reads and two closures; timeouts, aborts,
// fallbacks and every state but plainly closed take the guarded path.
import type { Clock } from '../model/clock.ts'
import { CallRejectedError, CallTimeoutError, ClosedError } from '../model/errors.ts'
import type { Exemption } from '../model/records.ts'
import { Timer } from '../model/timerWheel.ts'
import type { Breaker } from './breaker.ts'
import { admittedCall, Call, type CallContext } from './call.ts'

export interface ExecuteOptions<F = never> {
  /** Give the call up after this long, ms: it fails with a CallTimeoutError and its signal is aborted. */
  readonly timeout?: number | undefined
  /** The caller's own signal: when it aborts, the call is given up and counts neither way. */
  readonly signal?: AbortSignal | undefined
  /** Answers in place of a call that was refused, failed or timed out; not of one its caller gave up or got wrong. */
  readonly fallback?: ((error: unknown) => F | PromiseLike<F>) | undefined
  /** Pass a budget whose rule allows emergency overrides; who and why are journalled. */
  readonly emergencyOverride?: { readonly by: string; readonly why: string } | undefined
  /** A health probe: passes in maintenance, and decides nothing there. */
  readonly healthProbe?: boolean | undefined
}

export type Protected<T> = (call: CallContext) => T | PromiseLike<T>

/**
 * Runs `run` if the breaker admits it. Rejects with a CallRejectedError where it does not, with a CallTimeoutError when the
 * timeout runs out, with the signal's reason when the caller gives up, and else with what `run` threw.
 */
export function execute<T, F = never>(breaker: Breaker, run: Protected<T>, options?: ExecuteOptions<F>): Promise<T | F> {
  if (breaker.gate.plain && options === undefined && breaker.policy.timeout === undefined) return runPlainly(breaker, run)
  return runGuarded(breaker, run, options ?? {})
}

function runPlainly<T>(breaker: Breaker, run: Protected<T>): Promise<T> {
  const call = new Call(breaker, breaker.clock.now(), breaker.gate.generation, undefined, undefined, undefined)
  let result: T | PromiseLike<T>
  try {
    result = run(call)
  } catch (error) {
    call.threw(error)
    return Promise.reject(error)
  }
  if (!isPromiseLike(result)) {
    call.returned(result)
    return Promise.resolve(result)
  }
  const promise = result instanceof Promise ? (result as Promise<T>) : Promise.resolve(result)
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
  const exemption: Exemption | undefined = options.emergencyOverride
    ? 'emergency_override'
    : options.healthProbe
      ? 'health_probe'
      : undefined
  const { clock, gate } = breaker
  const startedAt = clock.now()
  const admission =
    gate.plain && exemption === undefined
      ? { generation: gate.generation, probe: undefined }
      : breaker.admit(Math.floor(startedAt), exemption, options.emergencyOverride)
  if (admission instanceof CallRejectedError) return fallback ? answerFrom(fallback, admission) : Promise.reject(admission)
  const timeout = options.timeout ?? breaker.policy.timeout
  const deadline = timeout === undefined ? undefined : startedAt + timeout
  const call = admittedCall(breaker, startedAt, admission, deadline, signal)
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
      if (said === 'ignored') reject(error)
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
    try {
      result = run(call)
    } catch (error) {
      onThrown(error)
      return
    }
    if (isPromiseLike(result)) result.then(onReturned, onThrown)
    else onReturned(result)
  })
}

async function answerFrom<F>(fallback: (error: unknown) => F | PromiseLike<F>, error: unknown): Promise<F> {
  return fallback(error)
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
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
