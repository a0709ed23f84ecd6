// The six patterns together: asks each, and leaves out what another finding explains better. Called by the correlator on
// every tick; pure but for the history's own bookkeeping, so the same outcomes always bring the same findings.
import type { Finding } from '../model/findings.ts'
import type { Dependencies } from '../model/orchestrator/graph.ts'
import { bursts } from './burst.ts'
import { cascades } from './cascade.ts'
import { commonCauses } from './commonCause.ts'
import type { FailureHistory } from './failureHistory.ts'
import { learnedCascades } from './learnedCascade.ts'
import { recurring } from './recurring.ts'
import { sceneOf } from './scene.ts'
import { systemWide } from './systemWide.ts'
import { correlatedPairs, pairFinding, strengthOf } from './temporalCorrelation.ts'

/** So many pairs are reported at most, the strongest: of n services that fail together there are n(n-1)/2. */
const MOST_PAIRS = 32

/** What stands at `at` (epoch ms), the widest first. A finding stands as long as its evidence does: docs/correlation.md. */
export function findCorrelations(history: FailureHistory, graph: Dependencies, at: number): Finding[] {
  const scene = sceneOf(history, graph, at)
  const followed = cascades(scene)
  // A group that one cascade covers is explained by it; a cascade within a group that it does not cover has no cause of its own.
  const explaining = commonCauses(scene).filter(({ finding }) => !followed.some((cascade) => covers(cascade.finding, finding)))
  const causes = explaining.filter(({ fresh }) => fresh).map(({ finding }) => finding)
  const graphCascades = followed
    .filter(({ waits }) => !waits)
    .map(({ finding }) => finding)
    .filter((cascade) => !explaining.some((cause) => covers(cause.finding, cascade)))
  const pairs = correlatedPairs(scene)
  const learned = learnedCascades(scene, pairs).filter((cascade) => !graphCascades.some((other) => covers(other, cascade)))
  const wide = [...systemWide(scene), ...causes, ...graphCascades, ...learned]
  const explained = [...causes, ...graphCascades, ...learned]
  const alone = pairs
    .filter(
      ({ from, to, certain }) => certain && !explained.some(({ services }) => services.includes(from) && services.includes(to)),
    )
    .sort((a, b) => strengthOf(b) - strengthOf(a))
    .slice(0, MOST_PAIRS)
    .map((pair) => pairFinding(scene, pair))
  const rhythms = recurring(scene)
  const others = [...wide, ...alone, ...rhythms]
  return [...others, ...bursts(scene, new Set(others.flatMap(({ services }) => services)))]
}

/** Whether every service of `one` is among those of `other`; both are sorted. */
function covers(other: Finding, one: Finding): boolean {
  if (one.services.length > other.services.length) return false
  let next = 0
  for (const service of other.services) if (service === one.services[next]) next++
  return next === one.services.length
}
