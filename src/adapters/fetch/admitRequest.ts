// Leave for one request: from the breaker of its model, and from that of the service.
import { admitCall } from '../../actors/admitCall.ts'
import type { Breaker } from '../../actors/breaker.ts'
import type { Call } from '../../actors/call.ts'
import { exemptionOf } from '../../actors/guardedCall.ts'
import type { KeyedBreakers } from '../../actors/keyedBreakers.ts'
import { modelKey } from '../../actors/modelHealth.ts'
import { CallRejectedError } from '../../model/errors.ts'
import type { Classification } from '../../model/failures.ts'
import type { Estimate } from '../../model/measurement.ts'
import type { CallRequest, RewrittenRequest, ServiceProfile } from '../../services/serviceProfile.ts'
import { CallEnding } from './callEnding.ts'
import type { FetchBackend, FetchOptions } from './fetchTarget.ts'
import { type ModelChoice, planRequest, UNBUDGETED } from './planRequest.ts'

export interface Admitted {
  /** Epoch ms. */
  readonly startedAt: number
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
  const { profile, gate } = breaker
  const startedAt = breaker.clock.now()
  const at = Math.floor(startedAt)
  // An operator who has switched the service's breaker off has switched off those of its models.
  const models = gate.path === 'closed.bypassed' ? undefined : backend.models
  // A service that refuses does so for all of its models, and is heard first.
  const plan =
    request && gate.peek(at, exemptionOf(options)) === undefined
      ? planRequest(breaker, models, request, options, startedAt)
      : undefined
  if (plan instanceof CallRejectedError) {
    breaker.refuse(at, { model: request?.model ?? '' })
    return plan
  }
  const asked = plan?.choice?.request ?? request
  const call = admitCall(breaker, startedAt, {
    operation: options.operation ?? asked?.operation,
    // Nobody asks for it but the budgets.
    estimate: asked && breaker.budgets && estimated(profile, asked),
    exemption: exemptionOf(options),
    claim: options.emergencyOverride,
    deadline,
  })
  if (call instanceof CallRejectedError) return call
  const modelCall = plan && admitModel(models, plan.sent, startedAt)
  if (modelCall instanceof CallRejectedError) {
    // Its breaker was of another mind a moment ago. The call was never made, so nothing of it is billed.
    call.settle('ignored')
    return modelCall
  }
  const onEnd = listenersOf(backend, plan?.choice, startedAt)
  const ending = new CallEnding({
    call,
    modelCall,
    models,
    standIns: options.models,
    profile,
    request: plan?.sent ?? request,
    onEnd,
  })
  return { startedAt, call, ending, change: plan?.change }
}

function admitModel(
  models: KeyedBreakers | undefined,
  { model }: CallRequest,
  startedAt: number,
): Call | CallRejectedError | undefined {
  const key = model === undefined || models === undefined ? undefined : modelKey(model)
  return key === undefined ? undefined : models && admitCall(models.get(key), startedAt, UNBUDGETED)
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
