// A cache in the process that stands in for a Redis, so that the demo needs none: it takes the calls of an ioredis client, tells
// of itself by INFO as Redis does, and can be slow, gone, or nearly out of memory.
import type { Clock } from '../../model/clock.ts'
import { type CacheCondition, HEALTHY } from './condition.ts'
import { pause } from './pause.ts'

interface Entry {
  readonly value: string
  /** Epoch ms; Infinity where it lives for ever. */
  readonly expiresAt: number
}

/** What a cache client throws when its server is gone. */
export class CacheUnreachableError extends Error {
  readonly code = 'ECONNREFUSED'
  override readonly name = 'CacheUnreachableError'

  constructor() {
    super('connect ECONNREFUSED (demo cache)')
  }
}

/** Bytes that may be used, and those that an empty cache uses. */
const MAX_MEMORY = 4 * 1024 * 1024
const EMPTY = 1024 * 1024
const NEARLY_FULL = 0.96

export class MemoryCache {
  condition: CacheCondition = HEALTHY
  #hits = 0
  #misses = 0
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
  }

  async get(key: string): Promise<string | null> {
    await this.#reach()
    const value = this.#alive(key)
    if (value === undefined) this.#misses++
    else this.#hits++
    return value ?? null
  }

  /** Keeps `value` for `ttl` ms, or for ever. */
  async set(key: string, value: string, _unit?: 'PX', ttl = Number.POSITIVE_INFINITY): Promise<'OK'> {
    await this.#reach()
    this.#entries.set(key, { value, expiresAt: this.#clock.now() + ttl })
    return 'OK'
  }

  /** How many keys were there to be removed. */
  async del(key: string): Promise<number> {
    await this.#reach()
    const there = this.#alive(key) !== undefined
    this.#entries.delete(key)
    return there ? 1 : 0
  }

  async flushdb(): Promise<'OK'> {
    await this.#reach()
    this.#entries.clear()
    return 'OK'
  }

  /** The fields of Redis' INFO that tell of memory, evictions, lookups and keys. */
  async info(): Promise<string> {
    await this.#reach()
    const keys = [...this.#entries.keys()].filter((key) => this.#alive(key) !== undefined)
    const lines = [
      '# Memory',
      `used_memory:${this.#usedMemory()}`,
      `maxmemory:${MAX_MEMORY}`,
      'maxmemory_policy:noeviction',
      '',
      '# Stats',
      'evicted_keys:0',
      `keyspace_hits:${this.#hits}`,
      `keyspace_misses:${this.#misses}`,
      '',
      '# Keyspace',
      ...(keys.length === 0 ? [] : [`db0:keys=${keys.length},expires=${keys.length},avg_ttl=0`]),
    ]
    return lines.map((line) => `${line}\r\n`).join('')
  }

  #usedMemory(): number {
    if (this.condition.kind === 'full') return Math.ceil(NEARLY_FULL * MAX_MEMORY)
    let bytes = EMPTY
    for (const [key, { value }] of this.#entries) bytes += key.length + value.length
    return bytes
  }

  /** The value of `key`, if its time is not up. */
  #alive(key: string): string | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry?.value
    this.#entries.delete(key)
    return undefined
  }

  /** The way to the cache, under the condition that holds when the operation begins. */
  async #reach(): Promise<void> {
    const { condition } = this
    if (condition.kind === 'unreachable') throw new CacheUnreachableError()
    if (condition.kind === 'slow') await pause(this.#clock, condition.ms)
  }
}
