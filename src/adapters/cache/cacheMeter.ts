// What is known of a guarded cache: counts of its operations, the figures its server or store gives, and what these say of its
// health, which the breaker is told when it changes and for as long as it stands.
import type { Breaker } from '../../actors/breaker.ts'
import type { Classification } from '../../model/failures.ts'
import type { ServiceSettings } from '../../model/settings.ts'
import type { DegradationLevel } from '../../model/states.ts'
import { isOutOfMemory } from '../../services/cache/redisErrors.ts'
import { type CacheCondition, HitRate, StorageErrors } from './cacheConditions.ts'
import type { OperationListener } from './cacheOperation.ts'
import type { CacheStore } from './cacheStore.ts'
import { Evictions, MemoryPressure } from './memoryConditions.ts'
import { parseRedisInfo, type RedisInfo } from './redisInfo.ts'

/** An INFO that has not been answered for this long, ms, is given up, and another is sent. */
const INFO_GIVEN_UP = 300_000

export interface CacheMeterOptions {
  readonly settings: ServiceSettings
  readonly readEvery: number
  readonly hitRateOver: number
}

export class CacheMeter implements OperationListener {
  hits = 0
  misses = 0
  sets = 0
  invalidations = 0
  skipped = 0
  cleaned = 0
  rejected = 0
  codecErrors = 0
  storageErrors = 0
  readonly hitRate: HitRate
  readonly storage = new StorageErrors()
  readonly #memory = new MemoryPressure()
  readonly #evictions = new Evictions()
  readonly #conditions: readonly CacheCondition[]
  readonly #told = new Map<string, DegradationLevel>()
  readonly #breaker: Breaker
  readonly #store: CacheStore
  readonly #options: CacheMeterOptions
  #info: RedisInfo = {}
  #asked: { readonly at: number } | undefined
  #stopped = false
  #nextReading = Number.NEGATIVE_INFINITY

  constructor(breaker: Breaker, store: CacheStore, options: CacheMeterOptions) {
    this.#breaker = breaker
    this.#store = store
    this.#options = options
    this.hitRate = new HitRate(options.settings.hitRateFloor, options.hitRateOver)
    this.#conditions = [this.hitRate, this.storage, this.#memory, this.#evictions]
  }

  /** What the server last said of itself. */
  get info(): RedisInfo {
    return this.#info
  }

  lookedUp(hit: boolean): void {
    if (hit) this.hits++
    else this.misses++
    this.hitRate.lookup(hit, this.#breaker.clock.now())
    this.#tellChanges()
  }

  answered(): void {
    this.storage.answered()
    this.#tellChanges()
  }

  failed(at: number, error: unknown, said: Classification): void {
    if (said === 'ignored') return
    this.storageErrors++
    this.storage.failed(at)
    if (isOutOfMemory(error)) this.#memory.pressed(at)
    this.#tellChanges()
  }

  cleared(): void {
    this.invalidations++
    this.hitRate.reset()
    this.#tellChanges()
  }

  /** Reads figures when it is time, and keeps the breaker told of what stands. */
  beat(at: number): void {
    if (at >= this.#nextReading) {
      this.#nextReading = at + this.#options.readEvery
      this.#read(at)
    }
    for (const condition of this.#conditions) {
      condition.review(at)
      if (condition.level > 0) this.#tell(condition)
    }
    this.#tellChanges()
  }

  /** Judges no more, and takes back what it has told: nobody would ever do so after it. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    if (this.#breaker.disposed) return
    for (const [name, level] of this.#told)
      if (level > 0) this.#breaker.health.set(name, 0, 'the cache is no longer looked after')
    this.#told.clear()
  }

  #read(at: number): void {
    const figures = this.#store.figures?.()
    if (figures !== undefined) this.#evictions.read(at, figures.evictions, figures.entries)
    if (this.#store.info === undefined) return
    if (this.#asked !== undefined) {
      // One at a time: a client that queues what it cannot send would queue them without end.
      this.#info = {}
      if (at - this.#asked.at < INFO_GIVEN_UP) return
    }
    // It is no call of anybody's, so it has no outcome; a cache that is shut off is not asked at all.
    if (this.#breaker.peek(Math.floor(at)) !== undefined) return
    const asked = { at }
    this.#asked = asked
    const done = (info: RedisInfo): void => {
      if (this.#asked !== asked) return
      this.#asked = undefined
      this.#took(info)
    }
    ask(this.#store).then(
      (answer) => done(parseRedisInfo(answer)),
      () => done({}),
    )
  }

  #took(info: RedisInfo): void {
    this.#info = info
    const at = this.#breaker.clock.now()
    const { usedMemory, evictedKeys, keys } = info
    if (usedMemory !== undefined) this.#memory.read(at, usedMemory, this.#limitOf(info))
    if (evictedKeys !== undefined && keys !== undefined) this.#evictions.read(at, evictedKeys, keys)
    this.#tellChanges()
  }

  /** A Redis that evicts is meant to be full; only one that then refuses to write is short of memory when it is. */
  #limitOf({ maxMemory, policy = 'noeviction' }: RedisInfo): number {
    const { memoryLimit } = this.#options.settings
    return maxMemory !== undefined && policy === 'noeviction' ? Math.min(maxMemory, memoryLimit) : memoryLimit
  }

  #tellChanges(): void {
    if (this.#stopped) return
    for (const condition of this.#conditions) {
      if (condition.level !== (this.#told.get(condition.name) ?? 0)) this.#tell(condition)
    }
  }

  #tell({ name, level, reason }: CacheCondition): void {
    this.#told.set(name, level)
    this.#breaker.health.set(name, level, level === 0 ? `${name} is well again` : reason)
  }
}

async function ask(store: CacheStore): Promise<unknown> {
  return store.info?.()
}
