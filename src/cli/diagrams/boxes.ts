// A state as a box: its words broken into placed lines, and so its size. What lies inside and between is the layout's.
import { type Doing, distinct, type Entry } from './arrows.ts'
import { type ChartState, childTowards, isWithin } from './chart.ts'
import { monoWidth, sansWidth, wrap } from './textWidth.ts'

export type TextStyle = 'title' | 'name' | 'says' | 'note' | 'event'

export interface PlacedLine {
  readonly text: string
  readonly style: TextStyle
  readonly x: number
  /** Of the baseline. */
  readonly y: number
}

export interface Box {
  readonly path: string
  readonly state: ChartState
  readonly lines: readonly PlacedLine[]
  /** Frames inside the box, around substates that are told and not drawn. */
  readonly frames: readonly { readonly x: number; readonly y: number; readonly width: number; readonly height: number }[]
  readonly width: number
  /** Of the words alone; substates that are drawn come below. */
  readonly height: number
  readonly children: readonly Box[]
}

export interface BoxContents {
  readonly entries: readonly Entry[]
  readonly doings: readonly Doing[]
  /** Whether substates are boxes of their own or only told. */
  readonly substates: 'drawn' | 'told'
}

export const SIZES: Readonly<Record<TextStyle, { size: number; leading: number }>> = {
  title: { size: 17, leading: 22 },
  name: { size: 13, leading: 17 },
  says: { size: 12, leading: 16 },
  note: { size: 11, leading: 16 },
  event: { size: 11, leading: 15 },
}
const PADDING = 12
const TEXT_LIMIT = 250

/** Marks the substate in which a state begins. */
export const BEGINS = '●'

export function boxOf(state: ChartState, contents: BoxContents, beginsHere = false): Box {
  const isTop = !state.path.includes('.')
  const words: Words[] = [
    [isTop ? 'title' : 'name', beginsHere ? `${BEGINS} ${state.name}` : state.name],
    ...(state.description === undefined ? [] : [['says', state.description] satisfies Words]),
    ...notesOf(state, contents),
  ]
  const head = placed(words, PADDING, PADDING)
  const children =
    contents.substates === 'drawn' ? state.states.map((child) => boxOf(child, contents, child.path === state.initial)) : []
  const told =
    contents.substates === 'told' ? toldBelow(state, head.bottom + 4) : { lines: [], frames: [], bottom: head.bottom, right: 0 }
  const width = Math.ceil(Math.max(head.right, told.right) + PADDING)
  return {
    path: state.path,
    state,
    lines: [...head.lines, ...told.lines],
    frames: told.frames.map((frame) => ({ ...frame, width: width - 2 * frame.x })),
    width: Math.max(width, 120),
    height: Math.ceil(told.bottom + PADDING - 2),
    children,
  }
}

export function widthOf(style: TextStyle, text: string): number {
  const { size } = SIZES[style]
  return style === 'event' ? monoWidth(text, size) : sansWidth(text, size, style === 'title' || style === 'name')
}

type Words = [style: TextStyle, text: string]

function notesOf(state: ChartState, { entries, doings, substates }: BoxContents): Words[] {
  const reached = entries.filter(({ to, anywhereIn }) =>
    substates === 'drawn' ? to === state.path : anywhereIn === '' && childTowards(to, '') === state.path,
  )
  const places = distinct(reached.map(({ anywhereIn }) => anywhereIn))
  const entering = places.flatMap((place) => {
    const events = distinct(reached.filter(({ anywhereIn }) => anywhereIn === place).flatMap((entry) => entry.events))
    const heading = place === '' ? 'from any state on:' : `from anywhere in ${place} on:`
    return [['note', heading] satisfies Words, ['event', events.join(', ')] satisfies Words]
  })
  const doing = doings.filter(({ within }) => (substates === 'drawn' ? within === state.path : isWithin(within, state.path)))
  return [...entering, ...doing.map(({ event, actions }) => ['event', `${event} / ${actions.join(', ')}`] satisfies Words)]
}

function toldBelow(state: ChartState, top: number) {
  const inset = PADDING - 4
  let bottom = top
  let right = 0
  const frames: { x: number; y: number; width: number; height: number }[] = []
  const lines = state.states.flatMap((substate) => {
    const words: Words[] = [['name', substate.path === state.initial ? `${BEGINS} ${substate.name}` : substate.name]]
    if (substate.description !== undefined) words.push(['says', substate.description])
    const text = placed(words, inset + 10, bottom + 6)
    frames.push({ x: inset, y: bottom, width: 0, height: text.bottom + 6 - bottom })
    bottom = text.bottom + 12
    right = Math.max(right, text.right + 6)
    return text.lines
  })
  return { lines, frames, bottom: state.states.length === 0 ? top - 4 : bottom - 6, right }
}

function placed(words: readonly Words[], x: number, top: number) {
  let y = top
  let right = 0
  const lines = words.flatMap(([style, text]) =>
    wrap(text, TEXT_LIMIT, (line) => widthOf(style, line)).map((line) => {
      const { size, leading } = SIZES[style]
      y += leading
      right = Math.max(right, x + widthOf(style, line))
      return { text: line, style, x, y: y - (leading - size) / 2 - 2 }
    }),
  )
  return { lines, right, bottom: y }
}
