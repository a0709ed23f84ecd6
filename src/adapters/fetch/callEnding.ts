// The end of a call through the guarded fetch: told once, by whoever first knows what the answer came to, to the service's
// breaker and to that of the model that was asked.
import { type Call, UNSTATED_COST } from '../../actors/call.ts'
import type { KeyedBreakers } from '../../actors/keyedBreakers.ts'
import { isWellOtherwise } from '../../actors/modelHealth.ts'
import type { Classification, FailureType } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import type { CallRequest, ServiceProfile } from '../../services/serviceProfile.ts'

/** What a model can have by itself, while the service's others are well. */
const OF_A_MODEL: ReadonlySet<FailureType> = new Set(['timeout', 'http_error', 'service_unavailable', 'unknown_error'])
/** These are the account's trouble, whichever model was asked. */
const OF_THE_ACCOUNT: ReadonlySet<FailureType> = new Set(['rate_limit', 'quota_exceeded', 'authentication', 'budget_exceeded'])

export interface EndingParts {
  readonly call: Call
  /** The model's own call; undefined where models are not told apart. */
  readonly modelCall: Call | undefined
  /** The breakers it is one of. */
  readonly models?: KeyedBreakers | undefined
  /** Models that may stand in for the one that was asked. */
  readonly standIns?: readonly string[] | undefined
  readonly profile: ServiceProfile
  /** As it was sent, as far as it was read. */
  readonly request: CallRequest | undefined
  /** Told what the call came to. */
  readonly onEnd?: ((said: Classification | undefined) => void) | undefined
}

export class CallEnding {
  readonly profile: ServiceProfile
  readonly request: CallRequest | undefined
  readonly #call: Call
  readonly #modelCall: Call | undefined
  readonly #models: KeyedBreakers | undefined
  readonly #standIns: readonly string[] | undefined
  readonly #onEnd: EndingParts['onEnd']

  constructor({ call, modelCall, models, standIns, profile, request, onEnd }: EndingParts) {
    this.profile = profile
    this.request = request
    this.#call = call
    this.#modelCall = modelCall
    this.#models = models
    this.#standIns = standIns
    this.#onEnd = onEnd
  }

  get ended(): boolean {
    return this.#call.ended
  }

  /** As {@link Call.settle}. */
  settle(said: Classification | undefined, measured?: Measurement, from?: unknown, heardAt?: number): void {
    if (this.#call.ended) return
    const modelCall = this.#modelCall
    const isModels = modelCall !== undefined && said !== undefined && said !== 'ignored' && this.#isOfModel(said.type)
    if (modelCall !== undefined) modelCall.settle(ofModel(said), undefined, undefined, heardAt)
    // What timed out may have been billed, whoever it counts against.
    if (isModels) this.#call.settle('ignored', said.type === 'timeout' ? perhapsBilled(measured) : measured, from, heardAt)
    else this.#call.settle(said, measured, from, heardAt)
    this.#onEnd?.(said)
  }

  /** One sick model must not take a service away whose others are well. */
  #isOfModel(type: FailureType): boolean {
    const model = this.request?.model
    if (this.#models === undefined || model === undefined || !OF_A_MODEL.has(type)) return false
    return isWellOtherwise(this.#models, model, this.#standIns)
  }

  /** It ended with `error`; returns what that says of the service. `at`: epoch ms. */
  threw(error: unknown, at: number, measured?: Measurement): Classification {
    if (this.#call.ended) return 'ignored'
    const said = classified(this.profile, error, at)
    this.settle(said, measured, error)
    return said
  }

  /** True for a call that others wait for: it holds a half-open probe's place. */
  get isProbe(): boolean {
    return this.#call.state === 'halfOpen' || this.#modelCall?.state === 'halfOpen'
  }

  /** The caller's own time ran out. */
  timedOut(measured?: Measurement): void {
    this.settle({ type: 'timeout' }, perhapsBilled(measured))
  }

  /** Nobody waits for the answer any more. It was on its way, and may be billed all the same. */
  abandon(measured?: Measurement): void {
    this.settle('ignored', perhapsBilled(measured))
  }
}

/** Of an answer that had begun and did not come to its end: what is not known of its cost is estimated. */
export function perhapsBilled(measured: Measurement | undefined): Measurement {
  return measured?.cost === undefined ? { ...measured, ...UNSTATED_COST } : measured
}

/** What `error` says, by a profile that may be a user's own and throw. */
export function classified(profile: ServiceProfile, error: unknown, at: number): Classification {
  try {
    return profile.classifyError(error, at)
  } catch {
    return { type: 'unknown_error' }
  }
}

function ofModel(said: Classification | undefined): Classification | undefined {
  return said !== undefined && said !== 'ignored' && OF_THE_ACCOUNT.has(said.type) ? 'ignored' : said
}
