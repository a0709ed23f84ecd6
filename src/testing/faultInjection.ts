// Fault injection for tests: wraps a call so that it is slow, fails or never answers, by script or by chance, on a clock that
// may be virtual. For users who want to see what their code does while a service is ill.
import { type Clock, systemClock } from '../model/clock.ts'
import { type Random, seededRandom } from '../model/random.ts'
import { Due } from '../model/timer.ts'

/**
 * What happens to one call. `ok`: it goes through; `error`: it rejects with an {@link InjectedFaultError}; `hang`: it never
 * answers. `{latency}`: it waits that many ms first, and then comes to its `outcome` (`ok` unless told). `{error}`: it rejects
 * with that very value.
 */
export type Fault =
  | 'ok'
  | 'error'
  | 'hang'
  | { readonly latency: number; readonly outcome?: 'ok' | 'error' | 'hang' }
  | { readonly latency?: number; readonly error: unknown }

/** Decides what happens to a call, given how many came before it and the time it was made (epoch ms). */
export type FaultPlan = (call: number, at: number) => Fault

/** The wrapped function: of the same type if it is asynchronous; a synchronous one becomes asynchronous. */
export type Injected<F extends AnyFunction> =
  ReturnType<F> extends Promise<unknown> ? F : (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>

type AnyFunction = (...args: never[]) => unknown

/** The error of a call that was made to fail. */
export class InjectedFaultError extends Error {
  readonly code = 'ERR_SWITCHGEAR_INJECTED_FAULT'
  override readonly name = 'InjectedFaultError'

  constructor(
    /** How many calls came before the one that failed. */
    readonly call: number,
  ) {
    super(`injected fault (call ${call})`)
  }
}

/**
 * Wraps `fn` so that each call meets the fault the plan has for it; an array is a script that goes `ok` once it is over. If
 * the first argument of a call carries an AbortSignal as `signal`, a call that waits or hangs rejects with its reason on abort.
 */
export function injectFaults<F extends AnyFunction>(
  fn: F,
  plan: FaultPlan | readonly Fault[],
  options: { readonly clock?: Clock } = {},
): Injected<F> {
  const clock = options.clock ?? systemClock
  const planned = typeof plan === 'function' ? plan : scripted(plan)
  let calls = 0
  async function injected(this: unknown, ...args: never[]): Promise<unknown> {
    const call = calls++
    const fault = planned(call, clock.now())
    const { latency = 0, error } = typeof fault === 'object' ? { error: undefined, ...fault } : { error: undefined }
    const ending = typeof fault === 'string' ? fault : 'error' in fault ? 'throw' : (fault.outcome ?? 'ok')
    const signal = signalOf(args[0])
    if (latency > 0) await pass(clock, latency, signal)
    if (ending === 'throw') throw error
    if (ending === 'error') throw new InjectedFaultError(call)
    if (ending === 'hang') await pass(clock, Number.POSITIVE_INFINITY, signal)
    return Reflect.apply(fn, this, args)
  }
  // The only gap in the types: an async function with the same parameters and the same settled value is an F.
  return injected as unknown as Injected<F>
}

/** A plan that goes through `faults` in order; then it starts again with `repeat`, or lets all calls through. */
export function scripted(faults: readonly Fault[], options: { readonly repeat?: boolean } = {}): FaultPlan {
  faults.forEach(checkFault)
  return (call) => faults[options.repeat === true && faults.length > 0 ? call % faults.length : call] ?? 'ok'
}

/** Chances are 0–1; error and hang exclude each other, latency comes on top of either. */
export interface FaultChances {
  readonly error?: number
  readonly hang?: number
  readonly latency?: {
    readonly chance: number
    /** How long, in ms; of a range, any value is equally likely. */
    readonly ms: number | { readonly min: number; readonly max: number }
  }
}

/**
 * A plan by chance. Every call draws three numbers whatever the chances are, so that changing one of them leaves the other
 * draws of a seed alone. Throws a RangeError for chances outside 0–1, or latencies that are negative or not finite.
 */
export function byChance(chances: FaultChances, random: Random = seededRandom(1)): FaultPlan {
  const { error = 0, hang = 0, latency } = chances
  const range =
    latency === undefined
      ? { min: 0, max: 0 }
      : typeof latency.ms === 'object'
        ? latency.ms
        : { min: latency.ms, max: latency.ms }
  for (const chance of [error, hang, error + hang, latency?.chance ?? 0]) {
    if (!(chance >= 0 && chance <= 1))
      throw new RangeError(`a chance (and that of error and hang together) is 0 to 1, not ${chance}`)
  }
  if (!(range.max >= range.min))
    throw new RangeError(`a range of latencies goes from min to max, not ${range.min} to ${range.max}`)
  checkLatency(range.min)
  checkLatency(range.max)
  return () => {
    const ending = random.next()
    const slow = random.next() < (latency?.chance ?? 0)
    const wait = range.min + random.next() * (range.max - range.min)
    const outcome = ending < error ? 'error' : ending < error + hang ? 'hang' : 'ok'
    return slow ? { latency: wait, outcome } : outcome
  }
}

function checkFault(fault: Fault): void {
  if (typeof fault === 'object' && fault.latency !== undefined) checkLatency(fault.latency)
}

function checkLatency(ms: number): void {
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`a latency is a finite number of ms from 0, not ${ms}`)
}

function signalOf(call: unknown): AbortSignal | undefined {
  if (typeof call !== 'object' || call === null || !('signal' in call)) return undefined
  return call.signal instanceof AbortSignal ? call.signal : undefined
}

/** Waits `ms` on the clock, or for ever; rejects with the signal's reason if it aborts first. */
function pass(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = new Due(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, true)
    const abort = (): void => {
      clock.disarm(timer)
      reject(signal?.reason)
    }
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort, { once: true })
    if (ms < Number.POSITIVE_INFINITY) clock.arm(timer, clock.now() + ms)
  })
}
