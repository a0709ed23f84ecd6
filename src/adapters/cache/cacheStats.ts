// What a guarded cache tells of itself.

import type { CacheMeter } from './cacheMeter.ts'
import type { CacheStore } from './cacheStore.ts'

export interface CacheStats {
  /** Lookups that were let through and found something, or nothing. What a broken cache could not say is neither. */
  readonly hits: number
  readonly misses: number
  /** The share of hits among the last lookups, 0–1; undefined until there are enough (`hitRateOver`). */
  readonly hitRate: number | undefined
  /** Values stored. */
  readonly sets: number
  /** `del` and `clear` that were carried out. */
  readonly invalidations: number
  /** Operations left out because the cache is degraded. */
  readonly skipped: number
  /** Keys removed because the cache is degraded to its minimum. */
  readonly cleaned: number
  /** Operations that the breaker did not let through. */
  readonly rejected: number
  readonly storageErrors: number
  readonly consecutiveStorageErrors: number
  /** Values that could not be written as text, or read back from it. */
  readonly codecErrors: number
  /** Of a Map. */
  readonly entries: number | undefined
  /** Of a Map, entries removed to make room; of Redis, keys that the server evicted since it started. */
  readonly evictions: number | undefined
  /** Bytes that Redis uses, and may use; undefined where it does not say. */
  readonly usedMemory: number | undefined
  readonly maxMemory: number | undefined
  /** Keys in all databases of the server. */
  readonly keys: number | undefined
  /** The share of hits among all clients' lookups since the server started, 0–1. */
  readonly serverHitRate: number | undefined
}

export function cacheStats(meter: CacheMeter, store: CacheStore): CacheStats {
  const { hits, misses, sets, invalidations, skipped, cleaned, rejected, storageErrors, codecErrors, info } = meter
  const figures = store.figures?.()
  const { keyspaceHits, keyspaceMisses } = info
  const lookups = (keyspaceHits ?? 0) + (keyspaceMisses ?? 0)
  return {
    hits,
    misses,
    hitRate: meter.hitRate.rate,
    sets,
    invalidations,
    skipped,
    cleaned,
    rejected,
    storageErrors,
    consecutiveStorageErrors: meter.storage.consecutive,
    codecErrors,
    entries: figures?.entries,
    evictions: figures?.evictions ?? info.evictedKeys,
    usedMemory: info.usedMemory,
    maxMemory: info.maxMemory,
    keys: info.keys,
    serverHitRate:
      keyspaceHits === undefined || keyspaceMisses === undefined || lookups === 0 ? undefined : keyspaceHits / lookups,
  }
}
