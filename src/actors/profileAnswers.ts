// What a profile says of a call, as the rest can rely on it. A profile may be a user's own: one that throws, or says what cannot
// be, must cost neither the caller the result nor the journal its readability.
import { type Classification, FAILURE_TYPES, type FailureType } from '../model/failures.ts'
import type { Measurement, TokenUsage } from '../model/measurement.ts'
import { type Signal, signalSchema } from '../model/signals.ts'
import type { CallRequest, ServiceProfile } from '../services/serviceProfile.ts'

/** Undefined: a success, as is a value of which the profile can say nothing. */
export function resultSays(profile: ServiceProfile, value: unknown, at: number): Classification | undefined {
  try {
    return soundClassification(profile.classifyResult?.(value, at))
  } catch {
    return undefined
  }
}

export function errorSays(profile: ServiceProfile, error: unknown, at: number): Classification {
  try {
    return soundClassification(profile.classifyError(error, at)) ?? UNKNOWN
  } catch {
    return UNKNOWN
  }
}

export function measurementOf(profile: ServiceProfile, value: unknown, request?: CallRequest): Measurement | undefined {
  try {
    return soundMeasurement(profile.measure?.(value, request))
  } catch {
    return undefined
  }
}

export function signalsIn(profile: ServiceProfile, from: unknown, at: number): readonly Signal[] {
  try {
    const signals = profile.readSignals?.(from, at)
    return signals === undefined || signals.length === 0 ? NONE : signals.filter((one) => signalSchema.safeParse(one).success)
  } catch {
    return NONE
  }
}

/** What is no failure type is an unknown error; numbers that are none are left out. */
export function soundClassification(said: Classification | undefined): Classification | undefined {
  if (said === undefined || said === null || said === 'ignored') return said ?? undefined
  const { type, status, retryAfterMs } = said
  const known = TYPES.has(type)
  if (known && isAbsentOr(status, Number.isInteger) && isAbsentOr(retryAfterMs, isAmount)) return said
  return {
    type: known ? type : 'unknown_error',
    ...(Number.isInteger(status) ? { status } : undefined),
    ...(isAmount(retryAfterMs) ? { retryAfterMs } : undefined),
  } as Classification
}

/** Without what cannot be: costs and tokens that are no amounts, qualities beyond 0–1, names that are no text. */
export function soundMeasurement(measured: Measurement | undefined): Measurement | undefined {
  if (measured === undefined) return undefined
  if (typeof measured !== 'object' || measured === null) return undefined
  const { model, operation, usage, cost, costEstimated, quality } = measured
  if (
    isAbsentOr(model, isName) &&
    isAbsentOr(operation, isName) &&
    isAbsentOr(usage, isUsage) &&
    isAbsentOr(cost, isAmount) &&
    isAbsentOr(quality, isShare)
  )
    return measured
  return {
    ...(isName(model) ? { model } : undefined),
    ...(isName(operation) ? { operation } : undefined),
    ...(isUsage(usage) ? { usage } : undefined),
    ...(isAmount(cost) ? { cost } : undefined),
    ...(costEstimated === true ? { costEstimated } : undefined),
    ...(isShare(quality) ? { quality } : undefined),
  }
}

const NONE: readonly Signal[] = []
const UNKNOWN: Classification = { type: 'unknown_error' }
const TYPES: ReadonlySet<FailureType> = new Set(FAILURE_TYPES)
/** Names are journalled with every outcome. */
const LONGEST_NAME = 200

function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_NAME
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}

function isUsage(value: unknown): value is TokenUsage {
  if (typeof value !== 'object' || value === null) return false
  const { input, output, cached, reasoning }: { readonly [Name in keyof TokenUsage]?: unknown } = value
  return isAmount(input) && isAmount(output) && isAbsentOr(cached, isAmount) && isAbsentOr(reasoning, isAmount)
}
