// The rules: which of them stand. Conditions look at causes only (what services suffer, what was counted and found), never at what
// the orchestrator itself has ordered. What those that stand want is in wishes.ts.
import type { FindingPattern } from '../findings.ts'
import type { OrchestratorConfig, RuleCondition, SystemState } from './config.ts'
import { isDown, type OrchestratorContext } from './context.ts'
import { reliedOf } from './graph.ts'
import { type Latch, latched } from './hysteresis.ts'
import { unlessSame } from './named.ts'
import { isGone, standingOf } from './standing.ts'
import type { SystemHealth } from './systemState.ts'

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

export const CHAIN = 'dependency_chain_protection'
export const CASCADE = 'cascade_failure_prevention'
export const OVERLOAD = 'system_overload_protection'
/** One service that fails is that service's business, and its breaker's. */
const SUFFERERS_OF_OVERLOAD = 2

export function viewOf(context: OrchestratorContext, health: SystemHealth, system: SystemState): RuleView {
  const { services, numbers, findings } = context
  let failures = 0
  for (const counts of Object.values(numbers.services)) failures += counts.failures
  return {
    failing: standingOf(services).failing,
    health,
    system,
    calls: numbers.calls,
    failures,
    sufferers: Object.keys(numbers.services).length,
    findings: new Set(findings.map(({ pattern }) => pattern)),
    isDown: (service) => isDown(services[service]?.path ?? 'closed.watching') && services[service]?.idle !== true,
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
    for (const service of inQuestion(context, config)) {
      if (services[service]) look(`${CHAIN}:${service}`, isGone(services[service]), chain)
    }
  }
  for (const rule of ownRules) {
    const cause = rule.when ? holds(rule.when, view) : context.verdicts.includes(rule.name)
    look(rule.name, cause, rule)
  }
  return unlessSame(latches, next)
}

/** Those whose cause was still there, or had gone before `at`. */
export function withoutThoseGoneAt(latches: OrchestratorContext['latches'], at: number): OrchestratorContext['latches'] {
  return Object.fromEntries(Object.entries(latches).filter(([, { clearSince }]) => clearSince !== at))
}

/** By dependency_chain_protection, the dependencies for which it stands. */
export function goneBy(latches: OrchestratorContext['latches']): Set<string> {
  const gone = new Set<string>()
  for (const name in latches) if (name.startsWith(`${CHAIN}:`)) gone.add(name.slice(CHAIN.length + 1))
  return gone
}

/** Of those that others depend on, who is of no use, or was until a moment ago. */
function inQuestion({ services, latches }: OrchestratorContext, { places }: OrchestratorConfig): readonly string[] {
  const some = goneBy(latches)
  for (const service of standingOf(services).useless) some.add(service)
  return some.size === 0 ? [] : reliedOf(places).filter((service) => some.has(service))
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
