// The demo's services and their policies, scaled so that a whole incident fits into the time the demo is given.

import type { Switchgear } from '../../switchgear.ts'

export type DemoService = 'openai' | 'search' | 'cache'

/** A twentieth of the demo, ms: what waits and lasts is a multiple of it. */
export function unitOf(seconds: number): number {
  return (seconds * 1000) / 20
}

/** Slower than this is slow; the slow-down of the script is well above it. ms. */
export const SLOWER_THAN = 300

/** Half an hour's policies in a few seconds: short waits that hardly grow, and few calls to decide on. */
export function demoServices(unit: number) {
  const recovery = {
    recoveryTimeout: 1.6 * unit,
    recoveryMultiplier: 1.1,
    maxRecoveryTimeout: 20 * unit,
    rampDuration: 1.5 * unit,
    rampInitialShare: 0.3,
    maxProbes: 3,
    successesToClose: 2,
    probeTimeout: 2000,
    halfOpenTimeout: 10_000,
  } as const
  return {
    openai: {
      kind: 'openai',
      ...recovery,
      // A service that is slow but answers is asked for less first; one that fails is left alone.
      degradeBeforeOpen: true,
      degrade: { consecutiveFailures: false, failureRate: false, p95Ratio: false },
      recoverAfter: 2 * unit,
      trip: {
        consecutiveFailures: 5,
        failureRate: false,
        slowCallRate: { threshold: 0.5, slowerThanMs: SLOWER_THAN, minimumCalls: 8 },
        consecutiveTimeouts: false,
      },
      window: { type: 'time', seconds: 2 },
      timeout: 5000,
    },
    search: { kind: 'http', ...recovery, degrade: false, timeout: 5000 },
    cache: { kind: 'cache', ...recovery, degrade: false, timeout: 5000 },
  } as const
}

export type DemoGear = Switchgear<ReturnType<typeof demoServices>>

/** The states each service has to pass through, in this order; others may come between. */
export const ROUTES = {
  openai: ['closed', 'degraded', 'rateLimited', 'open', 'halfOpen', 'closed'],
  search: ['closed', 'budgetLimited', 'closed'],
  cache: ['closed', 'maintenance', 'halfOpen', 'closed'],
} as const satisfies Record<DemoService, readonly string[]>
