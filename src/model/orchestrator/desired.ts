// The desired state of every service from what stands now, and the difference to what its breaker was last told. Level-triggered:
// whatever got lost or lapsed is made good by the next look.
import type { Directive } from '../signals.ts'
import type { DegradationLevel } from '../states.ts'
import { asksSomething, type OrchestratorContext, RELEASED } from './context.ts'
import { dependenciesOf } from './graph.ts'
import { isEmpty } from './named.ts'
import { coordinates } from './recovery.ts'
import { isBack, standingOf } from './standing.ts'
import { FLEET_RULE, together, toldOf } from './told.ts'
import { listed, type Wish, type Wishes } from './wishes.ts'

const COORDINATION = 'recovery_coordination'

const NONE: readonly Wish[] = []
const NO_TURNS: ReadonlyMap<string, Wish> = new Map()

export interface Directed {
  readonly service: string
  readonly directive: Directive
}

/** The directives that put right what differs at `at`, all of one epoch. */
export function directivesAt(context: OrchestratorContext, wishes: Wishes, at: number): Directed[] {
  const { config, services, force, fleet } = context
  if (!config) return []
  const isCoordinated = coordinates(context)
  const { all, waiting } = standingOf(services)
  if (!isCoordinated && fleet === undefined) return all.flatMap((service) => lettingGoOf(context, service, at))
  if (wishes.size === 0 && waiting.length === 0 && isEmpty(force) && (fleet === undefined || isEmpty(fleet))) return []
  const turns = isCoordinated ? turnsOf(context, waiting) : NO_TURNS
  const epoch = context.epoch + 1
  const directives: Directed[] = []
  for (const service of all) {
    const now = inForce(force[service], at)
    const turn = turns.size === 0 ? undefined : turns.get(service)
    const wished = isCoordinated ? (wishes.get(service) ?? NONE) : NONE
    const own = turn ? [...wished, turn] : wished
    const told = toldOf(context, service)
    if (own.length === 0 && told.length < 2) {
      const [only] = told
      // Where there is a fleet, what one of the two has told may have been hidden by the other's until now.
      const differs = now ? !asksTheSame(now, only) : fleet !== undefined && only !== undefined
      if (differs) directives.push({ service, directive: only ? { ...only, epoch } : released(epoch, now as Directive, at) })
      continue
    }
    const wanted = combined(own, told, epoch, at + config.directiveLifetime)
    if (now && asksTheSame(now, wanted) && now.expiresAt - at > config.directiveLifetime / 2) continue
    directives.push({ service, directive: wanted })
  }
  return directives
}

/** Who is alone is asked nothing, and let go of if it was not alone before. */
function lettingGoOf({ force, told, epoch }: OrchestratorContext, service: string, at: number): Directed[] {
  const now = inForce(force[service], at)
  const mine = told[service]
  if (!now || !asksSomething(now, at) || asksTheSame(now, mine)) return []
  return [{ service, directive: mine ? { ...mine, epoch: epoch + 1 } : released(epoch + 1, now, at) }]
}

/** Whom a wish or a user's directive keeps from probing. */
export function isHeldBy(context: OrchestratorContext, wishes: Wishes): (service: string) => boolean {
  return (service) =>
    toldOf(context, service).some(({ hold }) => hold) || (wishes.get(service)?.some(({ hold }) => hold) ?? false)
}

export function inForce(directive: Directive | undefined, at: number): Directive | undefined {
  return directive && directive.expiresAt > at && directive.rule !== RELEASED ? directive : undefined
}

/** A service that is ready to probe, and has no leave yet, waits: its own patience must not let it pass others. */
function turnsOf({ config, services, granted }: OrchestratorContext, waiting: readonly string[]): ReadonlyMap<string, Wish> {
  const rule = config?.rules.recovery_coordination
  const kept = rule?.enabled ? waiting.filter((service) => granted[service] === undefined) : []
  return new Map(
    kept.map((service) => {
      const beneath = config ? dependenciesOf(config.places, service).filter((name) => !isBack(services[name])) : []
      const reason = beneath.length > 0 ? `waits for ${listed(beneath)}` : 'waits for its turn to recover'
      return [service, { rule: COORDINATION, priority: 5, reason, to: 0, by: 0, admissionRatio: 1, hold: true }]
    }),
  )
}

/**
 * What a user or the fleet has told is one wish among the others. The fleet goes by the same rules: what it asks is a level already,
 * and what rules here ask more does not come on top of it, or one cause would count twice.
 */
function combined(own: readonly Wish[], told: readonly Directive[], epoch: number, expiresAt: number): Directive {
  const asked = together(told)
  let gravest: Wish | Directive = own[0] ?? (told.at(-1) as Directive)
  let [to, by]: [number, number] = [together(told.filter(({ rule }) => !rule.startsWith(FLEET_RULE))).level, 0]
  let { admissionRatio, hold } = asked
  let priority = Number.NEGATIVE_INFINITY
  for (const wish of own) {
    if (wish.priority > priority) [gravest, priority] = [wish, wish.priority]
    to = Math.max(to, wish.to)
    by = Math.max(by, wish.by)
    admissionRatio = Math.min(admissionRatio, wish.admissionRatio)
    hold ||= wish.hold
  }
  const level = Math.max(asked.level, Math.min(3, to + by)) as DegradationLevel
  const held = gravest.hold ? undefined : own.find((wish) => wish.hold)
  const reason = held ? `${gravest.reason}; ${held.reason}` : gravest.reason
  return { epoch, level, admissionRatio, hold, expiresAt, rule: gravest.rule, reason }
}

/** Takes back what `rule` asked. */
export function released(epoch: number, { rule }: Directive, at: number): Directive {
  return { epoch, level: 0, admissionRatio: 1, hold: false, expiresAt: at, rule: RELEASED, reason: `${rule} has let go` }
}

export function asksTheSame(one: Directive, other: Directive | undefined): boolean {
  return (
    other !== undefined &&
    one.level === other.level &&
    one.admissionRatio === other.admissionRatio &&
    one.hold === other.hold &&
    one.rule === other.rule
  )
}
