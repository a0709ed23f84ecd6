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

/** Its turn is over when it has not answered for `lease` ms, or is gone, or back, or cools again while others are ready. */
export function chooseProber(
  candidates: readonly Candidate[],
  current: Probing | undefined,
  lease: number,
  at: number,
): Probing | undefined {
  const ready = candidates.filter(({ live, path }) => live && (path === 'open.awaitingPermit' || path === 'halfOpen'))
  const mine = current && candidates.find(({ node }) => node === current.node)
  const others = ready.filter(({ node }) => node !== current?.node)
  const best = others.reduce<Candidate | undefined>(better, undefined)
  const next = best && { node: best.node, since: at }
  if (!current || !mine?.live) return next
  const isReady = ready.includes(mine)
  const overdue = at - current.since >= lease
  if (isReady) return overdue ? (next ?? { node: current.node, since: at }) : current
  // Cooling after its probe failed: the same one may try again if nobody else can.
  return next ?? (mine.path === 'open.cooling' && !overdue ? current : undefined)
}

function better(one: Candidate | undefined, other: Candidate): Candidate {
  if (!one || other.calls > one.calls) return other
  return other.calls === one.calls && other.node < one.node ? other : one
}
