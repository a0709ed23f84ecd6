// The rules: which of them stand, and what those want of each service. Conditions look at causes only (what services suffer, what
// was counted and found), never at what the orchestrator itself has ordered.
import type { FindingPattern } from '../findings.ts'
import type { DegradationLevel } from '../states.ts'
import type { OrchestratorConfig, RuleAction, RuleCondition, SystemState } from './config.ts'
import { isAway, isDown, isUseless, type OrchestratorContext } from './context.ts'
import { dependenciesOf } from './graph.ts'
import { type Latch, latched } from './hysteresis.ts'
import type { SystemHealth } from './systemState.ts'

/** What one rule wants of one service. */
export interface Wish {
  readonly rule: string
  readonly priority: number
  readonly reason: string
  /** At least this level. */
  readonly to: DegradationLevel
  /** So many levels beneath what other rules want. */
  readonly by: DegradationLevel
  readonly admissionRatio: number
  readonly hold: boolean
}

/** What conditions go by. */
export interface RuleView {
  readonly failing: readonly string[]
  readonly health: SystemHealth
  readonly system: SystemState
  readonly calls: number
  readonly failures: number
  /** Services that admit calls and have seen failures. */
  readonly sufferers: number
  readonly findings: ReadonlySet<FindingPattern>
  readonly isDown: (service: string) => boolean
}

const CHAIN = 'dependency_chain_protection'
const CASCADE = 'cascade_failure_prevention'
const OVERLOAD = 'system_overload_protection'
/** One service that fails is that service's business, and its breaker's. */
const SUFFERERS_OF_OVERLOAD = 2

export function viewOf(context: OrchestratorContext, health: SystemHealth, system: SystemState): RuleView {
  const { services, numbers, findings } = context
  let failures = 0
  for (const counts of Object.values(numbers.services)) failures += counts.failures
  return {
    failing: Object.keys(services).filter((service) => services[service]?.failing),
    health,
    system,
    calls: numbers.calls,
    failures,
    sufferers: Object.keys(numbers.services).length,
    findings: new Set(findings.map(({ pattern }) => pattern)),
    isDown: (service) => isDown(services[service]?.path ?? 'closed.watching'),
  }
}

/** Which rules stand after a look at `at`. */
export function latchesAfter(context: OrchestratorContext, view: RuleView, at: number): OrchestratorContext['latches'] {
  const { config, services, latches } = context
  if (!config) return latches
  const next: Record<string, Latch> = {}
  const look = (name: string, cause: boolean, times: { readonly hold: number; readonly clear: number }): void => {
    const latch = latched(latches[name], cause, times, at)
    if (latch) next[name] = latch
  }
  const { rules, ownRules } = config
  const { [CASCADE]: cascade, [OVERLOAD]: overload, [CHAIN]: chain } = rules
  if (cascade.enabled) look(CASCADE, view.failing.length >= cascade.services, cascade)
  if (overload.enabled) look(OVERLOAD, isOverloaded(view, overload, latches[OVERLOAD] !== undefined), overload)
  if (chain.enabled) {
    for (const service of relied(config)) {
      const path = services[service]?.path
      if (path !== undefined) look(`${CHAIN}:${service}`, isUseless(path), chain)
    }
  }
  for (const rule of ownRules) {
    const cause = rule.when ? holds(rule.when, view) : context.verdicts.includes(rule.name)
    look(rule.name, cause, rule)
  }
  return next
}

/** What the rules that stand want, by service. */
export function wishesOf(context: OrchestratorContext, view: RuleView): Map<string, Wish[]> {
  const { config, services, latches, system } = context
  const wishes = new Map<string, Wish[]>()
  if (!config) return wishes
  const wish = (service: string, rule: string, priority: number, reason: string, action: Partial<Wish>): void => {
    const one: Wish = { rule, priority, reason, to: 0, by: 0, admissionRatio: 1, hold: false, ...action }
    const known = wishes.get(service)
    if (known) known.push(one)
    else wishes.set(service, [one])
  }
  const all = Object.keys(services)
  // Who is down does nothing that could be less, and who has just come back does little and proves itself.
  const others = all.filter((service) => !isAway(services[service]!.path) && services[service]!.path !== 'closed.ramping')
  const { rules, ownRules, places } = config
  const wanted = (service: string, rule: string): boolean => context.wanted[service]?.includes(rule) ?? false
  // A rule whose cause has gone keeps whom it has, for a while, and takes in nobody new.
  const staying = (rule: string, whom: readonly string[]): readonly string[] =>
    latches[rule]?.clearSince === undefined ? whom : whom.filter((service) => wanted(service, rule))
  if (system.state === 'emergency' && all.some((service) => places[service]?.critical)) {
    for (const service of others) {
      if (!places[service]?.critical) wish(service, 'emergency', 20, 'what is left is for critical services', { to: 2 })
    }
  }
  if (latches[CASCADE]) {
    const reason = view.failing.length > 0 ? `${listed(view.failing)} failing` : 'services were failing a moment ago'
    for (const service of staying(CASCADE, others)) wish(service, CASCADE, 10, reason, { by: 1 })
  }
  if (latches[OVERLOAD]) {
    const { share } = rules[OVERLOAD]
    for (const service of staying(OVERLOAD, others))
      wish(service, OVERLOAD, 9, 'too many calls fail everywhere', { admissionRatio: share })
  }
  const away = Object.keys(latches).filter((name) => name.startsWith(`${CHAIN}:`))
  if (away.length > 0) {
    const gone = new Set(away.map((name) => name.slice(CHAIN.length + 1)))
    for (const service of all) {
      const beneath = dependenciesOf(places, service).filter((name) => gone.has(name))
      if (beneath.length === 0) continue
      const { path } = services[service]!
      const areBack = !beneath.some((name) => isUseless(services[name]?.path ?? 'closed.watching'))
      // Who may probe because they are back has to prove itself anyway; and nobody new is taken in.
      if (areBack && (isDown(path) || path === 'closed.ramping' || !wanted(service, CHAIN))) continue
      wish(service, CHAIN, 8, `depends on ${listed(beneath)}`, { to: rules[CHAIN].level })
    }
  }
  for (const { name, priority, then } of ownRules) {
    if (!latches[name]) continue
    for (const service of staying(name, meant(then, all, others))) wish(service, name, priority, name, actionOf(then))
  }
  return wishes
}

function isOverloaded(view: RuleView, rule: OrchestratorConfig['rules'][typeof OVERLOAD], stands: boolean): boolean {
  if (view.calls < rule.minimumCalls) return false
  const rate = view.failures / view.calls
  return stands ? rate > rule.clearRate : rate >= rule.errorRate && view.sufferers >= SUFFERERS_OF_OVERLOAD
}

/** Every given part of it. */
function holds(when: RuleCondition, view: RuleView): boolean {
  const { health } = view
  const parts: boolean[] = []
  if (when.failingServices !== undefined) parts.push(view.failing.length >= when.failingServices)
  if (when.openShare !== undefined) parts.push(health.services > 0 && health.open / health.services >= when.openShare)
  if (when.errorRate !== undefined) parts.push(view.calls > 0 && view.failures / view.calls >= when.errorRate)
  if (when.healthBelow !== undefined) parts.push(health.score < when.healthBelow)
  if (when.down !== undefined) parts.push(view.isDown(when.down))
  if (when.finding !== undefined) parts.push(view.findings.has(when.finding))
  if (when.system !== undefined) parts.push(view.system === when.system)
  return parts.length > 0 && parts.every((part) => part)
}

function meant({ services, hold }: RuleAction, all: readonly string[], others: readonly string[]): readonly string[] {
  const among = hold ? all : others
  return services ? among.filter((service) => services.includes(service)) : among
}

function actionOf({ degradeOthersBy, degradeTo, admit, hold }: RuleAction): Partial<Wish> {
  return { by: degradeOthersBy ?? 0, to: degradeTo ?? 0, admissionRatio: admit ?? 1, hold: hold ?? false }
}

/** Services that others depend on. */
function relied({ places }: OrchestratorConfig): Set<string> {
  return new Set(Object.values(places).flatMap(({ dependsOn }) => dependsOn))
}

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
