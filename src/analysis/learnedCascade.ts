// Cascades that no graph tells of: services that have failed one after the other, at steady lags, often enough to be no chance.
// Made from the directed pairs of temporalCorrelation.ts; a pair along a known dependency is a cascade too.
import type { Finding } from '../model/findings.ts'
import { dependenciesOf } from '../model/orchestrator/graph.ts'
import { median } from './averages.ts'
import { recommend } from './recommendations.ts'
import { byTime, evidenceOfOnsets, type Scene, severityOf } from './scene.ts'
import { onsetsOf, type Pair, shareOfBoth } from './temporalCorrelation.ts'

const LEAST_SERVICES = 3
/** On so many occasions one must have followed the other: the first pairs to be found may not be the whole story. */
const LEAST_OCCASIONS = 4

export function learnedCascades(scene: Scene, pairs: readonly Pair[]): Finding[] {
  const arrows = pairs.filter(({ certain }) => certain).flatMap((pair) => arrowOf(scene, pair))
  const roots = [...new Set(arrows.map(({ from }) => from))].filter((name) => !arrows.some(({ to }) => to === name)).sort()
  return roots.flatMap((root) => {
    const reached = reachedFrom(root, arrows)
    // Whoever is reached from two roots has a story that is not yet clear.
    if (roots.some((other) => other !== root && reachedFrom(other, arrows).some((name) => reached.includes(name)))) return []
    // If somebody may go before the root, the root is not yet known.
    if (
      pairs.some(
        ({ from, to, directed }) =>
          (to === root && !reached.includes(from)) || (from === root && !directed && !reached.includes(to)),
      )
    )
      return []
    const within = arrows.filter(({ from }) => reached.includes(from))
    const known = within.some(({ along }) => along)
    return reached.length >= LEAST_SERVICES || known ? [findingOf(scene, root, reached.sort(), within)] : []
  })
}

interface Arrow {
  readonly from: string
  readonly to: string
  readonly pair: Pair
  /** Whether the graph says the same. */
  readonly along: boolean
}

/** A pair as an arrow from cause to effect: as the graph has it, or as the lag has it. */
function arrowOf({ graph }: Scene, pair: Pair): Arrow[] {
  const { from, to, directed } = pair
  if (dependenciesOf(graph, to).includes(from)) return [{ from, to, pair, along: true }]
  if (dependenciesOf(graph, from).includes(to)) return [{ from: to, to: from, pair, along: true }]
  return directed && pair.coincidence.matched >= LEAST_OCCASIONS ? [{ from, to, pair, along: false }] : []
}

function reachedFrom(root: string, arrows: readonly Arrow[]): string[] {
  const reached = [root]
  for (const name of reached) {
    for (const { from, to } of arrows) if (from === name && !reached.includes(to)) reached.push(to)
  }
  return reached
}

function findingOf(scene: Scene, root: string, services: readonly string[], arrows: readonly Arrow[]): Finding {
  const others = services.filter((service) => service !== root)
  const chance = Math.max(...arrows.map(({ pair }) => pair.chance))
  const events = arrows
    .flatMap(({ pair }) => onsetsOf(pair))
    .sort(byTime)
    .filter(({ at, service }, i, all) => all[i - 1]?.at !== at || all[i - 1]?.service !== service)
  const interval = { from: events[0]!.at, to: events.at(-1)!.at }
  const occasions = Math.min(...arrows.map(({ pair }) => pair.coincidence.matched))
  // As strong as its weakest arrow: the share of occasions on which both of that pair failed.
  const shares = arrows.map(({ pair }) => shareOfBoth(pair.coincidence))
  return {
    pattern: 'cascade',
    services,
    root,
    strength: Math.min(...shares) * (1 - chance),
    severity: severityOf(services),
    lagMs: median(arrows.map(({ pair }) => pair.lagMs)),
    interval,
    evidence: evidenceOfOnsets(scene, services, interval, occasions, chance, events),
    recommendations: recommend.cascade(root, others, true),
  }
}
