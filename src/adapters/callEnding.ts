// The end of a call through the guarded fetch: told once, by whoever first knows what the answer came to, to the service's
// breaker and to that of the model that was asked.
import { type Call, UNSTATED_COST } from '../actors/call.ts'
import type { Classification, FailureType } from '../model/failures.ts'
import type { Measurement } from '../model/measurement.ts'
import type { CallRequest, ServiceProfile } from '../services/serviceProfile.ts'

/** These are the account's trouble, whichever model was asked. */
const OF_THE_ACCOUNT: ReadonlySet<FailureType> = new Set(['rate_limit', 'quota_exceeded', 'authentication', 'budget_exceeded'])

export interface EndingParts {
  readonly call: Call
  /** The model's own call; undefined where models are not told apart. */
  readonly modelCall: Call | undefined
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
  readonly #onEnd: EndingParts['onEnd']

  constructor({ call, modelCall, profile, request, onEnd }: EndingParts) {
    this.profile = profile
    this.request = request
    this.#call = call
    this.#modelCall = modelCall
    this.#onEnd = onEnd
  }

  get ended(): boolean {
    return this.#call.ended
  }

  /** As {@link Call.settle}. */
  settle(said: Classification | undefined, measured?: Measurement, from?: unknown, heardAt?: number): void {
    if (this.#call.ended) return
    const modelCall = this.#modelCall
    if (modelCall !== undefined) modelCall.settle(ofModel(said), undefined, undefined, heardAt)
    this.#call.settle(said, measured, from, heardAt)
    this.#onEnd?.(said)
  }

  /** It ended with `error`; returns what that says of the service. `at`: epoch ms. */
  threw(error: unknown, at: number, measured?: Measurement): Classification {
    if (this.#call.ended) return 'ignored'
    const said = classified(this.profile, error, at)
    this.settle(said, measured, error)
    return said
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
