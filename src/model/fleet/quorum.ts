// When the fleet believes its nodes: how many must be open for the fleet to trip, and how many must fail for a node's failures to
// count as the service's. One sick node must never trip the fleet. Used by the leader.

/** The share of the nodes that call a service whose breakers must be open for the fleet's to open. */
export const DEFAULT_QUORUM = 0.5

/** Fewer failures than this within a minute say nothing of a node. */
const LEAST_FAILURES = 3

/** What was counted over the last minute. */
export interface Counted {
  readonly calls: number
  readonly failures: number
}

/** `max(2, ⌈quorum × active⌉)`: one node alone is never a quorum. */
export function quorumSize(active: number, quorum: number): number {
  // 0.1 × 30 is a little more than 3.
  return Math.max(2, Math.ceil(quorum * active - 1e-9))
}

/** `active`: nodes that call the service; `open`: those of them whose breakers have opened by themselves. */
export function meetsQuorum(open: number, active: number, quorum: number): boolean {
  return open >= quorumSize(active, quorum)
}

/** Does a node see the service fail? At least three failures in the last minute, and `failures / calls >= threshold`. */
export function isFailing({ calls, failures }: Counted, threshold: number): boolean {
  return failures >= LEAST_FAILURES && failures / calls >= threshold
}

/** Do a node's failures count as the service's? Where it is the only node that calls it, or a quorum of nodes see it fail. */
export function isCorroborated(active: number, failing: number, quorum: number): boolean {
  return active <= 1 || failing >= quorumSize(active, quorum)
}
