// Looks after a guarded cache from beat to beat: has its figures read, what has expired swept, and at the minimal level removes
// what is not critical. Knows which keys are.
import type { Breaker } from '../../actors/breaker.ts'
import { Timer } from '../../model/timerWheel.ts'
import { cacheLevel, WrittenKeys } from './cacheDegradation.ts'
import type { CacheMeter } from './cacheMeter.ts'
import type { CacheKeyOptions } from './cacheOptions.ts'
import type { CacheStore } from './cacheStore.ts'

/** Keys removed at one go at the minimal level, and how long the next lot waits, ms. */
const CLEANED_AT_ONCE = 100
const CLEANING_EVERY = 1000

export interface CacheKeeperOptions {
  readonly isCritical: ((key: string) => boolean) | undefined
  /** The longest time between two beats, ms. */
  readonly beatEvery: number
  /** Runs a removal through the breaker. */
  readonly remove: (run: () => unknown) => Promise<unknown>
}

export class CacheKeeper {
  readonly #breaker: Breaker
  readonly #store: CacheStore
  readonly #meter: CacheMeter
  readonly #options: CacheKeeperOptions
  readonly #keys = new WrittenKeys()
  readonly #beat = new Beat(this)
  #stopped = false
  #cleaning = false

  constructor(breaker: Breaker, store: CacheStore, meter: CacheMeter, options: CacheKeeperOptions) {
    this.#breaker = breaker
    this.#store = store
    this.#meter = meter
    this.#options = options
    this.#arm(breaker.clock.now())
  }

  isCritical(key: string, { critical }: CacheKeyOptions = {}): boolean {
    if (critical !== undefined) return critical
    try {
      if (this.#options.isCritical?.(key) === true) return true
    } catch {
      // Their own function cannot tell: then it is a key like any other.
    }
    return this.#keys.isCritical(key)
  }

  wrote(key: string, critical: boolean): void {
    this.#keys.wrote(key, critical)
  }

  forget(key: string): void {
    this.#keys.forget(key)
  }

  forgetAll(): void {
    this.#keys.forgetAll()
  }

  stop(): void {
    this.#stopped = true
    this.#breaker.clock.disarm(this.#beat)
    this.#meter.stop()
  }

  /** @internal */
  beat(at: number): void {
    if (this.#breaker.disposed) return
    const level = cacheLevel(this.#breaker)
    this.#store.tend?.(level.evictEagerly)
    this.#meter.beat(at)
    if (level.minimal) void this.#clean()
    this.#arm(at)
  }

  /** Often enough that what stands does not lapse in the breaker between two beats. */
  #arm(at: number): void {
    if (this.#stopped) return
    const every = cacheLevel(this.#breaker).minimal ? CLEANING_EVERY : this.#breaker.policy.recoverAfter / 3
    this.#breaker.clock.arm(this.#beat, at + Math.max(1, Math.min(this.#options.beatEvery, every)))
  }

  /** Removes some of what was written and is not critical; as one call, so that it cannot crowd others out. */
  async #clean(): Promise<void> {
    if (this.#cleaning) return
    const [critical, keys] = this.#sorted(this.#keys.others(CLEANED_AT_ONCE))
    for (const key of critical) this.#keys.wrote(key, true)
    if (keys.length === 0) return
    this.#cleaning = true
    try {
      await this.#options.remove(() => Promise.all(keys.map((key) => this.#store.del(key))))
      for (const key of keys) this.#keys.forget(key)
      this.#meter.cleaned += keys.length
    } catch {
      // The breaker has been told as of any failure; the next beat tries again.
    } finally {
      this.#cleaning = false
    }
  }

  /** Their own function may call a key critical that it did not when the key was written. */
  #sorted(keys: readonly string[]): [critical: string[], others: string[]] {
    const critical = keys.filter((key) => this.isCritical(key))
    return [critical, keys.filter((key) => !critical.includes(key))]
  }
}

class Beat extends Timer {
  constructor(readonly keeper: CacheKeeper) {
    super()
  }

  fire(at: number): void {
    this.keeper.beat(at)
  }
}
