// The results of the faults as JSON, and as the tables of docs/fleet.md.
import { machine } from '../../machine.ts'
import { distribution, triple } from '../distribution.ts'
import { fill, read, write } from '../docsTable.ts'
import type { Result } from './trial.ts'

/** Nothing was stuck, lost, doubled, blocked, or different. */
export function isClean({ stuck, audit: { broken, blocked, lost, doubled, epochsBack, journals } }: Result): boolean {
  return stuck.length === 0 && broken + blocked + lost + doubled + epochsBack + journals.differ.length === 0
}

/** Those that were tried again take the place of what they came to before. */
export function writeFaults(names: readonly string[], again: readonly Result[]): void {
  const before = read<{ results: readonly Result[] }>('bench/results/fleet-faults.json')?.results ?? []
  const results = names.flatMap((name) => [...again, ...before].find((one) => one.name === name) ?? [])
  const on = machine(['switchgear', '@nats-io/transport-node'])
  write('bench/results/fleet-faults.json', `${JSON.stringify({ machine: on, results }, undefined, 2)}\n`)
  const where = `Measured on ${on.processor}, ${on.cores} cores, Node ${on.node.slice(1)}, nats-server 2.9.10, ${on.date}; two faults at a time.`
  const tables = `${where}\n\n${timesTable(results)}\n\n${harmTable(results)}\n\n${wordsOf(results)}`
  write('bench/results/fleet-faults.md', `# The fleet under faults\n\n${tables}\n`)
  fill('docs/fleet.md', 'faults', tables)
}

function timesTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ name, runs, stuck }) => {
    const names = [...new Set(runs.flatMap((run) => Object.keys(run)))]
    return names.map((what, i) => {
      const values = runs.flatMap((run) => run[what] ?? [])
      const of = distribution(values)
      const figures = what === 'messages sent' ? `${of.median} / ${of.p95} / ${of.max}` : triple(of)
      return `| ${i === 0 ? name : ''} | ${i === 0 ? runs.length + stuck.length : ''} | ${what} | ${figures} |`
    })
  })
  return ['| fault | runs | time | median / p95 / worst |', '|---|---:|---|---|', ...rows].join('\n')
}

function harmTable(results: readonly Result[]): string {
  const rows = results.map(({ name, stuck, audit }) => {
    const { calls, broken, blocked, p999, slowest, spent, lost, doubled, epochsBack, journals } = audit
    const all = journals.identical + journals.differ.length
    return (
      `| ${name} | ${calls} | ${broken} | ${blocked} | ${p999.toFixed(1)} / ${slowest.toFixed(1)} ms | ${stuck.length} | ${epochsBack} | ` +
      `${spent} | ${lost} / ${doubled} | ${journals.identical} of ${all} |`
    )
  })
  const head =
    '| fault | calls | failed by the bus | refused by the bus | a call’s p99.9 / slowest | directives stuck | obeyed out of order | spent, n$ | lost / doubled, n$ | journals replay identical |'
  return [head, '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|', ...rows].join('\n')
}

function wordsOf(results: readonly Result[]): string {
  return results.map(({ name, words }) => `- **${name}**: ${words}`).join('\n')
}
