// How single conditions come to stand: opening, degrading, meeting a limit. Each makes a new set of conditions from the old.
import type { BreakerPolicy } from '../policy.ts'
import type { Signal } from '../signals.ts'
import type { WindowStats } from '../stats.ts'
import type { BreakerContext, BudgetCondition, Spell, Standing } from './context.ts'
import { passed } from './gravest.ts'
import { recoveryWait } from './recoveryWait.ts'

/** The conditions and counters after an event; the state follows from them. */
export interface After {
  readonly standing: Standing
  readonly spell: Spell
  readonly random: number
  readonly openings: number
  readonly outageSince: number | undefined
  readonly notBefore: number | undefined
  readonly directiveEpoch: number
  /** What in the event was decisive. */
  readonly reason: string
  /** The trip that bent the service instead of opening it, or an operator's reset: the next trip is counted afresh. */
  readonly startsAnew?: true
}

export function unchanged(context: BreakerContext, reason: string): After {
  const { standing, spell, random, openings, outageSince, notBefore, directiveEpoch } = context
  return { standing, spell, random, openings, outageSince, notBefore, directiveEpoch, reason }
}

export function stand(context: BreakerContext, reason: string, change: Partial<Standing>): After {
  return { ...unchanged(context, reason), standing: { ...context.standing, ...change } }
}

/**
 * Hidden beneath another state, nobody looks a health condition or a budget over when its time is up: there it lapses, and
 * must not come back with the next degradation, nor count among the rules.
 */
export function withoutLapsed(context: BreakerContext, at: number): BreakerContext {
  const { health, budgets } = context.standing
  const path = context.spell.in
  let standing = context.standing
  if (health && health.recoverAt <= at && !path.startsWith('degraded')) standing = { ...standing, health: undefined }
  if (budgets && !path.startsWith('budgetLimited')) standing = { ...standing, budgets: budgetsLeft(budgets, at) }
  return standing === context.standing ? context : { ...context, standing }
}

/** The rules whose period has not rolled over. */
export function budgetsLeft(budgets: Standing['budgets'], at: number): Standing['budgets'] {
  return someOrNone(budgets?.filter(({ until }) => !passed(until, at)))
}

/** A rule's word replaces what it said before. */
export function withBudget(budgets: Standing['budgets'], budget: BudgetCondition): Standing['budgets'] {
  return [...(withoutBudget(budgets, budget.rule) ?? []), budget]
}

export function withoutBudget(budgets: Standing['budgets'], rule: string): Standing['budgets'] {
  return someOrNone(budgets?.filter((other) => other.rule !== rule))
}

function someOrNone(budgets: Standing['budgets']): Standing['budgets'] {
  return budgets?.length === 0 ? undefined : budgets
}

/** Opens: the wait grows with each opening that no stable close came between. */
export function opened(context: BreakerContext, event: { readonly at: number; readonly stats: WindowStats }, why: string): After {
  const { policy, standing } = context
  const stable = context.closedSince !== undefined && event.at - context.closedSince >= stableAfter(context)
  const openings = stable ? 1 : context.openings + 1
  const outageSince = (stable ? undefined : context.outageSince) ?? event.at
  const opening = {
    openings,
    outage: event.at - outageSince,
    stats: event.stats,
    authentication: why === 'authentication',
    retryAfterMs: Math.max(0, (context.notBefore ?? 0) - event.at),
  }
  const { wait, random } = recoveryWait(opening, policy, context.random)
  // A level that the failures themselves had called for is settled by the probes that will follow.
  const health = standing.health?.cause === 'calls' ? undefined : standing.health
  return {
    ...unchanged(context, why),
    standing: { ...standing, health, open: { openedAt: event.at, until: event.at + wait, why } },
    random,
    openings,
    outageSince,
  }
}

/**
 * How long a close must last to be called stable, ms. With adaptive recovery a short outage is over sooner than a long one:
 * a tenth of its length, and at least three seconds.
 */
function stableAfter({ policy, closedSince, outageSince }: BreakerContext): number {
  if (!policy.adaptiveRecovery || closedSince === undefined || outageSince === undefined) return policy.stableAfter
  return Math.min(policy.stableAfter, Math.max(3000, (closedSince - outageSince) / 10))
}

export function sicker(
  standing: Standing,
  at: number,
  policy: BreakerPolicy,
  cause: 'calls' | 'signal',
  why: string,
): NonNullable<Standing['health']> {
  const { health } = standing
  // What a signal said is not taken back by calls that are bad too.
  const lasting = health?.cause === 'signal' ? 'signal' : cause
  return { level: health?.level ?? 1, recoverAt: at + policy.recoverAfter, cause: lasting, why }
}

/** The wait a refusal asked for, ms; a `Retry-After` of nothing says nothing, for the call was refused all the same. */
export function told(retryAfterMs: number | undefined): number | undefined {
  return retryAfterMs !== undefined && retryAfterMs >= 1 ? retryAfterMs : undefined
}

/** What is told, as far as one answer's word is taken: `maxRetryAfter`. Policies of older journals know no such bound. */
export function bearable(retryAfterMs: number | undefined, policy: BreakerPolicy): number | undefined {
  const wait = told(retryAfterMs)
  return wait === undefined ? undefined : Math.min(wait, longestBearable(policy))
}

export function longestBearable(policy: BreakerPolicy): number {
  return policy.maxRetryAfter ?? Number.POSITIVE_INFINITY
}

/** The quota is gone; only the word of its end, or a longer one, changes when it is back, and who said so. */
export function exhausted(context: BreakerContext, at: number, forMs: number | undefined, why: string): After {
  const { policy, standing } = context
  const until = at + (forMs ?? policy.quotaCooldown)
  const { quota } = standing
  return stand(context, why, { quota: quota && quota.until > until ? quota : { until, why } })
}

/**
 * A limit was met. Without a rate from the service: nothing until the time it named, else half of what was being sent (and
 * half of that again when it was not enough).
 */
export function paced(
  context: BreakerContext,
  at: number,
  limit: { readonly perSecond?: Extract<Signal, { kind: 'limit' }>['perSecond'] },
  retryAfterMs: number | undefined,
  why: string,
  stats: WindowStats,
  keepPace = false,
): After {
  const { policy, standing } = context
  const earlier = standing.pace && standing.pace.until > at ? standing.pace : undefined
  const until = Math.max(at + (retryAfterMs ?? policy.rateLimitCooldown), earlier?.until ?? 0)
  const perSecond = limit.perSecond ?? paceFor(earlier, retryAfterMs, stats, keepPace)
  return stand(context, why, { pace: { until, perSecond, why } })
}

function paceFor(earlier: Standing['pace'], retryAfterMs: number | undefined, stats: WindowStats, keepPace: boolean): number {
  if (earlier && keepPace) return earlier.perSecond
  if (retryAfterMs !== undefined) return 0
  return Math.max(Math.min(earlier?.perSecond ?? Number.POSITIVE_INFINITY, stats.callsPerSecond) / 2, 0.1)
}
