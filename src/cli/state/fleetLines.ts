// A fleet as lines on a terminal: its leader, its nodes and how their breakers stand, what is asked of services, what is spent.
import { type StatePath, stateOf } from '../../model/states.ts'
import { statePaint } from '../demo/stateStyle.ts'
import { dollars } from '../tail/dollars.ts'
import { directiveWords } from '../tail/eventLine.ts'
import type { Style } from '../terminal/style.ts'
import { type Cell, type Column, clip, textTable } from '../terminal/textTable.ts'
import type { FleetView } from './readFleet.ts'
import { spendOf } from './spend.ts'

const NODE_COLUMNS: readonly Column[] = [
  { title: 'node' },
  { title: 'service' },
  { title: 'state' },
  { title: 'calls', align: 'right' },
  { title: 'failures', align: 'right' },
  { title: 'heard of', align: 'right', dispensable: 1 },
  { title: 'session', dispensable: 2 },
  { title: 'software', dispensable: 3 },
]
const SPEND_COLUMNS: readonly Column[] = [
  { title: 'spent' },
  { title: 'this day', align: 'right' },
  { title: 'this month', align: 'right' },
]

export function fleetLines(fleet: string, server: string, view: FleetView, width: number, style: Style): string[] {
  const { nodes, directives, unreadable } = view
  const lines = [style.bold(`fleet ${fleet} on ${server}`), leaderLine(view, style), '']
  if (nodes.length === 0) lines.push('no node has been heard of lately')
  else lines.push(...textTable(NODE_COLUMNS, nodeRows(view, style), width, style.dim))
  lines.push('')
  if (directives.length === 0) lines.push('nothing is asked of any service')
  for (const { entry, age } of directives) {
    const lapsed = age > entry.lifetime
    const paint = lapsed ? style.dim : statePaint(entry.state, style)
    lines.push(paint(clip(`${entry.service}${lapsed ? ' (lapsed)' : ''}: ${directiveWords(entry)}`, width)))
  }
  const spend = spendOf(view.ledger.map(({ entry }) => entry))
  if (spend.length > 0) lines.push('', ...textTable(SPEND_COLUMNS, spendRows(spend), width, style.dim))
  for (const problem of unreadable) lines.push(style.yellow(clip(`cannot be read: ${problem}`, width)))
  return lines
}

function leaderLine({ leader, nodes, directives }: FleetView, style: Style): string {
  const epoch = epochOf(directives.map(({ entry }) => entry))
  const known = epoch === undefined ? '' : `, epoch ${epoch}`
  if (leader === undefined) return style.yellow(`no leader${epoch === undefined ? '' : ` (the last one had epoch ${epoch})`}`)
  const heard = nodes.find(({ key }) => key === leader)
  return `led by ${style.bold(leader)}${known}${heard === undefined ? ', which has not been heard of lately' : ''}`
}

/** The highest that a directive bears; undefined where there are none. */
export function epochOf(directives: readonly { readonly epoch: number }[]): number | undefined {
  return directives.length === 0 ? undefined : Math.max(...directives.map(({ epoch }) => epoch))
}

function nodeRows({ nodes }: FleetView, style: Style): Cell[][] {
  return nodes.flatMap(({ key, entry, age }) => {
    const services = Object.entries(entry.services)
    const about = [{ text: ago(age) }, { text: entry.session }, { text: entry.software }]
    if (services.length === 0) return [[{ text: key }, { text: '-' }, { text: '-' }, { text: '' }, { text: '' }, ...about]]
    return services.map(([service, { path, calls, failures }], index) => [
      { text: index === 0 ? key : '' },
      { text: service },
      { text: path, paint: statePaint(stateOf(path as StatePath), style) },
      { text: String(calls) },
      { text: String(failures) },
      ...(index === 0 ? about : []),
    ])
  })
}

function spendRows(spend: ReturnType<typeof spendOf>): Cell[][] {
  const rows = spend.map(({ service, day, month }) => [{ text: service }, { text: dollars(day) }, { text: dollars(month) }])
  if (spend.length < 2) return rows
  const sum = (of: (one: (typeof spend)[number]) => number): string => dollars(spend.reduce((total, one) => total + of(one), 0))
  return [...rows, [{ text: 'in all' }, { text: sum(({ day }) => day) }, { text: sum(({ month }) => month) }]]
}

function ago(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s ago` : `${Math.round(ms / 60_000)} min ago`
}
