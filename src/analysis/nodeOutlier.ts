// Node outlier: one node of a fleet alone sees a service fail, so the fault is likely the node's, and the fleet must not trip for it.
import { binomialTail, corrected } from './chance.ts'

export interface NodeCounts {
  readonly calls: number
  readonly failures: number
}

export interface OutlierVerdict {
  readonly strength: number
  readonly chance: number
}

const LEAST_FAILURES = 5
/** Of a node whose own breaker has opened: that had its reasons. */
const LEAST_IF_OPEN = 3
/** With fewer calls the other nodes say nothing. */
const LEAST_OTHERS = 20
const MOST_CHANCE = 0.01

/**
 * Is `node` alone with its failures? Of its `n` calls of the last minute `x` failed, of the `N` of all others `X`. Its rate `r` is
 * `x/n`, or 1 while its own breaker is open, as that keeps further failures away. It must be `threshold` or more, that of the others
 * at most a quarter of it, and the chance of `x` or more among `n` at the others' rate, `(X + 0.5) / (N + 1)`, at most 0.01 after
 * correction for `tests` pairs of node and service looked at. Strength: `(r − X/N) × (1 − chance)`.
 */
export function nodeOutlier(
  node: NodeCounts & { readonly isOpen: boolean },
  others: NodeCounts,
  threshold: number,
  tests: number,
): OutlierVerdict | undefined {
  const { calls, failures, isOpen } = node
  if (failures < (isOpen ? LEAST_IF_OPEN : LEAST_FAILURES) || others.calls < LEAST_OTHERS) return undefined
  const rate = isOpen ? 1 : failures / calls
  const rest = others.failures / others.calls
  if (rate < threshold || rest > rate / 4) return undefined
  const chance = corrected(binomialTail(calls, failures, (others.failures + 0.5) / (others.calls + 1)), tests)
  return chance > MOST_CHANCE ? undefined : { strength: (rate - rest) * (1 - chance), chance }
}
