import { describe, expect, test, vi } from 'vitest'
import { cacheLevel, ttlAt, WrittenKeys } from '../../src/adapters/cache/cacheDegradation.ts'
import { settle } from '../actors/testBoard.ts'
import { cacheBench, FlakyClient } from './testCache.ts'

const isCritical = (key: string) => key.startsWith('!')

/** A client that only notes what it is told to store, and for how long. */
function noting() {
  const set = vi.fn((_key: string, _value: string, _ttl?: number) => undefined)
  return { get: (_key: string) => undefined, set, del: vi.fn(), clear: vi.fn() }
}

describe('what is written', () => {
  const TTL = { ttl: 60_000 }

  test('lives shorter with each level, and its full time again afterwards', async () => {
    const bench = cacheBench()
    const client = noting()
    const cache = bench.values<string>(client)
    for (const level of [0, 1, 2, 3, 0] as const) {
      bench.degrade(level)
      await cache.set('a', 'b', { ...TTL, critical: true })
      await cache.set('b', 'b', { critical: true })
    }
    expect(client.set.mock.calls).toEqual([
      ['a', 'b', 60_000],
      ['b', 'b'],
      ['a', 'b', 30_000],
      ['b', 'b', 150_000],
      ['a', 'b', 30_000],
      ['b', 'b', 150_000],
      ['a', 'b', 6000],
      ['b', 'b', 30_000],
      ['a', 'b', 60_000],
      ['b', 'b'],
    ])
  })

  test('is, from level 2 on, only what is critical', async () => {
    const bench = cacheBench()
    const client = noting()
    const cache = bench.values<string>(client, { isCritical })
    const written: string[][] = []
    for (const level of [0, 1, 2, 3, 0] as const) {
      bench.degrade(level)
      client.set.mockClear()
      await cache.set('a', 'b')
      await cache.set('!a', 'b')
      await cache.set('marked', 'b', { critical: true })
      await cache.set('!not', 'b', { critical: false })
      written.push(client.set.mock.calls.map(([key]) => key))
    }
    const all = ['a', '!a', 'marked', '!not']
    expect(written).toEqual([all, all, ['!a', 'marked'], ['!a', 'marked'], all])
    expect(cache.stats).toMatchObject({ skipped: 4, sets: 16 })
  })

  test('as the policy’s own overrides have it', async () => {
    const bench = cacheBench({
      levels: [{ overrides: { ttlFactor: 0.9 } }, { overrides: { criticalOnly: false, ttlFactor: 'x' } }, {}],
    })
    const client = noting()
    const cache = bench.values<string>(client, { ttlWhenDegraded: 1000 })
    bench.degrade(1)
    await cache.set('a', 'b')
    bench.degrade(2)
    expect(await cache.set('a', 'b')).toBe(true)
    expect(client.set.mock.calls.map(([, , ttl]) => ttl)).toEqual([900, 1000])
  })

  test('is refused by the breaker where the level leaves only fallbacks', async () => {
    const bench = cacheBench({ levels: [{ admit: 'fallback-only' }, {}, {}] })
    const cache = bench.values(new Map<string, number>())
    bench.degrade(1)
    expect(await cache.set('a', 1)).toBe(false)
    expect(cache.stats.rejected).toBe(1)
  })
})

describe('what is read', () => {
  test('is, at level 3, only what is critical or was written as such', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const cache = bench.values(client, { isCritical })
    for (const key of ['a', '!a']) await cache.set(key, key)
    await cache.set('marked', 'marked', { critical: true })
    const read = () => Promise.all([cache.get('a'), cache.get('!a'), cache.get('marked'), cache.get('a', { critical: true })])
    for (const level of [1, 2] as const) {
      bench.degrade(level)
      expect(await read()).toEqual(['a', '!a', 'marked', 'a'])
    }
    bench.degrade(3)
    const { calls } = client
    expect(await read()).toEqual([undefined, '!a', 'marked', 'a'])
    expect(client.calls).toBe(calls + 3)
    expect(cache.stats.skipped).toBe(1)
    bench.degrade(0)
    expect(await read()).toEqual(['a', '!a', 'marked', 'a'])
  })

  test('a value made at level 3 is given, and not kept', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    bench.degrade(3)
    expect(await cache.getOrSet('a', () => 'made')).toBe('made')
    expect(client.calls).toBe(0)
  })

  test('a function of theirs that throws calls no key critical', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map<string, number>(), {
      isCritical: () => {
        throw new Error('no')
      },
    })
    bench.degrade(2)
    expect(await cache.set('a', 1)).toBe(false)
  })
})

describe('what was written', () => {
  async function beats(bench: ReturnType<typeof cacheBench>, seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      bench.clock.advance(1000)
      await settle()
    }
  }

  test('and is not critical is removed at level 3, a hundred a second, and only then', async () => {
    const bench = cacheBench({ recoverAfter: 600_000 })
    const client = new FlakyClient<number>()
    const cache = bench.values(client, { isCritical, readEvery: 1000 })
    client.map.set('somebody else’s', 1)
    for (let i = 0; i < 250; i++) await cache.set(`k${i}`, i)
    await cache.set('!a', 1)
    await cache.set('marked', 1, { critical: true })
    bench.degrade(2)
    await beats(bench, 3)
    expect(client.map.size).toBe(253)
    bench.degrade(3)
    const sizes: number[] = []
    for (let i = 0; i < 4; i++) {
      await beats(bench, 1)
      sizes.push(client.map.size)
    }
    expect(sizes).toEqual([153, 53, 3, 3])
    expect([...client.map.keys()]).toEqual(['somebody else’s', '!a', 'marked'])
    expect(cache.stats).toMatchObject({ cleaned: 250, invalidations: 0 })
    // One call each time, whose failure would count like any other.
    expect(bench.breaker.successes).toBe(252 + 3)
  })

  test('stays remembered while it cannot be removed', async () => {
    const bench = cacheBench({ trip: { consecutiveFailures: false, failureRate: false }, recoverAfter: 600_000 })
    const client = new FlakyClient<number>()
    const cache = bench.values(client, { readEvery: 1000 })
    await cache.set('a', 1)
    bench.degrade(3)
    client.broken = true
    await beats(bench, 2)
    expect(cache.stats).toMatchObject({ cleaned: 0, storageErrors: 2 })
    client.broken = false
    await beats(bench, 1)
    expect(cache.stats.cleaned).toBe(1)
  })

  test.each(['del', 'clear'] as const)('and then removed by `%s` is forgotten', async (how) => {
    const bench = cacheBench({ recoverAfter: 600_000 })
    const client = new FlakyClient<number>()
    const cache = bench.values(client, { readEvery: 1000 })
    await cache.set('plain', 1)
    await cache.set('marked', 1, { critical: true })
    if (how === 'clear') await cache.clear()
    else for (const key of ['plain', 'marked']) await cache.del(key)
    bench.degrade(3)
    const { calls } = client
    await beats(bench, 3)
    expect(await cache.get('marked')).toBeUndefined()
    expect(client.calls).toBe(calls)
    expect(cache.stats).toMatchObject({ cleaned: 0, skipped: 1 })
  })

  test('and is critical by now is not removed', async () => {
    const bench = cacheBench({ recoverAfter: 600_000 })
    let critical = false
    const map = new Map<string, number>()
    const cache = bench.values(map, { isCritical: () => critical, readEvery: 1000 })
    await cache.set('a', 1)
    critical = true
    bench.degrade(3)
    await beats(bench, 3)
    expect(map.size).toBe(1)
    expect(bench.breaker.successes).toBe(1)
  })

  test('is one lot at a time, however slow it goes', async () => {
    const bench = cacheBench({ timeout: 10_000, recoverAfter: 600_000 })
    const client = new FlakyClient<number>()
    const cache = bench.values(client, { readEvery: 1000 })
    await cache.set('a', 1)
    client.delete = vi.fn(() => new Promise<void>(() => undefined))
    bench.degrade(3)
    await beats(bench, 9)
    expect(client.delete).toHaveBeenCalledTimes(1)
  })

  test('a Map keeps half as much while it is degraded, and as much as before afterwards', async () => {
    const bench = cacheBench({ recoverAfter: 600_000 })
    const map = new Map<string, number>()
    const cache = bench.values(map, { maxEntries: 10, readEvery: 1000 })
    const fill = async () => {
      for (let i = 0; i < 10; i++) await cache.set(`k${i}`, i)
    }
    await fill()
    expect(map.size).toBe(10)
    bench.degrade(1)
    await beats(bench, 1)
    expect(map.size).toBe(5)
    bench.degrade(0)
    await beats(bench, 1)
    await fill()
    expect(map.size).toBe(10)
  })
})

describe('the arithmetic', () => {
  const plain = { ttlFactor: 1, evictEagerly: false, criticalOnly: false, minimal: false }
  test.each([
    ['a plain time', plain, 1000, 1000],
    ['a fraction of a ms', plain, 0.2, 1],
    ['a fraction of many', plain, 1000.5, 1001],
    ['no end', plain, Number.POSITIVE_INFINITY, undefined],
    ['an absurd time', plain, 1e300, 1e14],
    ['a share', { ...plain, ttlFactor: 0.5 }, 1000, 500],
    ['a share of no end', { ...plain, ttlFactor: 0.5 }, Number.POSITIVE_INFINITY, undefined],
    ['a share of the least', { ...plain, ttlFactor: 0.1 }, 1, 1],
    ['no end, evicting eagerly', { ...plain, evictEagerly: true }, Number.POSITIVE_INFINITY, 300_000],
  ])('of %s', (_, level, ttl, expected) => {
    expect(ttlAt(level, ttl, 300_000)).toBe(expected)
  })

  test.each([0, -1, 1.5, Number.NaN])('a factor of %d is none', (ttlFactor) => {
    const bench = cacheBench({ levels: [{ overrides: { ttlFactor } }, {}, {}] })
    bench.degrade(1)
    expect(cacheLevel(bench.breaker).ttlFactor).toBe(1)
  })

  test('keys are remembered up to a number and a length', () => {
    const keys = new WrittenKeys()
    for (let i = 0; i < 10_001; i++) keys.wrote(`k${i}`, false)
    for (let i = 0; i < 10_001; i++) keys.wrote(`!${i}`, true)
    keys.wrote('x'.repeat(513), true)
    expect(keys.others(20_000)).toHaveLength(10_000)
    expect(keys.others(1)).toEqual(['k1'])
    expect(['!0', '!1', 'x'.repeat(513)].map((key) => keys.isCritical(key))).toEqual([false, true, false])
  })
})
