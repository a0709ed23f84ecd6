// Writes the standings for people (Markdown) and for programs (JSON).
import { mkdirSync, writeFileSync } from 'node:fs'
import { machine } from '../machine.ts'
import type { Contender } from './contender.ts'
import { TRACE_KINDS, TRACE_MS, type TraceKind } from './incidents.ts'
import { type KindStanding, mean, type Standings } from './standings.ts'
import { RATES } from './traces.ts'

export interface Entry {
  readonly contender: Contender
  readonly standings: Standings
}

/** Below this many calls a trace, regret is not told apart from none: a ratio of two such numbers would say nothing. */
const NEGLIGIBLE = 1

export interface Headline {
  /** Ours as a share of the best peer form's: of the plain sum, and per 1000 calls. */
  readonly total: number
  readonly perThousand: number
  /** The mean over the kinds of our regret as a share of that of the peer form with the least sum. */
  readonly meanOfKinds: number
  /** The kinds in which some peer form had less regret than we had, with both numbers. */
  readonly beatenIn: readonly { readonly kind: TraceKind; readonly ours: number; readonly best: number; readonly by: string }[]
}

/** Writes decisions.json and decisions.md into `folder`; returns the Markdown. */
export function writeReport(entries: readonly Entry[], seeds: readonly number[], folder: URL): string {
  const head = headline(entries)
  const context = {
    ...machine(['switchgear', 'cockatiel', 'opossum']),
    command: 'npm run bench:decisions',
    seeds,
    rates: RATES,
    traceSeconds: TRACE_MS / 1000,
  }
  const breakers = entries.map(({ contender: { library, form }, standings }) => ({ library, form, ...standings }))
  const markdown = [
    '# Decisions: which breaker errs least',
    '',
    `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}, ${versions(context.versions)}.`,
    `Traces of ${context.traceSeconds} s, ${RATES.join(', ')} calls/s, seeds ${seeds[0]}–${seeds.at(-1)}; \`${context.command}\`.`,
    'How it works: [docs/decisions-bench.md](../../docs/decisions-bench.md).',
    '',
    ...headlineLines(head, entries),
    '',
    '## Regret a trace (calls handled worse than by the omniscient breaker; mean)',
    '',
    ...table(entries, (one) => one.regret.toFixed(1), [
      ['sum', (entry) => entry.standings.total.toFixed(0)],
      ['per 1000 calls', (entry) => entry.standings.perThousand.toFixed(1)],
    ]),
    '',
    '## Regret per 1000 calls',
    '',
    ...table(entries, (one) => one.regretPerThousand.toFixed(1)),
    '',
    '## Failures let through + good calls refused, a trace (mean)',
    '',
    ...table(entries, (one) => `${one.failuresLetThrough.toFixed(0)} + ${one.goodCallsRefused.toFixed(0)}`),
    '',
    '## Detection, then recovery time (median, s)',
    '',
    ...table(entries, (one) => `${seconds(one.detectionMs)}, ${seconds(one.recoveryMs)}`),
    '',
    '## False trips (in all traces of the kind)',
    '',
    ...table(entries, (one) => String(one.falseTrips)),
    '',
  ].join('\n')
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL('decisions.json', folder), `${JSON.stringify({ ...context, headline: head, breakers }, undefined, 1)}\n`)
  writeFileSync(new URL('decisions.md', folder), markdown)
  return markdown
}

export function headline([ours, ...peers]: readonly Entry[]): Headline {
  if (!ours || peers.length === 0) throw new Error('a headline needs us and at least one peer')
  const bestBySum = least(peers, (entry) => entry.standings.total)
  const bestPerThousand = least(peers, (entry) => entry.standings.perThousand)
  const beatenIn = TRACE_KINDS.flatMap((kind) => {
    const best = least(peers, (entry) => entry.standings.kinds[kind].regret)
    const numbers = { ours: ours.standings.kinds[kind].regret, best: best.standings.kinds[kind].regret }
    return numbers.ours > numbers.best ? [{ kind, ...numbers, by: nameOf(best) }] : []
  })
  const ratios = TRACE_KINDS.flatMap((kind) => {
    const peer = bestBySum.standings.kinds[kind].regret
    return peer < NEGLIGIBLE ? [] : [ours.standings.kinds[kind].regret / peer]
  })
  return {
    total: ours.standings.total / bestBySum.standings.total,
    perThousand: ours.standings.perThousand / bestPerThousand.standings.perThousand,
    meanOfKinds: mean(ratios),
    beatenIn,
  }
}

function headlineLines({ total, perThousand, meanOfKinds, beatenIn }: Headline, [, ...peers]: readonly Entry[]): string[] {
  const bySum = nameOf(least(peers, (entry) => entry.standings.total))
  const byThousand = nameOf(least(peers, (entry) => entry.standings.perThousand))
  return [
    `- Regret in all: **${total.toFixed(2)}** of the best peer's (${bySum}).`,
    `- Regret per 1000 calls: **${perThousand.toFixed(2)}** of the best peer's (${byThousand}).`,
    `- Mean over the kinds of our share of the best peer's: **${meanOfKinds.toFixed(2)}** (${bySum}).`,
    ...(beatenIn.length === 0
      ? ['- In no kind above the best peer of that kind.']
      : beatenIn.map(
          ({ kind, ours, best, by }) => `- Above the best peer in ${kind}: ${ours.toFixed(1)} to ${best.toFixed(1)} (${by}).`,
        )),
  ]
}

type Column = readonly [title: string, value: (entry: Entry) => string]

function table(entries: readonly Entry[], value: (standing: KindStanding) => string, more: readonly Column[] = []): string[] {
  const titles = ['', ...TRACE_KINDS, ...more.map(([title]) => title)]
  const rows = entries.map((entry) => [
    nameOf(entry),
    ...TRACE_KINDS.map((kind) => value(entry.standings.kinds[kind])),
    ...more.map(([, read]) => read(entry)),
  ])
  return [titles, titles.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

function nameOf({ contender: { library, form } }: Entry): string {
  return `${library}, ${form}`
}

function least(entries: readonly Entry[], value: (entry: Entry) => number): Entry {
  return entries.reduce((best, entry) => (value(entry) < value(best) ? entry : best))
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '–' : (ms / 1000).toFixed(1)
}

function versions(of: Readonly<Record<string, string>>): string {
  return Object.entries(of)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}
