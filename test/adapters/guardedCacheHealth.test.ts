import { describe, expect, test, vi } from 'vitest'
import type { GuardedCache } from '../../src/adapters/cache/guardedCache.ts'
import { path, settle } from '../actors/testBoard.ts'
import { type CacheBench, cacheBench, FlakyClient } from './testCache.ts'

/** The level a condition stands at. */
function level({ breaker }: CacheBench, condition: string): number {
  return breaker.health.standing.get(condition)?.level ?? 0
}

describe('the hit rate', () => {
  async function look(cache: { get(key: string): Promise<unknown> }, hits: number, misses: number): Promise<void> {
    for (let i = 0; i < hits; i++) await cache.get('there')
    for (let i = 0; i < misses; i++) await cache.get('not there')
  }

  test('of a cold cache is not judged', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map([['there', 1]]))
    await look(cache, 0, 199)
    expect(cache.stats.hitRate).toBeUndefined()
    expect(bench.path()).toBe('closed.watching')
    await look(cache, 0, 1)
    expect(cache.stats.hitRate).toBe(0)
    expect(bench.path()).toBe('degraded.level1')
    expect(bench.breaker.health.standing.get('hit_rate')?.reason).toBe('hit rate 0.00 of the last 200 lookups, floor 0.3')
  })

  test('is sick below its floor, and well from a little above it', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map([['there', 1]]), { hitRateOver: 100 })
    await look(cache, 30, 70)
    expect(cache.stats.hitRate).toBe(0.3)
    expect(level(bench, 'hit_rate')).toBe(0)
    await look(cache, 0, 1)
    expect(level(bench, 'hit_rate')).toBe(1)
    // The window goes round: the misses of the beginning go.
    await look(cache, 34, 66)
    expect(cache.stats.hitRate).toBe(0.34)
    expect(level(bench, 'hit_rate')).toBe(1)
    await look(cache, 35, 65)
    expect(cache.stats.hitRate).toBe(0.35)
    expect(level(bench, 'hit_rate')).toBe(0)
    expect(bench.path()).toBe('closed.watching')
  })

  test('has the floor of the settings, or none', async () => {
    const strict = cacheBench({}, { hitRateFloor: 0.99 })
    await look(strict.values(new Map([['there', 1]])), 190, 10)
    expect(level(strict, 'hit_rate')).toBe(1)
    const careless = cacheBench({}, { hitRateFloor: false })
    await look(careless.values(new Map()), 0, 300)
    expect(level(careless, 'hit_rate')).toBe(0)
  })

  test('starts anew when the cache is emptied', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map())
    await look(cache, 0, 200)
    expect(bench.path()).toBe('degraded.level1')
    await cache.clear()
    expect(cache.stats.hitRate).toBeUndefined()
    expect(bench.path()).toBe('closed.watching')
  })

  test('stands for as long as it is low, and is looked at anew after five minutes', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map())
    await look(cache, 0, 200)
    bench.clock.advance(290_000)
    expect(bench.path()).toBe('degraded.level1')
    bench.clock.advance(20_000)
    expect(bench.path()).toBe('closed.watching')
    expect(path(bench.heard)).toHaveLength(2)
    expect(cache.stats.hitRate).toBeUndefined()
  })

  test('does not count what a broken cache could not say', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    client.broken = true
    const cache = bench.values(client)
    for (let i = 0; i < 300; i++) await cache.get('a')
    expect(cache.stats).toMatchObject({ hits: 0, misses: 0, hitRate: undefined })
    expect(level(bench, 'hit_rate')).toBe(0)
  })
})

describe('the storage', () => {
  /** A policy under which only the wrapper has anything to say. */
  const PATIENT = { trip: { consecutiveFailures: false, failureRate: false }, degrade: false } as const

  test('is sick from the sixth error in a row, and well with the third answer in a row', async () => {
    const bench = cacheBench(PATIENT)
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    client.broken = true
    for (let i = 0; i < 5; i++) await cache.get('a')
    expect(level(bench, 'storage')).toBe(0)
    await cache.get('a')
    expect(bench.breaker.health.standing.get('storage')).toEqual({ level: 2, reason: '6 storage errors in a row' })
    expect(bench.path()).toBe('degraded.level2')
    client.broken = false
    for (let i = 0; i < 2; i++) await cache.get('a')
    client.broken = true
    await cache.get('a')
    client.broken = false
    for (let i = 0; i < 2; i++) await cache.get('a')
    expect(level(bench, 'storage')).toBe(2)
    await cache.get('a')
    expect(level(bench, 'storage')).toBe(0)
    expect(bench.path()).toBe('closed.watching')
  })

  test('an answer ends the row', async () => {
    const bench = cacheBench(PATIENT)
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    for (let i = 0; i < 20; i++) {
      client.broken = i % 6 !== 5
      await cache.get('a')
    }
    expect(level(bench, 'storage')).toBe(0)
    expect(cache.stats.storageErrors).toBe(17)
  })

  test('is tried again after a minute, as at its level hardly anybody asks it', async () => {
    const bench = cacheBench({ ...PATIENT, recoverAfter: 1_000_000 })
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    client.broken = true
    for (let i = 0; i < 6; i++) await cache.set(`k${i}`, 'b')
    client.broken = false
    expect(await cache.set('a', 'b')).toBe(false)
    bench.clock.advance(90_000)
    expect(bench.path()).toBe('closed.watching')
    expect(await cache.set('a', 'b')).toBe(true)
  })

  test('the caller’s own mistakes are no errors of it', async () => {
    const bench = cacheBench(PATIENT)
    const client = new FlakyClient<string>()
    client.get = () => Promise.reject(new Error('WRONGTYPE Operation against a key holding the wrong kind of value'))
    const cache = bench.values(client)
    for (let i = 0; i < 10; i++) await cache.get('a')
    expect(cache.stats.storageErrors).toBe(0)
    expect(bench.breaker).toMatchObject({ ignored: 10, failures: 0 })
  })
})

/** A Redis client that says what it is told to when asked for INFO. */
function telling(info: () => unknown) {
  return {
    get: async () => null,
    set: vi.fn(async () => 'OK'),
    del: async () => 0,
    flushdb: async () => 'OK',
    info: vi.fn(async () => info()),
  }
}

describe('memory', () => {
  const GIB = 1024 ** 3
  async function readings(bench: CacheBench, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      bench.clock.advance(30_000)
      await settle()
    }
  }

  test.each([
    [0.89, 0],
    [0.9, 1],
    [0.99, 1],
    [1, 2],
    [7, 2],
  ])('at %d of what Redis may use calls for level %d', async (share, expected) => {
    const bench = cacheBench()
    bench.redis(telling(() => `used_memory:${Math.floor(share * 1000)}\nmaxmemory:1000\nmaxmemory_policy:noeviction`))
    await readings(bench, 1)
    expect(level(bench, 'memory')).toBe(expected)
    expect(bench.path()).toBe(expected === 0 ? 'closed.watching' : `degraded.level${expected}`)
  })

  test.each([
    ['four GiB where Redis has no limit', 3.7 * GIB, 'maxmemory:0', {}, 1],
    ['the settings, where Redis may use more', 95, 'maxmemory:1000', { memoryLimit: 100 }, 1],
    ['four GiB where Redis makes room by itself', 1000, 'maxmemory:1000\nmaxmemory_policy:allkeys-lru', {}, 0],
    ['the settings there, too', 100, 'maxmemory:1000\nmaxmemory_policy:allkeys-lru', { memoryLimit: 100 }, 2],
  ])('the limit is that of %s', async (_, used, rest, settings, expected) => {
    const bench = cacheBench({}, settings)
    bench.redis(telling(() => `used_memory:${Math.floor(used)}\n${rest}`))
    await readings(bench, 1)
    expect(level(bench, 'memory')).toBe(expected)
  })

  test('a level ends a little below where it began', async () => {
    const bench = cacheBench()
    let used = 1000
    bench.redis(telling(() => `used_memory:${used}\nmaxmemory:1000`))
    const seen: number[] = []
    for (used of [1000, 960, 940, 890, 860, 840]) {
      await readings(bench, 1)
      seen.push(level(bench, 'memory'))
    }
    expect(seen).toEqual([2, 2, 1, 1, 1, 0])
    expect(bench.path()).toBe('closed.watching')
  })

  test('more than five readings under pressure within five minutes call for level 2, until there are fewer', async () => {
    const bench = cacheBench()
    let used = 910
    bench.redis(telling(() => `used_memory:${used}\nmaxmemory:1000`))
    await readings(bench, 5)
    expect(level(bench, 'memory')).toBe(1)
    await readings(bench, 1)
    expect(level(bench, 'memory')).toBe(2)
    used = 500
    await readings(bench, 4)
    expect(level(bench, 'memory')).toBe(2)
    await readings(bench, 6)
    expect(level(bench, 'memory')).toBe(0)
  })

  test('a Redis that refuses to write for want of memory is under pressure', async () => {
    const bench = cacheBench({ trip: { consecutiveFailures: false, failureRate: false }, degrade: false, maxRetryAfter: 1 })
    const client = telling(() => '')
    client.set.mockImplementation(() => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'.")))
    const cache = bench.redis(client)
    await cache.set('a', 'b')
    expect(bench.path()).toBe('degraded.level1')
    await cache.set('a', 'b')
    expect(bench.path()).toBe('open.cooling')
    bench.board.remove('cache', bench.board.now())
  })

  test('and one that refuses six times within five minutes is short of it for good', async () => {
    const bench = cacheBench()
    const client = telling(() => '')
    client.set.mockImplementation(() => Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'.")))
    const cache = bench.redis(client)
    for (let i = 0; i < 6; i++) {
      expect(level(bench, 'memory')).toBe(0)
      await cache.set('a', 'b')
      if (i < 5) bench.clock.advance(40_000)
    }
    expect(bench.breaker.health.standing.get('memory')).toEqual({
      level: 2,
      reason: 'memory was short more than 5 times within five minutes',
    })
    bench.clock.advance(110_000)
    expect(level(bench, 'memory')).toBe(0)
  })

  test('INFO is read through the client, one at a time, and not while the breaker is open', async () => {
    const bench = cacheBench()
    let answer: (text: string) => void = () => undefined
    const client = telling(() => new Promise((resolve) => (answer = resolve)))
    const cache = bench.redis(client, { readEvery: 10_000 })
    bench.clock.advance(60_000)
    await settle()
    expect(client.info).toHaveBeenCalledTimes(1)
    answer('used_memory:5\nevicted_keys:3\nkeyspace_hits:3\nkeyspace_misses:1\n# Keyspace\ndb0:keys=9')
    await settle()
    expect(cache.stats).toMatchObject({ usedMemory: 5, evictions: 3, serverHitRate: 0.75, keys: 9, maxMemory: undefined })
    bench.clock.advance(10_000)
    expect(client.info).toHaveBeenCalledTimes(2)
    await settle()
    answer('')
    await settle()
    bench.breaker.command(bench.board.now(), { name: 'trip', by: 'test', why: 'test' })
    bench.clock.advance(100_000)
    expect(client.info).toHaveBeenCalledTimes(2)
    expect(bench.breaker).toMatchObject({ successes: 0, failures: 0 })
  })

  test('figures that are not answered for are unknown, and another INFO is sent after five minutes', async () => {
    const bench = cacheBench()
    const client = telling(() => 'used_memory:5')
    const cache = bench.redis(client)
    await readings(bench, 1)
    expect(cache.stats.usedMemory).toBe(5)
    client.info.mockImplementation(() => new Promise(() => undefined))
    await readings(bench, 3)
    expect(cache.stats.usedMemory).toBeUndefined()
    expect(client.info).toHaveBeenCalledTimes(2)
    await readings(bench, 12)
    expect(client.info).toHaveBeenCalledTimes(3)
  })

  test('a pressure that is not read any more is forgotten', async () => {
    const bench = cacheBench()
    const client = telling(() => 'used_memory:950\nmaxmemory:1000')
    bench.redis(client)
    await readings(bench, 1)
    expect(level(bench, 'memory')).toBe(1)
    client.info.mockImplementation(() => Promise.reject(new Error('NOPERM')))
    await readings(bench, 12)
    expect(level(bench, 'memory')).toBe(0)
  })

  test('an INFO that throws at once, or tells nonsense, is none', async () => {
    const bench = cacheBench()
    const client = telling(() => ({ used_memory: 5 }))
    const cache = bench.redis(client)
    await readings(bench, 1)
    client.info.mockImplementation(() => {
      throw new Error('no')
    })
    await readings(bench, 1)
    expect(cache.stats).toMatchObject({ usedMemory: undefined, storageErrors: 0 })
    expect(bench.path()).toBe('closed.watching')
  })

  test('it may be stopped while its figures are read', async () => {
    const bench = cacheBench()
    const cache: GuardedCache<string> = bench.redis(telling((): void => cache.stop()))
    await readings(bench, 1)
    expect(bench.clock.pending).toBe(0)
  })

  test('nothing is read once the cache is stopped', async () => {
    const bench = cacheBench()
    const client = telling(() => '')
    const cache = bench.redis(client)
    cache.stop()
    bench.clock.advance(600_000)
    expect(client.info).not.toHaveBeenCalled()
    expect(bench.clock.pending).toBe(0)
  })
})

describe('a cache that is stopped', () => {
  test('takes back what it told, and tells nothing more', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<number>()
    const cache = bench.values(client)
    client.broken = true
    for (let i = 0; i < 6; i++) await cache.get('k')
    expect(level(bench, 'storage')).toBe(2)
    cache.stop()
    cache.stop()
    expect([...bench.breaker.health.standing.keys()]).toEqual([])
    await cache.get('k')
    client.broken = false
    for (let i = 0; i < 200; i++) await cache.get('k')
    expect([...bench.breaker.health.standing.keys()]).toEqual([])
  })

  test('leaves what another cache of the same service tells', async () => {
    const bench = cacheBench()
    const [one, other] = [bench.values(new Map([['there', 1]])), bench.values(new Map([['there', 1]]))]
    for (let i = 0; i < 200; i++) await other.get('not there')
    one.stop()
    expect(level(bench, 'hit_rate')).toBe(1)
  })
})

describe('evictions', () => {
  async function told(evicted: readonly number[], keys: number): Promise<number[]> {
    const bench = cacheBench()
    let now = 0
    bench.redis(telling(() => `evicted_keys:${now}\n# Keyspace\ndb0:keys=${keys}`))
    const levels: number[] = []
    for (now of evicted) {
      bench.clock.advance(30_000)
      await settle()
      levels.push(level(bench, 'evictions'))
    }
    return levels
  }

  test('of old keys are the work of a full cache', async () => {
    // A thousand keys, ten evicted a second: they last 100 s.
    expect(await told([0, 300, 600], 1000)).toEqual([0, 0, 0])
  })

  test('of keys that were just written call for level 1 or 2, and end at half that pace', async () => {
    // 1,200 keys: 601 in 30 s leave them 59.9 s, 3,601 leave them 9.997 s.
    expect(await told([0, 601], 1200)).toEqual([0, 1])
    expect(await told([0, 3601], 1200)).toEqual([0, 2])
    // 1,801 and 1,799 leave them 19.99 and 20.01 s, 301 and 299 leave them 119.6 and 120.4 s.
    expect(await told([0, 3601, 5402, 7201, 7502, 7801], 1200)).toEqual([0, 2, 2, 1, 1, 0])
  })

  test('that are few, or began anew with the server, are no trend', async () => {
    expect(await told([0, 49, 98], 1)).toEqual([0, 0, 0])
    expect(await told([100_000, 0, 40], 10)).toEqual([0, 0, 0])
  })

  test('of a Map that is too small for what is asked of it', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map<string, number>(), { maxEntries: 10 })
    bench.clock.advance(30_000)
    for (let i = 0; i < 1000; i++) await cache.set(`k${i}`, i)
    bench.clock.advance(30_000)
    expect(level(bench, 'evictions')).toBe(2)
    bench.clock.advance(60_000)
    expect(level(bench, 'evictions')).toBe(0)
  })
})
