// How what is set for the orchestrator goes together: dependencies that are no services, or go round in a circle, and rules that
// name services there are not.
import type { OrchestratorInput, PlaceInput } from './config.ts'
import { cycleIn } from './graph.ts'

export interface OrchestratorConflict {
  readonly path: readonly (string | number)[]
  readonly allowed: string
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

export function orchestratorConflicts({ services, orchestrator }: Coordinated): OrchestratorConflict[] {
  const names = Object.keys(services)
  const known = new Set(names)
  const oneOf = `one of ${names.join(', ') || 'no services'}`
  const conflicts: OrchestratorConflict[] = []
  for (const [service, { dependsOn = [] }] of Object.entries(services)) {
    for (const [index, name] of dependsOn.entries()) {
      const path = ['services', service, 'dependsOn', index]
      if (!known.has(name)) conflicts.push({ path, allowed: oneOf })
      else if (dependsOn.indexOf(name) !== index) conflicts.push({ path, allowed: 'a service that is not yet among them' })
    }
  }
  const cycle = cycleIn(
    Object.fromEntries(Object.entries(services).map(([name, { dependsOn }]) => [name, { dependsOn: dependsOn ?? [] }])),
  )
  if (cycle) {
    conflicts.push({ path: ['services', cycle[0]!, 'dependsOn'], allowed: `no cycle, but there is ${cycle.join(' → ')}` })
  }
  const rules = orchestrator?.ownRules ?? []
  for (const [index, { name, when, then }] of rules.entries()) {
    const at = (...rest: (string | number)[]): (string | number)[] => ['orchestrator', 'ownRules', index, ...rest]
    if (rules.findIndex((other) => other.name === name) !== index || RESERVED_RULES.includes(name)) {
      conflicts.push({ path: at('name'), allowed: 'a name that no other rule has' })
    }
    if (Object.keys(when).length === 0) conflicts.push({ path: at('when'), allowed: 'at least one condition' })
    if (when.down !== undefined && !known.has(when.down)) conflicts.push({ path: at('when', 'down'), allowed: oneOf })
    for (const [place, service] of (then.services ?? []).entries()) {
      if (!known.has(service)) conflicts.push({ path: at('then', 'services', place), allowed: oneOf })
    }
  }
  return conflicts
}
