// Which node probes for the fleet. One at a time, so that a service which comes back is not knocked over by all of them. Used by the
// leader.
import type { StatePath } from '../states.ts'

export interface Candidate {
  readonly node: string
  /** Of its own breaker. */
  readonly path: StatePath | undefined
  /** Heard of recently. */
  readonly live: boolean
  /** In the last minute; who has most finds out soonest. */
  readonly calls: number
}

export interface Probing {
  readonly node: string
  /** When it was chosen or last answered, epoch ms. */
  readonly since: number
}

/**
 * Its turn is over when it has not answered for `lease` ms, or is gone, or back. While it cools after a probe that failed it stays
 * the one, so that the service is not asked more often than its wait allows.
 */
export function chooseProber(
  candidates: readonly Candidate[],
  current: Probing | undefined,
  lease: number,
  at: number,
): Probing | undefined {
  const isReady = ({ live, path }: Candidate): boolean => live && (path === 'open.awaitingPermit' || path === 'halfOpen')
  const mine = current && candidates.find(({ node }) => node === current.node)
  const stays = mine?.live === true && (isReady(mine) || mine.path === 'open.cooling')
  if (current && stays && at - current.since < lease) return current
  const best = candidates
    .filter((one) => isReady(one) && one.node !== current?.node)
    .reduce<Candidate | undefined>(better, undefined)
  if (best) return { node: best.node, since: at }
  // Nobody else can.
  return current && stays ? { node: current.node, since: at } : undefined
}

function better(one: Candidate | undefined, other: Candidate): Candidate {
  if (!one || other.calls > one.calls) return other
  return other.calls === one.calls && other.node < one.node ? other : one
}
