// What keeps a rule from flapping: once it has taken hold it stays for a while, and lets go only when its cause has been gone
// for a while.

export interface Latch {
  /** When it took hold, epoch ms. */
  readonly since: number
  /** Since when its cause has been gone; undefined while it is there. */
  readonly clearSince?: number | undefined
}

export interface LatchTimes {
  /** The least time it stays, ms. */
  readonly hold: number
  /** How long its cause must have been gone, ms. */
  readonly clear: number
}

/** The latch after a look at `at`, with whether the cause is there; undefined: it has let go. */
export function latched(latch: Latch | undefined, cause: boolean, times: LatchTimes, at: number): Latch | undefined {
  if (!latch) return cause ? { since: at } : undefined
  if (cause) return latch.clearSince === undefined ? latch : { since: latch.since }
  const clearSince = latch.clearSince ?? at
  if (at - latch.since >= times.hold && at - clearSince >= times.clear) return undefined
  return latch.clearSince === undefined ? { since: latch.since, clearSince } : latch
}
