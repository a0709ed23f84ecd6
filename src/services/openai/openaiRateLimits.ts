// How much room OpenAI's headers leave, and when that calls for pacing. OpenAI's limits are buckets that fill up all the time,
// so a reset is when the bucket is *full* again and never a reason to stop until then. Used by the openai profile.
//
// Sources: the rate limits guide of the API (`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`); what Azure sends instead:
// openai/openai-dotnet#838 and learn.microsoft.com/answers/questions/5625878 (bare seconds, 0 and -1).
import type { Signal } from '../../model/signals.ts'
import type { HeaderReader } from '../foreignValue.ts'
import { believable, parseNumber } from '../http/retryAfter.ts'

export interface OpenaiLimit {
  readonly of: 'requests' | 'tokens'
  readonly limit: number
  readonly remaining: number
  /** How long the bucket takes to be full again, ms. */
  readonly resetMs: number
}

/** Pacing begins when less than this share of a bucket is left, as for other services' limits (rateLimitHeaders.ts). */
const LOW_SHARE = 0.1
/** Kept below the rate at which the bucket fills, so that it does fill. */
const HEADROOM = 0.9
/** A pace is told again when it differs by more than this share, or when half of the time it was told for is over. */
const NOTABLE = 0.25

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * `12ms`, `1s`, `6m0s`, `1h2m3.5s`, `1d2h` in ms, and Azure's bare seconds. Undefined for what is none of these, negative, or
 * longer than 30 days.
 */
export function parseReset(text: string): number | undefined {
  const trimmed = text.trim()
  const seconds = parseNumber(trimmed)
  if (seconds !== undefined) return believable(seconds * 1000)
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[dhms]))+$/.test(trimmed) || trimmed.length > 64) return undefined
  let total = 0
  for (const [, amount, unit] of trimmed.matchAll(/([\d.]+)(ms|[dhms])/g))
    total += Number(amount) * (UNITS[unit as string] as number)
  return believable(total)
}

/**
 * The limits that are stated in full and make sense. One whose limit, remainder or reset is absent, zero (but for the
 * remainder) or negative is not known, so nothing follows from it.
 */
export function readOpenaiLimits(header: HeaderReader): OpenaiLimit[] {
  const limits: OpenaiLimit[] = []
  for (const of of ['requests', 'tokens'] as const) {
    const remaining = numberOf(header(`x-ratelimit-remaining-${of}`))
    if (remaining === undefined) continue
    const limit = numberOf(header(`x-ratelimit-limit-${of}`))
    const reset = header(`x-ratelimit-reset-${of}`)
    const resetMs = reset === undefined ? undefined : parseReset(reset)
    if (limit === undefined || limit <= remaining || resetMs === undefined || resetMs === 0) continue
    limits.push({ of, limit, remaining, resetMs })
  }
  return limits
}

/**
 * Tells of a pace when it would change notably, and of nothing while there is room: a signal is journalled, and an answer comes
 * a thousand times a minute. Made once a service.
 */
export class OpenaiPacing {
  #told: { readonly perSecond: number; readonly until: number; readonly repeatFrom: number } | undefined

  /**
   * The pace that the tightest of `limits` calls for. What is missing from a bucket comes back within its reset, so it fills at
   * `(limit − remaining) / reset` a second; nine tenths of that are kept to until the bucket would be full. For tokens this is
   * divided by `tokensPerCall`, what calls have used on average; while that is not known, tokens call for no pace.
   */
  pace(limits: readonly OpenaiLimit[], tokensPerCall: number | undefined, at: number): Signal | undefined {
    let tightest: { readonly perSecond: number; readonly limit: OpenaiLimit } | undefined
    for (const limit of limits) {
      const each = limit.of === 'requests' ? 1 : tokensPerCall
      if (each === undefined || each <= 0 || limit.remaining >= limit.limit * LOW_SHARE) continue
      const perSecond = round(((limit.limit - limit.remaining) / (limit.resetMs / 1000) / each) * HEADROOM)
      if (Number.isFinite(perSecond) && perSecond > 0 && perSecond < (tightest?.perSecond ?? Number.POSITIVE_INFINITY))
        tightest = { perSecond, limit }
    }
    if (tightest === undefined || !this.#isNews(tightest.perSecond, at)) return undefined
    const { perSecond, limit } = tightest
    const until = at + limit.resetMs
    this.#told = { perSecond, until, repeatFrom: at + limit.resetMs / 2 }
    const reason = `${limit.remaining} of ${limit.limit} ${limit.of} left, full in ${limit.resetMs / 1000} s`
    return { kind: 'limit', mode: 'paced', perSecond, until, reason }
  }

  #isNews(perSecond: number, at: number): boolean {
    const told = this.#told
    // A clock that was put back makes what was told worthless.
    if (told === undefined || at >= told.repeatFrom || told.until - at > 2 * (told.until - told.repeatFrom)) return true
    return Math.abs(perSecond - told.perSecond) > told.perSecond * NOTABLE
  }
}

/** To three digits: the journal keeps it. */
function round(value: number): number {
  return Number(value.toPrecision(3))
}

/** Absent, negative (-1 is how Azure says that it does not know) and unreadable are all the same: unknown. */
function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseNumber(text)
}
