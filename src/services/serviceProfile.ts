// What Switchgear knows about one kind of service: how to tell its failures from its callers' mistakes, which signals it
// sends along, what a call used and cost, and what to ask less of when it is degraded. The breaker and the adapters ask; a
// profile is pure but for what it has been told to remember, reads no clock, never throws, and never consumes a body.
import type { Degradation } from '../model/degradation.ts'
import type { Classification } from '../model/failures.ts'
import type { Kind } from '../model/kinds.ts'
import type { Estimate, Measurement } from '../model/measurement.ts'
import type { Overrides } from '../model/policy.ts'
import type { Signal } from '../model/signals.ts'
import type { DegradationLevel } from '../model/states.ts'
import type { WindowStats } from '../model/stats.ts'

export interface ServiceProfile {
  readonly kind: Kind
  /** True where models fail on their own, so that each of them gets a breaker beneath the service's. */
  readonly tellsModelsApart?: boolean
  /** What a thrown error says of the service. `at`, epoch ms, is what dates in headers are measured from. */
  classifyError(error: unknown, at: number): Classification
  /** What a returned value says; undefined: success. Absent where every value is a success, so that the hot path skips it. */
  classifyResult?(value: unknown, at: number): Classification | undefined
  /** Signals found in a returned value or a thrown error; mostly none. Absent where there never are any. */
  readSignals?(from: unknown, at: number): readonly Signal[]
  /** Is the service well apart from what tripped? Asked only by a policy with `degradeBeforeOpen`. */
  assess(stats: WindowStats): HealthVerdict
  /** Steps 1 to 3 of asking less. Absent where less cannot be asked. */
  readonly ladder?: Ladder
  /**
   * What an answer tells of the call: `value` is what the protected function returned, or the parsed body of an HTTP answer.
   * Absent where answers tell nothing, so that the hot path skips it.
   */
  measure?(value: unknown, request?: CallRequest): Measurement | undefined
  /** Reads a request before it is sent. Absent where requests tell nothing. */
  readRequest?(path: string, body: unknown): CallRequest
  /** What a call is going to cost, at most; undefined where nothing can be said. */
  estimate?(request: CallRequest): Estimate | undefined
  /** A reader for the body of an answer of this type that is passed on as it comes; undefined: its bytes tell nothing. */
  readStream?(contentType: string, request: CallRequest | undefined): StreamReader | undefined
  /** How its services are looked at between calls, by a monitor. Absent: whether they answer at all is all that is looked for. */
  readonly monitoring?: Monitoring
}

export type HealthVerdict = 'healthy' | 'sick'

/** A request as its kind reads it. */
export interface CallRequest {
  /** The path of the address, without the query. */
  readonly path: string
  /** The parsed JSON body; undefined where there is none. */
  readonly body: unknown
  readonly model?: string
  /** In the kind's own words: `chat`, `embeddings`, `query`. */
  readonly operation?: string
}

export interface LadderStep extends Degradation {
  /**
   * The request to send in place of `request`, which stays as it is; undefined: it already asks for no more. `overrides` are
   * the step's own with the user's laid over.
   */
  rewrite?(request: CallRequest, overrides: Overrides): RewrittenRequest | undefined
}
export type Ladder = readonly [LadderStep, LadderStep, LadderStep]

/** What of a request changes. */
export interface RewrittenRequest {
  readonly path?: string
  readonly body?: unknown
}

/** Reads one body in passing. Takes time in proportion to the bytes and a bounded amount of memory, whatever they are. */
export interface StreamReader {
  push(chunk: Uint8Array): void
  /** The body has ended well as far as its transport knows. `at`: epoch ms. */
  end(at: number): StreamEnd
}

export interface StreamEnd {
  /** Where the body itself tells of a failure, or lacks its end. */
  readonly said?: Classification
  readonly measured?: Measurement
  /**
   * The body has had its last word, its end or an error: who stops reading now has missed nothing, and the call counts. Absent:
   * stopping here is giving up, and counts neither way.
   */
  readonly final?: boolean
}

/** What a monitor asks a service at intervals, beside its calls, and what is made of the answers. */
export interface Monitoring {
  /** Asked for by GET, beneath the service's address. The first one tells whether the service can be reached. */
  readonly paths: readonly string[]
  /** Never throws. `before` is what came of the round before. */
  read(round: MonitoringRound, before: Reading | undefined): Reading
}

export interface MonitoringRound {
  /** By path; none for a path that was not answered. */
  readonly answers: Readonly<Record<string, MonitorAnswer>>
  /** What the service uses of its memory, bytes; undefined where nobody says. */
  readonly memory: number | undefined
}

export interface MonitorAnswer {
  readonly status: number
  /** Parsed JSON; undefined for anything else, and for a body that is too long. */
  readonly body: unknown
}

export interface Reading {
  /** What could be judged. A condition that is not named stays as it was; one of level 0 is well. */
  readonly conditions: readonly Condition[]
  /** Told and not judged. */
  readonly facts: Readonly<Record<string, number | string | boolean>>
}

export interface Condition {
  /** Such as `index` or `memory`. */
  readonly name: string
  readonly level: DegradationLevel
  readonly reason: string
}
