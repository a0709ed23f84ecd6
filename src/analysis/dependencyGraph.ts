// Who depends on whom, as the patterns read it. The graph comes from the configuration; a cycle in it is an error there, and
// does no harm here.

/** For each service the services that it depends on. */
export type DependencyGraph = ReadonlyMap<string, readonly string[]>

/** Everything a service depends on, directly or not, with the number of steps it is away. */
export function ancestors(graph: DependencyGraph, service: string): Map<string, number> {
  const found = new Map<string, number>()
  let ring: readonly string[] = [service]
  for (let steps = 1; ring.length > 0; steps++) {
    const next: string[] = []
    for (const name of ring) {
      for (const above of graph.get(name) ?? []) {
        if (above === service || found.has(above)) continue
        found.set(above, steps)
        next.push(above)
      }
    }
    ring = next
  }
  return found
}
