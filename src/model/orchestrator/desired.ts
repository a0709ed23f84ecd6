// The desired state of every service from what stands now, and the difference to what its breaker was last told. Level-triggered:
// whatever got lost or lapsed is made good by the next look.
import type { Directive } from '../signals.ts'
import type { DegradationLevel } from '../states.ts'
import { type OrchestratorContext, RELEASED } from './context.ts'
import { coordinates } from './recovery.ts'
import type { Wish } from './rules.ts'

const COORDINATION = 'recovery_coordination'

/** The directives that put right what differs at `at`, all of one epoch. */
export function directivesAt(
  context: OrchestratorContext,
  wishes: ReadonlyMap<string, readonly Wish[]>,
  at: number,
): { readonly service: string; readonly directive: Directive }[] {
  const { config, services, force, told } = context
  if (!config || !coordinates(context)) return []
  const epoch = context.epoch + 1
  const directives: { service: string; directive: Directive }[] = []
  for (const service of Object.keys(services)) {
    const now = inForce(force[service], at)
    const own = [...(wishes.get(service) ?? []), ...turnOf(context, service)]
    const mine = told[service]
    if (own.length === 0) {
      if (now && !same(now, mine)) directives.push({ service, directive: mine ? { ...mine, epoch } : released(epoch, now, at) })
      continue
    }
    const wanted = combined(own, mine, epoch, at + config.directiveLifetime)
    if (now && same(now, wanted) && now.expiresAt - at > config.directiveLifetime / 2) continue
    directives.push({ service, directive: wanted })
  }
  return directives
}

/** Whom a wish or a user's directive keeps from probing. */
export function isHeldBy(
  { told }: OrchestratorContext,
  wishes: ReadonlyMap<string, readonly Wish[]>,
): (service: string) => boolean {
  return (service) => told[service]?.hold === true || (wishes.get(service)?.some(({ hold }) => hold) ?? false)
}

export function inForce(directive: Directive | undefined, at: number): Directive | undefined {
  return directive && directive.expiresAt > at && directive.rule !== RELEASED ? directive : undefined
}

/** A service that is ready to probe, and has no leave yet, waits: its own patience must not let it pass others. */
function turnOf({ config, services, granted }: OrchestratorContext, service: string): Wish[] {
  if (!config?.rules.recovery_coordination.enabled) return []
  if (services[service]?.path !== 'open.awaitingPermit' || granted[service] !== undefined) return []
  const reason = 'waits for its turn to recover'
  return [{ rule: COORDINATION, priority: 5, reason, to: 0, by: 0, admissionRatio: 1, hold: true }]
}

/** A user's directive is one wish among the others. */
function combined(own: readonly Wish[], mine: Directive | undefined, epoch: number, expiresAt: number): Directive {
  const to = Math.max(mine?.level ?? 0, ...own.map((wish) => wish.to))
  const by = Math.max(...own.map((wish) => wish.by))
  const gravest = own.reduce((one, other) => (other.priority > one.priority ? other : one))
  return {
    epoch,
    level: Math.min(3, to + by) as DegradationLevel,
    admissionRatio: Math.min(mine?.admissionRatio ?? 1, ...own.map((wish) => wish.admissionRatio)),
    hold: mine?.hold === true || own.some((wish) => wish.hold),
    expiresAt,
    rule: gravest.rule,
    reason: gravest.reason,
  }
}

function released(epoch: number, { rule }: Directive, at: number): Directive {
  return { epoch, level: 0, admissionRatio: 1, hold: false, expiresAt: at, rule: RELEASED, reason: `${rule} has let go` }
}

function same(one: Directive, other: Directive | undefined): boolean {
  return (
    other !== undefined &&
    one.level === other.level &&
    one.admissionRatio === other.admissionRatio &&
    one.hold === other.hold &&
    one.rule === other.rule
  )
}
