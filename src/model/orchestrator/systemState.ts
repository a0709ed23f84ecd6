// How the system as a whole is: a health score from 0 to 1, and one of four states. Only what services suffer of themselves
// counts; what the orchestrator asks of them must not keep alive the state for which it asks.
import type { Directive } from '../signals.ts'
import type { StatePath } from '../states.ts'
import type { SystemState } from './config.ts'
import { isDown, type OrchestratorContext, RELEASED } from './context.ts'
import { standingOf } from './standing.ts'

export interface SystemHealth {
  /** 0–1: the mean over the services, critical ones counting twice. 1 for a board without services. */
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

/** What a service is worth where it stands; a level costs 0.2. */
const WORTH: Readonly<Record<StatePath, number>> = {
  'closed.watching': 1,
  'closed.ramping': 1,
  'closed.bypassed': 1,
  'degraded.level1': 1 - 0.2 * 1,
  'degraded.level2': 1 - 0.2 * 2,
  'degraded.level3': 1 - 0.2 * 3,
  'rateLimited.paced': 0.7,
  'rateLimited.exhausted': 0.2,
  'budgetLimited.throttled': 0.7,
  'budgetLimited.blocked': 0.2,
  halfOpen: 0.3,
  'open.cooling': 0,
  'open.awaitingPermit': 0,
  'open.forced': 0,
  maintenance: 0,
}

const LEVELS: Readonly<Partial<Record<StatePath, number>>> = { 'degraded.level1': 1, 'degraded.level2': 2, 'degraded.level3': 3 }

export function systemHealth({ config, services, force }: OrchestratorContext, at: number): SystemHealth {
  let weight = 0
  let sum = 0
  let open = 0
  let probing = 0
  let degraded = 0
  let criticalOpen = 0
  let counted = 0
  for (const service of standingOf(services).all) {
    const { path } = services[service]!
    if (path === 'maintenance') continue
    counted++
    const isCritical = config?.places[service]?.critical === true
    const level = LEVELS[path]
    const isAsked = level !== undefined && level <= directedLevel(force[service], at)
    const worth = isAsked ? 1 : WORTH[path]
    if (isDown(path)) {
      open++
      if (path === 'halfOpen') probing++
      if (isCritical) criticalOpen++
    } else if (level !== undefined && !isAsked) degraded++
    const share = isCritical ? 2 : 1
    weight += share
    sum += share * worth
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

/** How much of a level is a directive's doing. One that lets go is heard by its breaker in a moment, and counts until then. */
function directedLevel(directive: Directive | undefined, at: number): number {
  if (!directive || directive.expiresAt < at) return 0
  if (directive.expiresAt === at) return directive.rule === RELEASED ? 3 : 0
  return Math.max(directive.level, directive.admissionRatio < 1 ? 1 : 0)
}
