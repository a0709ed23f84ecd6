// A small search API on loopback: `GET /search?q=words&limit=3` answers with JSON and states its limit in the headers of
// draft-ietf-httpapi-ratelimit-headers-11, errors as problem details (RFC 9457).
import type { Clock } from '../../model/clock.ts'
import { type Exchange, sendJson, startLoopbackServer, type Upstream } from './loopbackServer.ts'

export interface SearchServerOptions {
  readonly clock: Clock
  /** Requests allowed in a window. */
  readonly quota?: number
  readonly windowSeconds?: number
}

export interface SearchAnswer {
  readonly query: string
  readonly results: readonly { readonly title: string; readonly url: string; readonly snippet: string }[]
}

/** Serves `GET /search`. */
export function startSearchServer({ clock, quota = 6000, windowSeconds = 60 }: SearchServerOptions): Promise<Upstream> {
  let windowEndsAt = clock.now() + windowSeconds * 1000
  let used = 0

  const secondsLeft = (): number => {
    const now = clock.now()
    if (now >= windowEndsAt) {
      used = 0
      windowEndsAt = now + windowSeconds * 1000
    }
    return Math.ceil((windowEndsAt - now) / 1000)
  }
  const limits = (remaining: number, seconds: number): Record<string, string> => ({
    'ratelimit-policy': `"default";q=${quota};w=${windowSeconds}`,
    ratelimit: `"default";r=${remaining};t=${seconds}`,
  })
  const tooMany = (exchange: Exchange, seconds: number): void =>
    problem(exchange, 429, 'Too many requests', { ...limits(0, seconds), 'retry-after': String(seconds) })

  return startLoopbackServer(clock, (exchange) => {
    const { url, method, condition, response } = exchange
    const seconds = secondsLeft()
    if (condition.kind === 'outage') return problem(exchange, condition.status, 'The search is out of order')
    if (condition.kind === 'rateLimited') return tooMany(exchange, Math.ceil(condition.retryAfterSeconds))
    if (condition.kind === 'quotaExhausted') return problem(exchange, 429, 'The plan is used up', {}, 'insufficient_quota')
    if (url.pathname !== '/search') return problem(exchange, 404, 'Not found')
    if (method !== 'GET') return problem(exchange, 405, 'Method not allowed', { allow: 'GET' })
    const query = url.searchParams.get('q')?.trim().slice(0, 200)
    if (!query) return problem(exchange, 400, 'The parameter q is missing')
    if (used >= quota) return tooMany(exchange, seconds)
    used++
    sendJson(response, 200, answerTo(query, resultsWanted(url)), limits(quota - used, seconds))
  })
}

function resultsWanted(url: URL): number {
  const limit = Number(url.searchParams.get('limit') ?? 3)
  return Number.isInteger(limit) ? Math.min(Math.max(limit, 1), 20) : 3
}

function answerTo(query: string, count: number): SearchAnswer {
  const results = Array.from({ length: count }, (_, i) => ({
    title: `${query}, part ${i + 1}`,
    url: `https://example.org/${encodeURIComponent(query)}/${i + 1}`,
    snippet: `What is to be said about ${query}, in its part ${i + 1}.`,
  }))
  return { query, results }
}

function problem(exchange: Exchange, status: number, title: string, headers: Record<string, string> = {}, code?: string): void {
  const body = { type: 'about:blank', title, status, ...(code === undefined ? {} : { code }) }
  sendJson(exchange.response, status, body, { 'content-type': 'application/problem+json', ...headers })
}
