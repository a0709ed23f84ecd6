// A chart as Mermaid text (stateDiagram-v2), for pages that draw it themselves. Mermaid draws no arrow between substates of
// two states, so arrows run between siblings and say in words which substates are meant.
import { type Arrow, type ArrowLine, arrowsOf, type Doing, doingsOf, type Entry, entriesOf, type Wording } from './arrows.ts'
import { type Chart, type ChartState, childTowards } from './chart.ts'

export function mermaidOf(chart: Chart, wording: Wording = {}): string {
  const drawing = { arrows: arrowsOf(chart, wording), entries: entriesOf(chart, wording), doings: doingsOf(chart, wording) }
  return `${['stateDiagram-v2', ...contents(chart.root, drawing, '  ')].join('\n')}\n`
}

interface Drawing {
  readonly arrows: readonly Arrow[]
  readonly entries: readonly Entry[]
  readonly doings: readonly Doing[]
}

function contents(state: ChartState, drawing: Drawing, indent: string): string[] {
  if (state.path === '' && state.states.length === 0) return [`${indent}${id(state.name)}`]
  const start = state.initial === undefined ? [] : [`${indent}[*] --> ${id(childTowards(state.initial, state.path))}`]
  const divider = state.kind === 'parallel' ? [`${indent}--`] : []
  const children = state.states.flatMap((child, index) => [...(index > 0 ? divider : []), ...stateLines(child, drawing, indent)])
  const own = drawing.arrows.filter(({ from }) => state.states.some(({ path }) => path === from))
  return [...start, ...children, ...own.map((arrow) => `${indent}${arrowLine(arrow)}`)]
}

function stateLines(state: ChartState, drawing: Drawing, indent: string): string[] {
  const said = [...(state.description === undefined ? [] : [state.description]), ...notes(state, drawing)]
  if (state.states.length === 0) {
    const end = state.kind === 'final' ? [`${indent}${id(state.path)} --> [*]`] : []
    return [...[state.name, ...said].map((words) => `${indent}${id(state.path)} : ${text(words)}`), ...end]
  }
  return [
    ...said.map((words) => `${indent}%% ${state.path}: ${words}`),
    `${indent}state "${text(state.name)}" as ${id(state.path)} {`,
    ...contents(state, drawing, `${indent}  `),
    `${indent}}`,
  ]
}

function notes(state: ChartState, { entries, doings }: Drawing): string[] {
  const reached = entries.filter(({ to }) => to === state.path)
  const done = doings.filter(({ within }) => within === state.path)
  return [
    ...reached.map(
      ({ anywhereIn, events }) => `from any state${anywhereIn === '' ? '' : ` in ${anywhereIn}`}: ${events.join(', ')}`,
    ),
    ...done.map(({ event, actions }) => `${event} / ${actions.join(', ')}`),
  ]
}

function arrowLine({ from, to, lines }: Arrow): string {
  return `${id(from)} --> ${id(to)} : ${lines.map((line) => text(lineWords(line))).join('<br/>')}`
}

function lineWords({ within, events, into }: ArrowLine): string {
  return `${within === undefined ? '' : `${within}: `}${events.join(', ')}${into.length === 0 ? '' : ` → ${into.join(', ')}`}`
}

function id(path: string): string {
  return path.replace(/\W/g, '_')
}

/** Characters that would end a statement, as entities. */
function text(words: string): string {
  return words.replace(/[#;:"<>{}]/g, (letter) => `#${letter.codePointAt(0)};`)
}
