// Rules of the user's own whose conditions are code, and what those conditions are shown: how the services are, and what was
// counted and found. A rule's verdict is recorded with each review, as a replay does not have its code.
import type { Board } from './actors/board.ts'
import { checked } from './model/checked.ts'
import { ConfigError } from './model/errors.ts'
import type { Finding } from './model/findings.ts'
import {
  codeRuleSchema,
  type OrchestratorConfig,
  type RuleAction,
  type SystemState,
  settledRule,
} from './model/orchestrator/config.ts'
import { actionConflicts, type OrchestratorConflict, RESERVED_RULES } from './model/orchestrator/conflicts.ts'
import { systemHealth } from './model/orchestrator/systemState.ts'
import { type StateName, type StatePath, stateOf } from './model/states.ts'
import { suggest } from './model/suggest.ts'

/** What a condition in code goes by. */
export interface SystemView {
  /** Epoch ms. */
  readonly at: number
  readonly state: SystemState
  /** 0–1. */
  readonly health: number
  /** Services that tripped and have not come back. */
  readonly failing: readonly string[]
  readonly findings: readonly Finding[]
  readonly services: Readonly<Record<string, ServiceView>>
}

export interface ServiceView {
  readonly state: StateName
  readonly path: StatePath
  /** In its window. */
  readonly calls: number
  readonly failures: number
  readonly inFlight: number
}

export interface OrchestratorRule {
  /** Small letters, digits, `_` and `-`; no other rule has it. */
  readonly name: string
  /** Whose name and reason a directive bears where several rules want something; 1 unless given. The built-in rules have 5 to 10. */
  readonly priority?: number
  /**
   * Asked once a second. It should be quick, and go by causes: a rule that goes by what it brings about keeps itself alive. One
   * that throws is told of once, and counts as not met.
   */
  readonly when: (view: SystemView) => boolean
  readonly then: RuleAction
  /** The least time it stands once it has taken hold, ms; 10,000 unless given. */
  readonly hold?: number
  /** How long its cause must have been gone before it lets go, ms; 5000 unless given. */
  readonly clear?: number
}

export function systemViewOf(board: Board): SystemView {
  const at = board.now()
  const { context } = board
  const services = Object.fromEntries(
    [...board.services].map((breaker): [string, ServiceView] => {
      const { service, path, inFlight } = breaker
      const { calls, failures } = breaker.counts(at)
      return [service, { state: stateOf(path), path, calls, failures, inFlight }]
    }),
  )
  return {
    at,
    state: context.system.state,
    health: systemHealth(context, at).score,
    failing: Object.keys(context.services).filter((service) => context.services[service]?.failing),
    findings: shown(context.findings),
    services,
  }
}

const copies = new WeakMap<readonly Finding[], readonly Finding[]>()

/** What a condition cannot change, copied once for as long as they stand. */
function shown(findings: readonly Finding[]): readonly Finding[] {
  let copy = copies.get(findings)
  if (!copy) {
    copy = frozen(structuredClone(findings))
    copies.set(findings, copy)
  }
  return copy
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) frozen(part)
  return Object.freeze(value)
}

/** The configuration with what rules in code have beside their conditions. Throws a ConfigError for a rule that cannot be used. */
export function withCodeRules(config: OrchestratorConfig, rules: readonly OrchestratorRule[]): OrchestratorConfig {
  if (rules.length === 0) return config
  const ownRules = [...config.ownRules]
  const known = new Set(Object.keys(config.places))
  for (const [index, { when, ...rest }] of rules.entries()) {
    const rule = checked(codeRuleSchema, rest, `rules.${index}`)
    if (typeof when !== 'function') throw new ConfigError(`rules.${index}.when`, when, 'a function')
    if (RESERVED_RULES.includes(rule.name) || ownRules.some(({ name }) => name === rule.name)) {
      throw new ConfigError(`rules.${index}.name`, rule.name, 'a name that no other rule has')
    }
    refuse(actionConflicts(rule.then, known), rule.then, index)
    ownRules.push(settledRule(rule))
  }
  return { ...config, ownRules }
}

function refuse([conflict]: readonly OrchestratorConflict[], then: RuleAction, index: number): void {
  if (!conflict) return
  const { path, allowed, meant = [] } = conflict
  const [, place] = path
  const service = typeof place === 'number' ? then.services?.[place] : undefined
  const where = ['rules', index, 'then', ...path].join('.')
  const nearest = service === undefined ? undefined : suggest(service, meant)
  const error = new ConfigError(where, service, allowed)
  throw nearest === undefined
    ? error
    : new ConfigError(where, service, allowed, `${error.message}; did you mean ${JSON.stringify(nearest)}?`)
}
