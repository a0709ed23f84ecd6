// The policy of the fleet's breaker for a service, from that of the service. Used by the leader.
import type { BreakerPolicy } from '../policy.ts'

/**
 * What goes by the order of calls has no meaning where several nodes' calls come in as they please: streaks count only where a
 * single node calls the service. Summaries have means only, so percentiles of latency and calls in flight are for the nodes.
 */
export function fleetPolicy(policy: BreakerPolicy, single: boolean): BreakerPolicy {
  const { trip, degrade } = policy
  return {
    ...policy,
    trip: {
      ...trip,
      stalledCalls: false,
      ...(single ? undefined : { consecutiveFailures: false, consecutiveTimeouts: false }),
    },
    degrade: degrade && { ...degrade, p95Ratio: false, ...(single ? undefined : { consecutiveFailures: false }) },
  }
}
