// What a table knows of the keys of its bucket: the last revision of each. One that nobody has renewed for the lifetime of an entry has
// lapsed, and is remembered for as long again: the server may have it for a while yet, and what replaces it must name its revision.

export interface KnownKey {
  readonly revision: number
  /** When it was heard of, epoch ms by our clock. */
  readonly at: number
  /** False: what is stored there cannot be read. */
  readonly readable: boolean
}

export class KnownKeys {
  /** ms */
  readonly #lifetime: number
  /** In the order in which they were heard of; what was removed too, as revisions go on from it. */
  readonly #live = new Map<string, KnownKey>()
  readonly #lapsed = new Map<string, KnownKey>()

  constructor(lifetime: number) {
    this.#lifetime = lifetime
  }

  /** Those that have not lapsed. */
  get size(): number {
    return this.#live.size
  }

  /** Is it one of those that have not lapsed? */
  has(key: string): boolean {
    return this.#live.has(key)
  }

  /** One that has lapsed, too. */
  get(key: string): KnownKey | undefined {
    return this.#live.get(key) ?? this.#lapsed.get(key)
  }

  set(key: string, known: KnownKey): void {
    this.#live.delete(key)
    this.#lapsed.delete(key)
    this.#live.set(key, known)
  }

  clear(): void {
    this.#live.clear()
    this.#lapsed.clear()
  }

  /** Those that lapse now, each once. */
  lapse(now: number): string[] {
    const keys: string[] = []
    for (const [key, known] of this.#live) {
      if (now < known.at + this.#lifetime) break
      this.#live.delete(key)
      this.#lapsed.set(key, known)
      keys.push(key)
    }
    for (const [key, { at }] of this.#lapsed) {
      if (now < at + 2 * this.#lifetime) break
      this.#lapsed.delete(key)
    }
    return keys
  }

  /** When the next one lapses or is forgotten, epoch ms; undefined while none is known. */
  get due(): number | undefined {
    const [live] = this.#live.values()
    const [lapsed] = this.#lapsed.values()
    if (!live) return lapsed && lapsed.at + 2 * this.#lifetime
    return Math.min(live.at + this.#lifetime, lapsed ? lapsed.at + 2 * this.#lifetime : Number.POSITIVE_INFINITY)
  }
}
