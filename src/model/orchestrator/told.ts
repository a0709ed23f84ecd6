// What breakers were told from outside: by users, and by the leader of a fleet. Both stand side by side, as wishes among those of
// the rules; neither takes the other's place. Used by supervise.ts and desired.ts.
import type { Directive } from '../signals.ts'
import type { DegradationLevel } from '../states.ts'
import { asksSomething, type OrchestratorContext, type SupervisorEvent } from './context.ts'

/** How the rules of the fleet's directives begin, which tells them from a user's. */
export const FLEET_RULE = 'fleet:'

/** What stands of it for a service: the user's, and the fleet's. */
export function toldOf({ told, fleet }: OrchestratorContext, service: string): Directive[] {
  return [told[service], fleet?.[service]].filter((directive) => directive !== undefined)
}

export function afterDirective(
  context: OrchestratorContext,
  { at, service, directive }: Extract<SupervisorEvent, { type: 'directive.heard' }>,
): OrchestratorContext {
  if (!context.services[service]) return context
  const slot = directive.rule.startsWith(FLEET_RULE) ? 'fleet' : 'told'
  const before = context[slot] ?? {}
  const isLate = directive.epoch < (context.force[service]?.epoch ?? -1)
  // In a fleet, what the one says moves the fence past what the other says next, which is not old for that.
  if (isLate && (context.fleet === undefined || directive.epoch < (before[service]?.epoch ?? -1))) return context
  const { [service]: _gone, ...others } = before
  return {
    ...context,
    epoch: Math.max(context.epoch, directive.epoch),
    // The breaker does not take a late one; what it is told instead is seen by the difference.
    force: isLate ? context.force : { ...context.force, [service]: directive },
    [slot]: asksSomething(directive, at) ? { ...others, [service]: directive } : others,
  }
}

export function withoutLapsed(context: OrchestratorContext, at: number): OrchestratorContext {
  const told = standingOf(context.told, at)
  const fleet = context.fleet && standingOf(context.fleet, at)
  return told === context.told && fleet === context.fleet ? context : { ...context, told, fleet }
}

/** Both at once: the graver of each. */
export function together(directives: readonly Directive[]): Pick<Directive, 'level' | 'admissionRatio' | 'hold'> {
  return {
    level: Math.max(0, ...directives.map(({ level }) => level)) as DegradationLevel,
    admissionRatio: Math.min(1, ...directives.map(({ admissionRatio }) => admissionRatio)),
    hold: directives.some(({ hold }) => hold),
  }
}

function standingOf(directives: Readonly<Record<string, Directive>>, at: number): Readonly<Record<string, Directive>> {
  const entries = Object.entries(directives)
  const left = entries.filter(([, { expiresAt }]) => expiresAt > at)
  return left.length === entries.length ? directives : Object.fromEntries(left)
}
