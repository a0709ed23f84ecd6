// A fetch that runs every request through a service's breaker: refused calls come back as answers that clients do not retry,
// a degraded service is asked for less, and a call counts when its answer has ended. `gear.fetch(name)` hands it out.
import type { Breaker } from '../../actors/breaker.ts'
import { callOptionsProblem } from '../../actors/callOptions.ts'
import { type Enclosing, enclosingChain } from '../../actors/fallback/enclosingChain.ts'
import { fallbackProblem } from '../../actors/fallback/fallback.ts'
import { exemptionOf, type Miss, originalOf } from '../../actors/guardedCall.ts'
import { CallRejectedError, CallTimeoutError, ClosedError } from '../../model/errors.ts'
import type { Classification } from '../../model/failures.ts'
import type { Signal } from '../../model/signals.ts'
import type { CallRequest, ServiceProfile } from '../../services/serviceProfile.ts'
import { type Admitted, admitRequest } from './admitRequest.ts'
import { BodyWatch } from './bodyWatch.ts'
import { type CallEnding, classified } from './callEnding.ts'
import { isCallersFault, isUsedUp } from './callersFault.ts'
import { isTimeout, longestWait } from './callersTimeout.ts'
import { type ErrorAnswer, readErrorAnswer } from './errorAnswer.ts'
import { answerInstead, type FetchedRequest, fallbackFor } from './fetchFallback.ts'
import type { FetchBackend, FetchOptions, FetchTarget } from './fetchTarget.ts'
import { bodyOf, guardResponse } from './guardedResponse.ts'
import { HeaderDeadline } from './headerDeadline.ts'
import { rejectionResponse } from './rejectionResponse.ts'
import { type FetchInput, methodOf, readRequest, rewritten, signalOf, urlOf } from './requestParts.ts'

/**
 * A drop-in `fetch` under the breaker that `target` chooses for each call. Rejects as the fetch underneath does, and besides with
 * a CallTimeoutError when the policy's timeout runs out before the headers are there, and with a ClosedError once the board is
 * closed. A body that is silent for longer than the service's `idleTimeout` fails with a CallTimeoutError. Throws a ConfigError or
 * an UnknownServiceError for a fallback that cannot be used.
 */
export function guardedFetch(target: FetchTarget, options: FetchOptions = {}): typeof fetch {
  const { fallback } = options
  const problem = callOptionsProblem(options) ?? (fallback && fallbackProblem(target.origin, fallbackFor(fallback, NO_REQUEST)))
  if (problem) throw problem
  return (input, init) => runFetch(target, options, input as FetchInput, init)
}

async function runFetch(
  target: FetchTarget,
  options: FetchOptions,
  input: FetchInput,
  init: RequestInit | undefined,
): Promise<Response> {
  const signal = signalOf(input, init)
  if (signal?.aborted) throw signal.reason
  const enclosing = options.fallback === undefined ? undefined : enclosingChain()
  const chosen = target.choose(exemptionOf(options))
  if (chosen instanceof CallRejectedError) {
    return refused(chosen, { origin: target.origin, options, input, init, request: undefined, signal, enclosing })
  }
  let backend = chosen
  let request: CallRequest | undefined
  let dueAt: number | undefined
  let admitted: Admitted | CallRejectedError
  for (let tried: Set<Breaker> | undefined; ; ) {
    const { breaker } = backend
    if (breaker.profile.readRequest !== undefined) {
      const reading = readRequest(breaker.profile, input, init)
      request = reading instanceof Promise ? await reading : reading
      if (signal?.aborted) throw signal.reason
    }
    if (breaker.disposed) throw new ClosedError(breaker.service)
    const { timeout } = breaker.policy
    dueAt = timeout === undefined ? undefined : breaker.clock.now() + timeout
    admitted = admitRequest(backend, request, options, dueAt)
    if (!(admitted instanceof CallRejectedError)) break
    // Refused after all (by a budget, a model's breaker): no call was made, so the next best is asked.
    tried ??= new Set()
    tried.add(breaker)
    const next = target.chooseBut?.(tried, exemptionOf(options))
    if (next === undefined) return refused(admitted, { origin: breaker, options, input, init, request, signal, enclosing })
    backend = next
  }
  const { breaker } = backend
  const { ending } = admitted
  const usedUp = isUsedUp(input, init)
  const flight: Flight = { backend, admitted, ending, signal, dueAt, deadline: undefined }
  let response: Response
  try {
    response = await send(flight, options, input, init)
  } catch (error) {
    const said = signal?.aborted
      ? givenUp(flight, signal)
      : sendingFailed(flight, error, usedUp || isCallersFault(error, input, init))
    if (options.fallback === undefined || said === 'ignored') throw error
    const miss: Miss = { how: 'failed', error, why: said.type }
    return instead(miss, { origin: breaker, options, input, init, request, signal, enclosing })
  }
  const saying = answered(flight, response)
  const said = saying instanceof Promise ? await saying : saying
  if (options.fallback === undefined || said === undefined || said === 'ignored') return response
  const miss: Miss = { how: 'returned', error: response, why: said.type }
  return instead(miss, { origin: breaker, options, input, init, request, signal, enclosing })
}

/** What a request was that missed. */
interface Missed {
  readonly origin: Breaker
  readonly options: FetchOptions
  readonly input: FetchInput
  readonly init: RequestInit | undefined
  readonly request: CallRequest | undefined
  readonly signal: AbortSignal | undefined
  readonly enclosing: Enclosing | undefined
}

async function refused(rejection: CallRejectedError, missed: Missed): Promise<Response> {
  try {
    return await instead({ how: 'refused', error: rejection, why: rejection.code }, missed)
  } catch (error) {
    if (error !== rejection || missed.options.onRejected === 'throw') throw error
    return rejectionResponse(rejection)
  }
}

/** What the fallback comes to, or, where there is none or it comes to nothing, what there was before it. */
function instead(miss: Miss, { origin, options, input, init, request, signal, enclosing }: Missed): Promise<Response> {
  if (options.fallback === undefined) return originalOf(miss)
  const asked = { url: urlOf(input), method: methodOf(input, init), body: request?.body }
  return answerInstead(origin, fallbackFor(options.fallback, asked), miss, signal, enclosing)
}

const NO_REQUEST: FetchedRequest = { url: '', method: '', body: undefined }

/** One call on its way. */
interface Flight {
  readonly backend: FetchBackend
  readonly admitted: Admitted
  readonly ending: CallEnding
  readonly signal: AbortSignal | undefined
  /** When the policy's timeout runs out, epoch ms. */
  readonly dueAt: number | undefined
  deadline: HeaderDeadline | undefined
}

function send(flight: Flight, options: FetchOptions, input: FetchInput, init: RequestInit | undefined): Promise<Response> {
  const { backend, admitted, ending, signal, dueAt } = flight
  const { change } = admitted
  const [to, how] =
    change === undefined && backend.baseUrl === undefined ? [input, init] : rewritten([input, init], change, backend.baseUrl)
  const { fetch: underneath = globalThis.fetch } = options
  if (dueAt === undefined) return underneath(to, how)
  const { breaker } = backend
  const deadline = new HeaderDeadline(breaker.clock, signal, () => {
    const error = new CallTimeoutError(breaker.service, breaker.policy.timeout ?? 0)
    ending.threw(error, now(backend))
    return error
  })
  flight.deadline = deadline
  return deadline.bound(async () => underneath(to, { ...how, signal: deadline.signal }), dueAt)
}

/** What an error of the fetch underneath says of the service. */
function sendingFailed({ ending, backend }: Flight, error: unknown, isCallers: boolean): Classification {
  if (ending.ended) return error instanceof CallTimeoutError ? { type: 'timeout' } : 'ignored'
  if (isCallers) {
    ending.abandon()
    return 'ignored'
  }
  return ending.threw(error, now(backend))
}

/** The caller waits no more, be it that it has changed its mind, or that its own timeout ran out. It is answered by nobody. */
function givenUp({ ending, backend: { breaker }, admitted }: Flight, signal: AbortSignal): 'ignored' {
  if (isTimeout(signal) || breaker.clock.now() - admitted.startedAt >= longestWait(breaker.policy)) ending.timedOut()
  else ending.abandon()
  return 'ignored'
}

/** Ends the call, or has its body followed. Returns what the answer says by its headers, and by its body if it is an error. */
function answered(flight: Flight, response: Response): Classification | undefined | Promise<Classification> {
  const { ending, backend } = flight
  const { breaker } = backend
  // A mock may be anything.
  if (response?.status >= 400) return failed(flight, response)
  const at = now(backend)
  const said = saidOf(breaker.profile, response, at)
  for (const signal of signalsOf(breaker.profile, response, at)) breaker.signal(at, signal)
  if (said !== undefined) ending.settle(said)
  // A call that has ended is followed only for as long as the caller's signal may still end its body.
  if (said !== undefined && flight.deadline === undefined) return said
  if (!follow(flight, response)) {
    flight.deadline?.release()
    ending.settle(undefined)
  }
  return said
}

async function failed(flight: Flight, response: Response): Promise<Classification> {
  const { ending, backend, signal, deadline, dueAt } = flight
  const { clock, profile } = backend.breaker
  const left = dueAt === undefined ? LONGEST_LOOK : Math.max(0, dueAt - clock.now())
  const patience = Math.min(backend.settings.idleTimeout, LONGEST_LOOK, left)
  const answer: ErrorAnswer = await readErrorAnswer(response, clock, patience)
  const said = signal?.aborted && !isTimeout(signal) ? 'ignored' : classified(profile, answer, now(backend))
  ending.settle(said, undefined, answer)
  // Only so that the caller's signal is let go of when the body is done with.
  if (deadline !== undefined && !follow(flight, response)) deadline.release()
  return said
}

/** An answer is held back for no longer than this until the beginning of an error's body is there, ms. */
const LONGEST_LOOK = 2_000

/** Has the body of `response` followed; false where there is none. */
function follow({ ending, backend, signal, deadline }: Flight, response: Response): boolean {
  const { breaker, settings } = backend
  const body = bodyOf(response)
  if (body === undefined) return false
  const { clock, service } = breaker
  const watch = new BodyWatch({ ending, service, clock, idleTimeout: settings.idleTimeout, signal, lifeline: deadline })
  guardResponse(response, body, { watch, ending, headers: response.headers, now: () => now(backend) })
  return true
}

/** What a profile says of an answer that is no error; one of a user's own may throw. */
function saidOf(profile: ServiceProfile, response: Response, at: number): Classification | undefined {
  try {
    return profile.classifyResult?.(response, at)
  } catch {
    return undefined
  }
}

function signalsOf(profile: ServiceProfile, response: Response, at: number): readonly Signal[] {
  try {
    return profile.readSignals?.(response, at) ?? NONE
  } catch {
    return NONE
  }
}

const NONE: readonly Signal[] = []

/** Whole epoch ms. */
function now({ breaker }: FetchBackend): number {
  return Math.floor(breaker.clock.now())
}
