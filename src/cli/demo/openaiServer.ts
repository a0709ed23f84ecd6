// A stand-in for OpenAI's API on loopback, faithful on the wire: the official client cannot tell it from the real one.
// Formats: OpenAI API reference, "Chat Completions" (create, chunk object), "Error codes" and "Rate limits" guides.
import type { Clock } from '../../model/clock.ts'
import { chatAnswer, chatChunks, chatEvents, parseChatRequest } from './chatCompletion.ts'
import type { OpenaiCondition, Outage } from './condition.ts'
import { type Exchange, sendJson, startLoopbackServer, type Upstream } from './loopbackServer.ts'
import { type Allowance, createAllowance, formatDuration } from './openaiAllowance.ts'

export interface OpenaiServerOptions {
  readonly clock: Clock
  /** The key that is accepted; any other is answered with 401. */
  readonly apiKey?: string
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
}

/** The body of every error: https://platform.openai.com/docs/guides/error-codes. */
interface OpenaiError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** Serves `POST /v1/chat/completions`, whole or as a stream; point the client's `baseURL` at `url` + `/v1`. */
export function startOpenaiServer(options: OpenaiServerOptions): Promise<Upstream<OpenaiCondition>> {
  const { clock, apiKey = 'sk-demo', requestsPerMinute = 10_000, tokensPerMinute = 2_000_000 } = options
  const requests = createAllowance(clock, requestsPerMinute)
  const tokens = createAllowance(clock, tokensPerMinute)
  return startLoopbackServer<OpenaiCondition>(clock, (exchange) => {
    const { response, url, method, headers } = exchange
    response.setHeader('x-request-id', `req_demo${String(exchange.number).padStart(8, '0')}`)
    response.setHeader('openai-version', '2020-10-01')
    if (url.pathname !== '/v1/chat/completions') return refuse(exchange, 404, unknownUrl(method, url.pathname))
    if (method !== 'POST') return refuse(exchange, 405, wrongMethod(method))
    if (headers.authorization !== `Bearer ${apiKey}`) return refuse(exchange, 401, INVALID_KEY)
    requests.take(1)
    if (refusedByCondition(exchange, requests, tokens)) return
    complete(exchange, clock, requests, tokens)
  })
}

function complete(exchange: Exchange<OpenaiCondition>, clock: Clock, requests: Allowance, tokens: Allowance): void {
  const request = parseChatRequest(exchange.body)
  if (typeof request === 'string') {
    refuse(exchange, 400, invalidRequest(request))
    return
  }
  const createdAt = Math.floor(clock.now() / 1000)
  const answer = chatAnswer(request, exchange.number, createdAt)
  tokens.take(answer.usage.total_tokens)
  const limits = limitHeaders(requests, tokens)
  if (request.stream) sendStream(exchange, chatChunks(request, answer), limits)
  else sendJson(exchange.response, 200, answer, limits)
}

function sendStream({ response }: Exchange<OpenaiCondition>, chunks: Iterable<object>, headers: Record<string, string>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...headers })
  for (const event of chatEvents(chunks)) response.write(event)
  response.end()
}

function refusedByCondition(exchange: Exchange<OpenaiCondition>, requests: Allowance, tokens: Allowance): boolean {
  const { condition } = exchange
  switch (condition.kind) {
    case 'rateLimited':
      rateLimited(exchange, condition.retryAfterSeconds, requests, tokens)
      return true
    case 'quotaExhausted':
      refuse(exchange, 429, QUOTA_SPENT)
      return true
    case 'outage':
      refuse(exchange, condition.status, outageError(condition))
      return true
    default:
      return false
  }
}

function rateLimited(
  exchange: Exchange<OpenaiCondition>,
  retryAfterSeconds: number,
  requests: Allowance,
  tokens: Allowance,
): void {
  refuse(exchange, 429, RATE_LIMITED, {
    ...limitHeaders(requests, tokens),
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': formatDuration(retryAfterSeconds * 1000),
    'retry-after': String(Math.ceil(retryAfterSeconds)),
    'retry-after-ms': String(Math.ceil(retryAfterSeconds * 1000)),
  })
}

function refuse(
  exchange: Exchange<OpenaiCondition>,
  status: number,
  error: OpenaiError,
  headers: Record<string, string> = {},
): void {
  sendJson(exchange.response, status, { error }, headers)
}

/** The headers of the "Rate limits" guide; a reset is the time until the allowance is full again. */
function limitHeaders(requests: Allowance, tokens: Allowance): Record<string, string> {
  return {
    'x-ratelimit-limit-requests': String(requests.perMinute),
    'x-ratelimit-limit-tokens': String(tokens.perMinute),
    'x-ratelimit-remaining-requests': String(requests.remaining()),
    'x-ratelimit-remaining-tokens': String(tokens.remaining()),
    'x-ratelimit-reset-requests': formatDuration(requests.msToFull()),
    'x-ratelimit-reset-tokens': formatDuration(tokens.msToFull()),
  }
}

const INVALID_KEY: OpenaiError = {
  message: 'The API key is not one this server knows.',
  type: 'invalid_request_error',
  param: null,
  code: 'invalid_api_key',
}

const RATE_LIMITED: OpenaiError = {
  message: 'The allowance of requests is used up for now.',
  type: 'requests',
  param: null,
  code: 'rate_limit_exceeded',
}

const QUOTA_SPENT: OpenaiError = {
  message: 'The account has no credit left.',
  type: 'insufficient_quota',
  param: null,
  code: 'insufficient_quota',
}

function outageError({ status }: Outage): OpenaiError {
  if (status === 401) return INVALID_KEY
  if (status === 503) {
    return { message: 'The server is overloaded.', type: 'service_unavailable_error', param: null, code: 'server_is_overloaded' }
  }
  if (status >= 500) return { message: 'Something broke on our side.', type: 'server_error', param: null, code: null }
  return { message: `The request was refused with ${status}.`, type: 'invalid_request_error', param: null, code: null }
}

function unknownUrl(method: string, path: string): OpenaiError {
  return invalidRequest(`No such place: ${method} ${path.slice(0, 200)}`, 'unknown_url')
}

function wrongMethod(method: string): OpenaiError {
  return invalidRequest(`${method} is not allowed here.`, 'method_not_supported')
}

function invalidRequest(message: string, code: string | null = null): OpenaiError {
  return { message, type: 'invalid_request_error', param: null, code }
}
