// What a degraded service is asked less of. A ladder has a step for each level; its overrides are told to the caller in
// `call.degradation` and written into requests by the adapters.
import type { Overrides } from './policy.ts'
import type { DegradationLevel } from './states.ts'

export interface Degradation {
  /** 0 is everything, 3 the least. */
  readonly level: DegradationLevel
  readonly overrides: Overrides
  readonly expected: ExpectedImpact
}

/** What a level is expected to cost and to save, as shares of what an undegraded call takes, 0–1. */
export interface ExpectedImpact {
  readonly performanceImpact: number
  readonly costSaved: number
}

export const UNDEGRADED: Degradation = { level: 0, overrides: {}, expected: { performanceImpact: 0, costSaved: 0 } }
