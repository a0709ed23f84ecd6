// The record of one call's end.
import type { Failure } from '../model/failures.ts'
import type { Measurement } from '../model/measurement.ts'
import type { OutcomeRecord } from '../model/records.ts'
import type { DegradationLevel } from '../model/states.ts'

/** What is known of a call beyond how it ended. */
export interface CallFacts {
  readonly level: DegradationLevel
  readonly measured: Measurement | undefined
  /** See {@link OutcomeRecord.unbudgeted}. */
  readonly unbudgeted?: true
}

export function outcomeRecord(
  service: string,
  result: OutcomeRecord['result'],
  at: number,
  microseconds: number,
  generation: number,
  probe: number | undefined,
  failure: Failure | undefined,
  facts: CallFacts | undefined,
): OutcomeRecord {
  const outcome: { -readonly [K in keyof OutcomeRecord]: OutcomeRecord[K] } = {
    type: 'outcome',
    at,
    service,
    result,
    latency: microseconds / 1000,
    generation,
  }
  if (probe !== undefined) outcome.probe = probe
  if (failure) {
    outcome.failure = failure.type
    if (failure.status !== undefined) outcome.status = failure.status
    if (failure.retryAfterMs !== undefined) outcome.retryAfterMs = failure.retryAfterMs
  }
  if (facts) addFacts(outcome, facts)
  return outcome
}

function addFacts(
  outcome: { -readonly [K in keyof OutcomeRecord]: OutcomeRecord[K] },
  { level, measured, unbudgeted }: CallFacts,
): void {
  if (level !== 0) outcome.level = level
  if (unbudgeted) outcome.unbudgeted = true
  if (measured === undefined) return
  const { model, operation, usage, cost, costEstimated, quality } = measured
  if (model !== undefined) outcome.model = model
  if (operation !== undefined) outcome.operation = operation
  if (usage !== undefined) outcome.usage = usage
  if (cost !== undefined) outcome.cost = cost
  if (costEstimated) outcome.costEstimated = true
  if (quality !== undefined) outcome.quality = quality
}
