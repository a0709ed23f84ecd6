// Everybody who takes part in the report: ours first, then each peer as its README shows it and in its tuned forms.
import { readFileSync } from 'node:fs'
import type { Contender } from './contender.ts'
import { switchgear } from './ours.ts'
import { cockatiel, opossum } from './peers.ts'
import type { TunedPeers } from './tune.ts'

/** From the compiled file, out/bench/decisions, to the one in the sources. */
export const TUNED = new URL('../../../bench/decisions/tuned.json', import.meta.url)

export function entrants(): Contender[] {
  const tuned = JSON.parse(readFileSync(TUNED, 'utf8')) as TunedPeers
  return [
    switchgear(),
    cockatiel({ rule: { type: 'consecutive', failures: 5 }, halfOpenAfter: 10_000 }, 'README'),
    cockatiel({ rule: { type: 'consecutive', failures: 5 }, halfOpenAfter: {} }, 'README, with backoff'),
    cockatiel({ rule: { type: 'count', threshold: 0.2, size: 100 }, halfOpenAfter: 10_000 }, 'README'),
    cockatiel({ rule: { type: 'sampling', threshold: 0.2, duration: 30_000 }, halfOpenAfter: 10_000 }, 'README'),
    opossum({ errorThresholdPercentage: 50, resetTimeout: 30_000 }, 'README'),
    ...(['consecutive', 'count', 'sampling'] as const).flatMap((rule) => [
      cockatiel(tuned[rule].total, 'tuned for the sum'),
      cockatiel(tuned[rule].perThousand, 'tuned per 1000 calls'),
    ]),
    opossum(tuned.opossum.total, 'tuned for the sum'),
    opossum(tuned.opossum.perThousand, 'tuned per 1000 calls'),
  ]
}
