// What may be said of a call beside its function, checked where it can come from code that no compiler has seen: it ends up in
// the journal, which must stay readable.
import { ConfigError } from '../model/errors.ts'

/** Of `execute`, routes and `fetch` alike; undefined where there is nothing wrong. */
export function callOptionsProblem(options: {
  readonly operation?: unknown
  readonly estimate?: unknown
  readonly emergencyOverride?: unknown
}): ConfigError | undefined {
  const { operation, estimate, emergencyOverride } = options
  if (operation !== undefined && !isText(operation)) return new ConfigError('operation', operation, TEXT)
  if (estimate !== undefined && !isEstimate(estimate)) return new ConfigError('estimate', estimate, ESTIMATE)
  if (emergencyOverride === undefined || isClaim(emergencyOverride)) return undefined
  return new ConfigError('emergencyOverride', emergencyOverride, CLAIM)
}

const TEXT = 'a text of 1 to 200 characters'
const ESTIMATE = '{ cost, confidence }: dollars of at least 0, and 0 to 1'
const CLAIM = '{ by, why }: who passes the budget, and why'

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= 200
}

function isEstimate(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('cost' in value)) return false
  const confidence = 'confidence' in value ? value.confidence : 1
  return isAtMost(value.cost, Number.MAX_VALUE) && isAtMost(confidence, 1)
}

function isAtMost(value: unknown, most: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= most
}

function isClaim(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('by' in value) || !('why' in value)) return false
  return isText(value.by) && typeof value.why === 'string' && value.why.length <= 500
}
