// The demo's services and budgets, scaled so that a whole incident fits into the time the demo is given.
import type { BudgetsInput } from '../../model/budgets/rules.ts'
import type { OrchestratorInput } from '../../model/orchestrator/config.ts'
import type { Switchgear } from '../../switchgear.ts'

export type DemoService = 'openai' | 'perplexity' | 'lightrag' | 'cache'

/** A twentieth of the demo, ms: what waits and lasts is a multiple of it. */
export function unitOf(seconds: number): number {
  return (seconds * 1000) / 20
}

/** Calls a second. */
export const RATES = { openai: 25, perplexity: 25, lightrag: 15, cache: 50 } as const satisfies Record<DemoService, number>

/** Slower than this is slow; the slow-down of the script is well above it. ms. */
const SLOWER_THAN = 300

/** Half an hour's policies in a few seconds: short waits that hardly grow, and few calls to decide on. */
export function demoServices(unit: number) {
  const recovery = {
    recoveryTimeout: 1.2 * unit,
    recoveryMultiplier: 1.1,
    maxRecoveryTimeout: 20 * unit,
    rampDuration: unit,
    rampInitialShare: 0.3,
    maxProbes: 3,
    successesToClose: 2,
    probeTimeout: 2000,
    halfOpenTimeout: 10_000,
    recoverAfter: 2 * unit,
    timeout: 5000,
  } as const
  return {
    openai: {
      kind: 'openai',
      ...recovery,
      // A service that is slow but answers is asked for less first; one that fails is left alone.
      degradeBeforeOpen: true,
      degrade: { consecutiveFailures: false, failureRate: false, p95Ratio: false },
      trip: {
        consecutiveFailures: 5,
        failureRate: false,
        slowCallRate: { threshold: 0.5, slowerThanMs: SLOWER_THAN, minimumCalls: 8 },
        consecutiveTimeouts: false,
      },
      window: { type: 'time', seconds: 2 },
    },
    perplexity: { kind: 'perplexity', ...recovery, degrade: false, qualityFloor: 0.7, quota: quotaFor(unit) },
    // It has its answers written by a model.
    lightrag: { kind: 'lightrag', ...recovery, degrade: false, dependsOn: ['openai'] },
    cache: { kind: 'cache', ...recovery, degrade: false },
  } as const
}

/**
 * Calls a month; a tenth of them, which is what the batch job of the script leaves, is more than the callers make while the demo
 * lasts, be it some time longer than it was to.
 */
function quotaFor(unit: number): number {
  const seconds = (20 * unit) / 1000
  return Math.max(6000, Math.ceil(10 * 1.2 * RATES.perplexity * seconds))
}

/** Rules that hold for seconds, and alerts that are raised again in the next act. */
export function demoOrchestrator(unit: number): OrchestratorInput {
  return {
    rules: {
      cascade_failure_prevention: { hold: unit, clear: unit / 2 },
      system_overload_protection: { hold: unit, clear: unit / 2 },
      dependency_chain_protection: { clear: unit / 2 },
    },
    alertCooldown: 2 * unit,
  }
}

export const THROTTLE_RULE = 'perplexity_90_percent'
export const BLOCK_RULE = 'perplexity_budget'

/** Far away until the script sets them. */
export const demoBudgets = {
  rules: [
    {
      id: THROTTLE_RULE,
      type: 'absolute_daily',
      threshold: 900_000,
      action: 'throttle',
      throttleFactor: 0.5,
      scope: { services: ['perplexity'] },
    },
    { id: BLOCK_RULE, type: 'absolute_daily', threshold: 1_000_000, action: 'block', scope: { services: ['perplexity'] } },
  ],
} satisfies BudgetsInput

export type DemoGear = Switchgear<ReturnType<typeof demoServices>>

/** The states each service has to pass through, in this order; others may come between. */
export const ROUTES = {
  openai: ['closed', 'degraded', 'rateLimited', 'open', 'halfOpen', 'closed'],
  perplexity: ['closed', 'degraded', 'closed', 'budgetLimited', 'closed'],
  lightrag: ['closed', 'degraded', 'closed'],
  cache: ['closed', 'degraded', 'closed', 'maintenance', 'halfOpen', 'closed'],
} as const satisfies Record<DemoService, readonly string[]>
