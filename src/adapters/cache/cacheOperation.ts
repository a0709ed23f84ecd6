// One operation on a cache, through its breaker and within its time: however the client behaves, it ends once, its outcome is
// told with the operation's name, and whoever waits is answered in time.
import { admitCall } from '../../actors/admitCall.ts'
import type { Breaker } from '../../actors/breaker.ts'
import type { Call } from '../../actors/call.ts'
import { CallRejectedError, CallTimeoutError, ClosedError } from '../../model/errors.ts'
import type { Classification } from '../../model/failures.ts'
import { Due } from '../../model/timer.ts'

export type CacheOperation = 'get' | 'set' | 'del' | 'clear'

/** Told of each operation that was let through. `at`: epoch ms. */
export interface OperationListener {
  answered(at: number): void
  failed(at: number, error: unknown, said: Classification): void
}

/**
 * Rejects with a CallRejectedError or ClosedError where there is no leave, with a CallTimeoutError after `timeout` ms, and else
 * with what `run` threw. A result that comes later is dropped.
 */
export function operate(
  breaker: Breaker,
  operation: CacheOperation,
  timeout: number,
  run: () => unknown,
  listener: OperationListener,
): Promise<unknown> {
  if (breaker.disposed) return Promise.reject(new ClosedError(breaker.service))
  const { clock } = breaker
  const startedAt = clock.now()
  const call = admitCall(breaker, startedAt, { operation, deadline: startedAt + timeout })
  if (call instanceof CallRejectedError) return Promise.reject(call)
  return new Promise((resolve, reject) => {
    const succeed = (value: unknown): void => {
      if (call.ended) return
      if (timer) clock.disarm(timer)
      call.settle(undefined, { operation })
      listener.answered(clock.now())
      resolve(value)
    }
    const fail = (error: unknown): void => {
      if (call.ended) return
      if (timer) clock.disarm(timer)
      listener.failed(clock.now(), error, settleFailed(breaker, call, operation, error))
      reject(error)
    }
    let timer: Due | undefined
    try {
      const result = run()
      // Inside the `try`, as its `then` may be a getter that throws.
      if (!isThenable(result)) {
        succeed(result)
        return
      }
      timer = new Due(() => fail(new CallTimeoutError(breaker.service, timeout)), true)
      clock.arm(timer, startedAt + timeout)
      Promise.resolve(result).then(succeed, fail)
    } catch (error) {
      fail(error)
    }
  })
}

function settleFailed(breaker: Breaker, call: Call, operation: CacheOperation, error: unknown): Classification {
  const said = breaker.profile.classifyError(error, Math.floor(breaker.clock.now()))
  call.settle(said, { operation }, error)
  return said
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}
