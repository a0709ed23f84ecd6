// Leave for one request: from the breaker of its model, from that of the service, and, where the service is degraded, for the
// smaller request that goes out in its place.
import { admitCall } from '../actors/admitCall.ts'
import type { Breaker } from '../actors/breaker.ts'
import type { Call } from '../actors/call.ts'
import { exemptionOf } from '../actors/guardedCall.ts'
import { healthiestModel, modelKey } from '../actors/modelHealth.ts'
import { CallRejectedError } from '../model/errors.ts'
import type { Classification } from '../model/failures.ts'
import type { Estimate } from '../model/measurement.ts'
import { isObject } from '../services/foreignValue.ts'
import type { CallRequest, RewrittenRequest, ServiceProfile } from '../services/serviceProfile.ts'
import { CallEnding } from './callEnding.ts'
import type { FetchBackend, FetchOptions } from './fetchTarget.ts'

export interface Admitted {
  readonly call: Call
  readonly ending: CallEnding
  /** What of the request changes; undefined: nothing. */
  readonly change: RewrittenRequest | undefined
}

/** Leave for `request` (undefined where it could not be read), or the error of the breaker that refuses. */
export function admitRequest(
  backend: FetchBackend,
  request: CallRequest | undefined,
  options: FetchOptions,
  deadline: number | undefined,
): Admitted | CallRejectedError {
  const { breaker } = backend
  const { profile } = breaker
  const startedAt = breaker.clock.now()
  const at = Math.floor(startedAt)
  // A service that refuses does so for all of its models, and is heard first.
  const choice =
    request && breaker.gate.peek(at, exemptionOf(options)) === undefined
      ? chooseModel(backend, request, options, startedAt)
      : undefined
  if (choice instanceof CallRejectedError) {
    breaker.refuse(at, { model: request?.model ?? '' })
    return choice
  }
  const wanted = choice?.request ?? request
  const call = admitCall(breaker, startedAt, {
    operation: options.operation ?? wanted?.operation,
    // Nobody asks for it but the budgets.
    estimate: wanted && breaker.budgets && estimated(profile, wanted),
    exemption: exemptionOf(options),
    claim: options.emergencyOverride,
    deadline,
  })
  if (call instanceof CallRejectedError) return call
  if (wanted === undefined) {
    const onEnd = listenersOf(backend, undefined, startedAt)
    return { call, ending: new CallEnding({ call, modelCall: undefined, profile, request, onEnd }), change: undefined }
  }
  const smaller = call.degradation.level === 0 ? undefined : lessened(profile, wanted, call)
  const sent = smaller === undefined ? wanted : (reread(profile, wanted, smaller) ?? wanted)
  const modelCall = admitModel(backend, sent, startedAt)
  if (modelCall instanceof CallRejectedError) {
    // It was never made, so nothing of it is billed.
    call.settle('ignored')
    return modelCall
  }
  const onEnd = listenersOf(backend, choice, startedAt)
  const ending = new CallEnding({ call, modelCall, profile, request: sent, onEnd })
  return { call, ending, change: choice === undefined ? smaller : { ...smaller, body: smaller?.body ?? choice.request.body } }
}

/** The service's own call is what costs; that of its model is the same one seen from elsewhere. */
const UNBUDGETED = { unbudgeted: true }

interface ModelChoice {
  /** For the model that stands in. */
  readonly request: CallRequest
  readonly asked: string
  readonly model: string
  readonly refusal: CallRejectedError
}

/** Undefined where the model that was asked for may be; the error of its breaker where none may stand in for it. */
function chooseModel(
  { models }: FetchBackend,
  request: CallRequest,
  options: FetchOptions,
  startedAt: number,
): ModelChoice | CallRejectedError | undefined {
  const { model: asked, body } = request
  const key = asked === undefined || models === undefined ? undefined : modelKey(asked)
  if (asked === undefined || models === undefined || key === undefined) return undefined
  const own = models.peek(key)
  if (own?.peek(Math.floor(startedAt)) === undefined) return undefined
  // Asked in earnest, so that the refusal is counted where it belongs.
  const refusal = admitCall(own, startedAt, UNBUDGETED)
  if (!(refusal instanceof CallRejectedError)) {
    refusal.settle('ignored')
    return undefined
  }
  const model = options.models?.includes(asked) ? healthiestModel(models, options.models) : undefined
  if (model === undefined || !isObject(body)) return refusal
  return { request: { ...request, body: { ...body, model }, model }, asked, model, refusal }
}

function admitModel({ models }: FetchBackend, { model }: CallRequest, at: number): Call | CallRejectedError | undefined {
  const key = model === undefined || models === undefined ? undefined : modelKey(model)
  return key === undefined ? undefined : models && admitCall(models.get(key), at, UNBUDGETED)
}

/** What the service's ladder asks for at the level in force, with what its user laid over. */
function lessened(profile: ServiceProfile, request: CallRequest, call: Call): RewrittenRequest | undefined {
  const { level, overrides } = call.degradation
  try {
    return profile.ladder?.[(level - 1) as 0 | 1 | 2].rewrite?.(request, overrides)
  } catch {
    // A ladder of a user's own: better the whole request than none.
    return undefined
  }
}

function reread(profile: ServiceProfile, request: CallRequest, { path, body }: RewrittenRequest): CallRequest | undefined {
  try {
    return profile.readRequest?.(path ?? request.path, body ?? request.body)
  } catch {
    return undefined
  }
}

function estimated(profile: ServiceProfile, request: CallRequest): Estimate | undefined {
  try {
    return profile.estimate?.(request)
  } catch {
    return undefined
  }
}

function listenersOf(
  { breaker, ended }: FetchBackend,
  choice: ModelChoice | undefined,
  startedAt: number,
): ((said: Classification | undefined) => void) | undefined {
  const ofModel = choice && tellOfModel(breaker, choice, startedAt)
  if (ended === undefined) return ofModel
  return (said) => {
    ofModel?.(said)
    ended(said === undefined ? 'success' : said === 'ignored' ? 'ignored' : 'failure', breaker.clock.now() - startedAt)
  }
}

function tellOfModel(breaker: Breaker, { asked, model, refusal }: ModelChoice, startedAt: number) {
  return (said: Classification | undefined): void => {
    const now = breaker.clock.now()
    const failed = said !== undefined && said !== 'ignored'
    breaker.decide({
      type: 'decision',
      at: Math.floor(now),
      service: breaker.service,
      decision: 'model',
      why: refusal.code,
      steps: [
        { name: asked, result: 'rejected', code: refusal.code },
        { name: model, result: failed ? 'failed' : 'answered', ...(failed ? { code: said.type } : undefined) },
      ],
      result: failed ? 'failed' : 'answered',
      duration: Math.round((now - startedAt) * 1000) / 1000,
    })
  }
}
