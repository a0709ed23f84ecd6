// Which node probes for the fleet. One at a time, so that a service which comes back is not knocked over by all of them; and each in
// its turn, so that it does not hang on one that has no calls or is sick itself. Used by the leader.
import type { StatePath } from '../states.ts'

export interface Candidate {
  readonly node: string
  /** Of its own breaker. */
  readonly path: StatePath | undefined
  /** Heard of recently. */
  readonly live: boolean
  /** It has tried to call lately: it would have something to probe with. */
  readonly asks: boolean
  /** In the last minute; who has most finds out soonest. */
  readonly calls: number
  /** When it was last chosen in this outage, epoch ms; undefined: not yet. */
  readonly chosenAt: number | undefined
}

/**
 * It stays `current` until its turn is over, or it is gone, or back. While it cools after a probe that failed it stays the one, so
 * that the service is not asked more often than its wait allows. Then it is the turn of one that has calls to make, of these one that
 * has had none, or not for the longest time.
 */
export function chooseProber(candidates: readonly Candidate[], current: string | undefined, isOver: boolean): string | undefined {
  const isReady = ({ live, path }: Candidate): boolean => live && (path === 'open.awaitingPermit' || path === 'halfOpen')
  const mine = candidates.find(({ node }) => node === current)
  const stays = mine?.live === true && (isReady(mine) || mine.path === 'open.cooling')
  if (stays && !isOver) return current
  const best = candidates.filter((one) => isReady(one) && one.node !== current).reduce<Candidate | undefined>(better, undefined)
  // Nobody else can, or nobody else would have anything to probe with.
  return stays && (!best || (mine.asks && !best.asks)) ? current : best?.node
}

function better(one: Candidate | undefined, other: Candidate): Candidate {
  if (!one) return other
  if (one.asks !== other.asks) return other.asks ? other : one
  const [chosen, chosenOther] = [one.chosenAt ?? 0, other.chosenAt ?? 0]
  if (chosen !== chosenOther) return chosenOther < chosen ? other : one
  if (one.calls !== other.calls) return other.calls > one.calls ? other : one
  return other.node < one.node ? other : one
}
