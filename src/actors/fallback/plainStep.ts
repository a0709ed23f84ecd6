// The step of a fallback chain that is no service: a template, a constant, whatever passes no breaker.
import { UNDEGRADED } from '../../model/degradation.ts'
import type { CallContext } from '../call.ts'
import type { PlainStep } from './fallback.ts'

/** What the step answers; rejects with the signal's reason when the caller gives up first. `cause`: why it is asked. */
export async function answerPlainly<F>({ name, run }: PlainStep<F>, cause: unknown, signal: AbortSignal | undefined): Promise<F> {
  const call = new PlainCall(name, signal)
  return signal ? untilAborted(signal, () => run(call, cause)) : run(call, cause)
}

function untilAborted<F>(signal: AbortSignal, run: () => F | PromiseLike<F>): Promise<F> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const answer = (async () => run())()
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** What a step that is no service is told. */
class PlainCall implements CallContext {
  readonly state = 'closed'
  readonly degradation = UNDEGRADED
  readonly generation = 0
  readonly deadline = undefined
  #signal: AbortSignal | undefined

  constructor(
    readonly service: string,
    signal: AbortSignal | undefined,
  ) {
    this.#signal = signal
  }

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal
    return this.#signal
  }
}
