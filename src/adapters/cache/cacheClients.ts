// The cache clients there are, as types, and how each is spoken to. The wrapper speaks to a `CacheStore` only. A client is told
// by the methods it has, as names of classes do not survive a bundler and `options` means something else to everyone.
import type { Clock } from '../../model/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import { readField } from '../../services/foreignValue.ts'
import type { CacheStore } from './cacheStore.ts'
import { MapStore } from './mapStore.ts'

/** ioredis, or what speaks like it: `flushdb` in lower case, a lifetime as `'PX', ms`. */
export interface IoredisClient {
  get(key: string): PromiseLike<unknown>
  set(key: string, value: string): PromiseLike<unknown>
  set(key: string, value: string, unit: 'PX', ttl: number): PromiseLike<unknown>
  del(key: string): PromiseLike<unknown>
  flushdb(): PromiseLike<unknown>
  info?(): PromiseLike<unknown>
}

/** node-redis, or what speaks like it: `flushDb`, a lifetime as `{ PX: ms }`. */
export interface NodeRedisClient {
  get(key: string): PromiseLike<unknown>
  set(key: string, value: string): PromiseLike<unknown>
  set(key: string, value: string, options: { PX: number }): PromiseLike<unknown>
  del(key: string): PromiseLike<unknown>
  flushDb(): PromiseLike<unknown>
  info?(): PromiseLike<unknown>
}

/**
 * Anything else, Keyv included: methods that may be async or not. `get` gives undefined or null for what is not there; `set`
 * takes the lifetime in ms, and says `false` where it stored nothing.
 */
export type CacheClient<V> = {
  get(key: string): unknown
  set(key: string, value: V, ttl?: number): unknown
} & ({ del(key: string): unknown } | { delete(key: string): unknown }) &
  ({ clear(): unknown } | { flush(): unknown })

/** lru-cache, or what speaks like it: a lifetime as `{ ttl: ms }`, told by its words for lifetimes. */
export type LruClient<V> = {
  get(key: string): unknown
  set(key: string, value: V, options?: { readonly ttl?: number }): unknown
  delete(key: string): unknown
  clear(): unknown
  getRemainingTTL(key: string): unknown
  purgeStale(): unknown
}

/** Clients that keep text; the wrapper writes values out for them. */
export type RedisClient = IoredisClient | NodeRedisClient
/** Clients that keep values as they are. */
export type ValueClient<V> = Map<string, V> | CacheClient<V> | LruClient<V>
export type SupportedClient<V> = RedisClient | ValueClient<V>

const ALLOWED = 'an ioredis or node-redis client, a Keyv, a Map, or an object with get, set, del or delete, and clear or flush'

/** The store that `client` is. Throws a ConfigError for what is none. */
export function storeOf<V>(client: SupportedClient<V>, clock: Clock, maxEntries: number): CacheStore {
  if (client instanceof Map) return new MapStore(client, clock, maxEntries)
  if (!hasAll(client, 'get', 'set')) throw new ConfigError('client', undefined, ALLOWED)
  const removes = hasAll(client, 'del') ? 'del' : hasAll(client, 'delete') ? 'delete' : undefined
  if (removes === 'del' && hasAll(client, 'flushdb')) return ioredisStore(client as IoredisClient)
  if (removes === 'del' && hasAll(client, 'flushDb')) return nodeRedisStore(client as NodeRedisClient)
  const clears = hasAll(client, 'clear') ? 'clear' : hasAll(client, 'flush') ? 'flush' : undefined
  if (removes === undefined || clears === undefined) throw new ConfigError('client', undefined, ALLOWED)
  return plainStore(client as PlainClient, removes, clears)
}

function ioredisStore(client: IoredisClient): CacheStore {
  const cluster = nodesOf(client)
  return {
    text: true,
    nullIsMiss: true,
    get: async (key) => asText(await client.get(key)),
    set: (key, value, ttl) =>
      ttl === undefined ? client.set(key, value as string) : client.set(key, value as string, 'PX', ttl),
    del: (key) => client.del(key),
    clear: () => (cluster === undefined ? client.flushdb() : Promise.all(cluster().map((node) => node.flushdb()))),
    ...(cluster === undefined && hasAll(client, 'info') ? { info: () => client.info?.() as PromiseLike<unknown> } : undefined),
  }
}

function nodeRedisStore(client: NodeRedisClient): CacheStore {
  const cluster = mastersOf(client)
  return {
    text: true,
    nullIsMiss: true,
    get: async (key) => asText(await client.get(key)),
    // `PX` is what both majors in use understand; the newer one has `expiration` as well.
    set: (key, value, ttl) =>
      ttl === undefined ? client.set(key, value as string) : client.set(key, value as string, { PX: ttl }),
    del: (key) => client.del(key),
    clear: () => (cluster === undefined ? client.flushDb() : Promise.all(cluster().map(async (node) => (await node).flushDb()))),
    ...(cluster === undefined && hasAll(client, 'info') ? { info: () => client.info?.() as PromiseLike<unknown> } : undefined),
  }
}

type PlainClient = Record<'get' | 'set' | 'del' | 'delete' | 'clear' | 'flush', (...args: readonly unknown[]) => unknown>

function plainStore(client: PlainClient, removes: 'del' | 'delete', clears: 'clear' | 'flush'): CacheStore {
  const takesOptions = hasAll(client, 'getRemainingTTL', 'purgeStale')
  return {
    text: false,
    nullIsMiss: true,
    get: (key) => client.get(key),
    set: async (key, value, ttl) => {
      const lifetime = takesOptions ? { ttl } : ttl
      const stored = await (ttl === undefined ? client.set(key, value) : client.set(key, value, lifetime))
      // Keyv says so, and nothing more, when its storage fails.
      if (stored === false) throw new Error('the cache client says that it has stored nothing')
    },
    del: (key) => client[removes](key),
    clear: () => client[clears](),
  }
}

/** A client that answers with something else is not the one it was taken for, or is broken. */
function asText(answer: unknown): string | null | undefined {
  if (typeof answer === 'string' || answer === null || answer === undefined) return answer
  if (answer instanceof Uint8Array) return Buffer.from(answer).toString('utf8')
  throw new TypeError(`the Redis client answered with a ${typeof answer} in place of text`)
}

/** The primaries of an ioredis cluster: its own `flushdb` would reach one node, picked at random, and so would its INFO. */
function nodesOf(client: IoredisClient): (() => IoredisClient[]) | undefined {
  if (readField(client, 'isCluster') !== true || !hasAll(client, 'nodes')) return undefined
  const cluster = client as IoredisClient & { nodes(role: 'master'): IoredisClient[] }
  return () => cluster.nodes('master')
}

/** The same of node-redis. */
function mastersOf(client: NodeRedisClient): (() => PromiseLike<NodeRedisClient>[]) | undefined {
  if (!Array.isArray(readField(client, 'masters')) || !hasAll(client, 'nodeClient')) return undefined
  const cluster = client as NodeRedisClient & {
    readonly masters: readonly unknown[]
    nodeClient(node: unknown): PromiseLike<NodeRedisClient>
  }
  return () => cluster.masters.map((master) => cluster.nodeClient(master))
}

function hasAll(client: unknown, ...methods: readonly string[]): boolean {
  return methods.every((method) => typeof readField(client, method) === 'function')
}
