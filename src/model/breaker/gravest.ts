// Which state the standing conditions call for: always that of the gravest, in one fixed order.
import type { DegradationLevel, StatePath } from '../states.ts'
import type { BudgetCondition, Spell, Standing } from './context.ts'

/** The state of the gravest condition that stands at `at`. */
export function gravest(standing: Standing, spell: Spell, at: number): StatePath {
  if (standing.maintenance && !passed(standing.maintenance.until, at)) return 'maintenance'
  if (standing.bypass) return 'closed.bypassed'
  if (standing.forced) return 'open.forced'
  if (standing.open) {
    if (spell.in === 'halfOpen' && standing.open.until <= at) return 'halfOpen'
    return standing.open.until > at ? 'open.cooling' : 'open.awaitingPermit'
  }
  const { quota, pace } = standing
  const budget = gravestBudget(standing.budgets?.filter(({ until }) => !passed(until, at)))
  if (budget) return budget.mode === 'blocked' ? 'budgetLimited.blocked' : 'budgetLimited.throttled'
  if (quota && quota.until > at) return 'rateLimited.exhausted'
  if (pace && pace.until > at) return 'rateLimited.paced'
  const level = degradationLevel(standing, spell, at)
  if (level > 0) return `degraded.level${level}` as StatePath
  return spell.in === 'closed.ramping' && spell.until > at ? 'closed.ramping' : 'closed.watching'
}

/** The rule that is obeyed: what blocks, else what leaves the smallest share; of equals what no override passes, then what lasts. */
export function gravestBudget(budgets: Standing['budgets']): BudgetCondition | undefined {
  return budgets?.reduce<BudgetCondition | undefined>(
    (gravest, other) => (gravest && !isGraver(other, gravest) ? gravest : other),
    undefined,
  )
}

function isGraver(one: BudgetCondition, other: BudgetCondition): boolean {
  if (one.mode !== other.mode) return one.mode === 'blocked'
  if (one.share !== other.share) return one.share < other.share
  if (one.allowEmergencyOverride !== other.allowEmergencyOverride) return !one.allowEmergencyOverride
  return (one.until ?? Number.POSITIVE_INFINITY) > (other.until ?? Number.POSITIVE_INFINITY)
}

/** The level the service's own health and the orchestrator's directive call for, whichever is graver. */
export function degradationLevel(standing: Standing, spell: Spell, at: number): DegradationLevel {
  // Hidden beneath another state, nobody looks a health condition over when its time is up: there it simply lapses.
  const visible = spell.in.startsWith('degraded')
  const { health, directive } = standing
  const own = health && (visible || health.recoverAt > at) ? health.level : 0
  if (!directive || directive.expiresAt <= at) return own
  const wanted = directive.admissionRatio < 1 ? Math.max(directive.level, 1) : directive.level
  return Math.max(own, wanted) as DegradationLevel
}

export function passed(until: number | undefined, at: number): boolean {
  return until !== undefined && until <= at
}
