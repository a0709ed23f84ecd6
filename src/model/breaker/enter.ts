// Entering a state: the context a breaker has from then on. A generation is raised, a new spell begins, and where what was
// counted before must not decide any more, counting starts anew.
import { type StatePath, stateOf } from '../states.ts'
import { after } from './after.ts'
import type { BreakerContext, Spell } from './context.ts'
import type { BreakerEvent } from './events.ts'

/** The context after a transition into `path`. */
export function enter(context: BreakerContext, event: BreakerEvent, path: StatePath): BreakerContext {
  if (event.type === 'restore') {
    // JSON leaves out what is undefined, and an assignment keeps what is left out: both are said.
    const { closedSince, outageSince, notBefore } = event.saved
    return { ...event.saved, closedSince, outageSince, notBefore }
  }
  const { at } = event
  const next = after(context, event)
  const generation = context.generation + 1
  const countsAnew = startsCountingAnew(context.spell.in, path)
  const isOpen = path === 'halfOpen' || stateOf(path) === 'open'
  // Half-open after a maintenance is a form of open too: the service has yet to prove itself.
  const open = path === 'halfOpen' ? (next.standing.open ?? { openedAt: at, until: at, why: next.reason }) : next.standing.open
  return {
    ...context,
    generation,
    countsFrom: next.startsAnew || countsAnew ? generation : context.countsFrom,
    standing: { ...next.standing, open },
    spell: spellIn(path, context, at),
    random: next.random,
    openings: next.openings,
    outageSince: next.outageSince,
    notBefore: countsAnew ? undefined : next.notBefore,
    directiveEpoch: next.directiveEpoch,
    closedSince: isOpen ? undefined : (context.closedSince ?? at),
    reason: next.reason,
  }
}

/** The context after an event that changed no state. */
export function note(context: BreakerContext, event: BreakerEvent): BreakerContext {
  if (event.type === 'reconfigure') return { ...context, policy: event.policy }
  const { reason: _reason, startsAnew: _startsAnew, ...remembered } = after(context, event)
  const nextProbe = event.type === 'probe.admitted' ? event.probe + 1 : context.nextProbe
  return { ...context, ...remembered, nextProbe }
}

/** Between states that admit calls the counts go on; whatever shut calls out, or was an operator's doing, ends them. */
function startsCountingAnew(from: StatePath, to: StatePath): boolean {
  return !countsOutcomes(from) || !countsOutcomes(to)
}

/** The states whose calls' outcomes count: those that admit calls in the ordinary way. */
export function countsOutcomes(path: StatePath): boolean {
  return (
    path === 'closed.watching' ||
    path === 'closed.ramping' ||
    path === 'rateLimited.paced' ||
    path === 'budgetLimited.throttled' ||
    path.startsWith('degraded')
  )
}

function spellIn(path: StatePath, context: BreakerContext, at: number): Spell {
  const { policy } = context
  switch (path) {
    case 'closed.ramping':
      return { in: path, since: at, until: at + policy.rampDuration }
    case 'open.awaitingPermit':
      return { in: path, since: at, until: at + policy.permitTimeout }
    case 'halfOpen':
      return { in: path, since: at, until: undefined, admitted: 0, successes: 0, failures: 0, inFlight: [] }
    default:
      return { in: path, since: at }
  }
}
