// A Map as a cache: the lifetimes it does not know of are kept beside it, and it is kept to a size. The Map holds the plain
// values and stays its owner's, who may change it at any time.
import type { Clock } from '../../model/clock.ts'
import type { CacheStore } from './cacheStore.ts'

/** Entries looked at, or removed to make room, at one go. */
const BATCH = 1000

export class MapStore implements CacheStore {
  readonly text = false
  readonly nullIsMiss = false
  readonly #map: Map<string, unknown>
  readonly #clock: Clock
  readonly #maxEntries: number
  /** When entries end, epoch ms; those that do not are not in it. */
  readonly #ends = new Map<string, number>()
  #sweep: Iterator<[string, number]> = this.#ends.entries()
  #evictions = 0
  #eager = false

  constructor(map: Map<string, unknown>, clock: Clock, maxEntries: number) {
    this.#map = map
    this.#clock = clock
    this.#maxEntries = maxEntries
  }

  get(key: string): unknown {
    const end = this.#ends.get(key)
    if (end !== undefined && this.#clock.now() >= end) this.del(key)
    return this.#map.get(key)
  }

  /** What is written anew moves to the end, so that the entry written longest ago is the first to go. */
  set(key: string, value: unknown, ttl: number | undefined): void {
    this.del(key)
    this.#map.set(key, value)
    if (ttl !== undefined) this.#ends.set(key, this.#clock.now() + ttl)
    this.#makeRoom()
  }

  del(key: string): void {
    this.#map.delete(key)
    this.#ends.delete(key)
  }

  clear(): void {
    this.#map.clear()
    this.#ends.clear()
  }

  figures(): { entries: number; evictions: number } {
    return { entries: this.#map.size, evictions: this.#evictions }
  }

  tend(eager: boolean): void {
    this.#eager = eager
    const now = this.#clock.now()
    for (let i = 0; i < BATCH; i++) {
      const { done, value } = this.#sweep.next()
      if (done) {
        this.#sweep = this.#ends.entries()
        break
      }
      const [key, end] = value
      // Ends of entries that the owner took out go as well.
      if (now >= end || !this.#map.has(key)) this.del(key)
    }
    this.#makeRoom()
  }

  #makeRoom(): void {
    const room = this.#eager ? Math.ceil(this.#maxEntries / 2) : this.#maxEntries
    if (this.#map.size <= room) return
    let left = BATCH
    for (const key of this.#map.keys()) {
      if (this.#map.size <= room || left-- === 0) break
      this.del(key)
      this.#evictions++
    }
  }
}
