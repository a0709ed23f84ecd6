// The seven states and their substates: the words every other room uses for where a breaker stands.

/** The seven states of a breaker. */
export const STATES = ['closed', 'open', 'halfOpen', 'degraded', 'rateLimited', 'budgetLimited', 'maintenance'] as const
export type StateName = (typeof STATES)[number]

/** Every place a breaker can stand in, as `state.substate` (half-open and maintenance have no substates). */
export const STATE_PATHS = [
  'closed.watching',
  'closed.ramping',
  'closed.bypassed',
  'open.cooling',
  'open.awaitingPermit',
  'open.forced',
  'halfOpen',
  'degraded.level1',
  'degraded.level2',
  'degraded.level3',
  'rateLimited.paced',
  'rateLimited.exhausted',
  'budgetLimited.throttled',
  'budgetLimited.blocked',
  'maintenance',
] as const
export type StatePath = (typeof STATE_PATHS)[number]

export type DegradationLevel = 0 | 1 | 2 | 3

/** `degraded.level2` → `degraded`. */
export function stateOf(path: StatePath): StateName {
  const dot = path.indexOf('.')
  return (dot < 0 ? path : path.slice(0, dot)) as StateName
}

/** The form used on the wire and in metrics: `halfOpen` → `half_open`. */
export function toWireName(state: StateName): string {
  return state.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
