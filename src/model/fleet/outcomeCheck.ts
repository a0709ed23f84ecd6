// The check of an outcome by hand: they come by the hundred thousand a second. It takes exactly what the schema takes (a test holds
// the two together); where it finds fault, the schema says what it is.
import { FAILURE_TYPES } from '../failures.ts'
import type { TokenUsage } from '../measurement.ts'
import type { OutcomeResult } from '../records.ts'
import type { MessageAddress } from './subjects.ts'
import type { OutcomeMessage } from './wire.ts'
import { EARLIEST, LATEST, LONGEST, LONGEST_NAME, MAX_ID, MOST_CALLS, MOST_DOLLARS, MOST_TOKENS } from './wireFields.ts'

type Fields = { readonly [Name in keyof OutcomeMessage | 'fleet']?: unknown }
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

const FAILURES: ReadonlySet<unknown> = new Set(FAILURE_TYPES)

/** The outcome that `fields` tell, what the subject says filled in and what nobody knows left out; undefined when they tell none. */
export function outcomeOf(fields: Fields, address: MessageAddress, now: number): OutcomeMessage | undefined {
  const { id, at = now, seq, result, latency, failure, status } = fields
  if (!agrees(fields, address)) return undefined
  if (!isResult(result) || !isWithin(latency, 0, LONGEST) || !isWithin(at, EARLIEST, LATEST)) return undefined
  const { service, node } = address
  const outcome: Mutable<OutcomeMessage> = { v: 1, type: 'outcome', at: Math.round(at), node, service, result, latency }
  if (id !== undefined) {
    if (!isText(id, MAX_ID)) return undefined
    outcome.id = id
  }
  if (seq !== undefined) {
    if (!isWhole(seq, 0, Number.MAX_SAFE_INTEGER)) return undefined
    outcome.seq = seq
  }
  if (failure !== undefined) {
    if (!FAILURES.has(failure)) return undefined
    outcome.failure = failure as NonNullable<OutcomeMessage['failure']>
  }
  if (status !== undefined) {
    if (!isWhole(status, 100, 999)) return undefined
    outcome.status = status
  }
  return addCounts(outcome, fields) && addMeasured(outcome, fields) ? outcome : undefined
}

function addCounts(outcome: Mutable<OutcomeMessage>, { retryAfterMs, count, slow, probe }: Fields): boolean {
  if (retryAfterMs !== undefined) {
    if (!isWithin(retryAfterMs, 0, 1e11)) return false
    outcome.retryAfterMs = retryAfterMs
  }
  if (count !== undefined) {
    if (!isWhole(count, 1, MOST_CALLS)) return false
    outcome.count = count
  }
  if (slow !== undefined) {
    if (!isWhole(slow, 0, MOST_CALLS)) return false
    outcome.slow = Math.min(slow, outcome.count ?? 1)
  }
  if (probe !== undefined) {
    if (probe !== true) return false
    outcome.probe = probe
  }
  return true
}

function addMeasured(outcome: Mutable<OutcomeMessage>, { model, operation, usage, cost, quality }: Fields): boolean {
  if (model !== undefined) {
    if (!isText(model, LONGEST_NAME)) return false
    outcome.model = model
  }
  if (operation !== undefined) {
    if (!isText(operation, LONGEST_NAME)) return false
    outcome.operation = operation
  }
  if (usage !== undefined) {
    const used = usageOf(usage)
    if (used === undefined) return false
    outcome.usage = used
  }
  if (cost !== undefined) {
    if (!isWithin(cost, 0, MOST_DOLLARS)) return false
    outcome.cost = cost
  }
  if (quality !== undefined) {
    if (!isWithin(quality, 0, 1)) return false
    outcome.quality = quality
  }
  return true
}

function usageOf(value: unknown): TokenUsage | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { input, output, cached, reasoning }: { readonly [Name in keyof TokenUsage]?: unknown } = value
  if (!isWithin(input, 0, MOST_TOKENS) || !isWithin(output, 0, MOST_TOKENS)) return undefined
  const usage: Mutable<TokenUsage> = { input, output }
  if (cached !== undefined) {
    if (!isWithin(cached, 0, MOST_TOKENS)) return undefined
    usage.cached = cached
  }
  if (reasoning !== undefined) {
    if (!isWithin(reasoning, 0, MOST_TOKENS)) return undefined
    usage.reasoning = reasoning
  }
  return usage
}

function agrees({ v, fleet, type, service, node }: Fields, address: MessageAddress): boolean {
  return (
    (v === undefined || v === 1) &&
    (type === undefined || type === address.type) &&
    (service === undefined || service === address.service) &&
    (node === undefined || node === address.node) &&
    (fleet === undefined || fleet === address.fleet)
  )
}

function isResult(value: unknown): value is OutcomeResult {
  return value === 'success' || value === 'failure' || value === 'ignored' || value === 'rejected'
}

/** False for what is no number, and for those that are not finite. */
function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && isWithin(value, least, most)
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= longest
}
