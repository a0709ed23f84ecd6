// A stand-in for Perplexity's Agent API on loopback: `POST /v1/agent` with a model, an input and perhaps a web search, answered
// by search results, a message that cites them, and what it all cost. Shapes: @perplexity-ai/perplexity_ai, ResponsesResponse.
import { z } from 'zod'
import type { Clock } from '../../model/clock.ts'
import { tokensIn } from './chatCompletion.ts'
import type { PerplexityCondition } from './condition.ts'
import { type Exchange, sendJson, startLoopbackServer, type Upstream } from './loopbackServer.ts'

export interface PerplexityServerOptions {
  readonly clock: Clock
  /** The key that is accepted; any other is answered with 401. */
  readonly apiKey?: string
}

export interface PerplexityUpstream extends Upstream<PerplexityCondition> {
  /** Requests that were answered without a search. */
  readonly withoutSearch: number
}

const requestSchema = z.object({
  model: z.string().min(1).max(200),
  input: z.string().min(1),
  tools: z.array(z.object({ type: z.string(), search_context_size: z.enum(['low', 'medium', 'high']).optional() })).optional(),
})

/** Dollars: for a token of the prompt, for one of the answer, for a search. */
const PRICES = { input: 1e-6, output: 10e-6, search: 0.005 } as const
/** Results of a search by its size, and the tokens of the prompt that each takes up. */
const SIZES = {
  low: { results: 3, tokens: 200 },
  medium: { results: 5, tokens: 400 },
  high: { results: 8, tokens: 600 },
} as const

/** Serves `POST /v1/agent`. */
export async function startPerplexityServer(options: PerplexityServerOptions): Promise<PerplexityUpstream> {
  const { clock, apiKey = 'pplx-demo' } = options
  let withoutSearch = 0
  const server = await startLoopbackServer<PerplexityCondition>(clock, (exchange) => {
    const { url, method, headers, condition, number, response } = exchange
    if (url.pathname !== '/v1/agent') return refuse(exchange, 404, 'not_found', 'There is no such place.')
    if (method !== 'POST') return refuse(exchange, 405, 'method_not_allowed', 'POST is what is asked for.')
    if (headers.authorization !== `Bearer ${apiKey}`) return refuse(exchange, 401, 'unauthorized', 'The API key is not known.')
    if (condition.kind === 'outage') return refuse(exchange, condition.status, 'internal_error', 'The search is out of order.')
    if (condition.kind === 'rateLimited') {
      return refuse(exchange, 429, 'rate_limit_exceeded', 'Too many requests.', Math.ceil(condition.retryAfterSeconds))
    }
    const request = requestSchema.safeParse(parsed(exchange.body))
    if (!request.success) return refuse(exchange, 400, 'invalid_request', 'The request is none.')
    const { model, input, tools = [] } = request.data
    const search = tools.find(({ type }) => type === 'web_search')
    if (search === undefined) withoutSearch++
    const size = search && (search.search_context_size ?? 'medium')
    const id = `resp_demo${String(number).padStart(8, '0')}`
    const createdAt = Math.floor(clock.now() / 1000)
    sendJson(response, 200, agentAnswer({ id, model, input, size, createdAt, poor: condition.kind === 'poor' }))
  })
  const counted = { get: () => withoutSearch, enumerable: true }
  return Object.defineProperty(server, 'withoutSearch', counted) as PerplexityUpstream
}

interface Asked {
  readonly id: string
  readonly model: string
  readonly input: string
  /** Undefined: without a search. */
  readonly size: keyof typeof SIZES | undefined
  readonly poor: boolean
  /** Epoch seconds. */
  readonly createdAt: number
}

function agentAnswer({ id, model, input, size, poor, createdAt }: Asked): object {
  const found = size === undefined ? 0 : poor ? 1 : SIZES[size].results
  const text = `${input} In a few plain words: it is so${size === undefined ? '' : poor ? ' [8][9]' : ' [1], and so [2]'}.`
  const inputTokens = tokensIn(input) + (size === undefined ? 0 : found * SIZES[size].tokens)
  const outputTokens = tokensIn(text) + 60
  const cost = {
    input_cost: inputTokens * PRICES.input,
    output_cost: outputTokens * PRICES.output,
    tool_calls_cost: size === undefined ? 0 : PRICES.search,
  }
  const results = Array.from({ length: found }, (_, i) => resultOf(input, i + 1, poor))
  return {
    id,
    object: 'response',
    created_at: createdAt,
    model,
    status: 'completed',
    output: [...(size === undefined ? [] : [{ type: 'search_results', queries: [input], results }]), message(text)],
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
      ...(size === undefined ? {} : { tool_calls_details: { search_web: { invocation: 1 } } }),
      cost: { currency: 'USD', ...cost, total_cost: cost.input_cost + cost.output_cost + cost.tool_calls_cost },
    },
  }
}

function resultOf(input: string, id: number, poor: boolean): object {
  const [title, url] = [`${input}, part ${id}`, `https://site${id}.example/${encodeURIComponent(input)}`]
  return poor ? { id, url, title } : { id, url, title, snippet: `On ${input}, part ${id}.`, date: '2026-11-01', source: 'web' }
}

/** The item of an answer that says something. */
export function message(text: string): object {
  const content = [{ type: 'output_text', text, annotations: [] }]
  return { type: 'message', id: 'msg_demo', role: 'assistant', status: 'completed', content }
}

function refuse({ response }: Exchange<PerplexityCondition>, status: number, type: string, text: string, seconds?: number): void {
  const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) }
  sendJson(response, status, { error: { message: text, type, code: status } }, headers)
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
