// A stand-in for a LightRAG server on loopback. It speaks the real one's wire format: paths, fields and error bodies are those of
// lightrag/api/routers/{query,document}_routes.py, lightrag_server.py and lightrag_webui/src/api/lightrag.ts (HKUDS/LightRAG,
// versions 1.4 and 1.5), docs/LightRAG-API-Server.md. What it answers is set by the test.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

/** What the server says of itself; a number is a status, with which it answers `{detail}` instead. */
export interface LightragState {
  /** Without credentials `/health` tells only of its life. */
  apiKey?: string
  health: Record<string, unknown> | number
  pipeline: Record<string, unknown> | number
  counts: Record<string, unknown> | number
  /** Body of `/query`, or a status. */
  query: Record<string, unknown> | number
  detail: string
  /** Lines of `/query/stream`; a Buffer is sent as it is. */
  lines: readonly (Record<string, unknown> | Buffer)[]
}

export interface LightragWire {
  readonly url: string
  readonly seen: Seen[]
  state: LightragState
  close(): Promise<void>
}

export const REFERENCES = [
  { reference_id: '1', file_path: '/documents/breakers.pdf' },
  { reference_id: '2', file_path: '/documents/queues.md' },
]
export const ANSWER = { response: 'A breaker opens.', references: REFERENCES, response_time: 1.25, llm_generated: true }

export function queue(failed: number, completed: number): Record<string, unknown> {
  return {
    available: true,
    queue_name: 'Embedding func',
    max_async: 8,
    queued: 0,
    running: 0,
    submitted_total: failed + completed,
    completed_total: completed,
    failed_total: failed,
  }
}

export function pipelineOf(latest: string, history: readonly string[] = [latest]): Record<string, unknown> {
  return {
    autoscanned: true,
    busy: false,
    job_name: 'Default Job',
    job_start: '2026-01-01T00:00:00+00:00',
    docs: 0,
    batchs: 0,
    cur_batch: 0,
    request_pending: false,
    latest_message: latest,
    history_messages: history,
    update_status: {},
  }
}

export function wellLightrag(): LightragState {
  return {
    health: {
      status: 'healthy',
      auth_mode: 'disabled',
      core_version: '1.4.16',
      api_version: '0289',
      pipeline_busy: false,
      pipeline_active: false,
    },
    pipeline: pipelineOf('Enqueued document processing pipeline stopped'),
    counts: { status_counts: { pending: 0, processing: 0, preprocessed: 0, processed: 12, failed: 0, all: 12 } },
    query: ANSWER,
    detail: 'Internal server error',
    lines: [{ references: REFERENCES }, { response: 'A breaker' }, { response: ' opens.' }],
  }
}

export async function lightragWire(): Promise<LightragWire> {
  const seen: Seen[] = []
  const wire: { state: LightragState } = { state: wellLightrag() }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'http://wire').pathname
      const text = Buffer.concat(chunks).toString()
      seen.push({
        method: request.method ?? '',
        path,
        headers: request.headers,
        body: text === '' ? undefined : JSON.parse(text),
      })
      answer(wire.state, path, request, response)
    })
  })
  await listening(server)
  const close = (): Promise<void> => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  onTestFinished(close)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(wire, { url, seen, close })
}

function answer(state: LightragState, path: string, request: IncomingMessage, response: ServerResponse): void {
  const authorised = state.apiKey === undefined || request.headers['x-api-key'] === state.apiKey
  if (path === '/health')
    sendOr(response, authorised || typeof state.health === 'number' ? state.health : alive(state.health), state.detail)
  else if (!authorised) send(response, 403, { detail: 'API Key required' })
  else if (path === '/documents/pipeline_status') sendOr(response, state.pipeline, state.detail)
  else if (path === '/documents/status_counts') sendOr(response, state.counts, state.detail)
  else if (path === '/query' || path === '/query/data') sendOr(response, state.query, state.detail)
  else if (path === '/query/stream') stream(response, state.lines)
  else send(response, 404, { detail: 'Not Found' })
}

function alive({ status, auth_mode, core_version, api_version, pipeline_busy, pipeline_active }: Record<string, unknown>) {
  return { status, auth_mode, core_version, api_version, pipeline_busy, pipeline_active }
}

function sendOr(response: ServerResponse, body: Record<string, unknown> | number, detail: string): void {
  if (typeof body === 'number') send(response, body, { detail })
  else send(response, 200, body)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function stream(response: ServerResponse, lines: LightragState['lines']): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' })
  for (const line of lines) response.write(Buffer.isBuffer(line) ? line : `${JSON.stringify(line)}\n`)
  response.end()
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
}
