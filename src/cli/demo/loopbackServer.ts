// What the demo's HTTP upstreams share: a server on a free loopback port, bodies of bounded size, the conditions that concern
// time (slow, hang), and a close that leaves no socket open.
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Clock } from '../../model/clock.ts'
import { type Condition, HEALTHY, type Healthy } from './condition.ts'
import { forever, pause } from './pause.ts'

const LARGEST_BODY = 1_048_576

/** A running upstream, and the conditions it can be in. */
export interface Upstream<C extends Condition = Condition> extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly condition: C | Healthy
  /** Requests received since the start. */
  readonly received: number
  /** Holds for requests that arrive from now on; those already waiting keep the condition they came under. */
  setCondition(condition: C | Healthy): void
  /** Ends every connection, waiting requests included. */
  close(): Promise<void>
}

export interface Exchange<C extends Condition = Condition> {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The condition under which the request arrived. */
  readonly condition: C | Healthy
  /** Counts the requests from 1. */
  readonly number: number
  readonly response: ServerResponse
}

/** Starts a server on 127.0.0.1, on a port that is free; `answer` is called when the condition lets it. */
export async function startLoopbackServer<C extends Condition>(
  clock: Clock,
  answer: (exchange: Exchange<C>) => void,
): Promise<Upstream<C>> {
  let condition: C | Healthy = HEALTHY
  let received = 0

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const under: C | Healthy = condition
    const number = ++received
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const body = await readBody(request)
    if (body === undefined) return sendJson(response, 413, { error: 'the body is too large' }, { connection: 'close' })
    if (under.kind === 'hang') await forever(gone.signal)
    if (under.kind === 'slow') await pause(clock, under.ms, gone.signal)
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    answer({ method: request.method ?? 'GET', url, headers: request.headers, body, condition: under, number, response })
  }

  const server = createServer((request, response) => {
    // Whoever hung up needs no answer, and a request that cannot be read has lost its connection.
    serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    url: `http://127.0.0.1:${port}`,
    get condition() {
      return condition
    },
    get received() {
      return received
    },
    setCondition(next) {
      condition = next
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: OutgoingHttpHeaders = {}): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}

/** Undefined for a body over a MiB; what is left of it is read and dropped. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  // A request without an encoding gives buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= LARGEST_BODY) chunks.push(chunk)
    else chunks.length = 0
  }
  return size <= LARGEST_BODY ? Buffer.concat(chunks).toString('utf8') : undefined
}
