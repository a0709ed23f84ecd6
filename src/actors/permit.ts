// Leave for one call, to be settled by hand where code cannot be wrapped in a function.
import type { Degradation } from '../model/degradation.ts'
import { CallRejectedError, ClosedError } from '../model/errors.ts'
import type { StateName } from '../model/states.ts'
import { admitCall } from './admitCall.ts'
import type { Breaker } from './breaker.ts'
import type { Call } from './call.ts'

/**
 * Settle it once, with the first of the three; later calls do nothing. One that is disposed of unsettled (`using`) counts as
 * ignored.
 */
export interface Permit extends Disposable {
  readonly service: string
  readonly state: StateName
  readonly degradation: Degradation
  readonly generation: number
  readonly settled: boolean
  /** The call came back; the profile may still find a failure in `value` (a fetch Response with status 503, say). */
  succeed(value?: unknown): void
  /** The call failed; the profile classifies `error`. */
  fail(error: unknown): void
  /** The call says nothing of the service. */
  ignore(): void
}

/** Asks for one call; throws a CallRejectedError where there is no leave. */
export function admit(breaker: Breaker): Permit {
  if (breaker.disposed) throw new ClosedError(breaker.service)
  const call = admitCall(breaker, breaker.clock.now(), {})
  if (call instanceof CallRejectedError) throw call
  return new HandSettled(call)
}

class HandSettled implements Permit {
  readonly #call: Call

  constructor(call: Call) {
    this.#call = call
  }

  get service(): string {
    return this.#call.service
  }

  get state(): StateName {
    return this.#call.state
  }

  get degradation(): Degradation {
    return this.#call.degradation
  }

  get generation(): number {
    return this.#call.generation
  }

  get settled(): boolean {
    return this.#call.ended
  }

  succeed(value?: unknown): void {
    this.#call.returned(value)
  }

  fail(error: unknown): void {
    this.#call.threw(error)
  }

  ignore(): void {
    this.#call.abandon()
  }

  [Symbol.dispose](): void {
    this.#call.abandon()
  }
}
