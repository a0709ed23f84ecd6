// The handle of one service: what users hold on to.
import type { Breaker } from './actors/breaker.ts'
import { type ExecuteOptions, execute, type Protected } from './actors/execute.ts'
import type { Fallback, FallbackResult, NoFallback } from './actors/fallback/fallback.ts'
import type { Impact } from './actors/impactMeter.ts'
import type { KeyedBreakers } from './actors/keyedBreakers.ts'
import { keyedName, keyOf } from './actors/keyedName.ts'
import { healthiestModel } from './actors/modelHealth.ts'
import { admit, type Permit } from './actors/permit.ts'
import { ownDeadline } from './model/breaker/deadline.ts'
import { checked } from './model/checked.ts'
import { type CallRejectedError, ClosedError } from './model/errors.ts'
import type { BreakerPolicy, Kind } from './model/policy.ts'
import {
  type Command,
  commandSchema,
  type DirectiveInput,
  type Signal,
  signalSchema,
  userDirectiveSchema,
} from './model/signals.ts'
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
   * What degradation has cost and saved, expected beside measured; undefined for a kind whose answers tell nothing of it, and
   * for keys.
   */
  readonly impact: Impact | undefined
  /**
   * Runs `run` if the breaker admits it. Rejects with a CallRejectedError where it does not, with a CallTimeoutError when the
   * timeout runs out, with the signal's reason when the caller gives up, and else with what `run` threw.
   */
  execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    run: Protected<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | FallbackResult<F>>
  /** Leave for one call, to be settled by hand. Throws a CallRejectedError where there is none. */
  admit(): Permit
  /** The error that a call would be rejected with now, or undefined; takes and counts nothing. Throws once the board is closed. */
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
  /**
   * The service as `key` (a tenant, a model) sees it: a breaker of its own, under the same policy, hung on the board with its
   * first call. Throws a ConfigError for a key of more than 512 bytes.
   */
  for(key: string): Service
  /**
   * Of `models`, the one that is doing best by its own breaker (docs/services/openai.md); the first of equals. Undefined where
   * none would be let through.
   */
  healthiestModel(models: readonly string[]): string | undefined
}

/** Where a handle finds its breaker: at every use anew, so that a handle outlives the breaker it leads to. */
interface Source {
  readonly name: string
  /** The service's own breaker; those of its keys are of its kind and under its policy. */
  readonly service: Breaker
  /** The breaker as it is; undefined for a key that has none (yet, or any more). */
  look(): Breaker | undefined
  /** The breaker for a call or a command. */
  use(): Breaker
}

export function keyableService(breaker: Breaker, keyed: KeyedBreakers): KeyableService {
  return new KeyableHandle(breaker, keyed)
}

class Handle implements Service {
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
  }

  get name(): string {
    return this.#source.name
  }

  get kind(): Kind {
    return this.#source.service.kind
  }

  get state(): StateName {
    return stateOf(this.path)
  }

  get path(): StatePath {
    return this.#source.look()?.path ?? 'closed.watching'
  }

  get policy(): BreakerPolicy {
    return this.#source.service.policy
  }

  get reason(): string {
    return this.#source.look()?.context.reason ?? 'created'
  }

  get until(): number | undefined {
    const breaker = this.#source.look()
    return breaker && ownDeadline(breaker.context)?.at
  }

  get stats(): ServiceStats {
    const breaker = this.#source.look()
    if (!breaker) return UNUSED
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

  get impact(): Impact | undefined {
    return this.#source.look()?.follower?.impact
  }

  execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    run: Protected<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | FallbackResult<F>> {
    let breaker: Breaker
    try {
      breaker = this.#source.use()
    } catch (error) {
      return Promise.reject(error)
    }
    return execute(breaker, run, options)
  }

  admit(): Permit {
    return admit(this.#source.use())
  }

  peek(): CallRejectedError | undefined {
    const at = now(open(this.#source.service))
    return this.#source.look()?.peek(at)
  }

  signal(signal: Signal): void {
    const told = checked(signalSchema, signal, 'signal')
    const breaker = open(this.#source.use())
    breaker.signal(now(breaker), told)
  }

  direct(directive: DirectiveInput): void {
    const told = checked(userDirectiveSchema, directive, 'directive')
    const breaker = open(this.#source.use())
    breaker.direct(now(breaker), told)
  }

  command(command: Command): void {
    const told = checked(commandSchema, command, 'command')
    const breaker = open(this.#source.use())
    breaker.command(now(breaker), told)
  }
}

class KeyableHandle extends Handle implements KeyableService {
  readonly #breaker: Breaker
  readonly #keyed: KeyedBreakers

  constructor(breaker: Breaker, keyed: KeyedBreakers) {
    const find = (): Breaker => breaker
    super({ name: breaker.service, service: breaker, look: find, use: find })
    this.#breaker = breaker
    this.#keyed = keyed
  }

  override execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    run: Protected<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | FallbackResult<F>> {
    return execute(this.#breaker, run, options)
  }

  for(key: string): Service {
    const service = open(this.#breaker)
    const keyed = this.#keyed
    const name = keyedName(service.service, key)
    // Keys that are written alike (half a surrogate pair and U+FFFD) are one key.
    const written = keyOf(name)
    return new Handle({ name, service, look: () => keyed.look(written), use: () => keyed.use(written) })
  }

  /** What an operator wants of the service is meant for the breakers of its keys as well. */
  override command(command: Command): void {
    super.command(command)
    for (const breaker of this.#keyed) breaker.command(now(breaker), command)
  }

  healthiestModel(models: readonly string[]): string | undefined {
    open(this.#breaker)
    return healthiestModel(this.#keyed, models)
  }
}

const UNUSED: ServiceStats = {
  successes: 0,
  failures: 0,
  ignored: 0,
  rejected: 0,
  inFlight: 0,
  window: { calls: 0, failures: 0, slow: 0 },
  latency: { p50: 0, p95: 0, p99: 0 },
}

function open(breaker: Breaker): Breaker {
  if (breaker.disposed) throw new ClosedError(breaker.service)
  return breaker
}

function now(breaker: Breaker): number {
  return Math.floor(breaker.clock.now())
}
