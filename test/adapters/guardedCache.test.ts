import Keyv from 'keyv'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { guardedCache } from '../../src/adapters/cache/guardedCache.ts'
import { BreakerOpenError, CallTimeoutError, ClosedError, ConfigError } from '../../src/model/errors.ts'
import { resolveSettings } from '../../src/model/settings.ts'
import { ofType, open, settle, watch } from '../actors/testBoard.ts'
import { cacheBench, FlakyClient } from './testCache.ts'

describe('a Map', () => {
  test('keeps what it is given, as it is', async () => {
    const map = new Map<string, { id: number }>()
    const cache = cacheBench().values(map)
    const value = { id: 1 }
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.set('a', value)).toBe(true)
    expect(map.get('a')).toBe(value)
    expect(await cache.get('a')).toBe(value)
    expect(await cache.del('a')).toBe(true)
    expect(await cache.del('a')).toBe(true)
    await cache.set('b', value)
    expect(await cache.clear()).toBe(true)
    expect(map.size).toBe(0)
    expect(cache.stats).toMatchObject({ hits: 1, misses: 1, sets: 2, invalidations: 3, entries: 0, evictions: 0 })
    expectTypeOf(cache.get).returns.toEqualTypeOf<Promise<{ id: number } | undefined>>()
  })

  test('tells the breaker what each operation was', async () => {
    const { heard, values } = cacheBench()
    const cache = values(new Map([['a', 1]]))
    await cache.get('a')
    await cache.set('a', 2)
    await cache.del('a')
    await cache.clear()
    const outcomes = ofType(heard, 'outcome')
    expect(outcomes.map(({ operation, result }) => [operation, result])).toEqual([
      ['get', 'success'],
      ['set', 'success'],
      ['del', 'success'],
      ['clear', 'success'],
    ])
  })

  test('forgets a value when its time is over, to the ms', async () => {
    const { clock, values } = cacheBench()
    const map = new Map<string, number>()
    const cache = values(map, { ttl: 1000 })
    await cache.set('usual', 1)
    await cache.set('own', 1, { ttl: 2000 })
    await cache.set('ever', 1, { ttl: Number.POSITIVE_INFINITY })
    clock.advance(999)
    expect(await cache.get('usual')).toBe(1)
    clock.advance(1)
    expect(await cache.get('usual')).toBeUndefined()
    expect(map.has('usual')).toBe(false)
    clock.advance(1000)
    expect([await cache.get('own'), await cache.get('ever')]).toEqual([undefined, 1])
  })

  test('a value written anew has a time anew', async () => {
    const { clock, values } = cacheBench()
    const cache = values(new Map<string, number>())
    await cache.set('a', 1, { ttl: 100 })
    await cache.set('a', 2)
    clock.advance(1000)
    expect(await cache.get('a')).toBe(2)
  })

  test('is swept of what has expired and is never asked for again, also of what its owner took out', async () => {
    const { clock, values } = cacheBench()
    const map = new Map<string, number>()
    const cache = values(map)
    for (let i = 0; i < 1500; i++) await cache.set(`k${i}`, i, { ttl: 5000 })
    map.delete('k1')
    await cache.set('stays', 1, { ttl: 500_000 })
    clock.advance(40_000)
    expect([...map.keys()]).toEqual(['stays'])
  })

  test('is kept to its size: what was written longest ago goes first', async () => {
    const map = new Map<string, number>()
    const cache = cacheBench().values(map, { maxEntries: 3 })
    for (const key of ['a', 'b', 'c']) await cache.set(key, 1)
    await cache.set('a', 2)
    await cache.set('d', 1)
    expect([...map.keys()]).toEqual(['c', 'a', 'd'])
    expect(cache.stats).toMatchObject({ entries: 3, evictions: 1 })
  })

  test('null is a value, undefined is none', async () => {
    const cache = cacheBench().values(new Map<string, null | undefined>())
    expect(await cache.set('a', null)).toBe(true)
    expect(await cache.get('a')).toBeNull()
    expect(await cache.set('b', undefined)).toBe(false)
    expect(cache.stats).toMatchObject({ hits: 1, misses: 0, sets: 1 })
  })
})

test('what speaks like lru-cache is told lifetimes as an option', async () => {
  const sets: unknown[][] = []
  const lru = {
    get: () => undefined,
    set: (...args: [key: string, value: number, options?: { readonly ttl?: number }]) => sets.push(args),
    delete: () => true,
    clear: () => {},
    getRemainingTTL: () => 0,
    purgeStale: () => false,
  }
  const cache = cacheBench().values<number>(lru)
  expect(await cache.set('a', 1, { ttl: 500 })).toBe(true)
  expect(await cache.set('b', 2)).toBe(true)
  expect(sets).toEqual([
    ['a', 1, { ttl: 500 }],
    ['b', 2],
  ])
})

describe('Keyv', () => {
  test('keeps values with their lifetime', async () => {
    const keyv = new Keyv<{ id: number }>()
    const set = vi.spyOn(keyv, 'set')
    const cache = cacheBench().values<{ id: number }>(keyv)
    expect(await cache.set('a', { id: 1 }, { ttl: 60_000 })).toBe(true)
    expect(set).toHaveBeenCalledWith('a', { id: 1 }, 60_000)
    expect(await cache.get('a')).toEqual({ id: 1 })
    expect(await cache.del('a')).toBe(true)
    expect(await cache.get('a')).toBeUndefined()
    await cache.set('b', { id: 2 })
    expect(await cache.clear()).toBe(true)
    expect(await keyv.get('b')).toBeUndefined()
    expect(cache.stats).toMatchObject({ hits: 1, misses: 1, sets: 2, invalidations: 2, entries: undefined })
  })

  test('a storage that fails opens the breaker when Keyv is told to throw', async () => {
    const down = () => Promise.reject(new Error('down'))
    const store = { opts: {}, get: down, set: down, delete: down, clear: down, on: () => store }
    const keyv = new Keyv({ store, throwOnErrors: true })
    keyv.on('error', () => undefined)
    const bench = cacheBench()
    const cache = bench.values<string>(keyv)
    for (let i = 0; i < 8; i++) expect(await cache.get('a')).toBeUndefined()
    expect(bench.path()).toBe('open.cooling')
    expect(cache.stats).toMatchObject({ misses: 0, storageErrors: 8 })
  })

  test('one that swallows errors still says of a write that it failed', async () => {
    const down = () => Promise.reject(new Error('down'))
    const store = { opts: {}, get: down, set: down, delete: down, clear: down, on: () => store }
    const keyv = new Keyv({ store })
    keyv.on('error', () => undefined)
    const cache = cacheBench().values<string>(keyv)
    expect(await cache.set('a', 'b')).toBe(false)
    expect(cache.stats).toMatchObject({ sets: 0, storageErrors: 1 })
  })
})

describe('which client it is', () => {
  const settings = resolveSettings('cache')
  const method = () => undefined

  test.each([
    ['nothing', undefined],
    ['a Set', new Set()],
    ['text', 'redis://localhost'],
    ['one that cannot set', { get: method, del: method, clear: method }],
    ['one that cannot delete', { get: method, set: method, clear: method }],
    ['one that cannot clear', { get: method, set: method, del: method }],
    [
      'one whose getters throw',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no')
          },
        },
      ),
    ],
  ])('%s is none', (_, client) => {
    const { breaker } = cacheBench()
    const make = () => guardedCache(breaker, settings, client as never)
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(/client: .*allowed: an ioredis or node-redis client, a Keyv, a Map, or an object with get, set, del/)
  })

  test('a wrong client is an error of the compiler', () => {
    const { breaker } = cacheBench()
    // @ts-expect-error: it cannot set
    expect(() => guardedCache(breaker, settings, { get: method, del: method, clear: method })).toThrow(ConfigError)
    // @ts-expect-error: it keeps numbers
    guardedCache<string>(breaker, settings, new Map<string, number>()).stop()
    // @ts-expect-error: it cannot clear
    expect(() => guardedCache(breaker, settings, { get: method, set: method, del: method })).toThrow(ConfigError)
  })

  test.each([
    ['delete and clear', { delete: vi.fn(), clear: vi.fn() }],
    ['del and clear', { del: vi.fn(), clear: vi.fn() }],
    ['del and flush', { del: vi.fn(), flush: vi.fn() }],
    ['delete and flush', { delete: vi.fn(), flush: vi.fn() }],
  ])('any object with %s will do', async (_, rest) => {
    const client = { get: (_key: string) => null, set: vi.fn(), ...rest }
    const cache = cacheBench().values<string>(client as never)
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.set('a', 'b', { ttl: 5 })).toBe(true)
    expect(client.set).toHaveBeenCalledWith('a', 'b', 5)
    expect(await cache.del('a')).toBe(true)
    expect(await cache.clear()).toBe(true)
    for (const called of Object.values(rest)) expect(called).toHaveBeenCalledTimes(1)
    expect(cache.stats).toMatchObject({ misses: 1, sets: 1, invalidations: 2 })
  })

  test('of a cluster, every primary is emptied, and none is asked for figures', async () => {
    const node = () => ({ flushdb: vi.fn(async () => 'OK'), flushDb: vi.fn(async () => 'OK') })
    const [one, two] = [node(), node()]
    const redis = {
      get: vi.fn(async () => null),
      set: vi.fn(async () => 'OK'),
      del: vi.fn(async () => 1),
      info: vi.fn(async () => ''),
    }
    const ioredis = { ...redis, flushdb: vi.fn(async () => 'OK'), isCluster: true, nodes: () => [one, two] }
    const nodeRedis = { ...redis, flushDb: vi.fn(async () => 'OK'), masters: [one, two], nodeClient: async (of: unknown) => of }
    const { clock, redis: guard } = cacheBench()
    expect(await guard(ioredis).clear()).toBe(true)
    expect(await guard(nodeRedis).clear()).toBe(true)
    expect([one.flushdb, two.flushdb, one.flushDb, two.flushDb].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1, 1])
    expect([ioredis.flushdb, nodeRedis.flushDb].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    clock.advance(120_000)
    expect(redis.info).not.toHaveBeenCalled()
  })
})

describe('options', () => {
  test.each([
    [{ ttl: 0 }, 'ttl'],
    [{ ttl: Number.NaN }, 'ttl'],
    [{ ttlWhenDegraded: -1 }, 'ttlWhenDegraded'],
    [{ timeout: '5' }, 'timeout'],
    [{ readEvery: 0 }, 'readEvery'],
    [{ maxEntries: 0 }, 'maxEntries'],
    [{ maxEntries: 1.5 }, 'maxEntries'],
    [{ hitRateOver: 49 }, 'hitRateOver'],
    [{ errors: 'warn' }, 'errors'],
    [{ isCritical: /a/ }, 'isCritical'],
    [{ serialize: JSON.stringify }, 'deserialize'],
    [{ deserialize: JSON.parse }, 'serialize'],
  ])('%j cannot be used', (options, path) => {
    const { values } = cacheBench()
    expect(() => values(new Map(), options as never)).toThrow(expect.objectContaining({ name: 'ConfigError', path }))
  })

  test('wrong keys and lifetimes are told to the caller, whatever the errors are', async () => {
    const cache = cacheBench().values(new Map<string, number>())
    await expect(cache.get(5 as never)).rejects.toThrow(ConfigError)
    await expect(cache.set(undefined as never, 1)).rejects.toThrow(ConfigError)
    await expect(cache.del({} as never)).rejects.toThrow(ConfigError)
    await expect(cache.getOrSet(null as never, () => 1)).rejects.toThrow(ConfigError)
    await expect(cache.set('a', 1, { ttl: -5 })).rejects.toThrow(ConfigError)
    await expect(cache.getOrSet('a', () => 1, { ttl: Number.NaN })).rejects.toThrow(ConfigError)
  })

  test('a codec of one’s own is used for every value, of any client', async () => {
    const client = new FlakyClient<string>()
    const cache = cacheBench().values<number>(client as never, {
      serialize: (value) => `n${value}`,
      deserialize: (text) => Number(text.slice(1)),
    })
    await cache.set('a', 5)
    expect(client.map.get('a')).toBe('n5')
    expect(await cache.get('a')).toBe(5)
  })
})

describe('a broken cache', () => {
  test('is a miss, then opens the breaker, and is let be', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    client.broken = true
    for (let i = 0; i < 2; i++) {
      expect(await cache.get('a')).toBeUndefined()
      expect(await cache.set('a', 'b')).toBe(false)
      expect(await cache.del('a')).toBe(false)
      expect(await cache.clear()).toBe(false)
    }
    expect(bench.path()).toBe('open.cooling')
    const { calls } = client
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.set('a', 'b')).toBe(false)
    expect(client.calls).toBe(calls)
    expect(cache.stats).toMatchObject({
      hits: 0,
      misses: 0,
      sets: 0,
      invalidations: 0,
      storageErrors: 8,
      consecutiveStorageErrors: 8,
      rejected: 2,
      skipped: 0,
    })
  })

  test('comes back by itself', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    await cache.set('a', 'b')
    client.broken = true
    for (let i = 0; i < 9; i++) await cache.get('a')
    expect(bench.path()).toBe('open.cooling')
    client.broken = false
    for (let minute = 0; minute < 5; minute++) {
      bench.clock.advance(60_000)
      for (let i = 0; i < 5; i++) await cache.get('a')
    }
    expect(bench.path()).toBe('closed.watching')
    expect(await cache.get('a')).toBe('b')
    expect(cache.stats.consecutiveStorageErrors).toBe(0)
    expect([...bench.breaker.health.standing.keys()]).toEqual([])
  })

  test('is an error to the caller who asks for errors', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const cache = bench.values(client, { errors: 'throw' })
    client.broken = true
    await expect(cache.get('a')).rejects.toThrow('connection lost')
    await expect(cache.set('a', 'b', { critical: true })).rejects.toThrow('connection lost')
    await expect(cache.del('a')).rejects.toThrow('connection lost')
    await expect(cache.clear()).rejects.toThrow('connection lost')
    for (let i = 0; i < 4; i++) await cache.get('a').catch(() => undefined)
    await expect(cache.get('a')).rejects.toThrow(BreakerOpenError)
    await expect(cache.getOrSet('a', () => 'made')).rejects.toThrow(BreakerOpenError)
    bench.board.remove('cache', bench.board.now())
    await expect(cache.get('a')).rejects.toThrow(ClosedError)
  })

  test('a board that is closed is an empty cache', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map([['a', 1]]))
    bench.board.remove('cache', bench.board.now())
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.set('a', 1)).toBe(false)
    expect(cache.stats.rejected).toBe(2)
    bench.clock.advance(60_000)
    expect(bench.clock.pending).toBe(0)
  })

  test('one that never answers holds nobody up for longer than its time', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const late = open<string>()
    client.get = () => late.promise
    const cache = bench.values(client)
    const seen = watch(cache.get('a'))
    bench.clock.advance(999)
    await settle()
    expect(seen.settled).toBe(false)
    bench.clock.advance(1)
    await settle()
    expect(seen).toEqual({ settled: true, value: undefined })
    late.resolve('too late')
    await settle()
    expect(cache.stats).toMatchObject({ hits: 0, misses: 0, storageErrors: 1 })
    expect(ofType(bench.heard, 'outcome')).toMatchObject([{ result: 'failure', failure: 'timeout', operation: 'get' }])
  })

  test.each([
    ['the option', { timeout: 50 }, {}, 50],
    ['the policy', {}, { timeout: 70 }, 70],
  ])('its time is that of %s', async (_, options, policy, ms) => {
    const bench = cacheBench(policy)
    const client = new FlakyClient<string>()
    client.get = () => new Promise(() => undefined)
    const seen = watch(bench.values(client, { ...options, errors: 'throw' }).get('a'))
    bench.clock.advance(ms - 1)
    await settle()
    expect(seen.settled).toBe(false)
    bench.clock.advance(1)
    await settle()
    expect(seen.error).toBeInstanceOf(CallTimeoutError)
  })

  test('one that answers leaves no timer behind', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const cache = bench.values(client)
    const { pending } = bench.clock
    const reads = [cache.get('a'), cache.get('b')]
    expect(bench.clock.pending).toBe(pending + 2)
    await Promise.all(reads)
    expect(bench.clock.pending).toBe(pending)
    client.broken = true
    await cache.get('a')
    expect(bench.clock.pending).toBe(pending)
  })

  test('a rejection that comes too late is nobody’s', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    const late = open<string>()
    client.get = () => late.promise
    const seen = watch(bench.values(client).get('a'))
    bench.clock.advance(1000)
    late.reject(new Error('too late'))
    await settle()
    expect(seen.settled).toBe(true)
    expect(ofType(bench.heard, 'outcome')).toHaveLength(1)
  })
})

/** By another name, or a linter takes what is hostile on purpose for a slip. */
const THEN = 'then'

describe('a hostile client', () => {
  const hostile = (get: () => unknown) => ({ get, set: get, del: get, clear: get })
  const thrower = () => {
    throw new Error('at once')
  }
  test.each<[string, () => unknown]>([
    ['throws at once', thrower],
    [
      'throws nothing at all',
      () => {
        throw undefined
      },
    ],
    ['rejects', () => Promise.reject(new Error('later'))],
    ['has a `then` that throws', () => Object.defineProperty({}, THEN, { get: thrower })],
    ['has a `then` that throws when called', () => ({ [THEN]: thrower })],
    [
      'throws what throws when looked at',
      () => {
        throw new Proxy({}, { get: thrower })
      },
    ],
    [
      'throws an endless message',
      () => {
        throw new Error('x'.repeat(1_000_000))
      },
    ],
  ])('that %s is a broken cache', async (_, get) => {
    const bench = cacheBench()
    const cache = bench.values<string>(hostile(get))
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.set('a', 'b')).toBe(false)
    expect(await cache.del('a')).toBe(false)
    expect(await cache.clear()).toBe(false)
    expect(cache.stats.storageErrors).toBe(4)
    expect(bench.breaker.inFlight).toBe(0)
  })

  test('a `then` that answers twice is heard once', async () => {
    const bench = cacheBench()
    const twice = {
      [THEN]: (resolve: (value: string) => void, reject: (error: Error) => void) => {
        resolve('first')
        resolve('second')
        reject(new Error('third'))
      },
    }
    const cache = bench.values<string>(hostile(() => twice))
    expect(await cache.get('a')).toBe('first')
    expect(bench.breaker).toMatchObject({ successes: 1, failures: 0, inFlight: 0 })
  })

  test('values that are not text are a failure of a Redis client', async () => {
    const client = { ...hostile(() => true), flushdb: () => Promise.resolve('OK') }
    const cache = cacheBench().redis(client as never)
    expect(await cache.get('a')).toBeUndefined()
    expect(cache.stats).toMatchObject({ misses: 0, storageErrors: 1 })
  })

  test('nothing is listened to, and nothing closed', async () => {
    const used: PropertyKey[] = []
    const client = new Proxy(new FlakyClient<string>(), {
      get: (target, key) => {
        used.push(key)
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const bench = cacheBench()
    const cache = bench.values(client)
    await cache.set('a', 'b')
    await cache.get('a')
    await cache.clear()
    bench.clock.advance(100_000)
    cache.stop()
    expect(new Set(used)).toEqual(new Set(['get', 'set', 'del', 'delete', 'clear', 'getRemainingTTL']))
    expect(bench.clock.pending).toBe(0)
  })
})

describe('values as text', () => {
  function textClient() {
    const map = new Map<string, string>()
    const client = {
      map,
      get: async (key: string) => map.get(key) ?? null,
      set: async (key: string, value: string) => void map.set(key, value),
      del: async (key: string) => map.delete(key),
      flushDb: async () => map.clear(),
    }
    return client
  }

  test.each([
    ['text', 'plain', 'plain'],
    ['no text', '', ''],
    ['text that looks like JSON', '{"a":1}', '{"a":1}'],
    ['text that looks like a number', '5', '5'],
    ['text that begins with the mark', 'json:5', 'json:"json:5"'],
    ['a number', 5, 'json:5'],
    ['an object', { a: [1, 'b', null] }, 'json:{"a":[1,"b",null]}'],
    ['null', null, 'json:null'],
    ['false', false, 'json:false'],
  ])('%s comes out as it went in', async (_, value, text) => {
    const client = textClient()
    const cache = cacheBench().redis<unknown>(client)
    expect(await cache.set('a', value)).toBe(true)
    expect(client.map.get('a')).toBe(text)
    expect(await cache.get('a')).toEqual(value)
  })

  test('bytes are read as text', async () => {
    const client = { ...textClient(), get: async () => Buffer.from('grün') }
    expect(await cacheBench().redis(client).get('a')).toBe('grün')
  })

  test('what cannot be written or read is no fault of the storage', async () => {
    const bench = cacheBench()
    const client = textClient()
    const cache = bench.redis<unknown>(client)
    expect(await cache.set('a', 5n)).toBe(false)
    expect(await cache.set('a', () => 1)).toBe(false)
    client.map.set('b', 'json:{')
    expect(await cache.get('b')).toBeUndefined()
    expect(cache.stats).toMatchObject({ codecErrors: 3, storageErrors: 0, sets: 0, misses: 1 })
    expect(bench.breaker.failures).toBe(0)
    const strict = bench.redis<unknown>(client, { errors: 'throw' })
    await expect(strict.set('a', 5n)).rejects.toThrow(TypeError)
    await expect(strict.get('b')).rejects.toThrow(SyntaxError)
  })

  test('keys and values may be huge', async () => {
    const client = textClient()
    const cache = cacheBench().redis(client)
    const key = 'k'.repeat(1_000_000)
    const value = 'v'.repeat(10_000_000)
    expect(await cache.set(key, value, { critical: false })).toBe(true)
    expect((await cache.get(key))?.length).toBe(value.length)
  })
})

describe('getOrSet', () => {
  test('makes what is missing, once for all who ask', async () => {
    const { values } = cacheBench()
    const cache = values(new Map<string, number>())
    const made = open<number>()
    const make = vi.fn(() => made.promise)
    const asked = Array.from({ length: 50 }, () => cache.getOrSet('a', make, { ttl: 1000 }))
    await settle()
    made.resolve(7)
    expect(new Set(await Promise.all(asked))).toEqual(new Set([7]))
    expect(make).toHaveBeenCalledTimes(1)
    expect(await cache.getOrSet('a', make)).toBe(7)
    expect(make).toHaveBeenCalledTimes(1)
    expect(cache.stats).toMatchObject({ hits: 1, misses: 1, sets: 1 })
  })

  test('the error of `make` is the caller’s, and the cache’s nothing', async () => {
    const bench = cacheBench()
    const cache = bench.values(new Map<string, number>())
    const failing = () => {
      throw new Error('no such user')
    }
    const both = [cache.getOrSet('a', failing), cache.getOrSet('a', () => 5)]
    expect(await Promise.allSettled(both)).toMatchObject([{ reason: { message: 'no such user' } }, { status: 'rejected' }])
    expect(bench.breaker).toMatchObject({ failures: 0, successes: 1 })
    expect(await cache.getOrSet('a', () => 5)).toBe(5)
  })

  test('a broken cache costs the value only its keeping', async () => {
    const bench = cacheBench()
    const client = new FlakyClient<string>()
    client.broken = true
    const cache = bench.values(client)
    for (let i = 0; i < 20; i++) expect(await cache.getOrSet('a', () => `made ${i}`)).toBe(`made ${i}`)
    expect(bench.path()).toBe('open.cooling')
  })

  test('nobody waits for the value to be stored', async () => {
    const client = new FlakyClient<string>()
    client.set = () => new Promise(() => undefined)
    expect(
      await cacheBench()
        .values(client)
        .getOrSet('a', () => 'made'),
    ).toBe('made')
  })

  test('but whoever asks for errors does, and is told', async () => {
    const client = new FlakyClient<string>()
    client.set = () => Promise.reject(new Error('full'))
    const cache = cacheBench().values(client, { errors: 'throw' })
    await expect(cache.getOrSet('a', () => 'made')).rejects.toThrow('full')
  })

  test.each([
    ['deleted', async (cache: { del(key: string): Promise<boolean> }) => cache.del('a'), undefined],
    ['written', async (cache: { set(key: string, value: string): Promise<boolean> }) => cache.set('a', 'newer'), 'newer'],
    ['cleared', async (cache: { clear(): Promise<boolean> }) => cache.clear(), undefined],
  ] as const)('a key that is %s while its value is made is not overwritten by it', async (_, change, then) => {
    const cache = cacheBench().values(new Map<string, string>())
    const made = open<string>()
    const first = cache.getOrSet('a', () => made.promise)
    await settle()
    await change(cache)
    const second = cache.getOrSet('a', () => 'made later')
    made.resolve('old')
    expect(await first).toBe('old')
    expect(await second).toBe(then ?? 'made later')
    expect(await cache.get('a')).toBe(then ?? 'made later')
  })

  test('beyond a thousand at once, each makes their own', async () => {
    const cache = cacheBench().values(new Map<string, number>())
    const made = open<number>()
    const waiting = Array.from({ length: 1000 }, (_, i) => cache.getOrSet(`k${i}`, () => made.promise))
    const make = vi.fn(() => made.promise)
    const more = [cache.getOrSet('more', make), cache.getOrSet('more', make)]
    await settle()
    expect(make).toHaveBeenCalledTimes(2)
    made.resolve(1)
    expect(new Set(await Promise.all([...waiting, ...more]))).toEqual(new Set([1]))
    expect(await cache.get('more')).toBe(1)
  })

  test('a value of undefined is given and not kept', async () => {
    const cache = cacheBench().values(new Map<string, number | undefined>())
    expect(await cache.getOrSet('a', () => undefined)).toBeUndefined()
    expect(cache.stats.sets).toBe(0)
  })
})
