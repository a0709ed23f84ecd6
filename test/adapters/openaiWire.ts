// A stand-in for OpenAI's API on loopback: chats, embeddings and responses, whole and streamed, and the ways in which they go
// wrong. Formats: OpenAI API reference; the official client reads them.
import type { ServerResponse } from 'node:http'
import { chatAnswer, chatChunks, parseChatRequest } from '../../src/cli/demo/chatCompletion.ts'
import { json, type Received, type TestUpstream, upstream } from './upstream.ts'

export interface OpenaiWire extends TestUpstream {
  /** For the client's `baseURL`. */
  readonly baseURL: string
  /** How the next answers go; `well` at first. */
  behaviour: Behaviour
  /** Parsed bodies of what has reached it. */
  readonly bodies: Record<string, unknown>[]
}

export type Behaviour =
  | 'well'
  /** Every stream stops after two pieces and stays open. */
  | 'stalls'
  /** Every stream's connection is cut after two pieces. */
  | 'breaks'
  /** Every stream ends after two pieces as if it were complete. */
  | 'ends early'
  /** Every stream brings an error after two pieces. */
  | 'errs'
  | { readonly status: number; readonly error: object; readonly headers?: Record<string, string> }

export async function openaiWire(): Promise<OpenaiWire> {
  const bodies: Record<string, unknown>[] = []
  const server = await upstream((response, request) => {
    const body = parsed(request.body)
    bodies.push(body)
    answer(response, request, body, wire.behaviour)
  })
  const wire: OpenaiWire = Object.assign(server, { baseURL: `${server.url}/v1`, behaviour: 'well' as const, bodies })
  return wire
}

function answer(response: ServerResponse, { url, body: text }: Received, body: Body, behaviour: Behaviour): void {
  if (typeof behaviour === 'object') {
    json(response, behaviour.status, { error: behaviour.error }, behaviour.headers)
    return
  }
  switch (url.replace(/\?.*/, '')) {
    case '/v1/chat/completions': {
      const request = parseChatRequest(text)
      if (typeof request === 'string') {
        json(response, 400, { error: { message: request, type: 'invalid_request_error', code: null, param: null } })
        return
      }
      const whole = chatAnswer(request, 1, 1_700_000_000)
      if (!request.stream) json(response, 200, whole)
      else send(response, [...[...chatChunks(request, whole)].map(data), 'data: [DONE]\n\n'], behaviour)
      return
    }
    case '/v1/embeddings':
      json(response, 200, embedding(body))
      return
    case '/v1/responses':
      if (body.stream !== true) json(response, 200, responseOf(body))
      else send(response, responseEvents(body).map(named), behaviour)
      return
    default:
      json(response, 404, {
        error: { message: 'no such place', type: 'invalid_request_error', code: 'unknown_url', param: null },
      })
  }
}

const ERROR = { error: { message: 'The server had an error.', type: 'server_error', code: 'server_error', param: null } }

/** Each event is written once the one before has left. */
function send(response: ServerResponse, events: readonly string[], behaviour: Behaviour): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  const next = (index: number): void => {
    const event = events[index]
    if (index === 2 && behaviour === 'stalls') return
    if (index === 2 && behaviour === 'breaks') response.destroy()
    else if (index === 2 && behaviour === 'errs') response.end(data(ERROR))
    else if ((index === 2 && behaviour === 'ends early') || event === undefined) response.end()
    else response.write(event, () => setImmediate(next, index + 1))
  }
  next(0)
}

type Body = Record<string, unknown>

function data(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`
}

function named(event: Body): string {
  return `event: ${event.type}\n${data(event)}`
}

function embedding({ model, input }: Body): object {
  const texts = Array.isArray(input) ? input : [input]
  return {
    object: 'list',
    model,
    data: texts.map((_, index) => ({
      object: 'embedding',
      index,
      embedding: Buffer.from(new Float32Array([0.5, -0.5]).buffer).toString('base64'),
    })),
    usage: { prompt_tokens: 8, total_tokens: 8 },
  }
}

function responseOf({ model }: Body, status = 'completed'): Body {
  const text = { type: 'output_text', text: 'An answer.', annotations: [] }
  const done = status === 'completed'
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_700_000_000,
    status,
    error: null,
    model,
    output: done ? [{ type: 'message', id: 'msg_1', status, role: 'assistant', content: [text] }] : [],
    usage: done
      ? {
          input_tokens: 12,
          input_tokens_details: { cached_tokens: 4 },
          output_tokens: 20,
          output_tokens_details: { reasoning_tokens: 6 },
          total_tokens: 32,
        }
      : null,
  }
}

function responseEvents(body: Body): Body[] {
  const delta = { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0 }
  return [
    { type: 'response.created', response: responseOf(body, 'in_progress') },
    { ...delta, delta: 'An ' },
    { ...delta, delta: 'answer.' },
    { type: 'response.completed', response: responseOf(body) },
  ].map((event, index) => ({ ...event, sequence_number: index }))
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    return {}
  }
}
