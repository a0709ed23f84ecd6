// `gear.cache(service, client)`: a cache behind a breaker. What cannot be had from it is missing, and no error; what its figures
// say of its health is told to the breaker; and what the breaker's level asks for is done.
import type { Breaker } from '../../actors/breaker.ts'
import { CallRejectedError, ClosedError, ConfigError } from '../../model/errors.ts'
import type { ServiceSettings } from '../../model/settings.ts'
import { type RedisClient, type SupportedClient, storeOf, type ValueClient } from './cacheClients.ts'
import { cacheLevel, ttlAt } from './cacheDegradation.ts'
import { CacheKeeper } from './cacheKeeper.ts'
import { CacheMeter } from './cacheMeter.ts'
import { type CacheOperation, operate } from './cacheOperation.ts'
import { type CacheKeyOptions, type CacheOptions, type CacheSetOptions, checkCacheOptions, checkMs } from './cacheOptions.ts'
import { type CacheStats, cacheStats } from './cacheStats.ts'
import type { CacheStore } from './cacheStore.ts'
import { type CacheCodec, TEXT_OR_JSON } from './cacheValues.ts'
import { SingleFlight } from './singleFlight.ts'

export interface GuardedCache<V> {
  /** The value of `key`; undefined where there is none, or none can be had. */
  get(key: string, options?: CacheKeyOptions): Promise<V | undefined>
  /** True when it is stored. False: it could not be, or is not kept up at the present level; a value of undefined never is. */
  set(key: string, value: V, options?: CacheSetOptions): Promise<boolean>
  /** True when `key` is gone, or was not there. False: it may still be there. */
  del(key: string): Promise<boolean>
  /** Empties it: of Redis, the client's database. True when that is done. */
  clear(): Promise<boolean>
  /**
   * The value of `key`, or what `make` makes of it, which is then stored. Callers who ask for a key while it is being made are
   * given the same value. What `make` throws comes out, and says nothing of the cache.
   */
  getOrSet(key: string, make: () => V | PromiseLike<V>, options?: CacheSetOptions): Promise<V>
  readonly stats: CacheStats
  /** Stops reading figures and judging health; operations go on. */
  stop(): void
}

/** Throws a ConfigError for a client or options that cannot be used. The client stays the caller's: it is never closed. */
export function guardedCache<V = string>(
  breaker: Breaker,
  settings: ServiceSettings,
  client: RedisClient,
  options?: CacheOptions<V>,
): GuardedCache<V>
export function guardedCache<V>(
  breaker: Breaker,
  settings: ServiceSettings,
  client: ValueClient<V>,
  options?: CacheOptions<V>,
): GuardedCache<V>
export function guardedCache<V>(
  breaker: Breaker,
  settings: ServiceSettings,
  client: SupportedClient<V>,
  options: CacheOptions<V> = {},
): GuardedCache<V> {
  checkCacheOptions(options)
  const store = storeOf(client, breaker.clock, options.maxEntries ?? 10_000)
  return new BreakerGuardedCache(breaker, settings, store, options)
}

class BreakerGuardedCache<V> implements GuardedCache<V> {
  readonly #breaker: Breaker
  readonly #store: CacheStore
  readonly #options: CacheOptions<V>
  readonly #codec: CacheCodec<V> | undefined
  readonly #meter: CacheMeter
  readonly #keeper: CacheKeeper
  readonly #flights = new SingleFlight<V>()

  constructor(breaker: Breaker, settings: ServiceSettings, store: CacheStore, options: CacheOptions<V>) {
    const { serialize, deserialize, readEvery = 30_000, hitRateOver = 200 } = options
    this.#breaker = breaker
    this.#store = store
    this.#options = options
    if (serialize && deserialize) this.#codec = { serialize, deserialize }
    else if (store.text) this.#codec = TEXT_OR_JSON as CacheCodec<V>
    this.#meter = new CacheMeter(breaker, store, { settings, readEvery, hitRateOver })
    this.#keeper = new CacheKeeper(breaker, store, this.#meter, {
      isCritical: options.isCritical,
      beatEvery: readEvery,
      remove: (run) => this.#operate('del', run),
    })
  }

  async get(key: string, options: CacheKeyOptions = {}): Promise<V | undefined> {
    checkKey(key)
    if (cacheLevel(this.#breaker).minimal && !this.#keeper.isCritical(key, options)) {
      this.#meter.skipped++
      return undefined
    }
    let found: unknown
    try {
      found = await this.#operate('get', () => this.#store.get(key))
    } catch (error) {
      return this.#without(error, undefined)
    }
    if (found === undefined || (found === null && this.#store.nullIsMiss)) {
      this.#meter.lookedUp(false)
      return undefined
    }
    try {
      const value = this.#codec === undefined ? (found as V) : this.#codec.deserialize(found as string)
      this.#meter.lookedUp(true)
      return value
    } catch (error) {
      // Somebody else's text, or that of an older release: of no use, though the storage is well.
      this.#meter.lookedUp(false)
      return this.#uncoded(error, undefined)
    }
  }

  async set(key: string, value: V, options: CacheSetOptions = {}): Promise<boolean> {
    checkKey(key)
    checkMs('ttl', options.ttl)
    this.#flights.overtake(key)
    return this.#write(key, value, options)
  }

  async del(key: string): Promise<boolean> {
    checkKey(key)
    this.#flights.overtake(key)
    try {
      await this.#operate('del', () => this.#store.del(key))
    } catch (error) {
      return this.#without(error, false)
    }
    this.#keeper.forget(key)
    this.#meter.invalidations++
    return true
  }

  async clear(): Promise<boolean> {
    this.#flights.overtakeAll()
    try {
      await this.#operate('clear', () => this.#store.clear())
    } catch (error) {
      return this.#without(error, false)
    }
    this.#keeper.forgetAll()
    this.#meter.cleared()
    return true
  }

  async getOrSet(key: string, make: () => V | PromiseLike<V>, options: CacheSetOptions = {}): Promise<V> {
    checkKey(key)
    checkMs('ttl', options.ttl)
    return this.#flights.join(key, async (current) => {
      const found = await this.get(key, options)
      if (found !== undefined) return found
      const value = await make()
      if (!current()) return value
      const stored = this.#write(key, value, options)
      // Nobody waits for a cache to take what they already have.
      if (this.#options.errors === 'throw') await stored
      return value
    })
  }

  get stats(): CacheStats {
    return cacheStats(this.#meter, this.#store)
  }

  stop(): void {
    this.#keeper.stop()
  }

  // --- within -----------------------------------------------------------------------------------------------------------

  async #write(key: string, value: V, options: CacheSetOptions): Promise<boolean> {
    if (value === undefined) return false
    const level = cacheLevel(this.#breaker)
    const critical = this.#keeper.isCritical(key, options)
    if (level.criticalOnly && !critical) {
      this.#meter.skipped++
      return false
    }
    let written: unknown = value
    try {
      if (this.#codec !== undefined) written = this.#codec.serialize(value)
    } catch (error) {
      return this.#uncoded(error, false)
    }
    const { ttl: usual = Number.POSITIVE_INFINITY, ttlWhenDegraded = 300_000 } = this.#options
    const ttl = ttlAt(level, options.ttl ?? usual, ttlWhenDegraded)
    try {
      await this.#operate('set', () => this.#store.set(key, written, ttl))
    } catch (error) {
      return this.#without(error, false)
    }
    this.#keeper.wrote(key, critical)
    this.#meter.sets++
    return true
  }

  #operate(operation: CacheOperation, run: () => unknown): Promise<unknown> {
    const timeout = this.#options.timeout ?? this.#breaker.policy.timeout ?? 1000
    return operate(this.#breaker, operation, timeout, run, this.#meter)
  }

  /** What a caller is given whose operation came to nothing. */
  #without<T>(error: unknown, instead: T): T {
    if (error instanceof CallRejectedError || error instanceof ClosedError) this.#meter.rejected++
    if (this.#options.errors === 'throw') throw error
    return instead
  }

  /** The same of a value that cannot be written out or read. */
  #uncoded<T>(error: unknown, instead: T): T {
    this.#meter.codecErrors++
    if (this.#options.errors === 'throw') throw error
    return instead
  }
}

function checkKey(key: unknown): void {
  if (typeof key !== 'string') throw new ConfigError('key', key, 'a string')
}
