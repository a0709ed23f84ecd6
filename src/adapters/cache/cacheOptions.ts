// What may be set for a guarded cache, and what holds where nothing is.
import { ConfigError } from '../../model/errors.ts'

export interface CacheOptions<V> {
  /** How long a value lives for which nothing else is said, ms; absent: for ever. */
  readonly ttl?: number | undefined
  /** In place of "for ever" while the cache is degraded, ms; 300,000 if absent. */
  readonly ttlWhenDegraded?: number | undefined
  /** Which keys are critical: kept up while the cache is degraded. Those written with `critical: true` are as well. */
  readonly isCritical?: ((key: string) => boolean) | undefined
  /** `miss` (the default): a broken cache is an empty one. `throw`: what went wrong, rejections included, comes out. */
  readonly errors?: 'miss' | 'throw' | undefined
  /** Values to text, of all values, in place of the default of Redis clients: strings as they are, others as marked JSON. */
  readonly serialize?: ((value: V) => string) | undefined
  readonly deserialize?: ((text: string) => V) | undefined
  /** An operation that takes longer has failed, ms; absent: the policy's `timeout`, or 1,000. */
  readonly timeout?: number | undefined
  /** How often INFO of Redis, or the size of a Map, is read, ms; 30,000 if absent. */
  readonly readEvery?: number | undefined
  /** Of a Map: entries to keep; what was written longest ago goes first. 10,000 if absent. */
  readonly maxEntries?: number | undefined
  /** The lookups that the hit rate is taken of, from 50; 200 if absent. */
  readonly hitRateOver?: number | undefined
}

/** Of one operation. */
export interface CacheKeyOptions {
  /** Kept up while the cache is degraded. */
  readonly critical?: boolean | undefined
}

export interface CacheSetOptions extends CacheKeyOptions {
  /** How long the value lives, ms, above 0; Infinity: for ever. */
  readonly ttl?: number | undefined
}

/** Throws a ConfigError for what cannot be used. */
export function checkCacheOptions<V>(options: CacheOptions<V>): void {
  const { errors = 'miss', serialize, deserialize } = options
  for (const name of ['ttl', 'ttlWhenDegraded', 'timeout', 'readEvery'] as const) checkMs(name, options[name])
  checkCount('maxEntries', options.maxEntries, 1, 16_000_000)
  checkCount('hitRateOver', options.hitRateOver, 50, 100_000)
  if (errors !== 'miss' && errors !== 'throw') throw new ConfigError('errors', errors, "'miss' or 'throw'")
  for (const name of ['isCritical', 'serialize', 'deserialize'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw new ConfigError(name, options[name], 'a function')
    }
  }
  if ((serialize === undefined) !== (deserialize === undefined)) {
    const missing = serialize === undefined ? 'serialize' : 'deserialize'
    throw new ConfigError(missing, undefined, 'both of serialize and deserialize, or neither')
  }
}

/** Throws a ConfigError unless `value` is absent or a number of ms above 0. */
export function checkMs(name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value > 0)) return
  throw new ConfigError(name, value, 'a number of ms above 0')
}

function checkCount(name: string, value: unknown, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most)) return
  throw new ConfigError(name, value, `a whole number from ${least} to ${most}`)
}
