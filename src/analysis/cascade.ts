// Cascade: a service fails and those that depend on it fail in its wake, along the dependency graph. Names the root: the one
// on which all others depend and on which none of them is to blame. What is learned without a graph is in learnedCascade.ts.
import type { Finding } from '../model/findings.ts'
import { beneath } from '../model/orchestrator/graph.ts'
import { median } from './averages.ts'
import { atLeastOne } from './chance.ts'
import { startingTogether } from './commonCause.ts'
import { type Episode, prevailing } from './episodes.ts'
import { recommend } from './recommendations.ts'
import { evidence, FIVE_MINUTES_MS, inHour, intervalOf, lastBegun, REACH_MS, type Scene, severityOf } from './scene.ts'

/** A dependent follows within this for each step in the graph, ms: longer, and it is hardly the same story. */
const LAG_A_STEP_MS = 60_000
/** What may be seen in the wrong order, as seconds are what is counted, ms. */
const DISORDER_MS = 1000
const MOST_CHANCE = 0.05
/** What starts together and fails alike may have a common cause that others are yet to show: it is waited for, ms. */
const WAIT_MS = 40_000

interface Step {
  readonly parent: string
  readonly lagMs: number
  /** The chance that the dependent fails by itself within the lag. */
  readonly chance: number
}

export interface Followed {
  readonly finding: Finding
  /** Whether it may yet turn out that its services have a common cause. */
  readonly waits: boolean
}

export function cascades(scene: Scene): Followed[] {
  const recent = new Map<string, Episode>()
  for (const service of scene.services) {
    const episode = lastBegun(service, scene.at, REACH_MS)
    if (episode) recent.set(service.service, episode)
  }
  const steps = new Map<string, Step>()
  for (const [service, episode] of recent) {
    const step = bestStep(scene, service, episode, recent)
    if (step) steps.set(service, step)
  }
  const trees = new Map<string, string[]>()
  const roots = new Map<string, string>()
  for (const service of steps.keys()) {
    const root = rootOf(service, steps, roots)
    const tree = trees.get(root)
    if (tree) tree.push(service)
    else trees.set(root, [root, service])
  }
  return [...trees]
    .filter(([, members]) => members.some((name) => recent.get(name)!.from >= scene.at - FIVE_MINUTES_MS))
    .map(([root, members]) => ({
      finding: findingOf(scene, root, members.sort(), steps, recent),
      waits: members.some((name) => name !== root && mayBeCommon(scene.at, recent.get(name)!, recent.get(root)!)),
    }))
}

/**
 * The nearest dependency that began to fail before the service did and late enough to be the reason. A rejected credential is
 * a service's own, whatever it depends on.
 */
function bestStep(scene: Scene, service: string, episode: Episode, recent: ReadonlyMap<string, Episode>): Step | undefined {
  const { names, steps } = beneath(scene.graph, service)
  if (names.length === 0 || prevailing(episode).type === 'authentication') return undefined
  const own = scene.history.service(service)
  const others = own ? inHour(own, scene.at).length - 1 : 0
  let best: (Step & { readonly away: number }) | undefined
  for (const [i, parent] of names.entries()) {
    const away = steps[i]!
    if (best && away > best.away) break
    const above = recent.get(parent)
    if (!above) continue
    const lag = episode.from - above.from
    if (lag < -DISORDER_MS - above.slackMs || lag > LAG_A_STEP_MS * away + episode.slackMs) continue
    const span = Math.max(lag, 0) + DISORDER_MS + above.slackMs
    const chance = atLeastOne((others + 0.5) / scene.watchedMs, span)
    if (chance > MOST_CHANCE) continue
    if (!best || chance < best.chance) best = { parent, away, chance, lagMs: Math.max(0, lag) }
  }
  return best
}

/** Whether two episodes may yet turn out to be of one cause. */
function mayBeCommon(at: number, episode: Episode, above: Episode): boolean {
  if (at - episode.from >= WAIT_MS || prevailing(episode).type !== prevailing(above).type) return false
  return startingTogether([episode, above]).length === 2
}

/** Notes in `roots` the root of all on the way, so that a long chain is walked once. */
function rootOf(service: string, steps: ReadonlyMap<string, Step>, roots: Map<string, string>): string {
  const way = new Set<string>()
  let name = service
  for (let step = steps.get(name); step && !way.has(name) && !roots.has(name); step = steps.get(name)) {
    way.add(name)
    name = step.parent
  }
  const root = roots.get(name) ?? name
  for (const passed of way) roots.set(passed, root)
  return root
}

function findingOf(
  scene: Scene,
  root: string,
  services: readonly string[],
  steps: ReadonlyMap<string, Step>,
  recent: ReadonlyMap<string, Episode>,
): Finding {
  const taken = services.flatMap((service) => (service === root ? [] : (steps.get(service) ?? [])))
  // That each of the dependents failed by itself, and independently.
  const chance = taken.reduce((product, step) => product * step.chance, 1)
  const episodes = services.flatMap((service) => recent.get(service) ?? [])
  const interval = intervalOf(episodes)
  const others = services.filter((service) => service !== root)
  return {
    pattern: 'cascade',
    services,
    root,
    strength: 1 - chance,
    severity: severityOf(services),
    lagMs: median(taken.map((step) => step.lagMs)),
    failureType: prevailing(recent.get(root)!).type,
    interval,
    evidence: evidence(scene, services, interval, services.length, chance),
    recommendations: recommend.cascade(root, others, false),
  }
}
