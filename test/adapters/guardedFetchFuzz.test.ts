// Whatever comes back, a guarded fetch gives its caller what a bare one gives, hangs nowhere, and ends each call once.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualClock } from '../../src/testing/index.ts'
import { fetchBoard } from './fetchBoard.ts'
import { bodyOf } from './openBody.ts'

const headerName = fc.constantFrom(
  ...['retry-after', 'retry-after-ms', 'ratelimit', 'ratelimit-policy', 'x-ratelimit-limit', 'x-ratelimit-remaining'],
  ...['x-ratelimit-reset', 'x-ratelimit-remaining-requests', 'x-ratelimit-limit-requests', 'x-ratelimit-reset-requests'],
  ...['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens', 'content-length', 'x-switchgear-state', 'x-should-retry'],
)
const headerValue = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e999',
    '12ms',
    '6m0s',
    'NaN',
    '99999999999999999999',
    '"d";r=0;t=1',
    'Thu, 01 Jan 1970 00:00:00 GMT',
  ),
  fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)), maxLength: 30 }),
)
const contentType = fc.constantFrom(
  ...['application/json', 'application/json; charset=utf-8', 'text/event-stream', 'application/x-ndjson', 'text/plain'],
  ...['application/problem+json', 'image/png', 'multipart/form-data; boundary=x', ';;;', ''],
)
const usage = fc.record({
  prompt_tokens: fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null)),
  completion_tokens: fc.oneof(fc.integer(), fc.constant(-1), fc.constant(1e300)),
})
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.record({ model: fc.oneof(fc.string(), fc.integer()), usage, choices: fc.jsonValue({ maxDepth: 2 }) }),
  fc.record({
    error: fc.oneof(fc.record({ code: fc.jsonValue({ maxDepth: 1 }), type: fc.jsonValue({ maxDepth: 1 }) }), fc.string()),
  }),
  fc.record({ status: fc.integer({ min: -1, max: 700 }), headers: fc.jsonValue({ maxDepth: 1 }) }),
)
const text = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  json.map((value) => JSON.stringify(value).slice(0, -1)),
  fc
    .array(json, { maxLength: 4 })
    .map((events) => `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`),
  fc.array(json, { maxLength: 4 }).map((lines) => lines.map((line) => JSON.stringify(line)).join('\n')),
  fc.string({ maxLength: 50 }),
  fc.constant(''),
)
const answer = fc.record({
  status: fc.oneof(
    fc.constantFrom(200, 201, 301, 400, 401, 403, 404, 408, 429, 500, 503, 529),
    fc.integer({ min: 200, max: 599 }),
  ),
  headers: fc.dictionary(headerName, headerValue, { maxKeys: 4 }),
  contentType,
  text,
  /** Where the body is cut into chunks. */
  cuts: fc.array(fc.nat({ max: 200 }), { maxLength: 5 }),
  breaks: fc.boolean(),
})
type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never

const request = fc.record({
  path: fc.constantFrom('/v1/chat/completions', '/v1/responses', '/v1/agent', '/query', '/query/stream', '/', '/%zz', '/a?b=c'),
  body: fc.oneof(text, fc.constant(undefined)),
  json: fc.boolean(),
})

type Asked = typeof request extends fc.Arbitrary<infer T> ? T : never

const ways = {
  text: (response: Response) => response.text(),
  json: (response: Response) => response.json(),
  bytes: async (response: Response) => Buffer.from(await response.arrayBuffer()).toString('hex'),
  form: async (response: Response) => [...(await response.formData()).keys()],
  stream: async (response: Response) => {
    const chunks: string[] = []
    for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk).toString('hex'))
    return chunks
  },
  pipe: async (response: Response) => {
    let length = 0
    for await (const chunk of response.body?.pipeThrough(new TransformStream()) ?? []) length += chunk.length
    return length
  },
  copies: async (response: Response) => Promise.all([response.clone().text(), response.text()]),
  some: async (response: Response) => {
    for await (const chunk of response.body ?? []) return Buffer.from(chunk).toString('hex')
    return undefined
  },
  nothing: async (response: Response) => {
    await response.body?.cancel()
  },
  twice: async (response: Response) => {
    await response.text()
    return response.text()
  },
} as const

function made({ status, headers, contentType: type, text: body, cuts, breaks }: Answer): Response {
  const none = status === 204 || status === 205 || status === 304
  const at = [...cuts.filter((cut) => cut < body.length), body.length].sort((a, b) => a - b)
  const chunks = at.map((cut, index) => body.slice(index === 0 ? 0 : at[index - 1], cut)).filter((chunk) => chunk !== '')
  const stream = breaks ? broken(chunks) : bodyOf(...chunks)
  return new Response(none ? null : stream, { status, headers: { ...headers, 'content-type': type } })
}

function broken(chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift()
      if (chunk === undefined) controller.error(new TypeError('terminated'))
      else controller.enqueue(new TextEncoder().encode(chunk))
    },
  })
}

/** What a caller sees of one request. */
async function seen(send: typeof fetch, { path, body, json: typed }: Asked, way: keyof typeof ways) {
  const init =
    body === undefined ? {} : { method: 'POST', body, ...(typed ? { headers: { 'content-type': 'application/json' } } : {}) }
  try {
    const response = await send(typed ? new Request(`http://a.test${path}`, init) : `http://a.test${path}`, init)
    const { status, statusText, bodyUsed, type } = response
    return { status, statusText, bodyUsed, type, headers: [...response.headers], read: await outcome(() => ways[way](response)) }
  } catch (error) {
    return { threw: String(error) }
  }
}

async function outcome(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: await read() }
  } catch (error) {
    return { error: (error as Error).name }
  }
}

test.each(['http', 'openai', 'perplexity', 'lightrag', 'embedding', 'custom'] as const)('of kind %s', async (kind) => {
  const property = fc.asyncProperty(
    answer,
    request,
    fc.constantFrom(...(Object.keys(ways) as (keyof typeof ways)[])),
    async (given, asked, way) => {
      const clock = new VirtualClock()
      const board = fetchBoard({ kind, perModel: true, clock })
      const underneath: typeof fetch = async () => made(given)
      const expected = await seen(underneath, asked, way)
      const got = await seen(board.fetch({ fetch: underneath }), asked, way)
      // A body that breaks has lost what was not read yet, and the beginning of an error's is read at once.
      if (!(given.breaks && given.status >= 400)) expect(got).toEqual(expected)
      // A body that was not read has counted by its headers by then.
      clock.advance(5_000)
      expect(board.breaker.inFlight).toBe(0)
      expect(board.outcomes).toHaveLength(1)
      for (const model of board.models) expect(model.inFlight).toBe(0)
    },
  )
  await fc.assert(property, { numRuns: 80, seed: 7 })
})
