// The desired state of every service from what stands now, and the difference to what its breaker was last told. Level-triggered:
// whatever got lost or lapsed is made good by the next look.
import type { Directive } from '../signals.ts'
import type { DegradationLevel } from '../states.ts'
import { type OrchestratorContext, RELEASED } from './context.ts'
import { coordinates } from './recovery.ts'
import type { Wish } from './rules.ts'
import { together, toldOf } from './told.ts'

const COORDINATION = 'recovery_coordination'

/** The directives that put right what differs at `at`, all of one epoch. */
export function directivesAt(
  context: OrchestratorContext,
  wishes: ReadonlyMap<string, readonly Wish[]>,
  at: number,
): { readonly service: string; readonly directive: Directive }[] {
  const { config, services, force, fleet } = context
  const isCoordinated = coordinates(context)
  if (!config || !(isCoordinated || context.fleet)) return []
  const epoch = context.epoch + 1
  const directives: { service: string; directive: Directive }[] = []
  for (const service of Object.keys(services)) {
    const now = inForce(force[service], at)
    const own = isCoordinated ? [...(wishes.get(service) ?? []), ...turnOf(context, service)] : []
    const told = toldOf(context, service)
    const [only] = told
    if (own.length === 0 && told.length < 2) {
      // Where there is a fleet, what one of the two has told may have been hidden by the other's until now.
      const differs = now ? !same(now, only) : fleet !== undefined && only !== undefined
      if (differs) directives.push({ service, directive: only ? { ...only, epoch } : released(epoch, now as Directive, at) })
      continue
    }
    const wanted = combined(own, told, epoch, at + config.directiveLifetime)
    if (now && same(now, wanted) && now.expiresAt - at > config.directiveLifetime / 2) continue
    directives.push({ service, directive: wanted })
  }
  return directives
}

/** Whom a wish or a user's directive keeps from probing. */
export function isHeldBy(
  context: OrchestratorContext,
  wishes: ReadonlyMap<string, readonly Wish[]>,
): (service: string) => boolean {
  return (service) =>
    toldOf(context, service).some(({ hold }) => hold) || (wishes.get(service)?.some(({ hold }) => hold) ?? false)
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

/** What a user or the fleet has told is one wish among the others. */
function combined(own: readonly Wish[], told: readonly Directive[], epoch: number, expiresAt: number): Directive {
  const asked = together(told)
  const to = Math.max(asked.level, ...own.map((wish) => wish.to))
  const by = Math.max(0, ...own.map((wish) => wish.by))
  const [gravest = told.at(-1) as Directive] = [...own].sort((one, other) => other.priority - one.priority)
  return {
    epoch,
    level: Math.min(3, to + by) as DegradationLevel,
    admissionRatio: Math.min(asked.admissionRatio, ...own.map((wish) => wish.admissionRatio)),
    hold: asked.hold || own.some((wish) => wish.hold),
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
