// The one deadline a breaker waits for: the earliest of its state's own and the directive's expiry.
import type { TimerId } from '../records.ts'
import { stateOf } from '../states.ts'
import type { BreakerContext } from './context.ts'
import { gravestBudget } from './gravest.ts'

export interface Deadline {
  readonly id: TimerId
  /** Epoch ms. */
  readonly at: number
}

/** The next deadline of a breaker, or undefined when only an event from outside can move it. */
export function nextDeadline(context: BreakerContext): Deadline | undefined {
  const { directive } = context.standing
  const own = ownDeadline(context)
  if (!directive) return own
  const expiry: Deadline = { id: 'directiveExpired', at: directive.expiresAt }
  return own && own.at <= expiry.at ? own : expiry
}

/** When the present state ends by itself, whatever directive stands. */
export function ownDeadline(context: BreakerContext): Deadline | undefined {
  const { standing, spell } = context
  switch (spell.in) {
    case 'closed.ramping':
      return { id: 'ramped', at: spell.until }
    case 'open.cooling':
      return due('cooled', standing.open?.until)
    case 'open.awaitingPermit':
      // Held by a directive, a breaker waits for the hold to lapse; nothing else lets it probe.
      return standing.directive?.hold ? undefined : { id: 'permitOverdue', at: spell.until }
    case 'halfOpen': {
      const probe = due(
        'probeOverdue',
        spell.inFlight.length > 0 ? Math.min(...spell.inFlight.map(({ until }) => until)) : undefined,
      )
      const round = due('roundOverdue', spell.until)
      return probe && round && round.at < probe.at ? round : (probe ?? round)
    }
    case 'rateLimited.exhausted':
      return due('limitReset', standing.quota?.until)
    case 'rateLimited.paced':
      return due('limitReset', standing.pace?.until)
    case 'maintenance':
      return due('maintenanceEnded', standing.maintenance?.until)
    default:
  }
  switch (stateOf(spell.in)) {
    case 'degraded':
      return due('recovered', standing.health?.recoverAt)
    case 'budgetLimited':
      return due('budgetRolledOver', gravestBudget(standing.budgets)?.until)
    default:
      return undefined
  }
}

function due(id: TimerId, at: number | undefined): Deadline | undefined {
  return at === undefined ? undefined : { id, at }
}
