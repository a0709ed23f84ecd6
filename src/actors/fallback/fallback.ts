// What may answer in a service's place, as users write it: a function, a list of steps, or answers by name in the order the
// service is configured with. Checked when the call is made, so that a misspelt name does not wait for an outage to be found.
import { ConfigError, UnknownServiceError } from '../../model/errors.ts'
import type { Estimate } from '../../model/measurement.ts'
import { suggest } from '../../model/suggest.ts'
import type { Breaker } from '../breaker.ts'
import type { CallContext } from '../call.ts'
import { isKeyed } from '../keyedName.ts'

/** `error` is why the service itself did not answer: what was thrown, or what it returned that counts as a failure. */
export type FallbackAnswer<F = unknown> = (call: CallContext, error: unknown) => F | PromiseLike<F>

/** A step that is a service passes that service's breaker; one that has only a name passes none. */
export type FallbackStep<F = unknown> = ServiceStep<F> | PlainStep<F>

export interface ServiceStep<F = unknown> {
  readonly service: string
  readonly name?: undefined
  readonly run: FallbackAnswer<F>
  /** In place of the timeout of that service's policy, ms (above 0; Infinity: never). */
  readonly timeout?: number | undefined
  /** What is asked for, and what it is expected to cost, for that service's budgets. */
  readonly operation?: string | undefined
  readonly estimate?: Estimate | undefined
}

export interface PlainStep<F = unknown> {
  /** What decision records call it. */
  readonly name: string
  readonly service?: undefined
  readonly run: FallbackAnswer<F>
}

export type Fallback<F = unknown> =
  | ((error: unknown) => F | PromiseLike<F>)
  | readonly FallbackStep<F>[]
  | Readonly<Record<string, FallbackAnswer<F>>>

/** Stands for the fallback of a call that is made without one; the compiler infers it, and nobody has a value of it. */
export interface NoFallback {
  readonly [none]: never
}
declare const none: unique symbol

/** What a fallback can answer. */
export type FallbackResult<Given> = [NoFallback] extends [Given] ? never : AnswerOf<Given>

type AnswerOf<Given> = Given extends (error: unknown) => infer Answer
  ? Awaited<Answer>
  : Given extends readonly { readonly run: (...args: never[]) => infer Answer }[]
    ? Awaited<Answer>
    : Given extends Readonly<Record<string, (...args: never[]) => infer Answer>>
      ? Awaited<Answer>
      : never

/** The name of a step that a plain function is. */
const FUNCTION = 'fallback'

/** Why `fallback` cannot be used for `origin`; undefined when it can. */
export function fallbackProblem(origin: Breaker, fallback: Fallback): Error | undefined {
  if (typeof fallback === 'function') return undefined
  if (Array.isArray(fallback)) return stepsProblem(origin, fallback)
  if (typeof fallback === 'object' && fallback !== null) return answersProblem(origin, fallback as Record<string, unknown>)
  return new ConfigError('fallback', fallback, 'a function, a list of steps, or an object of functions by name')
}

/** The steps of a fallback that has no problem, in the order in which they are to be tried. */
export function stepsOf<F>(origin: Breaker, fallback: Fallback<F>): readonly FallbackStep<F>[] {
  if (typeof fallback === 'function') return [{ name: FUNCTION, run: (_, error) => fallback(error) }]
  if (isList(fallback)) return fallback
  const names = origin.standIns.length > 0 ? origin.standIns : Object.keys(fallback)
  const steps: FallbackStep<F>[] = []
  for (const name of names) {
    const run = Object.hasOwn(fallback, name) ? fallback[name] : undefined
    if (run) steps.push(origin.peers.get(name) ? { service: name, run } : { name, run })
  }
  return steps
}

function isList<F>(fallback: Exclude<Fallback<F>, (error: unknown) => unknown>): fallback is readonly FallbackStep<F>[] {
  return Array.isArray(fallback)
}

function stepsProblem(origin: Breaker, steps: readonly unknown[]): Error | undefined {
  for (const [index, step] of steps.entries()) {
    const path = `fallback.${index}`
    if (typeof step !== 'object' || step === null) return new ConfigError(path, step, '{ service, run } or { name, run }')
    const { service, name, run, timeout } = step as Record<string, unknown>
    if (typeof run !== 'function') return new ConfigError(`${path}.run`, run, 'a function')
    if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0))
      return new ConfigError(`${path}.timeout`, timeout, 'a number of ms above 0')
    if (service === undefined) {
      if (typeof name !== 'string' || name === '')
        return new ConfigError(`${path}.name`, name, 'a name, where there is no service')
    } else if (typeof service !== 'string') return new ConfigError(`${path}.service`, service, 'the name of a service')
    else if (origin.peers.get(service) === undefined) return unknownService(origin, service)
  }
  return undefined
}

function answersProblem({ service, standIns }: Breaker, answers: Readonly<Record<string, unknown>>): Error | undefined {
  for (const [name, run] of Object.entries(answers)) {
    const path = `fallback.${name}`
    if (typeof run !== 'function') return new ConfigError(path, run, 'a function')
    if (standIns.length === 0 || standIns.includes(name)) continue
    const meant = suggest(name, standIns)
    const allowed = `the names in services.${service}.fallback: ${standIns.join(', ')}`
    const hint = meant ? `did you mean ${meant}?` : `allowed: ${allowed}`
    return new ConfigError(path, undefined, allowed, `${path}: not in services.${service}.fallback; ${hint}`)
  }
  return undefined
}

function unknownService({ peers }: Breaker, service: string): UnknownServiceError {
  const names = [...peers.breakers].map((breaker) => breaker.service).filter((name) => !isKeyed(name))
  const meant = suggest(service, names)
  return new UnknownServiceError(service, meant ? `; did you mean ${meant}?` : `; there are ${names.join(', ')}`)
}
