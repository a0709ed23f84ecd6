// What can go wrong with a call, in exactly ten words, and what a profile says of one failed call.

export const FAILURE_TYPES = [
  'timeout',
  'http_error',
  'rate_limit',
  'authentication',
  'quota_exceeded',
  'service_unavailable',
  'budget_exceeded',
  'quality_degradation',
  'memory_error',
  'unknown_error',
] as const
export type FailureType = (typeof FAILURE_TYPES)[number]

/** A failure as classified by a service profile. */
export interface Failure {
  readonly type: FailureType
  /** HTTP status, where there was one. */
  readonly status?: number
  /** How long the service asks us to stay away, in ms (from `Retry-After` and the like). */
  readonly retryAfterMs?: number
}

/**
 * What became of a call in the eyes of its profile: a failure, or `ignored` where the fault is the caller's (a 404, an
 * abort) and says nothing about the service.
 */
export type Classification = Failure | 'ignored'

/** Failure types that fill the window and can trip the breaker; the others have states of their own. */
export function countsAsFailure(type: FailureType): boolean {
  return type !== 'rate_limit' && type !== 'quota_exceeded' && type !== 'budget_exceeded' && type !== 'quality_degradation'
}

/** Failures in which the server itself answered that it is broken. */
export function isServerError(type: FailureType): boolean {
  return type === 'service_unavailable' || type === 'http_error'
}
