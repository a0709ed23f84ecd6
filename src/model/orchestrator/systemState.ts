// How the system as a whole is: a health score from 0 to 1, and one of four states. Only what services suffer of themselves
// counts; what the orchestrator asks of them must not keep alive the state for which it asks.
import type { Directive } from '../signals.ts'
import { STATE_PATHS, type StatePath, stateOf } from '../states.ts'
import type { OrchestratorConfig, SystemState } from './config.ts'
import { isDown, type OrchestratorContext, RELEASED } from './context.ts'
import { standingOf } from './standing.ts'

type Places = OrchestratorConfig['places']

export interface SystemHealth {
  /** 0–1: the mean over the services that are called, critical ones counting twice. 1 for a board without such. */
  readonly score: number
  /** Those that let no calls pass, or only probes. */
  readonly open: number
  /** Of these, those that let probes pass. */
  readonly probing: number
  readonly degraded: number
  readonly criticalOpen: number
  /** Those in maintenance are not counted: it was planned. */
  readonly services: number
}

const LEVELS: ReadonlyMap<StatePath, number> = new Map([
  ['degraded.level1', 1],
  ['degraded.level2', 2],
  ['degraded.level3', 3],
])

/** What a service is worth where it stands; a level costs 0.2. Looked up for each at each move, hence prepared. */
const WORTH: ReadonlyMap<StatePath, number> = new Map(STATE_PATHS.map((path) => [path, worthOf(path)]))
const DOWN: ReadonlySet<StatePath> = new Set(STATE_PATHS.filter(isDown))

export function systemHealth({ config, services, force }: OrchestratorContext, at: number): SystemHealth {
  let weight = 0
  let sum = 0
  let open = 0
  let probing = 0
  let degraded = 0
  let criticalOpen = 0
  let counted = 0
  const critical = criticalOf(config?.places ?? {})
  for (const service of standingOf(services).all) {
    const { path, since, idle } = services[service]!
    if (path === 'maintenance') continue
    counted++
    const isCritical = critical.has(service)
    // Of one that nobody calls it is not known how it is.
    const share = idle ? 0 : isCritical ? 2 : 1
    weight += share
    const level = LEVELS.get(path)
    const isAsked = level !== undefined && level <= directedLevel(force[service], since, at)
    sum += share * (isAsked ? 1 : WORTH.get(path)!)
    if (level !== undefined && !isAsked) degraded++
    if (!DOWN.has(path)) continue
    open++
    if (path === 'halfOpen') probing++
    if (isCritical && !idle) criticalOpen++
  }
  return { score: weight === 0 ? 1 : sum / weight, open, probing, degraded, criticalOpen, services: counted }
}

/**
 * Emergency is entered below the floor or with so many critical services open, and left when health has returned, or when it is
 * looked at afresh after its time.
 */
export function systemStateAfter({ config, system }: OrchestratorContext, health: SystemHealth, at: number): SystemState {
  if (!config || health.services === 0) return 'healthy'
  const { healthFloor, healthReturn, criticalServices, emergencyReview } = config
  const afresh = system.state !== 'emergency' || at - system.since >= emergencyReview
  const score = Math.round(health.score * 1e9) / 1e9
  if (health.criticalOpen >= criticalServices || score < (afresh ? healthFloor : healthReturn)) return 'emergency'
  if (2 * health.open >= health.services) return 'critical'
  return health.open > 0 || 2 * health.degraded >= health.services ? 'degraded' : 'healthy'
}

/**
 * How much of a level is a directive's doing. That one lets go or has lapsed its breaker hears in a moment, or when the process
 * wakes, and until it has moved it counts.
 */
function directedLevel(directive: Directive | undefined, since: number, at: number): number {
  if (!directive) return 0
  const { level, admissionRatio, rule, expiresAt } = directive
  if (rule === RELEASED) return expiresAt === at ? 3 : 0
  if (expiresAt <= at && since >= expiresAt) return 0
  return Math.max(level, admissionRatio < 1 ? 1 : 0)
}

function worthOf(path: StatePath): number {
  if (path === 'rateLimited.exhausted' || path === 'budgetLimited.blocked') return 0.2
  switch (stateOf(path)) {
    case 'closed':
      return 1
    case 'degraded':
      return 1 - 0.2 * (LEVELS.get(path) ?? 0)
    case 'rateLimited':
    case 'budgetLimited':
      return 0.7
    case 'halfOpen':
      return 0.3
    default:
      return 0
  }
}

const criticals = new WeakMap<Places, ReadonlySet<string>>()

/** A configuration does not change, and is asked at every move. */
function criticalOf(places: Places): ReadonlySet<string> {
  const known = criticals.get(places)
  if (known) return known
  const critical = new Set(Object.keys(places).filter((service) => places[service]?.critical))
  criticals.set(places, critical)
  return critical
}
