// The handle of one service: what users hold on to.
import type { Breaker } from './actors/breaker.ts'
import { type ExecuteOptions, execute, type Protected } from './actors/execute.ts'
import type { KeyedBreakers } from './actors/keyedBreakers.ts'
import { admit, type Permit } from './actors/permit.ts'
import { nextDeadline } from './model/breaker/deadline.ts'
import { checked } from './model/checked.ts'
import { type CallRejectedError, ClosedError } from './model/errors.ts'
import type { BreakerPolicy, Kind } from './model/policy.ts'
import { type Command, commandSchema, type DirectiveInput, directiveSchema, type Signal, signalSchema } from './model/signals.ts'
import { type StateName, type StatePath, stateOf } from './model/states.ts'

/** Counts and latencies of one service since it was hung on the board. */
export interface ServiceStats {
  readonly successes: number
  readonly failures: number
  readonly ignored: number
  readonly rejected: number
  readonly inFlight: number
  /** Calls in the window now, and how many of them failed or were slow. */
  readonly window: { readonly calls: number; readonly failures: number; readonly slow: number }
  /** Of successful calls, ms. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number }
}

export interface Service {
  readonly name: string
  readonly kind: Kind
  readonly state: StateName
  /** State and substate, such as `open.awaitingPermit`. */
  readonly path: StatePath
  readonly policy: BreakerPolicy
  /** Why it stands where it stands: a trip rule, or the name of the event that led there. */
  readonly reason: string
  /** When the present state ends by itself, epoch ms; undefined where it does not. */
  readonly until: number | undefined
  readonly stats: ServiceStats
  /**
   * Runs `run` if the breaker admits it. Rejects with a CallRejectedError where it does not, with a CallTimeoutError when the
   * timeout runs out, with the signal's reason when the caller gives up, and else with what `run` threw.
   */
  execute<T, F = never>(run: Protected<T>, options?: ExecuteOptions<F>): Promise<T | F>
  /** Leave for one call, to be settled by hand. Throws a CallRejectedError where there is none. */
  admit(): Permit
  /** The error that a call would be rejected with now, or undefined; takes and counts nothing. */
  peek(): CallRejectedError | undefined
  /** Tells the breaker of the service's condition. Throws a ConfigError when it is none. */
  signal(signal: Signal): void
  /** Tells the breaker what an orchestrator wants. Throws a ConfigError when it is no directive. */
  direct(directive: DirectiveInput): void
  /** Tells the breaker what an operator wants, with who and why. Throws a ConfigError when it is no command. */
  command(command: Command): void
}

/** A service with breakers of its own for keys. */
export interface KeyableService extends Service {
  /** The service as `key` (a tenant, a model) sees it: a breaker of its own, under the same policy. */
  for(key: string): Service
}

/** `find` is asked at every use, so that a handle outlives the breaker it leads to. */
export function serviceHandle(find: () => Breaker): Service {
  return new Handle(find)
}

export function keyableService(breaker: Breaker, keyed: KeyedBreakers): KeyableService {
  return new KeyableHandle(breaker, keyed)
}

class Handle implements Service {
  readonly #find: () => Breaker

  constructor(find: () => Breaker) {
    this.#find = find
  }

  get name(): string {
    return this.#find().service
  }

  get kind(): Kind {
    return this.#find().kind
  }

  get state(): StateName {
    return stateOf(this.#find().path)
  }

  get path(): StatePath {
    return this.#find().path
  }

  get policy(): BreakerPolicy {
    return this.#find().policy
  }

  get reason(): string {
    return this.#find().context.reason
  }

  get until(): number | undefined {
    return nextDeadline(this.#find().context)?.at
  }

  get stats(): ServiceStats {
    const breaker = this.#find()
    return {
      successes: breaker.successes,
      failures: breaker.failures,
      ignored: breaker.ignored,
      rejected: breaker.rejected,
      inFlight: breaker.inFlight,
      window: breaker.counts(now(breaker)),
      latency: { p50: breaker.latency(0.5), p95: breaker.latency(0.95), p99: breaker.latency(0.99) },
    }
  }

  execute<T, F = never>(run: Protected<T>, options?: ExecuteOptions<F>): Promise<T | F> {
    return execute(this.#find(), run, options)
  }

  admit(): Permit {
    return admit(this.#find())
  }

  peek(): CallRejectedError | undefined {
    const breaker = this.#find()
    return breaker.peek(now(breaker))
  }

  signal(signal: Signal): void {
    const breaker = open(this.#find())
    breaker.signal(now(breaker), checked(signalSchema, signal, 'signal'))
  }

  direct(directive: DirectiveInput): void {
    const breaker = open(this.#find())
    breaker.direct(now(breaker), checked(directiveSchema, directive, 'directive'))
  }

  command(command: Command): void {
    const breaker = open(this.#find())
    breaker.command(now(breaker), checked(commandSchema, command, 'command'))
  }
}

class KeyableHandle extends Handle implements KeyableService {
  readonly #breaker: Breaker
  readonly #keyed: KeyedBreakers

  constructor(breaker: Breaker, keyed: KeyedBreakers) {
    super(() => breaker)
    this.#breaker = breaker
    this.#keyed = keyed
  }

  override execute<T, F = never>(run: Protected<T>, options?: ExecuteOptions<F>): Promise<T | F> {
    return execute(this.#breaker, run, options)
  }

  for(key: string): Service {
    this.#keyed.get(key)
    return serviceHandle(() => this.#keyed.get(key))
  }
}

function open(breaker: Breaker): Breaker {
  if (breaker.disposed) throw new ClosedError(breaker.service)
  return breaker
}

function now(breaker: Breaker): number {
  return Math.floor(breaker.clock.now())
}
