// What an answer of Perplexity says, in one form for its three shapes: the Agent API (`output` items), the retired Sonar chat
// completions (`choices`, `citations`, `search_results`) and the Search API (`results`). Source of the shapes:
// @perplexity-ai/perplexity_ai 0.38.5 (ResponsesResponse, CompletionResponse, ApiSearchResponse).
import type { TokenUsage } from '../../model/measurement.ts'
import { readList } from '../foreignList.ts'
import { readField, readString } from '../foreignValue.ts'
import { readCost, readUsage, searchesIn } from './perplexityUsage.ts'

export interface PerplexityAnswer {
  /** The model that answered. */
  readonly model: string | undefined
  /** At most 200,000 characters; undefined for an answer that is not meant to have any. */
  readonly text: string | undefined
  /** In the order in which they came, each address once under each of its ids; at most 200. */
  readonly results: readonly SearchResult[]
  /** Further addresses that may be cited: the list of `citations`, and pages that were fetched. */
  readonly pages: readonly string[]
  /** Addresses that the answer's annotations cite. */
  readonly annotated: readonly string[]
  /** A search took place, whether it found anything or not. */
  readonly searched: boolean
  /** The answer is whole: not cut short, not waiting for a tool. */
  readonly whole: boolean
  readonly usage: TokenUsage | undefined
  /** Dollars. */
  readonly cost: number | undefined
}

export interface SearchResult {
  /** What the text cites it by; without one it is cited by its place in the list, from 1 on. */
  readonly id: number | undefined
  readonly url: string
  readonly hasSnippet: boolean
  readonly hasDate: boolean
}

export const MOST_RESULTS = 200
export const LONGEST_TEXT = 200_000
const LONGEST_URL = 2048
const MOST_ITEMS = 500

/** Undefined for anything that is no answer of Perplexity, a response whose body is not parsed among it. */
export function readAnswer(value: unknown): PerplexityAnswer | undefined {
  if (Array.isArray(readField(value, 'output'))) return fromOutput(value)
  if (Array.isArray(readField(value, 'choices'))) return fromChoices(value)
  if (Array.isArray(readField(value, 'results'))) return fromSearch(value)
  // An asynchronous chat completion holds its answer once it has one.
  const held = readField(value, 'response')
  if (Array.isArray(readField(held, 'choices'))) return fromChoices(held)
  return readUsage(readField(value, 'usage')) === undefined ? undefined : answerWith(value, {})
}

/** A result, or undefined where there is no web address to find it by. */
export function readResult(value: unknown): SearchResult | undefined {
  const url = readString(value, 'url', LONGEST_URL)
  if (url === undefined || !/^https?:\/\//i.test(url)) return undefined
  const id = readField(value, 'id')
  return {
    id: typeof id === 'number' && Number.isInteger(id) ? id : undefined,
    url,
    hasSnippet: hasText(value, 'snippet'),
    hasDate: hasText(value, 'date') || hasText(value, 'last_updated'),
  }
}

/** The rest of an answer laid over what every shape states alike. */
export function answerWith(value: unknown, rest: Partial<PerplexityAnswer>): PerplexityAnswer {
  const usage = readField(value, 'usage')
  const results = distinct(rest.results ?? [])
  return {
    model: readString(value, 'model', 200),
    text: undefined,
    pages: [],
    annotated: [],
    whole: true,
    usage: readUsage(usage),
    cost: readCost(usage),
    ...rest,
    results,
    searched: rest.searched === true || results.length > 0 || (searchesIn(usage) ?? 0) > 0,
  }
}

function fromOutput(value: unknown): PerplexityAnswer {
  const texts: string[] = []
  const results: SearchResult[] = []
  const pages: string[] = []
  const annotated: string[] = []
  let searched = false
  let waits = false
  for (const item of readList(value, 'output', MOST_ITEMS)) {
    const type = readField(item, 'type')
    if (type === 'search_results' || type === 'people_search_results') {
      searched = true
      results.push(...readList(item, 'results', MOST_RESULTS).flatMap(asResult))
    } else if (type === 'fetch_url_results') {
      pages.push(...urlsOf(readList(item, 'contents', MOST_RESULTS)))
    } else if (type === 'function_call') {
      waits = true
    } else if (type === 'message') {
      for (const part of readList(item, 'content', MOST_ITEMS)) {
        const text = readField(part, 'text')
        if (typeof text === 'string') texts.push(text.slice(0, LONGEST_TEXT))
        annotated.push(...urlsOf(readList(part, 'annotations', MOST_ITEMS)))
      }
    }
  }
  const status = readField(value, 'status')
  const whole = !waits && (status === 'completed' || status === undefined)
  return answerWith(value, { text: joined(texts), results, pages, annotated, searched, whole })
}

function fromChoices(value: unknown): PerplexityAnswer {
  const choice = readList(value, 'choices', 1)[0]
  const message = readField(choice, 'message')
  const content = readField(message, 'content')
  const texts = readList(message, 'content', MOST_ITEMS).map((part) => readField(part, 'text'))
  const whole = readList(message, 'tool_calls', 1).length === 0 && readField(choice, 'finish_reason') !== 'length'
  return answerWith(value, { text: joined(typeof content === 'string' ? [content] : texts), whole, ...sourcesOf(value) })
}

/** What a chat completion, or a chunk of one, lists as its sources. */
export function sourcesOf(value: unknown): Pick<PerplexityAnswer, 'results' | 'pages'> {
  const pages = readList(value, 'citations', MOST_RESULTS).filter(isUrl)
  const results = readList(value, 'search_results', MOST_RESULTS).flatMap(asResult)
  // Older answers list their sources by address alone.
  return { results: results.length > 0 ? results : pages.flatMap((url) => asResult({ url })), pages }
}

/** Several queries in one request have a list of results each. */
function fromSearch(value: unknown): PerplexityAnswer {
  const results = readList(value, 'results', MOST_RESULTS).flatMap((entry) =>
    Array.isArray(entry) ? readList({ entry }, 'entry', MOST_RESULTS).flatMap(asResult) : asResult(entry),
  )
  return answerWith(value, { results, searched: true })
}

function asResult(value: unknown): readonly SearchResult[] {
  const result = readResult(value)
  return result === undefined ? [] : [result]
}

function distinct(results: readonly SearchResult[]): readonly SearchResult[] {
  const byUrl = new Map<string, SearchResult>()
  for (const result of results) {
    if (byUrl.size < MOST_RESULTS) byUrl.set(`${result.id ?? ''} ${result.url}`, result)
  }
  return [...byUrl.values()]
}

function urlsOf(entries: readonly unknown[]): string[] {
  return entries.map((entry) => readField(entry, 'url')).filter(isUrl)
}

function isUrl(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_URL && /^https?:\/\//i.test(value)
}

function hasText(from: unknown, key: string): boolean {
  const value = readField(from, key)
  return typeof value === 'string' && value.trim() !== ''
}

function joined(texts: readonly unknown[]): string {
  let text = ''
  for (const part of texts) {
    if (text.length >= LONGEST_TEXT) break
    if (typeof part === 'string') text += part.slice(0, LONGEST_TEXT - text.length)
  }
  return text
}
