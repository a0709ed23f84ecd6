// What the orchestrator tells people: how the system as a whole is, what is at the root, what was found. Each once in its
// cooldown, however often it comes and goes; but what was told as mere news is told again when it is more than that.
import type { Finding } from '../findings.ts'
import type { AlertLevel, AlertRecord } from '../records.ts'
import type { SystemState } from './config.ts'
import { isDown, type OrchestratorContext } from './context.ts'
import { dependentsOf } from './graph.ts'
import { coordinates } from './recovery.ts'
import type { SystemHealth } from './systemState.ts'
import { listed } from './wishes.ts'

/** Alerts of what concerns the whole board are told of this "service". */
export const EVERYWHERE = '*' as const

/** An alert that is not told yet. */
export interface Raised extends Pick<AlertRecord, 'service' | 'level' | 'code' | 'message'> {
  /** What tells it from others of its code and service. */
  readonly about?: string
}

/** Alerts that are remembered for their cooldown: the last. */
const MOST_REMEMBERED = 1000
/** Names that tell one finding from another; the rest is told by their number. */
const NAMES_TO_TELL = 8

type Ill = Exclude<SystemState, 'healthy'>

const LEVELS: Readonly<Record<Ill, AlertLevel>> = {
  degraded: 'warning',
  critical: 'error',
  emergency: 'critical',
}

const WORDS: Readonly<Record<Ill, string>> = {
  degraded: 'degraded',
  critical: 'critical',
  emergency: 'in an emergency',
}

/** Those of `raised` that were not raised in the cooldown before `at`, and when each was last. */
export function afterCooldown(
  { config, alerted }: OrchestratorContext,
  raised: readonly Raised[],
  at: number,
): { readonly alerts: AlertRecord[]; readonly alerted: OrchestratorContext['alerted'] } {
  if (raised.length === 0) return { alerts: [], alerted }
  const cooldown = config?.alertCooldown ?? 0
  const recent = Object.entries(alerted).filter(([, last]) => at - last < cooldown)
  const next = Object.fromEntries(recent.slice(-MOST_REMEMBERED))
  const alerts: AlertRecord[] = []
  for (const { about, ...alert } of raised) {
    const key = `${alert.code}:${alert.service}${about === undefined ? '' : `:${about}`}`
    const { level } = alert
    // What was told as something less silences nothing that is graver.
    const keys = level === 'info' ? [key, `${key}:warning`, `${key}:info`] : level === 'warning' ? [key, `${key}:warning`] : [key]
    if (keys.some((told) => next[told] !== undefined)) continue
    next[keys.at(-1)!] = at
    alerts.push({ type: 'alert', at, by: 'orchestrator', ...alert })
  }
  return { alerts, alerted: next }
}

/** Of a change of the system's state, or an emergency that was looked at again. A board of one service has no system. */
export function systemAlerts(context: OrchestratorContext, to: SystemState, health: SystemHealth): Raised[] {
  if (!coordinates(context)) return []
  if (to === 'healthy') {
    return [{ service: EVERYWHERE, level: 'info', code: 'system_recovered', message: 'the system is well again' }]
  }
  const { score, open, probing, services } = health
  const from = context.system.state
  // Half of the services open is nothing to be glad of, whatever was before; degraded may be.
  const isBetter = to === 'degraded' && from !== 'healthy'
  const how = isBetter ? `degraded and no longer ${WORDS[from]}` : WORDS[to]
  const counted = `${open} of ${services} services open${probing > 0 ? ' or recovering' : ''}`
  const message = `the system is ${how}: ${counted}, health ${score.toFixed(2)}`
  return [{ service: EVERYWHERE, level: isBetter ? 'info' : LEVELS[to], code: `system_${to}`, message }]
}

/** Services that others depend on and that are at the bottom of it. */
export function rootAlerts(context: OrchestratorContext, fresh: readonly string[]): Raised[] {
  return fresh.map((root) => {
    const dependents = dependentsOf(context.config?.places ?? {}, root)
    const path = context.services[root]?.path ?? 'closed.watching'
    const isPlanned = path === 'maintenance'
    const how = isPlanned ? 'in maintenance' : isDown(path) ? 'down' : 'used up'
    const message = `${root} is ${how}, and ${listed(dependents)} ${dependents.length === 1 ? 'depends' : 'depend'} on it`
    return { service: root, level: isPlanned ? 'info' : 'error', code: 'root_cause', message }
  })
}

/** Another cause, or the same of other services, is another alert. */
export function findingAlert(finding: Finding): Raised {
  const { pattern, services, serviceCount, root, node, severity, failureType, recommendations } = finding
  const where = root ?? (services.length === 1 ? services[0]! : EVERYWHERE)
  const from = root ?? node
  const message = `${pattern} among ${listed(services)}${from === undefined ? '' : `, from ${from}`}: ${recommendations[0] ?? ''}`
  const many = serviceCount ?? services.length
  const about = [
    failureType ?? node ?? '',
    ...services.slice(0, NAMES_TO_TELL),
    ...(many > NAMES_TO_TELL ? [`${many}`] : []),
  ].join(',')
  return { service: where, level: severity === 'high' ? 'error' : 'warning', code: pattern, message, about }
}
