// What the overrides of a degraded level come to for one query: complex ones keep more, simple ones go without a search. Used by
// Perplexity's ladder and by what rewrites its requests.
import type { Overrides } from '../../model/policy.ts'
import { analyseQuery } from './queryComplexity.ts'

/** What a level comes to for one request. */
export interface Narrowing {
  readonly contextSize: ContextSize | undefined
  readonly results: number | undefined
  readonly steps: number | undefined
  readonly preset: string | undefined
  /** False: to be answered without a live search; `classify`: with one only if the service itself finds that it needs one. */
  readonly search: boolean | 'classify'
}

export type ContextSize = 'low' | 'medium' | 'high'

/** Overrides are the user's to change: what makes no sense asks for nothing. */
export function narrowingFor(query: string, overrides: Overrides): Narrowing {
  const { complexity, temporal } = analyseQuery(query)
  const { complexFrom, searchFrom } = overrides
  const complex = typeof complexFrom === 'number' && complexity >= complexFrom
  const simple = typeof searchFrom === 'number' && complexity < searchFrom && !temporal
  const wanted = complex ? (overrides.complexContextSize ?? overrides.searchContextSize) : overrides.searchContextSize
  return {
    contextSize: isContextSize(wanted) ? wanted : undefined,
    results: countOf(overrides.maxResults),
    steps: countOf(overrides.maxSteps),
    preset: !complex && typeof overrides.maxPreset === 'string' ? overrides.maxPreset : undefined,
    search: overrides.search === false || simple ? false : typeof searchFrom === 'number' ? 'classify' : true,
  }
}

function isContextSize(value: unknown): value is ContextSize {
  return value === 'low' || value === 'medium' || value === 'high'
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 ? value : undefined
}

const SIZES: readonly ContextSize[] = ['low', 'medium', 'high']

/** The size to ask for in place of `given`; undefined: `given` is no more than that, or it is not known to be. */
export function smallerSize(given: unknown, wanted: ContextSize | undefined): ContextSize | undefined {
  if (wanted === undefined) return undefined
  // What a request without a size gets is documented in two ways; nothing is less than low.
  if (given == null) return wanted === 'low' ? wanted : undefined
  return isContextSize(given) && SIZES.indexOf(given) > SIZES.indexOf(wanted) ? wanted : undefined
}

/** As {@link smallerSize}, for a number; `unlessGiven` is what a request without one gets. */
export function smallerCount(given: unknown, wanted: number | undefined, unlessGiven: number): number | undefined {
  if (wanted === undefined) return undefined
  const count = given ?? unlessGiven
  return typeof count === 'number' && count > wanted ? wanted : undefined
}
