// What a protected function is given, and the ways a call can end. A call ends once; whatever comes later decides nothing.
import { CallRejectedError } from '../model/errors.ts'
import type { Classification } from '../model/failures.ts'
import { type DegradationLevel, STATE_PATHS, type StateName, type StatePath, stateOf } from '../model/states.ts'
import type { Breaker } from './breaker.ts'

/** Told to the protected function. */
export interface CallContext {
  readonly service: string
  /** The breaker's state when the call was admitted. */
  readonly state: StateName
  /** How much less to ask of the service: 0 is everything, 3 the least. */
  readonly degradation: { readonly level: DegradationLevel }
  readonly generation: number
  /** When the call's timeout runs out, epoch ms; undefined without one. */
  readonly deadline: number | undefined
  /** Aborted when the caller gives up or the timeout runs out. */
  readonly signal: AbortSignal
}

export class Call implements CallContext {
  readonly state: StateName
  readonly degradation: { readonly level: DegradationLevel }
  readonly #breaker: Breaker
  readonly #startedAt: number
  readonly #probe: number | undefined
  #controller: AbortController | undefined
  #callerSignal: AbortSignal | undefined
  #ended = false

  constructor(
    breaker: Breaker,
    startedAt: number,
    readonly generation: number,
    probe: number | undefined,
    readonly deadline: number | undefined,
    callerSignal: AbortSignal | undefined,
  ) {
    this.#breaker = breaker
    this.#startedAt = startedAt
    this.#probe = probe
    this.#callerSignal = callerSignal
    const { gate } = breaker
    this.state = stateNames[gate.path]
    this.degradation = degradations[gate.level]
    breaker.inFlight++
  }

  get service(): string {
    return this.#breaker.service
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Made when first asked for: an AbortController costs more than the rest of a call together. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal
    if (this.#callerSignal && this.deadline === undefined) return this.#callerSignal
    this.#controller = new AbortController()
    return this.#controller.signal
  }

  /** Holds for a function that asks for its signal only afterwards, too. */
  abort(reason: unknown): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }

  /** The function came back. Returns what its profile makes of the value: a failure, `ignored`, or undefined for a success. */
  returned(value: unknown): Classification | undefined {
    if (this.#ended) return undefined
    const { profile } = this.#breaker
    const now = this.#breaker.clock.now()
    const at = Math.floor(now)
    let said: Classification | undefined
    if (profile.classifyResult !== undefined) said = profile.classifyResult(value, at)
    if (said === undefined) this.#end(now, at, undefined)
    else this.#end(now, at, said)
    if (profile.readSignals !== undefined) this.#readSignals(value, at)
    return said
  }

  /** The function threw. */
  threw(error: unknown): Classification {
    if (this.#ended) return 'ignored'
    const { profile } = this.#breaker
    const now = this.#breaker.clock.now()
    const at = Math.floor(now)
    const said = error instanceof CallRejectedError ? 'ignored' : profile.classifyError(error, at)
    this.#end(now, at, said)
    if (profile.readSignals !== undefined) this.#readSignals(error, at)
    return said
  }

  /** The caller gave up. */
  abandon(): void {
    if (this.#ended) return
    const now = this.#breaker.clock.now()
    this.#end(now, Math.floor(now), 'ignored')
  }

  #end(now: number, at: number, said: Classification | undefined): void {
    this.#ended = true
    const breaker = this.#breaker
    breaker.inFlight--
    const elapsed = now - this.#startedAt
    // Whole microseconds; capped well above any timeout, so that they fit an integer.
    const microseconds = elapsed < 2_000_000 ? (elapsed * 1000 + 0.5) | 0 : 2_000_000_000
    if (said === undefined) breaker.succeed(at, microseconds, this.generation, this.#probe)
    else if (said === 'ignored') breaker.ignore(at, microseconds, this.generation, this.#probe)
    else breaker.fail(at, microseconds, this.generation, this.#probe, said)
  }

  #readSignals(from: unknown, at: number): void {
    const signals = this.#breaker.profile.readSignals?.(from, at)
    if (signals === undefined) return
    for (const signal of signals) this.#breaker.signal(at, signal)
  }
}

const degradations = [{ level: 0 }, { level: 1 }, { level: 2 }, { level: 3 }] as const

const stateNames = Object.fromEntries(STATE_PATHS.map((path) => [path, stateOf(path)])) as Record<StatePath, StateName>
