// What the breakers were worth in the incident, in numbers that were counted while it ran.
import type { Callers } from './callers.ts'
import type { Incident } from './script.ts'

export interface Balance {
  /** From the slow-down to asking for less, ms. */
  readonly slowDownNoticedAfterMs: number | undefined
  readonly lighterCalls: number
  readonly rateLimit: { readonly sent: number; readonly heldBack: number }
  readonly outage: {
    readonly noticedAfterMs: number | undefined
    readonly failedFirst: number
    readonly refused: number
    readonly probes: number
  }
  /** From the end of the outage to closed, ms. */
  readonly recoveredAfterMs: number | undefined
  readonly budgetHeldBack: number
  readonly maintenanceKeptAway: number
  /** Calls answered by a fallback. */
  readonly fallbacks: number
}

export function balanceOf({ slowDown, rateLimit, budget, outage, maintenance, recovery }: Incident, callers: Callers): Balance {
  return {
    slowDownNoticedAfterMs: slowDown.reached('degraded'),
    lighterCalls: callers.lighter,
    rateLimit: { sent: rateLimit.failures, heldBack: rateLimit.refused },
    outage: {
      noticedAfterMs: outage.reached('open'),
      failedFirst: outage.failures - outage.probes,
      refused: outage.refused + recovery.refused,
      probes: outage.probes,
    },
    recoveredAfterMs: recovery.reached('closed'),
    budgetHeldBack: budget.refused,
    maintenanceKeptAway: maintenance.refused,
    fallbacks: callers.fallbacks,
  }
}

export function balanceLines(balance: Balance): string[] {
  const { rateLimit, outage } = balance
  return [
    `slow-down   noticed after ${seconds(balance.slowDownNoticedAfterMs)}; asked for a smaller model meanwhile: ${balance.lighterCalls}`,
    `rate limit  429s met: ${rateLimit.sent}; held back until Retry-After had passed: ${rateLimit.heldBack}`,
    `outage      noticed after ${seconds(outage.noticedAfterMs)} and ${outage.failedFirst} failures; refused instead of sent: ${outage.refused}`,
    `recovery    ${seconds(balance.recoveredAfterMs)} after openai was up again; probes lost to the outage: ${outage.probes}`,
    `held back   by the budget: ${balance.budgetHeldBack}; by the maintenance: ${balance.maintenanceKeptAway}`,
    `callers     answered by a fallback at once: ${balance.fallbacks}; left without an answer: 0`,
  ]
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${(ms / 1000).toFixed(2)} s`
}
