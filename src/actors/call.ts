// What a protected function is given, and the ways a call can end. A call ends once; whatever comes later decides nothing.

import { type Degradation, UNDEGRADED } from '../model/degradation.ts'
import { CallRejectedError } from '../model/errors.ts'
import type { Classification, FailureType } from '../model/failures.ts'
import type { Measurement } from '../model/measurement.ts'
import { STATE_PATHS, type StateName, type StatePath, stateOf } from '../model/states.ts'
import type { Breaker } from './breaker.ts'
import type { CallResult, Reservation } from './callFollower.ts'
import type { CallFacts } from './outcomeRecord.ts'
import { errorSays, measurementOf, resultSays, signalsIn, soundClassification, soundMeasurement } from './profileAnswers.ts'

/** Told to the protected function. */
export interface CallContext {
  readonly service: string
  /** The breaker's state when the call was admitted. */
  readonly state: StateName
  /** How much less to ask of the service, and of what (the ladder of its kind: docs/services/). */
  readonly degradation: Degradation
  readonly generation: number
  /** When the call's timeout runs out, epoch ms; undefined without one. */
  readonly deadline: number | undefined
  /** Aborted when the caller gives up or the timeout runs out. */
  readonly signal: AbortSignal
}

export class Call implements CallContext {
  readonly state: StateName
  readonly degradation: Degradation
  readonly #breaker: Breaker
  readonly #startedAt: number
  readonly #probe: number | undefined
  #controller: AbortController | undefined
  #callerSignal: AbortSignal | undefined
  readonly #reservation: Reservation | undefined
  #ended = false

  constructor(
    breaker: Breaker,
    startedAt: number,
    readonly generation: number,
    probe: number | undefined,
    readonly deadline: number | undefined,
    callerSignal: AbortSignal | undefined,
    reservation?: Reservation,
  ) {
    this.#breaker = breaker
    this.#startedAt = startedAt
    this.#probe = probe
    this.#callerSignal = callerSignal
    this.#reservation = reservation
    const { gate } = breaker
    this.state = stateNames[gate.path]
    this.degradation = gate.level === 0 ? UNDEGRADED : degradationAt(gate.level, breaker)
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
    if (profile.classifyResult !== undefined) said = resultSays(profile, value, at)
    let measured: Measurement | undefined
    if (profile.measure !== undefined && said === undefined) measured = measurementOf(profile, value)
    this.#end(now, at, said, measured)
    if (profile.readSignals !== undefined) this.#readSignals(value, at)
    return said
  }

  /** The function threw. */
  threw(error: unknown): Classification {
    if (this.#ended) return 'ignored'
    const { profile } = this.#breaker
    const now = this.#breaker.clock.now()
    const at = Math.floor(now)
    const said = error instanceof CallRejectedError ? 'ignored' : errorSays(profile, error, at)
    this.#end(now, at, said, undefined)
    if (profile.readSignals !== undefined) this.#readSignals(error, at)
    return said
  }

  /** The caller gave up. */
  abandon(): void {
    if (this.#ended) return
    const now = this.#breaker.clock.now()
    // It was on its way, and may be billed all the same.
    this.#end(now, Math.floor(now), 'ignored', this.#reservation === undefined ? undefined : UNSTATED_COST)
  }

  /**
   * Ends the call as somebody who has read its answer says: undefined is a success. `from` is what carries signals; `heardAt`
   * (epoch ms) is when the service had done its part, where nobody noticed at once.
   */
  settle(said: Classification | undefined, measured?: Measurement, from?: unknown, heardAt?: number): void {
    if (this.#ended) return
    const now = this.#breaker.clock.now()
    const at = Math.floor(now)
    this.#end(heardAt ?? now, at, soundClassification(said), soundMeasurement(measured))
    if (from !== undefined && this.#breaker.profile.readSignals !== undefined) this.#readSignals(from, at)
  }

  #end(now: number, at: number, said: Classification | undefined, known: Measurement | undefined): void {
    this.#ended = true
    const breaker = this.#breaker
    breaker.inFlight--
    const elapsed = now - this.#startedAt
    // Whole microseconds; capped well above any timeout, so that they fit an integer.
    const microseconds = elapsed < 2_000_000 ? (elapsed * 1000 + 0.5) | 0 : 2_000_000_000
    const { level } = this.degradation
    const result: CallResult = said === undefined ? 'success' : said === 'ignored' ? 'ignored' : 'failure'
    const reservation = this.#reservation
    const measured = reservation === undefined ? stated(known) : reservation.settle(at, result, known, failureOf(said))
    const plain = measured === undefined && level === 0
    let facts: CallFacts | undefined = plain ? undefined : { level, measured }
    if (reservation === UNBUDGETED) facts = { level, measured, unbudgeted: true }
    if (said === undefined) breaker.succeed(at, microseconds, this.generation, this.#probe, facts)
    else if (said === 'ignored') breaker.ignore(at, microseconds, this.generation, this.#probe, facts)
    else breaker.fail(at, microseconds, this.generation, this.#probe, said, facts)
    if (breaker.follower !== undefined) breaker.follower.ended(at, result, microseconds, level, measured)
  }

  #readSignals(from: unknown, at: number): void {
    const breaker = this.#breaker
    for (const signal of signalsIn(breaker.profile, from, at)) breaker.signal(at, signal)
  }
}

/** Says to a budget that the call may be billed, though nobody says how much. */
export const UNSTATED_COST: Measurement = { costEstimated: true }

/** Of a call that is part of one a budget has had its word on. */
export const UNBUDGETED: Reservation = {
  settle: (_at, _result, known) => stated(known),
  release: () => undefined,
}

/** Where no budget asked, an estimate that nobody made is nothing to tell. */
function stated(known: Measurement | undefined): Measurement | undefined {
  if (known?.costEstimated !== true || known.cost !== undefined) return known
  const { costEstimated: _, ...rest } = known
  return Object.keys(rest).length === 0 ? undefined : rest
}

function failureOf(said: Classification | undefined): FailureType | undefined {
  return said === undefined || said === 'ignored' ? undefined : said.type
}

/** What `breaker`'s ladder asks for at `level`, with what its policy lays over. */
export function degradationAt(level: 1 | 2 | 3, breaker: Breaker): Degradation {
  const step = breaker.profile.ladder?.[(level - 1) as 0 | 1 | 2]
  const own = breaker.policy.levels[(level - 1) as 0 | 1 | 2].overrides
  return {
    level,
    overrides: own === undefined ? (step?.overrides ?? UNDEGRADED.overrides) : { ...step?.overrides, ...own },
    expected: step?.expected ?? UNDEGRADED.expected,
  }
}

const stateNames = Object.fromEntries(STATE_PATHS.map((path) => [path, stateOf(path)])) as Record<StatePath, StateName>
