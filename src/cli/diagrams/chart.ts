// A statechart as plain data: what the drawings and the tables read, so that neither knows XState.
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'

export interface Chart {
  readonly name: string
  /** The machine itself: its path is empty. */
  readonly root: ChartState
  readonly transitions: readonly ChartTransition[]
}

export interface ChartState {
  /** `open.cooling`; empty for the root. */
  readonly path: string
  readonly name: string
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'
  readonly description: string | undefined
  /** Path of the substate entered first. */
  readonly initial: string | undefined
  readonly states: readonly ChartState[]
}

export interface ChartTransition {
  readonly source: string
  readonly event: string
  /** Undefined: it only does something, and stays. */
  readonly target: string | undefined
  readonly guard: ChartGuard | undefined
  /** Names of what it does. */
  readonly actions: readonly string[]
  readonly description: string | undefined
}

export interface ChartGuard {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
}

export function chartOf(name: string, machine: AnyStateMachine): Chart {
  return { name, root: stateOf(machine.root), transitions: transitionsOf(machine.root) }
}

/** All states below `state`, outermost first. */
export function descendants(state: ChartState): ChartState[] {
  return state.states.flatMap((child) => [child, ...descendants(child)])
}

/** True when `path` lies within `ancestor`, or is it; everything lies within the root. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === '' || path === ancestor || path.startsWith(`${ancestor}.`)
}

/** The first step of `path` below `ancestor`: `open` for `open.cooling` below the root. */
export function childTowards(path: string, ancestor: string): string {
  const depth = ancestor === '' ? 0 : ancestor.split('.').length
  return path
    .split('.')
    .slice(0, depth + 1)
    .join('.')
}

function stateOf(node: AnyStateNode): ChartState {
  const first = node.type === 'compound' ? node.initial.target[0] : undefined
  return {
    path: node.path.join('.'),
    name: node.key,
    kind: node.type,
    description: node.description,
    initial: first && pathOf(first),
    states: childrenOf(node).map(stateOf),
  }
}

function transitionsOf(node: AnyStateNode): ChartTransition[] {
  const own = [...[...node.transitions.values()].flat(), ...(node.always ?? [])]
  return [...own.flatMap((transition) => eachTarget(node, transition)), ...childrenOf(node).flatMap(transitionsOf)]
}

function eachTarget(node: AnyStateNode, transition: AnyTransitionDefinition): ChartTransition[] {
  const targets: readonly (AnyStateNode | undefined)[] = transition.target ?? [undefined]
  return targets.map((target) => ({
    source: pathOf(node),
    event: eventWords(transition.eventType),
    target: target && pathOf(target),
    guard: guardOf(transition.guard),
    actions: transition.actions.flatMap((action) => nameOf(action) ?? []),
    description: transition.description,
  }))
}

function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states)
}

function pathOf(node: AnyStateNode): string {
  return node.path.join('.')
}

function guardOf(guard: unknown): ChartGuard | undefined {
  if (guard === undefined) return undefined
  const params = typeof guard === 'object' && guard !== null && 'params' in guard ? guard.params : undefined
  return { name: nameOf(guard) ?? 'guard', params: typeof params === 'object' && params !== null ? { ...params } : {} }
}

/** Guards and actions are given by name, as `{ type, params }`, or in place as functions. */
function nameOf(implementation: unknown): string | undefined {
  if (typeof implementation === 'string') return implementation
  if (typeof implementation === 'function') return implementation.name || undefined
  const named = typeof implementation === 'object' && implementation !== null && 'type' in implementation
  return named && typeof implementation.type === 'string' ? implementation.type : undefined
}

/** XState's own event names, in the words of the machine's source. */
function eventWords(event: string): string {
  if (event === '') return 'always'
  const [, word, name] = /^xstate\.(after|done\.state|done\.actor|error\.actor|snapshot)\.([^.]+)/.exec(event) ?? []
  if (word === undefined || name === undefined) return event
  if (word === 'after') return /^\d+$/.test(name) ? `after ${name} ms` : `after ${name}`
  return `${word.replace(/\..*/, '')}: ${name}`
}
