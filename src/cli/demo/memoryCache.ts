// An in-process cache that behaves like one across a network: it answers asynchronously, and can be slow, silent or gone.
import type { Clock } from '../../model/clock.ts'
import { type CacheCondition, HEALTHY } from './condition.ts'
import { forever, pause } from './pause.ts'

interface Entry {
  readonly value: unknown
  /** Epoch ms. */
  readonly expiresAt: number
}

export interface MemoryCacheOptions {
  readonly clock: Clock
  /** The least recently used entry goes when there are more. */
  readonly maxEntries?: number
}

/** What a cache client throws when its server is gone. */
export class CacheUnreachableError extends Error {
  readonly code = 'ECONNREFUSED'
  override readonly name = 'CacheUnreachableError'

  constructor() {
    super('connect ECONNREFUSED (demo cache)')
  }
}

export class MemoryCache {
  condition: CacheCondition = HEALTHY
  hits = 0
  misses = 0
  readonly #clock: Clock
  readonly #maxEntries: number
  readonly #entries = new Map<string, Entry>()

  constructor({ clock, maxEntries = 1000 }: MemoryCacheOptions) {
    this.#clock = clock
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value, or undefined for a miss. */
  async get(key: string, signal?: AbortSignal): Promise<unknown> {
    await this.#reach(signal)
    const entry = this.#entries.get(key)
    this.#entries.delete(key)
    if (entry === undefined || entry.expiresAt <= this.#clock.now()) {
      this.misses++
      return undefined
    }
    this.#entries.set(key, entry)
    this.hits++
    return entry.value
  }

  /** Keeps `value` for `ttlMs`. */
  async set(key: string, value: unknown, ttlMs: number, signal?: AbortSignal): Promise<void> {
    await this.#reach(signal)
    this.#entries.delete(key)
    this.#entries.set(key, { value, expiresAt: this.#clock.now() + ttlMs })
    if (this.#entries.size > this.#maxEntries) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
  }

  /** The way to the cache, under the condition that holds when the operation begins. */
  async #reach(signal: AbortSignal | undefined): Promise<void> {
    const { condition } = this
    if (condition.kind === 'unreachable') throw new CacheUnreachableError()
    if (condition.kind === 'hang') await forever(signal)
    if (condition.kind === 'slow') await pause(this.#clock, condition.ms, signal)
  }
}
