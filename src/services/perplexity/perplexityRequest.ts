// What is asked of Perplexity: which operation, of which model or preset, in what words, and for how many results. Used by the
// profile, its ladder, and the scores of answers.
import { readEnd, readList } from '../foreignList.ts'
import { readField, readString } from '../foreignValue.ts'
import type { CallRequest } from '../serviceProfile.ts'

export type PerplexityOperation = 'agent' | 'responses' | 'chat' | 'search' | 'embeddings' | 'retrieve'

export interface PerplexityRequest extends CallRequest {
  /** The user's own words, at most 8,000 characters of them. */
  readonly query?: string
}

/** What of a request decides how its answer is to be judged. */
export interface Asked {
  /** Results asked for, by their number or by a small search; undefined: as many as the service sees fit. */
  readonly results: number | undefined
  /** The search was confined to domains of the caller's choice. */
  readonly confined: boolean
  /** The answer is to be JSON or to match a pattern, where citations have no place. */
  readonly structured: boolean
}

export const NOTHING_ASKED: Asked = { results: undefined, confined: false, structured: false }

/** Characters of a query that are looked at. */
const LONGEST_QUERY = 8000
const LONGEST_NAME = 200
/** The last messages of a conversation, among which the user's own is looked for. */
const MOST_ITEMS = 100
/** Enough of a search that was asked for with the least of contexts. */
const RESULTS_OF_A_SMALL_SEARCH = 3

export function readPerplexityRequest(path: string, body: unknown): PerplexityRequest {
  const operation = operationOf(path)
  const model = modelOf(body)
  const query = queryOf(body)
  return {
    path,
    body,
    ...(operation === undefined ? {} : { operation }),
    ...(model === undefined ? {} : { model }),
    ...(query === undefined ? {} : { query }),
  }
}

/** By the end of the path, as a gateway may stand before it. */
export function operationOf(path: string): PerplexityOperation | undefined {
  return OPERATIONS.find(([pattern]) => pattern.test(path.slice(-300)))?.[1]
}

const OPERATIONS: readonly (readonly [RegExp, PerplexityOperation])[] = [
  [/\/v1\/agent\/?$/, 'agent'],
  [/\/v1\/responses\/?$/, 'responses'],
  [/\/(?:chat\/completions|v1\/sonar)\/?$/, 'chat'],
  [/\/search\/?$/, 'search'],
  [/\/(?:embeddings|contextualizedembeddings)\/?$/, 'embeddings'],
  [/\/(?:v1\/(?:agent|responses)|chat\/completions)\/[^/]+\/?$/, 'retrieve'],
]

/** The model asked for; `preset:low` where only a preset is named. */
function modelOf(body: unknown): string | undefined {
  const named = readString(body, 'model', LONGEST_NAME) ?? readString(readField(body, 'models'), '0', LONGEST_NAME)
  if (named !== undefined) return named
  const preset = readString(body, 'preset', LONGEST_NAME)
  return preset === undefined ? undefined : `preset:${preset}`
}

/** The text of `input`, of the last message of the user, or of a search's `query`. */
export function queryOf(body: unknown): string | undefined {
  const text =
    textOf(readField(body, 'query'), '\n') ??
    textOf(readField(body, 'input'), '\n') ??
    lastOfUser(readEnd(body, 'input', MOST_ITEMS)) ??
    lastOfUser(readEnd(body, 'messages', MOST_ITEMS))
  return text?.slice(0, LONGEST_QUERY)
}

function lastOfUser(messages: readonly unknown[]): string | undefined {
  for (let i = messages.length - 1; i >= 0; i--) {
    if (readField(messages[i], 'role') !== 'user') continue
    const content = readField(messages[i], 'content')
    const parts = Array.isArray(content) ? readList(messages[i], 'content', 100).map((part) => readField(part, 'text')) : content
    return textOf(parts, ' ')
  }
  return undefined
}

/** A string, or the strings of a list of nothing else. */
function textOf(value: unknown, separator: string): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const parts = readList({ value }, 'value', 100).filter((part) => part !== undefined)
  if (parts.length === 0 || !parts.every((part) => typeof part === 'string')) return undefined
  return parts.map((part) => part.slice(0, LONGEST_QUERY)).join(separator)
}

export function askedOf(body: unknown): Asked {
  const tool = webSearchOf(body)
  const count = [readField(body, 'max_results'), readField(body, 'num_search_results'), readField(tool, 'max_results')].find(
    isCount,
  )
  const sizes = [tool, readField(body, 'web_search_options'), body].map((place) => readField(place, 'search_context_size'))
  const small = sizes.includes('low') || ['fast', 'fast-search'].includes(readField(body, 'preset') as string)
  const confined =
    readList(body, 'search_domain_filter', 20).length > 0 ||
    readList(readField(tool, 'filters'), 'search_domain_filter', 20).length > 0
  const format = readField(readField(body, 'response_format'), 'type')
  return {
    results: count ?? (small ? RESULTS_OF_A_SMALL_SEARCH : undefined),
    confined,
    structured: format !== undefined && format !== 'text',
  }
}

/** The first web search among the tools of a request to the Agent API. */
function webSearchOf(body: unknown): unknown {
  return readList(body, 'tools', 100).find((tool) => readField(tool, 'type') === 'web_search')
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 1000
}
