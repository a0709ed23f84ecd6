import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RedisClient } from '../../src/adapters/cache/cacheClients.ts'
import { ofType } from '../actors/testBoard.ts'
import { describeWithRedis, type RedisServer, redisServer } from './redisServer.ts'
import { type CacheBench, cacheBench } from './testCache.ts'

interface Connected {
  readonly client: RedisClient
  /** Resolves when the client has a connection (again). */
  ready(): Promise<unknown>
}

/** Connects as the guide recommends. */
const CLIENTS: Record<string, (server: RedisServer, password?: string) => Promise<Connected>> = {
  ioredis: async ({ port }, password) => {
    const client = new Redis({
      port,
      host: '127.0.0.1',
      ...(password === undefined ? undefined : { password }),
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 10,
    })
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    const ready = () =>
      client.status === 'ready' ? Promise.resolve() : new Promise((resolve) => client.once('ready', () => resolve(undefined)))
    await ready()
    return { client, ready }
  },
  'node-redis': async ({ port }, password) => {
    const client = createClient({
      socket: { host: '127.0.0.1', port, reconnectStrategy: () => 10 },
      ...(password === undefined ? undefined : { password }),
      disableOfflineQueue: true,
    })
    client.on('error', () => undefined)
    onTestFinished(() => client.destroy())
    await client.connect()
    const ready = () =>
      client.isReady ? Promise.resolve() : new Promise((resolve) => client.once('ready', () => resolve(undefined)))
    return { client, ready }
  },
}

describeWithRedis('a real Redis', () => {
  describe.each(Object.keys(CLIENTS))('through %s', (name) => {
    const connect = CLIENTS[name] as NonNullable<(typeof CLIENTS)[string]>

    test('keeps values, with their lifetime, and gives them back', async () => {
      const server = await redisServer()
      const { client } = await connect(server)
      const raw = await connectRaw(server)
      const cache = cacheBench().redis<unknown>(client)
      expect(await cache.get('a')).toBeUndefined()
      expect(await cache.set('a', 'text', { ttl: 600_000 })).toBe(true)
      expect(await raw.get('a')).toBe('text')
      expectTtl(await raw.pttl('a'), 600_000)
      expect(await cache.set('b', { id: 1 })).toBe(true)
      expect(await raw.pttl('b')).toBe(-1)
      expect(await cache.set('c', 'text', { ttl: 1e300 })).toBe(true)
      expect([await cache.get('a'), await cache.get('b')]).toEqual(['text', { id: 1 }])
      expect(await cache.del('a')).toBe(true)
      expect(await cache.get('a')).toBeUndefined()
      expect(await cache.clear()).toBe(true)
      expect(await raw.dbsize()).toBe(0)
      expect(cache.stats).toMatchObject({ hits: 2, misses: 2, sets: 3, invalidations: 2, storageErrors: 0 })
    })

    test('a lifetime at the server follows the level, and is whole again afterwards', async () => {
      const server = await redisServer()
      const { client } = await connect(server)
      const raw = await connectRaw(server)
      const bench = cacheBench()
      const cache = bench.redis(client)
      for (const [level, expected] of [
        [0, 1_000_000],
        [1, 500_000],
        [2, 500_000],
        [3, 100_000],
        [0, 1_000_000],
      ] as const) {
        bench.degrade(level)
        expect(await cache.set('a', 'b', { ttl: 1_000_000, critical: true })).toBe(true)
        expectTtl(await raw.pttl('a'), expected)
        expect(await cache.set('plain', 'b')).toBe(level < 2)
      }
      expect(await raw.pttl('plain')).toBe(-1)
    })

    test('that is killed under traffic is misses and no errors; it opens the breaker, and recovers when it is back', async () => {
      const server = await redisServer()
      const { client, ready } = await connect(server)
      const bench = cacheBench()
      const cache = bench.redis(client)
      await cache.set('a', 'b')
      const traffic = () => Promise.all(Array.from({ length: 50 }, (_, i) => cache.get(i % 2 === 0 ? 'a' : 'none')))
      const before = traffic()
      const killed = server.kill()
      for (const value of await before) expect(['b', undefined]).toContain(value)
      await killed
      while (bench.path() !== 'open.cooling') expect(await cache.get('a')).toBeUndefined()
      expect(await cache.set('a', 'b')).toBe(false)
      expect(await cache.getOrSet('a', () => 'made')).toBe('made')
      const failures = ofType(bench.heard, 'outcome').filter(({ result }) => result === 'failure')
      expect(new Set(failures.map(({ failure }) => failure))).toEqual(new Set(['service_unavailable']))
      await server.start()
      await ready()
      for (let i = 0; i < 10 && bench.path() !== 'closed.watching'; i++) {
        bench.clock.advance(60_000)
        for (let call = 0; call < 4; call++) await cache.get('a')
      }
      expect(bench.path()).toBe('closed.watching')
      expect(await cache.set('a', 'new')).toBe(true)
      expect(await cache.get('a')).toBe('new')
    })

    test('that evicts tells how much, by INFO', async () => {
      const server = await redisServer(['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru'])
      const { client } = await connect(server)
      const bench = cacheBench()
      const cache = bench.redis(client)
      await figures(bench, () => cache.stats.usedMemory !== undefined)
      expect(cache.stats).toMatchObject({ maxMemory: 3 * 1024 * 1024, evictions: 0, keys: 0 })
      const value = 'x'.repeat(10_000)
      for (let i = 0; i < 600; i++) expect(await cache.set(`k${i}`, value)).toBe(true)
      bench.clock.advance(10_000)
      await figures(bench, () => (cache.stats.evictions ?? 0) > 50)
      expect(cache.stats.keys).toBeGreaterThan(10)
      // Keys that last a few seconds: the cache is too small.
      expect(bench.breaker.health.standing.get('evictions')?.level).toBeGreaterThan(0)
      expect(bench.breaker.health.standing.get('memory')).toBeUndefined()
    })

    test('that is full and may not evict is a memory_error', async () => {
      const server = await redisServer(['--maxmemory', '2mb', '--maxmemory-policy', 'noeviction'])
      const { client } = await connect(server)
      const bench = cacheBench()
      const cache = bench.redis(client)
      const value = 'x'.repeat(10_000)
      let stored = 0
      while (await cache.set(`k${stored}`, value)) stored++
      expect(stored).toBeGreaterThan(5)
      expect(ofType(bench.heard, 'outcome').at(-1)).toMatchObject({
        result: 'failure',
        failure: 'memory_error',
        operation: 'set',
      })
      expect(bench.path()).toBe('degraded.level1')
      expect(await cache.get('k0')).toBe(value)
      await figures(bench, () => bench.breaker.health.standing.has('memory'))
    })

    test('at level 3, what was written is removed from the server but for what is critical', async () => {
      const server = await redisServer()
      const { client } = await connect(server)
      const raw = await connectRaw(server)
      const bench = cacheBench()
      const cache = bench.redis(client, { readEvery: 1000 })
      for (let i = 0; i < 120; i++) await cache.set(`k${i}`, 'x')
      await cache.set('critical', 'x', { critical: true })
      await raw.set('somebody else’s', 'x')
      bench.degrade(3)
      for (const cleaned of [100, 120]) {
        bench.clock.advance(1000)
        await until(async () => cache.stats.cleaned === cleaned)
        expect(await raw.dbsize()).toBe(122 - cleaned)
      }
      expect((await raw.keys('*')).sort()).toEqual(['critical', 'somebody else’s'])
    })

    test('a key of another type is the caller’s mistake', async () => {
      const server = await redisServer()
      const { client } = await connect(server)
      const raw = await connectRaw(server)
      await raw.lpush('list', 'x')
      const bench = cacheBench()
      const cache = bench.redis(client)
      expect(await cache.get('list')).toBeUndefined()
      expect(bench.breaker).toMatchObject({ failures: 0, ignored: 1 })
    })

    test('keys and values of megabytes, and many at once', async () => {
      const server = await redisServer()
      const { client } = await connect(server)
      const bench = cacheBench()
      const cache = bench.redis(client, { timeout: 60_000 })
      const key = 'k'.repeat(1_000_000)
      const value = 'ü'.repeat(4_000_000)
      expect(await cache.set(key, value)).toBe(true)
      expect((await cache.get(key)) === value).toBe(true)
      const many = Array.from({ length: 500 }, (_, i) => cache.getOrSet(`k${i % 10}`, async () => `v${i % 10}`))
      expect(new Set(await Promise.all(many)).size).toBe(10)
      // What was made is given out before it is stored.
      await until(async () => bench.breaker.inFlight === 0)
      expect(bench.breaker.failures).toBe(0)
      expect(cache.stats).toMatchObject({ misses: 10, sets: 11 })
    })
  })

  test('without the password, the breaker opens at once and says why', async () => {
    const server = await redisServer(['--requirepass', 'secret'])
    const client = createClient({ socket: { host: '127.0.0.1', port: server.port, reconnectStrategy: false } })
    client.on('error', () => undefined)
    onTestFinished(() => client.destroy())
    await client.connect()
    const bench = cacheBench()
    const cache = bench.redis(client)
    expect(await cache.get('a')).toBeUndefined()
    expect(bench.path()).toBe('open.cooling')
    expect(ofType(bench.heard, 'alert')).toMatchObject([{ level: 'critical', code: 'authentication' }])
  })

  test('with the password, all is well', async () => {
    const server = await redisServer(['--requirepass', 'secret'])
    const { client } = await (CLIENTS.ioredis as NonNullable<(typeof CLIENTS)[string]>)(server, 'secret')
    const cache = cacheBench().redis(client)
    expect(await cache.set('a', 'b')).toBe(true)
  })

  test('a client that queues without end holds nobody up for longer than the time of an operation', async () => {
    const server = await redisServer()
    const client = new Redis({ port: server.port, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 10 })
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    const bench = cacheBench()
    const cache = bench.redis(client)
    expect(await cache.set('a', 'b')).toBe(true)
    await server.kill()
    const read = cache.get('a')
    bench.clock.advance(1000)
    expect(await read).toBeUndefined()
    expect(cache.stats.storageErrors).toBe(1)
  })

  test('leaves no listener on the client, and does not close it', async () => {
    const server = await redisServer()
    const { client } = await (CLIENTS.ioredis as NonNullable<(typeof CLIENTS)[string]>)(server)
    const redis = client as Redis
    const listeners = () => redis.eventNames().map((event) => [event, redis.listenerCount(event)])
    const before = listeners()
    const bench = cacheBench()
    for (let i = 0; i < 20; i++) {
      const cache = bench.redis(client)
      await cache.set('a', 'b')
      cache.stop()
    }
    expect(listeners()).toEqual(before)
    expect(redis.status).toBe('ready')
  })
})

async function connectRaw({ port }: RedisServer): Promise<Redis> {
  const client = new Redis({ port, host: '127.0.0.1' })
  onTestFinished(() => client.disconnect())
  return client
}

/** What is left of a lifetime that was set a moment ago. */
function expectTtl(left: number, set: number): void {
  expect(left).toBeLessThanOrEqual(set)
  expect(left).toBeGreaterThan(set * 0.8)
}

/** Lets the clock come round to the next reading, and waits for its answer. */
async function figures(bench: CacheBench, read: () => boolean): Promise<void> {
  bench.clock.advance(30_000)
  await until(async () => read())
}

async function until(met: () => Promise<boolean>): Promise<void> {
  while (!(await met())) await new Promise((resolve) => setImmediate(resolve))
}
