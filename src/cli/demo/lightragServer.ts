// A stand-in for a LightRAG server on loopback: queries, and what the server says of itself to those who monitor it. Shapes:
// lightrag/api/routers/{query,document}_routes.py of https://github.com/HKUDS/LightRAG.
import { z } from 'zod'
import type { Clock } from '../../model/clock.ts'
import type { LightragCondition } from './condition.ts'
import { type Exchange, sendJson, startLoopbackServer, type Upstream } from './loopbackServer.ts'

export interface LightragUpstream extends Upstream<LightragCondition> {
  /** Queries that asked for vectors alone. */
  readonly naiveQueries: number
}

const querySchema = z.object({
  query: z.string().min(3),
  mode: z.enum(['local', 'global', 'hybrid', 'naive', 'mix', 'bypass']).default('mix'),
})

const DOCUMENTS = 12
/** `fail_response` of lightrag/prompt.py. */
const NOTHING_FOUND = "Sorry, I'm not able to provide an answer to that question.[no-context]"
const SOURCES = ['/documents/breakers.pdf', '/documents/queues.md', '/documents/limits.md']

/** Serves `POST /query`, `GET /health`, `/documents/pipeline_status` and `/documents/status_counts`. */
export async function startLightragServer({ clock }: { readonly clock: Clock }): Promise<LightragUpstream> {
  let naiveQueries = 0
  const server = await startLoopbackServer<LightragCondition>(clock, (exchange) => {
    const { condition, method, url, response } = exchange
    const route = `${method} ${url.pathname}`
    const lost = condition.kind === 'indexLost'
    if (condition.kind === 'outage') return sendJson(response, condition.status, { detail: 'The server is out of order.' })
    if (route === 'GET /health') return sendJson(response, 200, HEALTH)
    if (route === 'GET /documents/pipeline_status') return sendJson(response, 200, PIPELINE)
    if (route === 'GET /documents/status_counts') return sendJson(response, 200, counts(lost ? 0 : DOCUMENTS))
    if (route !== 'POST /query') return sendJson(response, 404, { detail: 'Not Found' })
    const asked = querySchema.safeParse(parsed(exchange))
    if (!asked.success) return sendJson(response, 422, { detail: asked.error.issues })
    const { query, mode } = asked.data
    if (mode === 'naive') naiveQueries++
    // Without its graph the server finds nothing but by vectors.
    sendJson(
      response,
      200,
      lost && mode !== 'naive' ? lightragAnswer(NOTHING_FOUND) : lightragAnswer(`On “${query}”: it is so.`, SOURCES),
    )
  })
  const counted = { get: () => naiveQueries, enumerable: true }
  return Object.defineProperty(server, 'naiveQueries', counted) as LightragUpstream
}

/** The body of an answer to a query; without sources it is none that a model wrote. */
export function lightragAnswer(text: string, sources: readonly string[] = []): object {
  const references = sources.map((file, i) => ({ reference_id: String(i + 1), file_path: file }))
  return { response: text, references, response_time: 0.01, llm_generated: sources.length > 0 }
}

const HEALTH = {
  status: 'healthy',
  auth_mode: 'disabled',
  core_version: '1.4.16',
  api_version: '0289',
  pipeline_busy: false,
  pipeline_active: false,
}

const PIPELINE = {
  autoscanned: true,
  busy: false,
  job_name: 'Default Job',
  job_start: '2026-01-01T00:00:00+00:00',
  docs: 0,
  batchs: 0,
  cur_batch: 0,
  request_pending: false,
  latest_message: 'Enqueued document processing pipeline stopped',
  history_messages: ['Enqueued document processing pipeline stopped'],
  update_status: {},
}

function counts(processed: number): object {
  return { status_counts: { pending: 0, processing: 0, preprocessed: 0, processed, failed: 0, all: processed } }
}

function parsed({ body }: Exchange<LightragCondition>): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
