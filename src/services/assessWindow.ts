// The verdict that needs no knowledge of the service: what its last calls say by themselves.
import type { WindowStats } from '../model/stats.ts'
import type { HealthVerdict } from './serviceProfile.ts'

/** So many failures in a row are an outage, whatever came before them. */
const AN_OUTAGE = 3

/**
 * Well is a service of which most calls still succeed and that is not failing without a break: slow, or failing now and
 * then. One that nothing is known of is sick, as it has tripped.
 */
export function assessWindow(stats: WindowStats): HealthVerdict {
  const mostSucceed = stats.failures * 2 < stats.calls
  return mostSucceed && stats.consecutiveFailures < AN_OUTAGE ? 'healthy' : 'sick'
}
