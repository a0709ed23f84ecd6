// A breaker for a cache in virtual time, what it was told and what became of it, and clients that misbehave.
import { onTestFinished } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import type { RedisClient, ValueClient } from '../../src/adapters/cache/cacheClients.ts'
import type { CacheOptions } from '../../src/adapters/cache/cacheOptions.ts'
import { type GuardedCache, guardedCache } from '../../src/adapters/cache/guardedCache.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { resolveSettings, type SettingsInput } from '../../src/model/settings.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { profileFor } from '../../src/services/profiles.ts'

export interface CacheBench {
  readonly clock: VirtualClock
  readonly board: Board
  readonly breaker: Breaker
  readonly heard: GearEvent[]
  /** Guards a client that keeps text; it is stopped when the test ends. */
  redis<V = string>(client: RedisClient, options?: CacheOptions<V>): GuardedCache<V>
  /** Guards a client that keeps values. */
  values<V>(client: ValueClient<V>, options?: CacheOptions<V>): GuardedCache<V>
  /** The breaker's state and substate. */
  path(): string
  /** Degrades the breaker to this level, or ends that. */
  degrade(level: 0 | 1 | 2 | 3): void
}

export function cacheBench(policy: PolicyInput = {}, settings: SettingsInput = {}): CacheBench {
  const clock = new VirtualClock()
  const bus = new MemoryBus()
  const heard: GearEvent[] = []
  bus.subscribe('*', (event) => heard.push(event))
  const resolved = resolveSettings('cache', settings)
  const board = new Board({ clock, bus, profileFor: (kind) => profileFor(kind, resolved), seed: 7, software: 'test' })
  const breaker = board.add('cache', 'cache', resolvePolicy('cache', policy), board.now())
  onTestFinished(() => board.stop())
  function kept<V>(cache: GuardedCache<V>): GuardedCache<V> {
    onTestFinished(() => cache.stop())
    return cache
  }
  return {
    clock,
    board,
    breaker,
    heard,
    redis: (client, options) => kept(guardedCache(breaker, resolved, client, options)),
    values: (client, options) => kept(guardedCache(breaker, resolved, client, options)),
    path: () => breaker.path,
    degrade: (level) => breaker.signal(board.now(), { kind: 'health', level, reason: 'test' }),
  }
}

/** A client whose storage can be broken and mended. */
export class FlakyClient<V> {
  readonly map = new Map<string, V>()
  broken = false
  calls = 0

  async get(key: string): Promise<V | undefined> {
    this.#touch()
    return this.map.get(key)
  }

  async set(key: string, value: V, _ttl?: number): Promise<void> {
    this.#touch()
    this.map.set(key, value)
  }

  async delete(key: string): Promise<void> {
    this.#touch()
    this.map.delete(key)
  }

  async clear(): Promise<void> {
    this.#touch()
    this.map.clear()
  }

  #touch(): void {
    this.calls++
    if (this.broken) throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
  }
}
