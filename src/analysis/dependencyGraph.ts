// Who depends on whom, as the patterns read it. The graph comes from the configuration; a cycle in it is an error there, and
// does no harm here.

/** For each service the services that it depends on. */
export type DependencyGraph = ReadonlyMap<string, readonly string[]>

/** Everything a service depends on, directly or not, the nearest first, and the number of steps each is away. */
export interface Ancestors {
  readonly names: readonly string[]
  readonly steps: readonly number[]
}

/** A graph does not change, and is asked at every tick. */
const known = new WeakMap<DependencyGraph, Map<string, Ancestors>>()

export function ancestors(graph: DependencyGraph, service: string): Ancestors {
  let ofGraph = known.get(graph)
  if (!ofGraph) {
    ofGraph = new Map()
    known.set(graph, ofGraph)
  }
  let found = ofGraph.get(service)
  if (!found) {
    found = walkUp(graph, service)
    ofGraph.set(service, found)
  }
  return found
}

/** Whether `service` depends on `above`, directly or not. */
export function dependsOn(graph: DependencyGraph, service: string, above: string): boolean {
  return ancestors(graph, service).names.includes(above)
}

function walkUp(graph: DependencyGraph, service: string): Ancestors {
  const seen = new Set([service])
  const names: string[] = []
  const steps: number[] = []
  const add = (below: string, away: number): void => {
    for (const above of graph.get(below) ?? []) {
      if (seen.has(above)) continue
      seen.add(above)
      names.push(above)
      steps.push(away)
    }
  }
  add(service, 1)
  for (let i = 0; i < names.length; i++) add(names[i]!, steps[i]! + 1)
  return { names, steps }
}
