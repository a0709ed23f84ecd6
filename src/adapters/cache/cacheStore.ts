// What a cache client is to the wrapper, whichever it is.

/** What the methods give may have to be awaited; they may throw. */
export interface CacheStore {
  /** True where only text is kept, so that values have to be written out. */
  readonly text: boolean
  /** True where nothing is stored as null, so that null says "not there". */
  readonly nullIsMiss: boolean
  get(key: string): unknown
  set(key: string, value: unknown, ttl: number | undefined): unknown
  del(key: string): unknown
  clear(): unknown
  /** The answer of Redis to INFO. Absent where there is none. */
  info?(): PromiseLike<unknown>
  /** What a store within the process knows of itself. */
  figures?(): { readonly entries: number; readonly evictions: number }
  /** Looks after what has expired. `eager`: keep less. */
  tend?(eager: boolean): void
}
