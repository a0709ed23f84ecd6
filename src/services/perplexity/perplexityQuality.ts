// How good an answer of Perplexity is, 0–1, by what it shows of itself: what its search found, and whether what it cites is
// among that. Nothing here judges whether an answer is true. The weights are a choice, made so that an ordinary answer keeps
// well above the floor of 0.7, and one whose sources are missing or made up does not.
import type { PerplexityAnswer } from './perplexityAnswer.ts'
import { citationsIn, domainOf, pageOf } from './perplexityCitations.ts'
import { type Asked, NOTHING_ASKED } from './perplexityRequest.ts'

/** Results that are enough where nobody asked for a number; asking for more than ten is content with ten. */
const ENOUGH_RESULTS = 5
const MOST_EXPECTED = 10
/** Sources under so many names that no one of them is relied on alone. */
const ENOUGH_DOMAINS = 3
/** An answer that shows no citation though it had sources is neither right nor wrong. */
const NOTHING_CITED = 0.5
const SEARCH_WEIGHT = 0.6

/**
 * 0.4 · pages / wanted + 0.3 · domains / min(pages, 3) + 0.3 · mean over the results of (0.7 with a snippet + 0.3 with a
 * date), each part at most 1. `wanted` is the number asked for, at most 10; else 3 of a small search and 5 of any other. 0 for a search that found nothing; undefined
 * where none took place. In a search that the caller confined to certain domains, their number is not judged.
 */
export function searchQuality(answer: PerplexityAnswer, asked: Asked = NOTHING_ASKED): number | undefined {
  const { results, searched } = answer
  if (!searched) return undefined
  if (results.length === 0) return 0
  const wanted = Math.min(asked.results ?? ENOUGH_RESULTS, MOST_EXPECTED)
  const pages = new Set(results.map(({ url }) => pageOf(url))).size
  const domains = new Set(results.map(({ url }) => domainOf(url))).size
  const diversity = asked.confined ? 1 : domains / Math.min(pages, ENOUGH_DOMAINS)
  let described = 0
  for (const { hasSnippet, hasDate } of results) described += (hasSnippet ? 0.7 : 0) + (hasDate ? 0.3 : 0)
  return 0.4 * Math.min(1, pages / wanted) + 0.3 * Math.min(1, diversity) + 0.3 * (described / results.length)
}

/**
 * The share of the citations that lead to a listed source: numbers by its id or, without ids, its place; links and annotations
 * by its address. 0.5 for a text that cites nothing though there were sources, 0 for a whole answer without text. Undefined
 * where there is nothing to cite, or no place for it: no search, a structured answer, a text that a tool's result must follow.
 */
export function citationAccuracy(answer: PerplexityAnswer, asked: Asked = NOTHING_ASKED): number | undefined {
  const { results, text, searched, whole, annotated } = answer
  if (!searched) return undefined
  if (text === undefined || (text.trim() === '' && !whole)) return undefined
  if (text.trim() === '') return 0
  const cited: (number | string)[] = [...citationsIn(text).map(({ cites }) => cites), ...annotated]
  if (cited.length === 0) return asked.structured || results.length === 0 ? undefined : NOTHING_CITED
  const ids = idsOf(answer)
  const pages = new Set([...results.map(({ url }) => url), ...answer.pages].map(pageOf))
  pages.delete(undefined)
  const found = cited.filter((cites) => (typeof cites === 'number' ? ids.has(cites) : pages.has(pageOf(cites))))
  return found.length / cited.length
}

/** 0.6 · search quality + 0.4 · citation accuracy; the former alone where the latter is not known, undefined without a search. */
export function answerQuality(answer: PerplexityAnswer, asked: Asked = NOTHING_ASKED): number | undefined {
  const search = searchQuality(answer, asked)
  const citations = citationAccuracy(answer, asked)
  if (search === undefined || citations === undefined) return search
  return SEARCH_WEIGHT * search + (1 - SEARCH_WEIGHT) * citations
}

function idsOf({ results, pages }: PerplexityAnswer): ReadonlySet<number> {
  const ids = results.map(({ id }) => id).filter((id) => id !== undefined)
  if (ids.length > 0) return new Set(ids)
  return new Set(Array.from({ length: Math.max(results.length, pages.length) }, (_, index) => index + 1))
}
