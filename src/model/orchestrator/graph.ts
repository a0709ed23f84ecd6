// Who depends on whom: a cycle is an error of the configuration; of what is down, the roots are those with nothing down beneath
// them. Used by the configuration, the rules, the recovery queue and src/analysis/.

/** For each service the services it depends on. */
export type Dependencies = Readonly<Record<string, { readonly dependsOn: readonly string[] }>>

/** The first cycle there is, `['a', 'b', 'a']`; undefined when there is none. */
export function cycleIn(graph: Dependencies): string[] | undefined {
  const done = new Set<string>()
  for (const start of Object.keys(graph)) {
    const found = cycleFrom(graph, start, done)
    if (found) return found
  }
  return undefined
}

/** Everything a service depends on, directly or not, the nearest first, and how many steps away each is. */
export interface Beneath {
  readonly names: readonly string[]
  readonly steps: readonly number[]
}

export function beneath(graph: Dependencies, service: string): Beneath {
  return closureOf(graph).beneath.get(service) ?? NOTHING
}

/** Everything `service` depends on, directly or not, the nearest first. */
export function dependenciesOf(graph: Dependencies, service: string): readonly string[] {
  return beneath(graph, service).names
}

/** Everything that depends on `service`, directly or not, by name. */
export function dependentsOf(graph: Dependencies, service: string): readonly string[] {
  return closureOf(graph).above.get(service) ?? []
}

/** Those that any other depends on directly. */
export function reliedOf(graph: Dependencies): readonly string[] {
  return closureOf(graph).relied
}

/** Of what `service` depends on, what is down and has nothing down beneath it; the service itself if it is down alone. */
export function rootsOf(graph: Dependencies, service: string, isDown: (service: string) => boolean): string[] {
  const down = dependenciesOf(graph, service).filter(isDown)
  if (down.length === 0) return isDown(service) ? [service] : []
  return down.filter((name) => !dependenciesOf(graph, name).some(isDown)).sort()
}

const NOTHING: Beneath = { names: [], steps: [] }

interface Closure {
  readonly beneath: ReadonlyMap<string, Beneath>
  readonly above: ReadonlyMap<string, readonly string[]>
  readonly relied: readonly string[]
}

/** A graph does not change, and is asked at every transition. */
const closures = new WeakMap<Dependencies, Closure>()

function closureOf(graph: Dependencies): Closure {
  const known = closures.get(graph)
  if (known) return known
  const beneath = new Map<string, Beneath>()
  const above = new Map<string, string[]>()
  for (const service of Object.keys(graph).sort()) {
    const all = allBeneath(graph, service)
    if (all.names.length > 0) beneath.set(service, all)
    for (const name of all.names) {
      const others = above.get(name)
      if (others) others.push(service)
      else above.set(name, [service])
    }
  }
  const relied = [...new Set(Object.values(graph).flatMap(({ dependsOn }) => dependsOn))]
  const closure = { beneath, above, relied }
  closures.set(graph, closure)
  return closure
}

function allBeneath(graph: Dependencies, service: string): Beneath {
  const seen = new Set([service])
  const names: string[] = []
  const steps: number[] = []
  const add = (above: string, away: number): void => {
    for (const name of directly(graph, above)) {
      if (seen.has(name)) continue
      seen.add(name)
      names.push(name)
      steps.push(away)
    }
  }
  add(service, 1)
  for (let i = 0; i < names.length; i++) add(names[i]!, steps[i]! + 1)
  return { names, steps }
}

/** Without recursion: a chain may be as long as there are services. */
function cycleFrom(graph: Dependencies, start: string, done: Set<string>): string[] | undefined {
  const path: { readonly name: string; next: number }[] = [{ name: start, next: 0 }]
  while (path.length > 0) {
    const top = path.at(-1)!
    const beneath = done.has(top.name) ? undefined : directly(graph, top.name)[top.next++]
    if (beneath === undefined) {
      done.add(top.name)
      path.pop()
      continue
    }
    const at = path.findIndex(({ name }) => name === beneath)
    if (at >= 0) return [...path.slice(at).map(({ name }) => name), beneath]
    path.push({ name: beneath, next: 0 })
  }
  return undefined
}

function directly(graph: Dependencies, service: string): readonly string[] {
  return graph[service]?.dependsOn ?? []
}
