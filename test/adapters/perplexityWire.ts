// A server on loopback that speaks Perplexity's wire formats, typed by the official client: the Agent API, its events, the Search
// API, the retired Sonar chat completions, and the errors of all three.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type {
  APIPublicSearchResult,
  ResponseStreamChunk,
  SearchResult,
  StreamChunk,
} from '@perplexity-ai/perplexity_ai/resources/shared'

type Json = Readonly<Record<string, unknown>>

/** How one request is answered. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Sent as server-sent events, as they are given: `data: …` or whatever a test makes of it. */
  readonly lines?: readonly string[]
  /** What becomes of the connection after that, in place of an end: it is cut, or held open. */
  readonly after?: 'cut' | 'hold'
}

export interface PerplexityWire extends AsyncDisposable {
  readonly url: string
  /** What has reached the server. */
  readonly requests: { readonly path: string; readonly body: Json }[]
  /** Answers the next requests, in this order; after them, {@link agentAnswer}. */
  reply(...replies: readonly Reply[]): void
}

export async function perplexityWire(): Promise<PerplexityWire> {
  const requests: { path: string; body: Json }[] = []
  const replies: Reply[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    requests.push({ path: request.url ?? '', body: text === '' ? {} : JSON.parse(text) })
    const { status = 200, headers = {}, json = agentAnswer(), lines, after } = replies.shift() ?? {}
    response.writeHead(status, { 'content-type': lines ? 'text/event-stream' : 'application/json', ...headers })
    if (lines === undefined) response.end(JSON.stringify(json))
    else {
      for (const line of lines) response.write(`${line}\n\n`)
      // Flushed first, or the cut may overtake what was written.
      if (after === 'cut') setImmediate(() => response.destroy())
      else if (after === undefined) response.end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    reply: (...more) => void replies.push(...more),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The Agent API and the chat completions alike (`ErrorInfo`); the status stands in the code. */
export function errorReply(status: number, type: string, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, json: { error: { message, type, code: status } } }
}

export const RESULTS: readonly SearchResult[] = [1, 2, 3, 4, 5].map((id) => ({
  id,
  url: `https://www.site${id}.example/page?utm_source=x`,
  title: `Page ${id}`,
  snippet: 'What it says.',
  date: '2026-11-01',
  source: 'web',
}))

export const AGENT_USAGE = {
  input_tokens: 1200,
  output_tokens: 300,
  total_tokens: 1500,
  input_tokens_details: { cache_read_input_tokens: 200 },
  tool_calls_details: { search_web: { invocation: 1 } },
  cost: { currency: 'USD' as const, input_cost: 0.0012, output_cost: 0.003, tool_calls_cost: 0.005, total_cost: 0.0092 },
}

/** What `POST /v1/responses` and `/v1/agent` answer. */
export function agentAnswer(changes: Json = {}, text = 'It is so [1], and so [2][5].', results = RESULTS): Json {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_795_000_000,
    model: 'perplexity/sonar',
    status: 'completed',
    output: [
      { type: 'search_results', queries: ['is it so'], results },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    usage: AGENT_USAGE,
    ...changes,
  }
}

export const SONAR_RESULTS: readonly APIPublicSearchResult[] = RESULTS.map(({ url, title, snippet }) => ({
  url,
  title,
  snippet,
  date: '2026-11-01',
  last_updated: null,
  source: 'web',
}))

export const SONAR_USAGE = {
  prompt_tokens: 20,
  completion_tokens: 300,
  total_tokens: 320,
  num_search_queries: 1,
  search_context_size: 'low',
  cost: { input_tokens_cost: 0.00002, output_tokens_cost: 0.0003, request_cost: 0.005, total_cost: 0.00532 },
}

/** What `POST /chat/completions` answers. */
export function sonarAnswer(changes: Json = {}, content = 'It is so [1], and so [2][5].'): Json {
  return {
    id: 'cmpl-1',
    object: 'chat.completion',
    created: 1_795_000_000,
    model: 'sonar',
    citations: RESULTS.map(({ url }) => url),
    search_results: SONAR_RESULTS,
    choices: [
      { index: 0, finish_reason: 'stop', message: { role: 'assistant', content }, delta: { role: 'assistant', content: '' } },
    ],
    usage: SONAR_USAGE,
    ...changes,
  }
}

/** What `POST /search` answers. */
export function searchAnswer(results = SONAR_RESULTS): Json {
  return { id: 'search-1', results: results.map(({ source: _, ...result }) => result), server_time: null }
}

export function data(event: unknown): string {
  return `data: ${typeof event === 'string' ? event : JSON.stringify(event)}`
}

/** The events of one answer of the Agent API up to its last word, which is left to the test. */
export function agentEvents(text = 'It is so [1], and so [2][5].'): readonly ResponseStreamChunk[] {
  const begun = { ...agentAnswer({ status: 'in_progress', output: [] }), usage: undefined } as never
  const half = Math.floor(text.length / 2)
  const delta = (part: string, sequence_number: number): ResponseStreamChunk => ({
    type: 'response.output_text.delta',
    item_id: 'msg_1',
    output_index: 1,
    content_index: 0,
    delta: part,
    sequence_number,
  })
  return [
    { type: 'response.created', response: begun, sequence_number: 0 },
    { type: 'response.in_progress', response: begun, sequence_number: 1 },
    { type: 'response.reasoning.started', sequence_number: 2 },
    { type: 'response.reasoning.search_queries', queries: ['is it so'], sequence_number: 3 },
    { type: 'response.reasoning.search_results', results: [...RESULTS], sequence_number: 4 },
    { type: 'response.reasoning.stopped', sequence_number: 5 },
    delta(text.slice(0, half), 6),
    delta(text.slice(half), 7),
    { type: 'response.output_text.done', item_id: 'msg_1', output_index: 1, content_index: 0, text, sequence_number: 8 },
  ]
}

export function completed(changes: Json = {}): Json {
  return { type: 'response.completed', response: agentAnswer(changes), sequence_number: 9 }
}

/** The chunks of a chat completion: in full mode each holds all that came before, in concise mode only what is new. */
export function sonarChunks(mode: 'full' | 'concise', parts = ['It is so [1],', ' and so', ' [2][5].']): readonly StreamChunk[] {
  return parts.map((content, index) => {
    const last = index === parts.length - 1
    const whole = parts.slice(0, index + 1).join('')
    const told = mode === 'full' || last
    return {
      id: 'cmpl-1',
      object: mode === 'concise' && last ? 'chat.completion.done' : 'chat.completion.chunk',
      created: 1_795_000_000,
      model: 'sonar',
      ...(told && { citations: RESULTS.map(({ url }) => url), search_results: [...SONAR_RESULTS] }),
      choices: [
        {
          index: 0,
          finish_reason: last ? 'stop' : null,
          message: { role: 'assistant', content: mode === 'full' ? whole : '' },
          delta: { role: 'assistant', content },
        },
      ],
      ...(told && { usage: SONAR_USAGE }),
    }
  })
}
