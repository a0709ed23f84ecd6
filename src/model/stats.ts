// The numbers the window counted, as they travel in events: guards decide on these and on nothing else.

export interface WindowStats {
  /** Calls in the window; ignored and rejected calls are not among them. */
  readonly calls: number
  readonly failures: number
  /** Calls strictly slower than the policy's limit, whether they succeeded or failed. */
  readonly slow: number
  readonly consecutiveFailures: number
  readonly consecutiveTimeouts: number
  readonly consecutiveServerErrors: number
  /** Calls asked for a second, refused ones included, over the last 10 to 20 s. */
  readonly callsPerSecond: number
  /** Calls and failures since the present state or level was entered, or since its last check. */
  readonly sinceEntry: { readonly calls: number; readonly failures: number; readonly slow: number }
}

/** What the latency watch saw when the 95th percentile left its baseline. All in ms. */
export interface LatencyStats {
  readonly p95: number
  readonly baselineP95: number
  readonly calls: number
}

export const NO_STATS: WindowStats = {
  calls: 0,
  failures: 0,
  slow: 0,
  consecutiveFailures: 0,
  consecutiveTimeouts: 0,
  consecutiveServerErrors: 0,
  callsPerSecond: 0,
  sinceEntry: { calls: 0, failures: 0, slow: 0 },
}
