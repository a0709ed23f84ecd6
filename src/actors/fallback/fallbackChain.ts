// A fallback chain at work: its steps are tried in order, each through its own breaker, until one answers, and what was decided
// is told. `execute`, the router and the adapters ask it when a call has missed.
import type { DecisionStep } from '../../model/records.ts'
import type { Breaker } from '../breaker.ts'
import { guardedCall, type Miss, originalOf } from '../guardedCall.ts'
import { type Enclosing, enclosingChain, isAnsweredFor, within } from './enclosingChain.ts'
import { type Fallback, type FallbackStep, type PlainStep, type ServiceStep, stepsOf } from './fallback.ts'
import { answerPlainly } from './plainStep.ts'

/** What is told of a step that was passed over because an outer chain answers for that very service, or chains nest too deep. */
const CYCLE = 'ERR_SWITCHGEAR_FALLBACK_CYCLE'
/** Chains within the steps of chains, before one is taken for a cycle of functions that call each other. */
const DEEPEST = 10

export type Attempted<F> =
  | { readonly result: 'answered'; readonly value: F }
  | { readonly result: 'failed' | 'rejected'; readonly error?: unknown; readonly code: string | undefined }

export interface ChainRequest<F> {
  /** Whose call has missed. */
  readonly origin: Breaker
  readonly miss: Miss
  readonly steps: readonly FallbackStep<F>[]
  /** The caller's; once it aborts, nothing more is tried. */
  readonly signal?: AbortSignal | undefined
  /** The chain in whose step the call was made, as {@link enclosingChain} said when it was. */
  readonly enclosing?: Enclosing | undefined
  /** How a step that is a service is tried, in place of {@link attemptService}: by `fetch`, whose answers end later. */
  readonly attempt?:
    | ((breaker: Breaker, step: ServiceStep<F>, miss: Miss, signal?: AbortSignal) => Promise<Attempted<F>>)
    | undefined
}

/** The last of the steps tried is the one that answered, or all failed. */
export type ChainOutcome<F> =
  | { readonly answered: true; readonly value: F }
  | { readonly answered: false; readonly errors: readonly unknown[] }

/**
 * Tries `steps` in order. Rejects with the signal's reason when the caller gives up meanwhile; else comes to an outcome,
 * which is told as a decision of the origin's.
 */
export async function runChain<F>(request: ChainRequest<F>): Promise<ChainOutcome<F>> {
  const { origin, steps, signal, enclosing } = request
  if (steps.length === 0) return { answered: false, errors: [] }
  const here: Enclosing = { origin, outer: enclosing, depth: (enclosing?.depth ?? 0) + 1 }
  const startedAt = origin.clock.now()
  const tried: DecisionStep[] = []
  const errors: unknown[] = []
  try {
    for (const step of steps) {
      if (signal?.aborted) throw signal.reason
      const attempted = await attempt(step, here, request)
      const { result } = attempted
      const name = step.service ?? step.name
      if (result === 'answered') {
        tried.push({ name, result })
        return { answered: true, value: attempted.value }
      }
      const { code } = attempted
      tried.push({ name, result, ...(code === undefined ? undefined : { code }) })
      if ('error' in attempted) errors.push(attempted.error)
    }
    if (signal?.aborted) throw signal.reason
    return { answered: false, errors }
  } finally {
    tell(request, tried, startedAt)
  }
}

/** What settles in place of a call of `origin` that missed: the answer of its fallback, or what the call itself came to. */
export function chainInstead<F, T = never>(
  origin: Breaker,
  fallback: Fallback<F>,
  signal: AbortSignal | undefined,
  // As the call is made, not when it has missed: a timeout is told by a timer, which runs in whosever context it was armed.
  enclosing: Enclosing | undefined = enclosingChain(),
): (miss: Miss) => Promise<T | F> {
  return async (miss) => {
    const isFunction = typeof fallback === 'function'
    const steps = stepsOf(origin, fallback)
    const outcome = await runChain({ origin, miss, steps, enclosing, signal: isFunction ? undefined : signal })
    if (outcome.answered) return outcome.value
    // A function speaks for itself; a chain that came to nothing leaves its caller with what there was before it.
    if (isFunction && outcome.errors.length > 0) throw outcome.errors[0]
    return originalOf<T>(miss)
  }
}

/** Tries one step through its service's breaker. */
async function attemptService<F>(
  breaker: Breaker,
  { run, timeout, operation, estimate }: ServiceStep<F>,
  { error: cause }: Miss,
  signal?: AbortSignal,
): Promise<Attempted<F>> {
  let missed: Miss | undefined
  const instead = (miss: Miss): Promise<never> => {
    missed = miss
    return Promise.reject(miss.error)
  }
  try {
    const guards = { timeout, operation, estimate, signal }
    return { result: 'answered', value: await guardedCall(breaker, (call) => run(call, cause), guards, { instead }) }
  } catch (error) {
    return { result: missed?.how === 'refused' ? 'rejected' : 'failed', error, code: missed?.why ?? codeOf(error) }
  }
}

async function attempt<F>(
  step: FallbackStep<F>,
  here: Enclosing,
  { origin, miss, signal, attempt: attemptThrough = attemptService }: ChainRequest<F>,
): Promise<Attempted<F>> {
  if (here.depth > DEEPEST) return passedOver(CYCLE)
  if (step.service === undefined) return within(here, () => attemptPlainly(step, miss, signal))
  const breaker = origin.peers.get(step.service)
  if (breaker === undefined) return passedOver('ERR_SWITCHGEAR_UNKNOWN_SERVICE')
  if (isAnsweredFor(breaker, here.outer)) return passedOver(CYCLE)
  return within(here, () => attemptThrough(breaker, step, miss, signal))
}

async function attemptPlainly<F>(
  step: PlainStep<F>,
  { error: cause }: Miss,
  signal: AbortSignal | undefined,
): Promise<Attempted<F>> {
  try {
    return { result: 'answered', value: await answerPlainly(step, cause, signal) }
  } catch (error) {
    return { result: 'failed', error, code: codeOf(error) }
  }
}

function passedOver(code: string): Attempted<never> {
  return { result: 'rejected', code }
}

/** By what name an error is known; a word of a program, never a sentence, as it goes into the journal. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  try {
    const { code, name } = error as { code?: unknown; name?: unknown }
    return [code, name].find((word): word is string => typeof word === 'string' && /^\w{1,64}$/.test(word))
  } catch {
    return undefined
  }
}

function tell<F>({ origin, miss }: ChainRequest<F>, steps: readonly DecisionStep[], startedAt: number): void {
  const { clock, service } = origin
  const now = clock.now()
  origin.decide({
    type: 'decision',
    at: Math.floor(now),
    service,
    decision: 'fallback',
    why: miss.why,
    steps,
    result: steps.at(-1)?.result === 'answered' ? 'answered' : 'failed',
    duration: Math.round((now - startedAt) * 1000) / 1000,
  })
}
