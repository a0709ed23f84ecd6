// The check of a record that was read: by hand and cheap for the kinds that come by the million, with the schemas for the rest.
// Where the check by hand finds fault, the schema says what it is.
import { FAILURE_TYPES } from '../model/failures.ts'
import type { TokenUsage } from '../model/measurement.ts'
import { problemOfRecord } from '../model/recordSchemas.ts'
import { type AdmissionRecord, type OutcomeRecord, TIMER_IDS } from '../model/records.ts'
import { STATES } from '../model/states.ts'

/** What is wrong with `value` as a journal record, with what is allowed; undefined when nothing is. */
export function problemOf(value: unknown): string | undefined {
  return isFrequentRecord(value) ? undefined : problemOfRecord(value)
}

const RESULTS: ReadonlySet<unknown> = new Set(['success', 'failure', 'ignored', 'rejected'])
const FAILURES: ReadonlySet<unknown> = new Set([undefined, ...FAILURE_TYPES])
const REJECTING_STATES: ReadonlySet<unknown> = new Set([undefined, ...STATES])
const LEVELS: ReadonlySet<unknown> = new Set([0, 1, 2, 3])
const TIMERS: ReadonlySet<unknown> = new Set(TIMER_IDS)

type FieldName = 'id' | keyof OutcomeRecord | keyof AdmissionRecord
type Fields = { readonly [Name in FieldName]?: unknown }

function isFrequentRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const fields: Fields = value
  if (!Number.isFinite(fields.at) || typeof fields.service !== 'string') return false
  switch (fields.type) {
    case 'outcome':
      return (
        Number.isFinite(fields.latency) &&
        Number.isFinite(fields.generation) &&
        (fields.result === 'success' || RESULTS.has(fields.result)) &&
        (fields.failure === undefined || FAILURES.has(fields.failure)) &&
        isAbsentOrFinite(fields.status) &&
        isAbsentOrFinite(fields.retryAfterMs) &&
        isAbsentOrFinite(fields.probe) &&
        (fields.state === undefined || REJECTING_STATES.has(fields.state)) &&
        isMeasured(fields)
      )
    case 'admission':
      return (
        Number.isFinite(fields.generation) &&
        isAbsentOrFinite(fields.probe) &&
        fields.exemption === undefined &&
        fields.by === undefined &&
        fields.why === undefined
      )
    case 'timer':
      return TIMERS.has(fields.id)
    default:
      return false
  }
}

function isMeasured(fields: Fields): boolean {
  const { budget, level, model, operation, usage, cost, costEstimated, quality, unbudgeted } = fields
  return (
    isAbsentOrText(model) &&
    isAbsentOrText(operation) &&
    isAbsentOrText(budget) &&
    (usage === undefined || isUsage(usage)) &&
    isAbsentOrFinite(cost) &&
    isAbsentOrFinite(quality) &&
    isAbsentOrFinite(fields.calls) &&
    isAbsentOrFinite(fields.slow) &&
    (costEstimated === undefined || costEstimated === true) &&
    (unbudgeted === undefined || unbudgeted === true) &&
    (level === undefined || LEVELS.has(level))
  )
}

function isUsage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { input, output, cached, reasoning }: { readonly [Name in keyof TokenUsage]?: unknown } = value
  return Number.isFinite(input) && Number.isFinite(output) && isAbsentOrFinite(cached) && isAbsentOrFinite(reasoning)
}

function isAbsentOrText(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function isAbsentOrFinite(value: unknown): boolean {
  return value === undefined || Number.isFinite(value)
}
