// How what is set for the orchestrator goes together: dependencies that are no services, or go round in a circle, rules that name
// services there are not or ask for nothing, and thresholds the wrong way round. Used by the configuration and for rules in code.
import type { OrchestratorInput, PlaceInput, RuleAction } from './config.ts'
import { cycleIn, type Dependencies } from './graph.ts'

export interface OrchestratorConflict {
  readonly path: readonly (string | number)[]
  readonly allowed: string
  /** Of these, one may have been meant. */
  readonly meant?: readonly string[]
}

export interface Coordinated {
  readonly services: Readonly<Record<string, PlaceInput>>
  readonly orchestrator?: OrchestratorInput | undefined
}

export const RESERVED_RULES: readonly string[] = [
  'cascade_failure_prevention',
  'system_overload_protection',
  'dependency_chain_protection',
  'recovery_coordination',
  'emergency',
  'released',
]

/** As many problems are shown. */
const SHOWN = 20
/** Of a long list of names, and of a long cycle. */
const NAMES_SHOWN = 10
const STEPS_SHOWN = 2

export function orchestratorConflicts({ services, orchestrator = {} }: Coordinated): OrchestratorConflict[] {
  const known = new Set(Object.keys(services))
  return [
    ...dependencyConflicts(services, known),
    ...cycleConflicts(services),
    ...thresholdConflicts(orchestrator),
    ...ruleConflicts(orchestrator.ownRules ?? [], known),
  ]
}

/** What is wrong with what a rule does; paths within the action. */
export function actionConflicts(then: RuleAction, known: ReadonlySet<string>): OrchestratorConflict[] {
  const { degradeTo, degradeOthersBy, admit = 1, hold = false, services = [] } = then
  const unknown = services.flatMap((service, place) => (known.has(service) ? [] : [unknownName(['services', place], known)]))
  if (then.services?.length === 0) unknown.push({ path: ['services'], allowed: 'one service at least; left out, it is for all' })
  const doesNothing = degradeTo === undefined && degradeOthersBy === undefined && admit === 1 && !hold
  if (!doesNothing) return unknown
  return [{ path: [], allowed: 'at least one of degradeTo, degradeOthersBy, admit (below 1) and hold (true)' }, ...unknown]
}

/** A name that nobody has. */
function unknownName(path: readonly (string | number)[], known: ReadonlySet<string>): OrchestratorConflict {
  const names = [...known]
  const more = names.length > NAMES_SHOWN ? `, … (${names.length - NAMES_SHOWN} more)` : ''
  return { path, allowed: `one of ${names.slice(0, NAMES_SHOWN).join(', ') || 'no services'}${more}`, meant: names }
}

function dependencyConflicts(services: Coordinated['services'], known: ReadonlySet<string>): OrchestratorConflict[] {
  const conflicts: OrchestratorConflict[] = []
  for (const [service, { dependsOn = [] }] of Object.entries(services)) {
    for (const [index, name] of dependsOn.entries()) {
      const path = ['services', service, 'dependsOn', index]
      // Looking for what was meant takes time, and so many are not shown.
      if (conflicts.length > SHOWN) return conflicts
      if (!known.has(name)) conflicts.push(unknownName(path, known))
      else if (dependsOn.indexOf(name) !== index) conflicts.push({ path, allowed: 'a service that is not yet among them' })
    }
  }
  return conflicts
}

/** Each cycle that is left when those before it have been broken where they close. */
function cycleConflicts(services: Coordinated['services']): OrchestratorConflict[] {
  const graph: Record<string, { dependsOn: readonly string[] }> = Object.create(null)
  for (const [name, { dependsOn = [] }] of Object.entries(services)) graph[name] = { dependsOn }
  const conflicts: OrchestratorConflict[] = []
  for (let cycle = cycleIn(graph); cycle && conflicts.length <= SHOWN; cycle = cycleIn(graph satisfies Dependencies)) {
    const [first, last] = [cycle[0]!, cycle.at(-2)!]
    conflicts.push({ path: ['services', first, 'dependsOn'], allowed: `no cycle, but there is ${stepsOf(cycle)}` })
    graph[last] = { dependsOn: graph[last]!.dependsOn.filter((name) => name !== first) }
  }
  return conflicts
}

/** `a → b → a`, and the middle of a long one left out. */
function stepsOf(cycle: readonly string[]): string {
  const steps = cycle.length - 1
  if (steps <= NAMES_SHOWN) return cycle.join(' → ')
  return [...cycle.slice(0, STEPS_SHOWN), `… (${steps - STEPS_SHOWN} more)`, cycle[0]].join(' → ')
}

/** Pairs of which one lets in and the other lets go: the wrong way round, they would flap. */
function thresholdConflicts({ healthFloor, healthReturn, rules }: OrchestratorInput): OrchestratorConflict[] {
  const conflicts: OrchestratorConflict[] = []
  if (healthFloor !== undefined && healthReturn !== undefined && healthReturn < healthFloor) {
    conflicts.push({ path: ['orchestrator', 'healthReturn'], allowed: `healthFloor (${healthFloor}) or more, at most 1` })
  }
  const { errorRate, clearRate } = rules?.system_overload_protection ?? {}
  if (errorRate !== undefined && clearRate !== undefined && clearRate > errorRate) {
    const path = ['orchestrator', 'rules', 'system_overload_protection', 'clearRate']
    conflicts.push({ path, allowed: `from 0 to errorRate (${errorRate})` })
  }
  return conflicts
}

function ruleConflicts(rules: NonNullable<OrchestratorInput['ownRules']>, known: ReadonlySet<string>): OrchestratorConflict[] {
  return rules.flatMap(({ name, when, then }, index) => {
    const at = (...rest: readonly (string | number)[]): (string | number)[] => ['orchestrator', 'ownRules', index, ...rest]
    const conflicts: OrchestratorConflict[] = []
    if (rules.findIndex((other) => other.name === name) !== index || RESERVED_RULES.includes(name)) {
      conflicts.push({ path: at('name'), allowed: 'a name that no other rule has' })
    }
    if (Object.keys(when).length === 0) conflicts.push({ path: at('when'), allowed: 'at least one condition' })
    if (when.down !== undefined && !known.has(when.down)) conflicts.push(unknownName(at('when', 'down'), known))
    for (const conflict of actionConflicts(then, known)) conflicts.push({ ...conflict, path: at('then', ...conflict.path) })
    return conflicts
  })
}
