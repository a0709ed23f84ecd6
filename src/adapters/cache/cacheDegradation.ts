// What a degraded cache is asked: the ladder's overrides as the wrapper understands them, and the memory of which keys are
// critical and which may go. Applied for as long as the level stands, so recovery undoes it by itself.
import type { Breaker } from '../../actors/breaker.ts'

export interface CacheLevel {
  /** What is written lives this share of its time, above 0 to 1. */
  readonly ttlFactor: number
  /** Nothing is written to last for ever, and a Map keeps half as much. */
  readonly evictEagerly: boolean
  /** Only critical keys are written. */
  readonly criticalOnly: boolean
  /** Only critical keys are read, and others that were written are removed. */
  readonly minimal: boolean
}

const PLAIN: CacheLevel = { ttlFactor: 1, evictEagerly: false, criticalOnly: false, minimal: false }

/** What the breaker's level asks for now: the ladder's overrides with those of the policy laid over. */
export function cacheLevel({ gate, profile, policy }: Breaker): CacheLevel {
  if (gate.level === 0) return PLAIN
  const step = (gate.level - 1) as 0 | 1 | 2
  const overrides = { ...profile.ladder?.[step].overrides, ...policy.levels[step].overrides }
  const { ttlFactor } = overrides
  return {
    ttlFactor: typeof ttlFactor === 'number' && ttlFactor > 0 && ttlFactor <= 1 ? ttlFactor : 1,
    evictEagerly: overrides.evictEagerly === true,
    criticalOnly: overrides.criticalOnly === true,
    minimal: overrides.minimal === true,
  }
}

/** Beyond this, Redis would refuse the sum of it and its clock; it is three thousand years. */
const LONGEST_TTL = 1e14

/** The lifetime to write with at `level`, whole ms; undefined: for ever. `ttl`: what was asked for. */
export function ttlAt({ ttlFactor, evictEagerly }: CacheLevel, ttl: number, whereNone: number): number | undefined {
  const asked = ttl === Number.POSITIVE_INFINITY && evictEagerly ? whereNone : ttl
  if (asked === Number.POSITIVE_INFINITY) return undefined
  return Math.min(Math.max(1, Math.ceil(asked * ttlFactor)), LONGEST_TTL)
}

/** Keys remembered of each sort, and the longest that is remembered: some 20 MB at the very worst. */
const MOST_KEYS = 10_000
const LONGEST_KEY = 512

/** Which keys were written, and as what. The oldest are forgotten first. */
export class WrittenKeys {
  readonly #critical = new Set<string>()
  readonly #others = new Set<string>()

  wrote(key: string, critical: boolean): void {
    if (key.length > LONGEST_KEY) return
    this.forget(key)
    const keys = critical ? this.#critical : this.#others
    keys.add(key)
    if (keys.size <= MOST_KEYS) return
    const [oldest] = keys
    keys.delete(oldest as string)
  }

  isCritical(key: string): boolean {
    return this.#critical.has(key)
  }

  forget(key: string): void {
    this.#critical.delete(key)
    this.#others.delete(key)
  }

  forgetAll(): void {
    this.#critical.clear()
    this.#others.clear()
  }

  /** The oldest keys, at most `most`, that are not critical. */
  others(most: number): string[] {
    const keys: string[] = []
    for (const key of this.#others) {
      if (keys.length === most) break
      keys.push(key)
    }
    return keys
  }
}
