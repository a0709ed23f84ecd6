// The record of one call's end.
import type { Failure } from '../model/failures.ts'
import type { OutcomeRecord } from '../model/records.ts'

export function outcomeRecord(
  service: string,
  result: OutcomeRecord['result'],
  at: number,
  microseconds: number,
  generation: number,
  probe: number | undefined,
  failure?: Failure,
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
  return outcome
}
