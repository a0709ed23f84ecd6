// Requests to the retired Sonar chat completions and to the Search API that ask for less.
import { readField } from '../foreignValue.ts'
import { type Narrowing, smallerCount, smallerSize } from './perplexityNarrowing.ts'

type Body = Readonly<Record<string, unknown>>

/** What both APIs give where nothing is said (the API's reference at docs.perplexity.ai). */
const RESULTS_UNLESS_GIVEN = 10
/** Filters that say what an answer is to be found in: such a request is made for its search. */
const FILTERS = [
  ...['search_recency_filter', 'search_after_date_filter', 'search_before_date_filter', 'search_domain_filter'],
  ...['last_updated_after_filter', 'last_updated_before_filter', 'search_mode'],
]

/** A copy that asks for less, or undefined where there is nothing to leave out. */
export function narrowChat(body: Body, narrowing: Narrowing): Body | undefined {
  if (body.disable_search === true) return undefined
  const filtered = FILTERS.some((name) => body[name] != null)
  if (narrowing.search === false && !filtered) return { ...body, disable_search: true }
  const changes: Record<string, unknown> = {}
  if (narrowing.search !== true && !filtered && body.enable_search_classifier == null) changes.enable_search_classifier = true
  const options = body.web_search_options
  const size = smallerSize(readField(options, 'search_context_size'), narrowing.contextSize)
  if (size !== undefined && (options == null || typeof options === 'object')) {
    changes.web_search_options = { ...options, search_context_size: size }
  }
  const results = smallerCount(body.num_search_results, narrowing.results, RESULTS_UNLESS_GIVEN)
  if (results !== undefined) changes.num_search_results = results
  return Object.keys(changes).length === 0 ? undefined : { ...body, ...changes }
}

/** A search is a live search: it can be asked for fewer results, not go without. */
export function narrowSearch(body: Body, narrowing: Narrowing): Body | undefined {
  const results = smallerCount(body.max_results, narrowing.results, RESULTS_UNLESS_GIVEN)
  const size = body.search_context_size == null ? undefined : smallerSize(body.search_context_size, narrowing.contextSize)
  if (results === undefined && size === undefined) return undefined
  return {
    ...body,
    ...(results !== undefined && { max_results: results }),
    ...(size !== undefined && { search_context_size: size }),
  }
}
