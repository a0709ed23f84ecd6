// Running a function through a breaker. The plain path costs one object, two clock reads and two closures; timeouts, aborts,
// fallbacks and every state but plainly closed take the guarded path.
import type { Breaker } from './breaker.ts'
import { Call } from './call.ts'
import { type Fallback, type FallbackResult, fallbackProblem, type NoFallback } from './fallback/fallback.ts'
import { chainInstead } from './fallback/fallbackChain.ts'
import { type CallGuards, guardedCall, type Protected } from './guardedCall.ts'
import { promised } from './promised.ts'

export type { Protected } from './guardedCall.ts'

export interface ExecuteOptions<Given extends Fallback | NoFallback = NoFallback> extends CallGuards {
  /** Answers in place of a call that was refused, failed or timed out; not of one its caller gave up or got wrong. */
  readonly fallback?: Given | undefined
}

/**
 * Runs `run` if the breaker admits it. Rejects with a CallRejectedError where it does not, with a CallTimeoutError when the
 * timeout runs out, with the signal's reason when the caller gives up, and else with what `run` threw; unless the fallback
 * answers.
 */
export function execute<T, Given extends Fallback | NoFallback = Fallback | NoFallback>(
  breaker: Breaker,
  run: Protected<T>,
  options?: ExecuteOptions<Given>,
): Promise<T | FallbackResult<Given>> {
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
    if (!breaker.gate.plain) return guardedCall(breaker, run, {}, {})
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

function runGuarded<T, Given extends Fallback | NoFallback>(
  breaker: Breaker,
  run: Protected<T>,
  options: ExecuteOptions<Given>,
): Promise<T | FallbackResult<Given>> {
  const fallback = options.fallback as Fallback<FallbackResult<Given>> | undefined
  if (!fallback) return guardedCall(breaker, run, options, {})
  const problem = fallbackProblem(breaker, fallback)
  if (problem) return Promise.reject(problem)
  const instead = chainInstead(breaker, fallback, options.signal)
  return guardedCall<T, T | FallbackResult<Given>>(breaker, run, options, { instead })
}
