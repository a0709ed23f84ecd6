// What is remembered of a service is remembered for a while: lists that grow at the end and lose their oldest. Used by
// serviceHistory.ts, episodeDetector.ts and notedRuns.ts.

/** Drops from the beginning of `list` all before the first that `isKept`. */
export function dropOldest<T>(list: T[], isKept: (one: T) => boolean): void {
  const kept = list.findIndex(isKept)
  if (kept !== 0) list.splice(0, kept < 0 ? list.length : kept)
}
