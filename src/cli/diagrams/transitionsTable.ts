// The tables of states and transitions in the docs: generated between markers, so that the words around them stay ours.
import { distinct, eventLabel, movingTransitions, type Wording } from './arrows.ts'
import { type Chart, type ChartState, descendants, isWithin } from './chart.ts'

/** Replaces what stands between each chart's markers in `doc`. Throws when a marker names a machine that is not drawn. */
export function withTables(doc: string, charts: readonly { readonly chart: Chart; readonly wording: Wording }[]): string {
  return doc.replace(MARKED, (_, begin: string, name: string, end: string) => {
    const found = charts.find(({ chart }) => chart.name === name)
    if (!found) throw new Error(`The marker "begin generated: ${name}" names no machine that is drawn`)
    return `${begin}\n${tablesOf(found.chart, found.wording)}\n${end}`
  })
}

const MARKED = /(<!-- begin generated: (\w+)[^\n]*-->)\n[\s\S]*?(<!-- end generated -->)/g

/** A section for each top state, and one for what may come in any state. */
export function tablesOf(chart: Chart, wording: Wording): string {
  const rows = rowsOf(chart, wording)
  const sections = chart.root.states.map((state) => stateSection(state, rows))
  const anywhere = rows.filter(({ source }) => source === '')
  if (anywhere.length > 0) sections.push(['### From any state', ...eventTable(anywhere, '')].join('\n\n'))
  return `\n${sections.join('\n\n')}\n`
}

interface Row {
  readonly source: string
  readonly event: string
  readonly targets: readonly string[]
  readonly why: readonly string[]
}

function rowsOf(chart: Chart, wording: Wording): Row[] {
  const rows = new Map<string, Row>()
  for (const transition of movingTransitions(chart, wording)) {
    const { source, target, description } = transition
    const event = eventLabel(transition, wording)
    const row = rows.get(`${source} ${event}`) ?? { source, event, targets: [], why: [] }
    const why = description === undefined ? row.why : distinct([...row.why, description])
    rows.set(`${source} ${event}`, { ...row, targets: distinct([...row.targets, target]), why })
  }
  return [...rows.values()]
}

function stateSection(state: ChartState, rows: readonly Row[]): string {
  const inner = descendants(state)
  const own = rows.filter(({ source }) => isWithin(source, state.path))
  const parts = [`### ${code(state.path)}`, state.description ?? '']
  if (inner.length > 0) {
    const described = inner.map(({ path, description }) => `| ${code(path)} | ${cell(description ?? '')} |`)
    parts.push(['| substate | what it is |', '|---|---|', ...described].join('\n'))
  }
  parts.push(
    ...(own.length > 0
      ? eventTable(own, state.path)
      : [state.kind === 'final' ? 'It is never left.' : 'Left only by what may come in any state, below.']),
  )
  return parts.filter((part) => part !== '').join('\n\n')
}

function eventTable(rows: readonly Row[], path: string): string[] {
  const withSource = rows.some(({ source }) => source !== path)
  const head = withSource ? ['| in | on | to | |', '|---|---|---|---|'] : ['| on | to | |', '|---|---|---|']
  const lines = rows.map(({ source, event, targets, why }) => {
    const cells = [code(event), targets.map(code).join(', '), cell(why.join(' '))]
    return `| ${(withSource ? [code(source), ...cells] : cells).join(' | ')} |`
  })
  return [[...head, ...lines].join('\n')]
}

function code(words: string): string {
  return `\`${cell(words)}\``
}

function cell(words: string): string {
  return words.replace(/\|/g, '\\|').replace(/\s+/g, ' ')
}
