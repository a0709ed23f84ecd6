// From transitions to what a picture can bear: one arrow per pair of sibling boxes with a list of events, and a line in the
// box for events that lead there from anywhere in an enclosing state.
import { type Chart, type ChartGuard, type ChartTransition, childTowards, descendants, isWithin } from './chart.ts'

export interface Arrow {
  /** Paths of two siblings. */
  readonly from: string
  readonly to: string
  readonly lines: readonly ArrowLine[]
}

/** Events that share the substate they are heard in and the substates they lead to. */
export interface ArrowLine {
  /** The substate of `from` that hears them; undefined: all of them do. */
  readonly within: string | undefined
  readonly events: readonly string[]
  /** The substates of `to` that they lead to; empty: `to` itself. */
  readonly into: readonly string[]
}

/** Events that lead into `to` from anywhere in `anywhereIn` (empty: in the machine). */
export interface Entry {
  readonly to: string
  readonly anywhereIn: string
  readonly events: readonly string[]
}

/** What a state does on an event without being left. */
export interface Doing {
  readonly within: string
  readonly event: string
  readonly actions: readonly string[]
}

export interface Wording {
  /** Events that are not drawn. */
  readonly leaveOut?: readonly string[]
  /** Guards that are not named. */
  readonly quietGuards?: readonly string[]
  /** Actions that are not named. */
  readonly quietActions?: readonly string[]
}

type Moving = ChartTransition & { readonly target: string }

/** The transitions worth drawing: those that lead somewhere else. */
export function movingTransitions(chart: Chart, wording: Wording): Moving[] {
  const initials = new Map([chart.root, ...descendants(chart.root)].map(({ path, initial }) => [path, initial]))
  return chart.transitions.flatMap((transition) => {
    if (transition.target === undefined || wording.leaveOut?.includes(transition.event)) return []
    const target = arrival(transition.source, transition.target, initials)
    return target === transition.source ? [] : [{ ...transition, target }]
  })
}

export function arrowsOf(chart: Chart, wording: Wording): Arrow[] {
  const crossing = movingTransitions(chart, wording).filter(({ source, target }) => !isWithin(target, source))
  const pairs = groupedBy(crossing, (transition) => siblings(transition).join(' '))
  return pairs.map((transitions) => {
    const [from, to] = siblings(transitions[0])
    const perEvent = groupedBy(transitions, ({ source, ...transition }) => `${source} ${eventLabel(transition, wording)}`)
    const heard = perEvent.map((same) => ({
      within: below(same[0].source, from),
      event: eventLabel(same[0], wording),
      into: distinct(same.flatMap(({ target }) => below(target, to) ?? [])).sort(),
    }))
    const lines = groupedBy(heard, ({ within, into }) => `${within} ${into.join()}`).map((same) => ({
      within: same[0].within,
      events: distinct(same.map(({ event }) => event)),
      into: same[0].into,
    }))
    return { from, to, lines }
  })
}

export function entriesOf(chart: Chart, wording: Wording): Entry[] {
  const entering = movingTransitions(chart, wording).filter(({ source, target }) => isWithin(target, source))
  return groupedBy(entering, ({ source, target }) => `${target} ${source}`).map((same) => ({
    to: same[0].target,
    anywhereIn: same[0].source,
    events: distinct(same.map((transition) => eventLabel(transition, wording))),
  }))
}

export function doingsOf(chart: Chart, wording: Wording): Doing[] {
  return chart.transitions.flatMap((transition) => {
    const actions = transition.actions.filter((action) => !wording.quietActions?.includes(action))
    const shown = transition.target === undefined && actions.length > 0 && !wording.leaveOut?.includes(transition.event)
    return shown ? [{ within: transition.source, event: eventLabel(transition, wording), actions }] : []
  })
}

/** The event, and the guard in brackets unless it only repeats the target. */
export function eventLabel(transition: { event: string; guard: ChartGuard | undefined }, wording: Wording): string {
  const { event, guard } = transition
  if (guard === undefined || wording.quietGuards?.includes(guard.name)) return event
  const params = Object.entries(guard.params).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
  return `${event} [${guard.name}${params.length > 0 ? `(${params.join(', ')})` : ''}]`
}

export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

/** A substate that leaves for a state around it arrives where that state begins. */
function arrival(source: string, target: string, initials: ReadonlyMap<string, string | undefined>): string {
  const initial = initials.get(target)
  return source !== target && initial !== undefined && isWithin(source, target) ? arrival(source, initial, initials) : target
}

/** The two children of the nearest common ancestor that source and target lie in; neither lies within the other. */
function siblings({ source, target }: { source: string; target: string }): [string, string] {
  let ancestor = ''
  while (childTowards(source, ancestor) === childTowards(target, ancestor)) ancestor = childTowards(source, ancestor)
  return [childTowards(source, ancestor), childTowards(target, ancestor)]
}

function below(path: string, ancestor: string): string | undefined {
  return path === ancestor ? undefined : path.slice(ancestor.length + 1)
}

type NonEmpty<T> = readonly [T, ...T[]]

function groupedBy<T>(values: readonly T[], key: (value: T) => string): NonEmpty<T>[] {
  const groups = new Map<string, [T, ...T[]]>()
  for (const value of values) {
    const group = groups.get(key(value))
    if (group) group.push(value)
    else groups.set(key(value), [value])
  }
  return [...groups.values()]
}
