// Writes the verdicts for people (Markdown) and for programs (JSON).
import { mkdirSync, writeFileSync } from 'node:fs'
import { FINDING_PATTERNS } from '../../src/model/findings.ts'
import { machine } from '../machine.ts'
import type { PairScore, Verdict } from './evaluate.ts'

const COMMAND = 'npm run eval:correlation'

/** Writes correlation.json and correlation.md into `folder`, if given; returns the Markdown. */
export function writeReport(
  verdicts: readonly Verdict[],
  seeds: readonly [number, number],
  seconds: number,
  folder?: URL,
): string {
  const incidents = verdicts.filter(({ kind }) => kind !== 'quiet')
  const calm = verdicts.filter(({ kind }) => kind === 'quiet')
  const hours = calm.reduce((sum, verdict) => sum + verdict.seconds, 0) / 3600
  const falseInCalm = calm.reduce((sum, verdict) => sum + verdict.wrong.length, 0)
  const patterns = FINDING_PATTERNS.map((pattern) => {
    const labels = verdicts.flatMap((verdict) => verdict.labels.filter((label) => label.pattern === pattern))
    const found = labels.filter((label) => label.found)
    const inCalm = count(calm, pattern)
    const wrong = count(incidents, pattern) + inCalm
    const [precision, recall] = [ratio(found.length, found.length + wrong), ratio(found.length, labels.length)]
    const delays = found.map(({ delayMs }) => delayMs ?? 0).sort((a, b) => a - b)
    const f1 = ratio(2 * precision * recall, precision + recall)
    const delayS = (delays[delays.length >> 1] ?? 0) / 1000
    return { pattern, demanded: labels.length, found: found.length, wrong, inCalm, precision, recall, f1, delayS }
  })
  const pairs = { ours: pairScore(verdicts, 'ours', hours), rule: pairScore(verdicts, 'rule', hours) }
  const context = {
    ...machine([]),
    command: COMMAND,
    seeds,
    incidents: incidents.length,
    quietPeriods: calm.length,
    quietHours: hours,
    tookSeconds: Math.round(seconds),
  }
  const falseAnHour = falseInCalm / hours
  const markdown = [
    '# Correlation: what is found, and what is found that is not there',
    '',
    `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}; seeds ${seeds[0]}–${seeds[1]}; \`${COMMAND}\`, ${context.tookSeconds} s.`,
    `${incidents.length} incidents and ${calm.length} quiet periods of an hour with 20 services each.`,
    'What is counted and how: [docs/correlation.md](../../docs/correlation.md).',
    '',
    `False findings in an hour of ordinary traffic, all patterns together: **${falseAnHour.toFixed(3)}**.`,
    '',
    ...table(
      ['', 'demanded', 'found', 'false', 'of these in quiet', 'precision', 'recall', 'F1', 'median delay, s'],
      patterns.map((one) => [
        one.pattern,
        ...[one.demanded, one.found, one.wrong, one.inCalm].map(String),
        ...[one.precision, one.recall, one.f1].map((value) => (one.demanded === 0 ? '–' : value.toFixed(3))),
        one.demanded === 0 ? '–' : one.delayS.toFixed(0),
      ]),
    ),
    '',
    'The delay is from the beginning of the (first) fault; a pattern of repetition has to repeat first.',
    '',
    '## Pairs of services that belong together',
    '',
    ...table(
      ['', 'true', 'found', 'false', 'precision', 'recall', 'F1', 'false in a quiet hour'],
      [
        ['the findings above', ...pairCells(pairs.ours)],
        ['70% of the one have one of the other within 300 s', ...pairCells(pairs.rule)],
      ],
    ),
    '',
  ].join('\n')
  if (folder) {
    mkdirSync(folder, { recursive: true })
    const kinds = [...new Set(verdicts.map(({ kind }) => kind))].map((kind) => ofKind(kind, verdicts))
    writeFileSync(
      new URL('correlation.json', folder),
      `${JSON.stringify({ ...context, falseAnHour, patterns, pairs, kinds }, undefined, 1)}\n`,
    )
    writeFileSync(new URL('correlation.md', folder), markdown)
  }
  return markdown
}

/** Every label that was not found in time and every false finding, a line each. */
export function misses(verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap(({ kind, seed, labels, wrong }) => [
    ...labels
      .filter(({ found }) => !found)
      .map(
        ({ pattern, delayMs }) =>
          `${kind} ${seed}: missed ${pattern}${delayMs === undefined ? '' : ` (late: ${delayMs / 1000} s)`}`,
      ),
    ...wrong.map(({ pattern, what, at }) => `${kind} ${seed}: false ${pattern} ${what} at ${at / 1000}`),
  ])
}

function count(verdicts: readonly Verdict[], pattern: string): number {
  return verdicts.reduce((sum, { wrong }) => sum + wrong.filter((one) => one.pattern === pattern).length, 0)
}

function pairScore(verdicts: readonly Verdict[], who: 'ours' | 'rule', hours: number) {
  const sum = (of: readonly Verdict[], what: keyof PairScore) => of.reduce((total, { pairs }) => total + pairs[who][what], 0)
  const [right, wrong] = [sum(verdicts, 'right'), sum(verdicts, 'wrong')]
  const all = verdicts.reduce((total, { pairs }) => total + pairs.true, 0)
  const [precision, recall] = [ratio(right, right + wrong), ratio(right, all)]
  const falseInQuietHour =
    sum(
      verdicts.filter(({ kind }) => kind === 'quiet'),
      'wrong',
    ) / hours
  return {
    true: all,
    found: right,
    false: wrong,
    precision,
    recall,
    f1: ratio(2 * precision * recall, precision + recall),
    falseInQuietHour,
  }
}

function pairCells(score: ReturnType<typeof pairScore>): string[] {
  return [
    ...[score.true, score.found, score.false].map(String),
    ...[score.precision, score.recall, score.f1, score.falseInQuietHour].map((value) => value.toFixed(3)),
  ]
}

function ofKind(kind: string, verdicts: readonly Verdict[]) {
  const own = verdicts.filter((verdict) => verdict.kind === kind)
  const labels = own.flatMap((verdict) => verdict.labels)
  const found = labels.filter((label) => label.found).length
  return { kind, count: own.length, demanded: labels.length, found, false: own.reduce((sum, { wrong }) => sum + wrong.length, 0) }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [titles, titles.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}
