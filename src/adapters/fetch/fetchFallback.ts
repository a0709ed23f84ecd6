// Who answers in place of a request that missed, as users of `gear.fetch` write it: a function, or a chain of steps, each told
// of the request that was made. Made into the fallbacks that `execute` knows.

import type { Breaker } from '../../actors/breaker.ts'
import type { CallContext } from '../../actors/call.ts'
import type { Enclosing } from '../../actors/fallback/enclosingChain.ts'
import type { Fallback, FallbackAnswer, FallbackStep, PlainStep, ServiceStep } from '../../actors/fallback/fallback.ts'
import { chainInstead } from '../../actors/fallback/fallbackChain.ts'
import type { Miss } from '../../actors/guardedCall.ts'

/** A request as a fallback is told of it. */
export interface FetchedRequest {
  readonly url: string
  readonly method: string
  /** The parsed JSON body, where the service's kind reads bodies; undefined else. */
  readonly body: unknown
}

/** `error` is why the service itself did not answer: what was thrown, or the response that counts as a failure. */
export type FetchAnswer = (call: CallContext, error: unknown, request: FetchedRequest) => Response | PromiseLike<Response>

/** A step that is a service passes that service's breaker; one that has only a name passes none. */
export type FetchStep = (Omit<ServiceStep, 'run'> | Omit<PlainStep, 'run'>) & { readonly run: FetchAnswer }

export type FetchFallback =
  | ((error: unknown, request: FetchedRequest) => Response | PromiseLike<Response>)
  | readonly FetchStep[]
  | Readonly<Record<string, FetchAnswer>>

/** `fallback`, told of `request`. */
export function fallbackFor(fallback: FetchFallback, request: FetchedRequest): Fallback<Response> {
  if (typeof fallback === 'function') return (error) => fallback(error, request)
  if (isList(fallback)) return fallback.map((step) => told(step, request))
  // What is not as it should be is left as it is, for its error to say so.
  if (typeof fallback !== 'object' || fallback === null) return fallback
  const answers: Record<string, FallbackAnswer<Response>> = {}
  for (const [name, run] of Object.entries(fallback)) answers[name] = typeof run === 'function' ? bound(run, request) : run
  return answers
}

/** What the chain comes to; what there was before it where no step answered. A response that is not used is let go. */
export async function answerInstead(
  origin: Breaker,
  fallback: Fallback<Response>,
  miss: Miss,
  signal: AbortSignal | undefined,
  enclosing: Enclosing | undefined,
): Promise<Response> {
  let answer: unknown
  try {
    const answered = await chainInstead<Response, Response>(origin, fallback, signal, enclosing)(miss)
    answer = answered
    return answered
  } catch (error) {
    answer = error
    throw error
  } finally {
    if (miss.error instanceof Response && answer !== miss.error) miss.error.body?.cancel().catch(() => undefined)
  }
}

function told(step: FetchStep, request: FetchedRequest): FallbackStep<Response> {
  if (typeof step !== 'object' || step === null || typeof step.run !== 'function') return step as FallbackStep<Response>
  return { ...step, run: bound(step.run, request) } as FallbackStep<Response>
}

function bound(run: FetchAnswer, request: FetchedRequest): FallbackAnswer<Response> {
  return (call, error) => run(call, error, request)
}

function isList(fallback: FetchFallback): fallback is readonly FetchStep[] {
  return Array.isArray(fallback)
}
