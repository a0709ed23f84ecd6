import Perplexity from '@perplexity-ai/perplexity_ai'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ServiceInput } from '../../src/model/config.ts'
import type { OutcomeRecord } from '../../src/model/records.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import {
  agentAnswer,
  agentEvents,
  completed,
  data,
  errorReply,
  perplexityWire,
  RESULTS,
  searchAnswer,
  sonarAnswer,
  sonarChunks,
} from './perplexityWire.ts'

/** The official client over a board's fetch, against a server on loopback. */
async function client(service: Partial<ServiceInput> = {}, options: { maxRetries?: number } = { maxRetries: 0 }) {
  const wire = await perplexityWire()
  onTestFinished(() => wire[Symbol.asyncDispose]())
  const gear = await createSwitchgear({ services: { perplexity: { kind: 'perplexity', ...service } }, seed: 1 })
  onTestFinished(() => gear.close())
  const outcomes: OutcomeRecord[] = []
  gear.events$.subscribe((event) => {
    if (event.type === 'outcome') outcomes.push(event)
  })
  const perplexity = new Perplexity({
    apiKey: 'k',
    baseURL: wire.url,
    fetch: gear.fetch('perplexity'),
    logLevel: 'off',
    ...options,
  })
  return { wire, gear, outcomes, perplexity }
}

const ask = {
  model: 'perplexity/sonar',
  input: 'Is it so?',
  tools: [{ type: 'web_search' as const, search_context_size: 'high' as const }],
}
const chat = { model: 'sonar', messages: [{ role: 'user' as const, content: 'Is it so?' }] }

async function drained(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of stream) items.push(item)
  return items
}

describe('an answer', () => {
  test('of the Agent API comes through whole, and its cost and quality are told', async () => {
    const { perplexity, outcomes, wire } = await client()
    const response = await perplexity.responses.create(ask)
    expect(response.output_text).toBe('It is so [1], and so [2][5].')
    expect(wire.requests).toEqual([{ path: '/v1/responses', body: ask }])
    expect(outcomes).toMatchObject([
      {
        result: 'success',
        operation: 'responses',
        model: 'perplexity/sonar',
        cost: 0.0092,
        usage: { input: 1200, output: 300, cached: 200 },
        quality: 1,
      },
    ])
  })

  test('whose citations are made up is a success of less worth', async () => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ json: agentAnswer({}, 'It is so [8], and so [9].') })
    await perplexity.responses.create(ask)
    expect(outcomes).toMatchObject([{ result: 'success', quality: 0.6 }])
  })

  test('of the retired chat completions is read as well', async () => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ json: sonarAnswer() })
    await perplexity.chat.completions.create(chat)
    expect(outcomes).toMatchObject([{ result: 'success', operation: 'chat', model: 'sonar', cost: 0.00532, quality: 1 }])
  })

  test('of the Search API is scored by its results', async () => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ json: searchAnswer() })
    const { results } = await perplexity.search.create({ query: 'is it so', max_results: 10 })
    expect(results).toHaveLength(RESULTS.length)
    expect(outcomes).toMatchObject([{ result: 'success', operation: 'search', quality: 0.4 / 2 + 0.6 }])
    expect(outcomes[0]).not.toHaveProperty('cost')
  })

  test('that goes through execute is measured the same', async () => {
    const { gear, outcomes, wire } = await client()
    const plain = new Perplexity({ apiKey: 'k', baseURL: wire.url, logLevel: 'off' })
    await gear.execute('perplexity', () => plain.responses.create(ask))
    expect(outcomes).toMatchObject([{ result: 'success', cost: 0.0092, quality: 1 }])
  })

  test('that failed with a status of 200 is a failure', async () => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ json: agentAnswer({ status: 'failed', error: { message: 'x', type: 'internal_error', code: 500 } }) })
    expect((await perplexity.responses.create(ask)).status).toBe('failed')
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'http_error' }])
  })
})

describe('an error', () => {
  test.each([
    [400, 'invalid_request', 'unknown field "X"', Perplexity.BadRequestError, { result: 'ignored' }, 'closed'],
    [
      401,
      'forbidden',
      'Invalid API key',
      Perplexity.AuthenticationError,
      { result: 'failure', failure: 'authentication' },
      'open',
    ],
    [
      401,
      'insufficient_quota',
      'You exceeded your current quota',
      Perplexity.AuthenticationError,
      { result: 'failure', failure: 'quota_exceeded' },
      'rateLimited',
    ],
    [403, 'forbidden', 'Blocked', Perplexity.PermissionDeniedError, { result: 'failure', failure: 'authentication' }, 'open'],
    [404, 'not_found', 'No such response', Perplexity.NotFoundError, { result: 'ignored' }, 'closed'],
    [
      429,
      'request_rate_limit_exceeded',
      'Slow down',
      Perplexity.RateLimitError,
      { result: 'failure', failure: 'rate_limit' },
      'rateLimited',
    ],
    [500, 'internal_error', 'Oops', Perplexity.InternalServerError, { result: 'failure', failure: 'http_error' }, 'closed'],
    [503, 'bad_gateway', 'Oops', Perplexity.InternalServerError, { result: 'failure', failure: 'service_unavailable' }, 'closed'],
  ] as const)(
    '%d %s (%s) reaches the caller as the client’s own, and the breaker as what it is',
    async (status, type, message, errorClass, outcome, state) => {
      const { perplexity, outcomes, wire, gear } = await client()
      wire.reply(errorReply(status, type, message))
      const error = await perplexity.responses.create(ask).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(errorClass)
      expect(error).toMatchObject({ status, error: { error: { type, message } } })
      expect(outcomes).toMatchObject([outcome])
      expect(gear.state('perplexity')).toBe(state)
    },
  )

  test('a connection that is cut is an outage', async () => {
    const { perplexity, outcomes, wire } = await client()
    await wire[Symbol.asyncDispose]()
    await expect(perplexity.responses.create(ask)).rejects.toBeInstanceOf(Perplexity.APIConnectionError)
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
  })
})

test('a refusal stops the client’s own retries, and tells when to come back', async () => {
  const { perplexity, wire, gear } = await client({}, { maxRetries: 5 })
  gear.command('perplexity', { name: 'trip', by: 'test', why: 'test' })
  const error = await perplexity.responses.create(ask).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Perplexity.InternalServerError)
  expect(error).toMatchObject({ status: 503, error: { error: { code: 'ERR_SWITCHGEAR_OPEN', service: 'perplexity' } } })
  expect(wire.requests).toEqual([])
})

describe('a stream', () => {
  test('of events counts when it has ended, by its last event', async () => {
    const { perplexity, outcomes, wire } = await client()
    const events = [...agentEvents(), completed()]
    wire.reply({ lines: events.map(data) })
    const stream = await perplexity.responses.create({ ...ask, stream: true })
    expect(outcomes).toEqual([])
    expect(await drained(stream)).toEqual(events)
    expect(outcomes).toMatchObject([{ result: 'success', operation: 'responses', cost: 0.0092, quality: 1 }])
  })

  test('whose reader stops at its last event has missed nothing', async () => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ lines: [...agentEvents(), completed()].map(data) })
    for await (const event of await perplexity.responses.create({ ...ask, stream: true })) {
      if (event.type === 'response.completed') break
    }
    expect(outcomes).toMatchObject([{ result: 'success', cost: 0.0092 }])
  })

  test('whose reader stops before it says nothing of the service', async () => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ lines: agentEvents().map(data), after: 'hold' })
    for await (const event of await perplexity.responses.create({ ...ask, stream: true })) {
      if (event.type === 'response.created') break
    }
    expect(outcomes).toMatchObject([{ result: 'ignored' }])
    expect(outcomes[0]).not.toHaveProperty('quality')
  })

  test('that fails in the middle is a failure, though its status was 200', async () => {
    const { perplexity, outcomes, wire } = await client()
    const failed = { type: 'response.failed', error: { message: 'x', type: 'internal_error', code: 500 }, sequence_number: 9 }
    wire.reply({ lines: [...agentEvents().slice(0, 7), failed].map(data) })
    await drained(await perplexity.responses.create({ ...ask, stream: true }))
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'http_error', status: 500 }])
  })

  test('whose error is an event of that name is thrown by the client, and counts', async () => {
    const { perplexity, outcomes, wire } = await client()
    const error = `event: error\n${data({ error: { message: 'x', type: 'bad_gateway', code: 502 } })}`
    wire.reply({ lines: [...agentEvents().slice(0, 7).map(data), error] })
    await expect(drained(await perplexity.responses.create({ ...ask, stream: true }))).rejects.toBeInstanceOf(Perplexity.APIError)
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'http_error', status: 502 }])
  })

  test.each([
    ['cut', 'cut'],
    ['ended', undefined],
  ] as const)('that is %s before its last event was broken off', async (_, after) => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ lines: agentEvents().map(data), ...(after && { after }) })
    await drained(await perplexity.responses.create({ ...ask, stream: true })).catch(() => undefined)
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
  })

  test.each(['full', 'concise'] as const)('of chat completions in %s mode is measured by its last chunk', async (mode) => {
    const { perplexity, outcomes, wire } = await client()
    wire.reply({ lines: [...sonarChunks(mode).map(data), 'data: [DONE]'] })
    const chunks = await drained(await perplexity.chat.completions.create({ ...chat, stream: true, stream_mode: mode }))
    expect(chunks).toHaveLength(3)
    expect(outcomes).toMatchObject([{ result: 'success', operation: 'chat', cost: 0.00532, quality: 1 }])
  })
})

describe('what reaches the service of a degraded one', () => {
  test.each([
    [
      1,
      { ...ask, tools: [{ type: 'web_search', search_context_size: 'low' }] },
      { ...chat, web_search_options: { search_context_size: 'low' }, num_search_results: 5 },
    ],
    [2, { model: ask.model, input: ask.input, max_steps: 2 }, { ...chat, disable_search: true }],
    [3, { model: ask.model, input: ask.input, max_steps: 1 }, { ...chat, disable_search: true }],
  ] as const)('level %d, and the whole request again once it is well', async (level, agentBody, chatBody) => {
    const { perplexity, wire, gear, outcomes } = await client({ levels: [{}, {}, { admit: 'all' }] })
    gear.signal('perplexity', { kind: 'health', level, reason: 'test' })
    wire.reply({}, { json: sonarAnswer() })
    await perplexity.responses.create(ask)
    await perplexity.chat.completions.create(chat)
    expect(wire.requests.map(({ body }) => body)).toEqual([agentBody, chatBody])
    expect(outcomes).toMatchObject([{ level }, { level }])
    gear.signal('perplexity', { kind: 'health', level: 0, reason: 'test' })
    gear.command('perplexity', { name: 'reset', by: 'test', why: 'test' })
    await perplexity.responses.create(ask)
    expect(wire.requests.at(-1)?.body).toEqual(ask)
  })

  test('at level 3 nothing does, unless the policy admits it: the alternative answers', async () => {
    const { perplexity, wire, gear } = await client()
    gear.signal('perplexity', { kind: 'health', level: 3, reason: 'test' })
    await expect(perplexity.responses.create(ask)).rejects.toMatchObject({ status: 503 })
    expect(wire.requests).toEqual([])
  })
})

test('calls near the rate of the plan are paced before there is a 429', async () => {
  const { perplexity, gear } = await client({ requestsPerMinute: 10 })
  for (let i = 0; i < 8; i++) await perplexity.responses.create(ask)
  expect(gear.state('perplexity')).toBe('closed')
  await perplexity.responses.create(ask)
  expect(gear.state('perplexity')).toBe('rateLimited')
})

test('answers whose sources are made up degrade the service, by the floor of its quality', async () => {
  const { perplexity, gear, wire } = await client()
  for (let i = 0; i < 20; i++) {
    wire.reply({ json: agentAnswer({}, 'It is so [8], and so [9].') })
    await perplexity.responses.create(ask)
  }
  expect(gear.state('perplexity')).toBe('degraded')
})
