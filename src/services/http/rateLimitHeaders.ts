// What a service's headers say of the room it leaves us, in the three dialects met in the wild, and when that calls for
// pacing. An absent or unreadable header means "unknown"; it never means "none left".
//
// - `RateLimit` / `RateLimit-Policy` as lists of items (draft-ietf-httpapi-ratelimit-headers-08 to -11), and the dictionary
//   form `limit=100, remaining=5, reset=30` of -07;
// - `RateLimit-Limit`, `-Remaining`, `-Reset` (the same draft up to -06);
// - `X-RateLimit-Limit`, `-Remaining`, `-Reset`, `-Reset-After` (GitHub, Discord, X and many others, never specified).
import type { Signal } from '../../model/signals.ts'
import type { HeaderReader } from '../foreignValue.ts'
import { believable, parseNumber } from './retryAfter.ts'
import { type FieldItem, parseFieldList } from './structuredFields.ts'

export interface RateLimit {
  /** Calls allowed in a window, where the service says. */
  readonly limit: number | undefined
  readonly remaining: number
  /** How long the remaining calls have to last, in ms; undefined where the service does not say. */
  readonly resetMs: number | undefined
}

/** Pacing begins when less than this share of a limit remains: enough to arrive in time, late enough not to be in the way. */
const LOW_SHARE = 0.1

/** Every limit the headers state; several policies may stand at once. A limit of 0 is how some say that there is none. */
export function readRateLimits(header: HeaderReader, at: number): RateLimit[] {
  return readStated(header, at).filter(({ limit }) => limit !== 0)
}

function readStated(header: HeaderReader, at: number): RateLimit[] {
  const structured = header('ratelimit')
  if (structured !== undefined) {
    const limits = readDictionary(structured, at)
    return limits === undefined ? readItems(structured, header('ratelimit-policy')) : [limits]
  }
  return [...readTriple(header, 'ratelimit-', at), ...readTriple(header, 'x-ratelimit-', at)]
}

/**
 * The signal to pace by, or undefined when there is room enough or no end is known. Among several limits the one that leaves
 * the lowest rate counts, then the one that lasts longest. The rate is what remains, spread evenly over the time to the reset.
 */
export function readPacing(header: HeaderReader, at: number): Signal | undefined {
  let tightest: { perSecond: number; resetMs: number; limit: RateLimit } | undefined
  for (const limit of readRateLimits(header, at)) {
    const { resetMs } = limit
    if (resetMs === undefined || resetMs === 0 || !isLow(limit)) continue
    const perSecond = limit.remaining / (resetMs / 1000)
    if (
      tightest === undefined ||
      perSecond < tightest.perSecond ||
      (perSecond === tightest.perSecond && resetMs > tightest.resetMs)
    ) {
      tightest = { perSecond, resetMs, limit }
    }
  }
  if (tightest === undefined) return undefined
  const { perSecond, resetMs, limit } = tightest
  const of = limit.limit === undefined ? '' : ` of ${limit.limit}`
  return {
    kind: 'limit',
    mode: 'paced',
    perSecond,
    until: at + resetMs,
    reason: `${limit.remaining}${of} calls left for ${resetMs / 1000} s`,
  }
}

/** The longest time to the reset of a limit with nothing left, in ms. */
export function readSpentReset(header: HeaderReader, at: number): number | undefined {
  const resets = readRateLimits(header, at).map((limit) => (limit.remaining === 0 ? (limit.resetMs ?? -1) : -1))
  const longest = Math.max(-1, ...resets)
  return longest < 0 ? undefined : longest
}

/** True when the headers say that nothing is left. */
export function isSpent(header: HeaderReader, at: number): boolean {
  return readRateLimits(header, at).some((limit) => limit.remaining === 0)
}

function isLow({ limit, remaining }: RateLimit): boolean {
  return remaining === 0 || (limit !== undefined && remaining < limit * LOW_SHARE)
}

type Policies = ReadonlyMap<string, FieldItem['parameters']>

/** Policies hardly ever change from one response to the next (the draft asks for that), so the last ones read are kept. */
let lastPolicies: { readonly text: string; readonly policies: Policies } | undefined

function readPolicies(text: string): Policies {
  if (lastPolicies?.text === text) return lastPolicies.policies
  const policies = new Map(parseFieldList(text).map((item) => [item.value, item.parameters]))
  lastPolicies = { text, policies }
  return policies
}

function readItems(text: string, policyText: string | undefined): RateLimit[] {
  const policies = policyText === undefined ? undefined : readPolicies(policyText)
  const limits: RateLimit[] = []
  for (const { value, parameters } of parseFieldList(text)) {
    const remaining = numberOf(parameters.get('r'))
    const policy = policies?.get(value)
    // Bytes and calls in flight are limits of another sort: a rate of calls does not keep them.
    if (remaining === undefined || (policy?.get('qu') ?? 'requests') !== 'requests') continue
    // Without `t`, nothing is known to last longer than the policy's own window.
    const seconds = numberOf(parameters.get('t')) ?? numberOf(policy?.get('w'))
    limits.push({ limit: numberOf(policy?.get('q')), remaining, resetMs: inMs(seconds) })
  }
  return limits
}

function readDictionary(text: string, at: number): RateLimit | undefined {
  const pairs = new Map<string, string>()
  for (const { value } of parseFieldList(text)) {
    const equals = value.indexOf('=')
    if (equals > 0) pairs.set(value.slice(0, equals).trim().toLowerCase(), value.slice(equals + 1).trim())
  }
  const remaining = numberOf(pairs.get('remaining'))
  if (remaining === undefined) return undefined
  return { limit: numberOf(pairs.get('limit')), remaining, resetMs: resetFrom(numberOf(pairs.get('reset')), at) }
}

function readTriple(header: HeaderReader, prefix: string, at: number): RateLimit[] {
  const remaining = firstNumber(header(`${prefix}remaining`))
  if (remaining === undefined) return []
  const after = firstNumber(header(`${prefix}reset-after`))
  const resetMs = after === undefined ? resetFrom(firstNumber(header(`${prefix}reset`)), at) : inMs(after)
  return [{ limit: firstNumber(header(`${prefix}limit`)), remaining, resetMs }]
}

/**
 * A reset is seconds from now in the draft and at some services, epoch seconds at others (GitHub), epoch ms at a few. Told
 * apart by size: under 10^9 (32 years) it can only be a delay, from 10^11 on only ms since 1970.
 */
function resetFrom(value: number | undefined, at: number): number | undefined {
  if (value === undefined) return undefined
  if (value < 1e9) return inMs(value)
  return believable((value < 1e11 ? value * 1000 : value) - at)
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : believable(seconds * 1000)
}

/** `100, 100;w=60` → 100: early drafts let the limit be followed by its policies. */
function firstNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : numberOf(parseFieldList(text)[0]?.value)
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseNumber(text)
}
