// What goes out for one request: itself, the same of a model that stands in for a sick one, or, where the service is degraded, a
// smaller one. Decided before anybody is asked for leave, so that nothing is counted that is not sent.
import { admitCall } from '../../actors/admitCall.ts'
import type { Breaker } from '../../actors/breaker.ts'
import { degradationAt } from '../../actors/call.ts'
import type { KeyedBreakers } from '../../actors/keyedBreakers.ts'
import { healthiestModel, modelKey } from '../../actors/modelHealth.ts'
import { CallRejectedError } from '../../model/errors.ts'
import { isObject } from '../../services/foreignValue.ts'
import type { CallRequest, RewrittenRequest, ServiceProfile } from '../../services/serviceProfile.ts'
import type { FetchOptions } from './fetchTarget.ts'

/** What goes out for one request. */
export interface RequestPlan {
  readonly sent: CallRequest
  /** From what was asked for; undefined: nothing. */
  readonly change: RewrittenRequest | undefined
  readonly choice: ModelChoice | undefined
}

export interface ModelChoice {
  /** For the model that stands in. */
  readonly request: CallRequest
  readonly asked: string
  readonly model: string
  readonly refusal: CallRejectedError
}

/** What to send of a request that the service would take; the error of its model's breaker where no model will do. */
export function planRequest(
  breaker: Breaker,
  models: KeyedBreakers | undefined,
  request: CallRequest,
  options: FetchOptions,
  startedAt: number,
): RequestPlan | CallRejectedError {
  const at = Math.floor(startedAt)
  const own = breakerOf(models, request)
  const refuses = own?.peek(at) !== undefined
  const other = refuses ? standIn(models, request, options) : undefined
  const wanted = other ?? request
  const { level } = breaker.gate
  const smaller = level === 0 ? undefined : lessened(breaker, wanted, level)
  const lesser = smaller && (reread(breaker.profile, wanted, smaller) ?? wanted)
  const isLesserFree = lesser !== undefined && breakerOf(models, lesser)?.peek(at) === undefined
  const refusal = own !== undefined && refuses && (other !== undefined || !isLesserFree) ? refusalOf(own, startedAt) : undefined
  if (refusal !== undefined && other === undefined) return refusal
  const choice =
    refusal && other?.model !== undefined
      ? { request: other, asked: request.model ?? '', model: other.model, refusal }
      : undefined
  const changed = other === undefined ? undefined : { body: other.body }
  if (smaller === undefined || lesser === undefined) return { sent: wanted, change: changed, choice }
  if (isLesserFree) return { sent: lesser, change: { ...changed, ...smaller }, choice }
  // A model that may not be asked is no reason to refuse what another may answer; nor to ask that one for the whole.
  const kept = withModelOf(breaker.profile, wanted, smaller)
  return kept === undefined
    ? { sent: wanted, change: changed, choice }
    : { sent: kept.request, change: { ...changed, ...kept.change }, choice }
}

/** The service's own call is what costs; that of its model is the same one seen from elsewhere. */
export const UNBUDGETED = { unbudgeted: true }

/** Asked in earnest, so that the refusal is counted where it belongs. */
function refusalOf(model: Breaker, startedAt: number): CallRejectedError | undefined {
  const refusal = admitCall(model, startedAt, UNBUDGETED)
  if (refusal instanceof CallRejectedError) return refusal
  refusal.settle('ignored')
  return undefined
}

/** `request` for the healthiest of the models that may stand in for its own. */
function standIn(models: KeyedBreakers | undefined, request: CallRequest, options: FetchOptions): CallRequest | undefined {
  const { model: asked, body } = request
  if (models === undefined || asked === undefined || !options.models?.includes(asked) || !isObject(body)) return undefined
  const model = healthiestModel(models, options.models)
  return model === undefined ? undefined : { ...request, body: { ...body, model }, model }
}

/** `smaller`, asked of the model of `request`; undefined where that cannot be written. */
function withModelOf(
  profile: ServiceProfile,
  request: CallRequest,
  { path, body }: RewrittenRequest,
): { readonly request: CallRequest; readonly change: RewrittenRequest } | undefined {
  if (!isObject(body) || !isObject(request.body)) return undefined
  const { model: _, ...rest } = body
  const whole = { ...rest, ...('model' in request.body ? { model: request.body.model } : undefined) }
  for (const change of path === undefined ? [{ body: whole }] : [{ path, body: whole }, { body: whole }]) {
    const read = reread(profile, request, change)
    if (read !== undefined && read.model === request.model) return { request: read, change }
  }
  return undefined
}

function breakerOf(models: KeyedBreakers | undefined, { model }: CallRequest): Breaker | undefined {
  const key = model === undefined || models === undefined ? undefined : modelKey(model)
  return key === undefined ? undefined : models?.peek(key)
}

/** What the service's ladder asks for at `level`, with what its user laid over. */
function lessened(breaker: Breaker, request: CallRequest, level: 1 | 2 | 3): RewrittenRequest | undefined {
  try {
    return breaker.profile.ladder?.[(level - 1) as 0 | 1 | 2].rewrite?.(request, degradationAt(level, breaker).overrides)
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
