// Tunes the peers: a grid over their own options, on seeds that the report does not use. Every candidate runs on one seed, the
// best of each family on all of them. Writes tuned.json; run by `npm run bench:decisions -- --tune`.
import { writeFileSync } from 'node:fs'
import type { Contender } from './contender.ts'
import { type CockatielOptions, cockatiel, type OpossumOptions, opossum } from './peers.ts'
import { type Standings, standingsOf } from './standings.ts'

/** The seeds that policies and peers may be tuned on. */
export const TUNING_SEEDS = [101, 102, 103, 104]

/** Best by plain sum of regret, and best by regret per thousand calls: a peer is entered in both forms. */
const MEASURES = { total: (s: Standings) => s.total, perThousand: (s: Standings) => s.perThousand } as const
export type Measure = keyof typeof MEASURES

export interface TunedPeers {
  readonly consecutive: Readonly<Record<Measure, CockatielOptions>>
  readonly count: Readonly<Record<Measure, CockatielOptions>>
  readonly sampling: Readonly<Record<Measure, CockatielOptions>>
  readonly opossum: Readonly<Record<Measure, OpossumOptions>>
}

const BACKOFFS: readonly CockatielOptions['halfOpenAfter'][] = [
  200,
  500,
  1000,
  2000,
  4000,
  {},
  { initialDelay: 250, maxDelay: 2_000 },
  { initialDelay: 500, maxDelay: 5_000 },
  { initialDelay: 1000, maxDelay: 15_000 },
]

function consecutiveGrid(): CockatielOptions[] {
  return [3, 4, 5, 6, 8, 10, 14].flatMap((failures) =>
    BACKOFFS.map((halfOpenAfter) => ({ rule: { type: 'consecutive' as const, failures }, halfOpenAfter })),
  )
}

function countGrid(): CockatielOptions[] {
  const sizes = [
    { size: 10, minimumNumberOfCalls: 5 },
    { size: 10, minimumNumberOfCalls: 10 },
    { size: 20, minimumNumberOfCalls: 8 },
    { size: 50, minimumNumberOfCalls: 10 },
  ]
  return [0.5, 0.6, 0.7, 0.8].flatMap((threshold) =>
    sizes.flatMap((size) =>
      BACKOFFS.slice(1, 8).map((halfOpenAfter) => ({ rule: { type: 'count' as const, threshold, ...size }, halfOpenAfter })),
    ),
  )
}

function samplingGrid(): CockatielOptions[] {
  return [0.5, 0.6, 0.7].flatMap((threshold) =>
    [2_500, 5_000, 10_000].flatMap((duration) =>
      [0.2, 0.5, 1].flatMap((minimumRps) =>
        [500, 1000, 2000, { initialDelay: 500, maxDelay: 5_000 }].map((halfOpenAfter) => ({
          rule: { type: 'sampling' as const, threshold, duration, minimumRps },
          halfOpenAfter,
        })),
      ),
    ),
  )
}

function opossumGrid(): OpossumOptions[] {
  return [50, 60, 70].flatMap((errorThresholdPercentage) =>
    [3, 5, 10, 20].flatMap((volumeThreshold) =>
      [2_500, 5_000, 10_000].flatMap((rollingCountTimeout) =>
        [200, 500, 1000, 2000].map((resetTimeout) => ({
          errorThresholdPercentage,
          volumeThreshold,
          resetTimeout,
          rollingCountTimeout,
        })),
      ),
    ),
  )
}

async function best<Options>(name: string, grid: readonly Options[], enter: (options: Options, form: string) => Contender) {
  const trials: { options: Options; standings: Standings }[] = []
  for (const options of grid) trials.push({ options, standings: await standingsOf(enter(options, ''), TUNING_SEEDS.slice(0, 1)) })
  const chosen: Partial<Record<Measure, Options>> = {}
  for (const measure of Object.keys(MEASURES) as Measure[]) {
    const value = MEASURES[measure]
    const finalists = trials.toSorted((a, b) => value(a.standings) - value(b.standings)).slice(0, 8)
    let least = Number.POSITIVE_INFINITY
    for (const { options } of finalists) {
      const standings = await standingsOf(enter(options, ''), TUNING_SEEDS)
      if (value(standings) >= least) continue
      least = value(standings)
      chosen[measure] = options
    }
    console.log(`${name}, ${measure}: ${least.toFixed(1)} with ${JSON.stringify(chosen[measure])} (of ${grid.length})`)
  }
  return chosen as Record<Measure, Options>
}

export async function tune(file: URL): Promise<void> {
  const tuned: TunedPeers = {
    consecutive: await best('cockatiel consecutive', consecutiveGrid(), cockatiel),
    count: await best('cockatiel count', countGrid(), cockatiel),
    sampling: await best('cockatiel sampling', samplingGrid(), cockatiel),
    opossum: await best('opossum', opossumGrid(), opossum),
  }
  writeFileSync(file, `${JSON.stringify(tuned, undefined, 2)}\n`)
}
