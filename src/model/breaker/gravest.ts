// Which state the standing conditions call for: always that of the gravest, in one fixed order.
import type { DegradationLevel, StatePath } from '../states.ts'
import type { Spell, Standing } from './context.ts'

/** The state of the gravest condition that stands at `at`. */
export function gravest(standing: Standing, spell: Spell, at: number): StatePath {
  if (standing.maintenance && !passed(standing.maintenance.until, at)) return 'maintenance'
  if (standing.bypass) return 'closed.bypassed'
  if (standing.forced) return 'open.forced'
  if (standing.open) {
    if (spell.in === 'halfOpen' && standing.open.until <= at) return 'halfOpen'
    return standing.open.until > at ? 'open.cooling' : 'open.awaitingPermit'
  }
  const { budget, limit } = standing
  if (budget && !passed(budget.until, at)) return budget.mode === 'blocked' ? 'budgetLimited.blocked' : 'budgetLimited.throttled'
  if (limit && limit.until > at) return limit.mode === 'exhausted' ? 'rateLimited.exhausted' : 'rateLimited.paced'
  const level = degradationLevel(standing, spell, at)
  if (level > 0) return `degraded.level${level}` as StatePath
  return spell.in === 'closed.ramping' && spell.until > at ? 'closed.ramping' : 'closed.watching'
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

function passed(until: number | undefined, at: number): boolean {
  return until !== undefined && until <= at
}
