// What the breakers were worth in the incident, in numbers that were counted while it ran.
import { type StateName, stateOf } from '../../model/states.ts'
import type { DemoBoard } from './demoBoard.ts'
import type { Episode } from './ledger.ts'
import { type Savings, savingsOf } from './savings.ts'
import type { Incident } from './script.ts'

export interface Balance extends Savings {
  /** From the slow-down to asking for less, ms. */
  readonly slowDown: { readonly noticedAfterMs: number | undefined; readonly lighterCalls: number }
  /** From the loss to asking for less, ms; queries by vectors alone. */
  readonly lostIndex: { readonly noticedAfterMs: number | undefined; readonly naiveQueries: number }
  readonly poorAnswers: {
    readonly noticedAfterMs: number | undefined
    /** 0–1. */
    readonly worstQuality: number | undefined
    readonly withoutSearch: number
  }
  readonly fullMemory: { readonly noticedAfterMs: number | undefined; readonly shorterLived: number }
  readonly rateLimit: { readonly sent: number; readonly heldBack: number }
  readonly quota: { readonly warnedAfterMs: number | undefined; readonly message: string | undefined }
  readonly budget: {
    readonly throttledAfterMs: number | undefined
    /** Too little is left for a call, ms after the act began. */
    readonly spentAfterMs: number | undefined
    readonly heldBack: number
  }
  readonly outage: {
    readonly noticedAfterMs: number | undefined
    readonly failedFirst: number
    readonly refused: number
    /** Probes that failed. */
    readonly probes: number
  }
  readonly cascade: {
    /** What lightrag's alert names as the root. */
    readonly root: string | undefined
    /** From the beginning of openai's outage to asking lightrag for less, ms. */
    readonly bentAfterMs: number | undefined
    /** From openai's recovery to lightrag's first probe, ms; never negative, as lightrag depends on it. */
    readonly probedAfterMs: number | undefined
  }
  /** From the end of the outage to closed, ms. */
  readonly recoveredAfterMs: number | undefined
  readonly maintenanceKeptAway: number
  /** Calls answered by a fallback. */
  readonly fallbacks: number
}

export function balanceOf(incident: Incident, { gear, callers, ledger, lightrag, perplexity }: DemoBoard): Balance {
  const { slowDown, lostIndex, poorAnswers, fullMemory, rateLimit, quota, budget, outage, cascade, maintenance, recovery } =
    incident
  const [back, probed] = [at(recovery, 'closed'), at(cascade, 'halfOpen')]
  return {
    slowDown: { noticedAfterMs: slowDown.reached('degraded'), lighterCalls: slowDown.lessened },
    lostIndex: { noticedAfterMs: lostIndex.reached('degraded.level2'), naiveQueries: lightrag.naiveQueries },
    poorAnswers: {
      noticedAfterMs: poorAnswers.reached('degraded'),
      worstQuality: poorAnswers.worstQuality,
      withoutSearch: perplexity.withoutSearch,
    },
    fullMemory: { noticedAfterMs: fullMemory.reached('degraded'), shorterLived: fullMemory.lessened },
    rateLimit: { sent: rateLimit.failures, heldBack: rateLimit.refused },
    quota: {
      warnedAfterMs: quota.heard('quota_warning'),
      message: quota.alerts.find(({ code }) => code === 'quota_warning')?.message,
    },
    budget: {
      throttledAfterMs: budget.reached('budgetLimited'),
      spentAfterMs: budget.heard('budget_exceeded'),
      heldBack: budget.refused,
    },
    outage: {
      noticedAfterMs: outage.reached('open'),
      failedFirst: outage.failures - outage.lostProbes,
      refused: outage.refused + recovery.refused,
      probes: outage.lostProbes,
    },
    cascade: {
      root: cascade.alerts.find(({ root }) => root !== undefined)?.root,
      bentAfterMs: cascade.reached('degraded'),
      probedAfterMs: back === undefined || probed === undefined ? undefined : probed - back,
    },
    recoveredAfterMs: recovery.reached('closed'),
    maintenanceKeptAway: maintenance.refused,
    fallbacks: callers.fallbacks,
    ...savingsOf(gear, ledger),
  }
}

/** When `state` was first entered in the episode, epoch ms. */
function at({ transitions }: Episode, state: StateName): number | undefined {
  return transitions.find(({ to }) => stateOf(to) === state)?.at
}
