import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAnswer } from '../../src/services/perplexity/perplexityAnswer.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { AGENT_USAGE, agentAnswer, RESULTS, SONAR_USAGE, searchAnswer, sonarAnswer } from '../adapters/perplexityWire.ts'

const profile = profileFor('perplexity')
const request = (path: string, body: unknown = {}) => profile.readRequest?.(path, body)
const measure = (value: unknown, path = '/v1/responses', body: unknown = {}) => profile.measure?.(value, request(path, body))
const withUsage = (usage: unknown) => measure(agentAnswer({ usage }))
const withCost = (cost: unknown) => withUsage({ ...AGENT_USAGE, cost })?.cost

describe('what an answer is measured at', () => {
  test('the Agent API states tokens, dollars and sources', () => {
    expect(measure(agentAnswer())).toEqual({
      model: 'perplexity/sonar',
      operation: 'responses',
      usage: { input: 1200, output: 300, cached: 200 },
      cost: 0.0092,
      quality: 1,
    })
  })

  test('so did the retired chat completions', () => {
    const usage = { ...SONAR_USAGE, reasoning_tokens: 100, citation_tokens: 5000 }
    expect(measure(sonarAnswer({ usage }), '/chat/completions')).toEqual({
      model: 'sonar',
      operation: 'chat',
      usage: { input: 20, output: 300, reasoning: 100 },
      cost: 0.00532,
      quality: 1,
    })
  })

  test('an asynchronous chat completion holds such an answer once it has one', () => {
    const held = { id: 'a', status: 'COMPLETED', created_at: 1, model: 'sonar', response: sonarAnswer() }
    expect(measure(held, '/async/chat/completions/a')).toMatchObject({ operation: 'retrieve', cost: 0.00532 })
    expect(measure({ ...held, status: 'IN_PROGRESS', response: null }, '/async/chat/completions/a')).toBeUndefined()
  })

  test('the Search API tells of its results alone', () => {
    expect(measure(searchAnswer(), '/search')).toEqual({ operation: 'search', quality: 1 })
  })

  test('embeddings use input and put none out', () => {
    const usage = { prompt_tokens: 12, total_tokens: 12, cost: { currency: 'USD', input_cost: 1e-6, total_cost: 1e-6 } }
    const value = { object: 'list', data: [], model: 'pplx-embed-v1-4b', usage }
    expect(measure(value, '/v1/embeddings')).toEqual({
      model: 'pplx-embed-v1-4b',
      operation: 'embeddings',
      usage: { input: 12, output: 0 },
      cost: 1e-6,
    })
  })

  test('reasoning that exceeds the output was counted beside it', () => {
    const usage = { prompt_tokens: 1001, completion_tokens: 2373, reasoning_tokens: 220_303 }
    expect(measure(sonarAnswer({ usage }))?.usage).toEqual({ input: 1001, output: 222_676, reasoning: 220_303 })
  })

  test('an answer of axios is measured by its data', () => {
    expect(measure({ status: 200, headers: {}, data: agentAnswer() })?.cost).toBe(0.0092)
  })

  test('without a request, everything but the operation', () => {
    expect(profile.measure?.(agentAnswer())).toMatchObject({ model: 'perplexity/sonar', cost: 0.0092, quality: 1 })
    expect(profile.measure?.(agentAnswer())).not.toHaveProperty('operation')
  })

  test('a run that waits in the background has used nothing yet', () => {
    const queued = { ...agentAnswer({ status: 'queued', output: [] }), usage: undefined }
    expect(measure(queued)).toEqual({ model: 'perplexity/sonar', operation: 'responses' })
  })
})

describe('dollars', () => {
  const parts = { input_cost: 0.25, output_cost: 0.5 }
  test.each([
    ['the total', { currency: 'USD', ...parts, total_cost: 1 }, 1],
    ['a total of nothing', { total_cost: 0 }, 0],
    ['the greatest that is believed', { total_cost: 1e6 }, 1e6],
    ['a total beyond belief', { total_cost: 1e6 + 1 }, undefined],
    ['no currency', { total_cost: 1 }, 1],
    ['null for a currency', { currency: null, total_cost: 1 }, 1],
    ['another currency', { currency: 'EUR', total_cost: 1 }, undefined],
    ['a currency that is none', { currency: 7, ...parts }, undefined],
    ['the sum where there is no total', parts, 0.75],
    ['the sum with tools and cache', { ...parts, tool_calls_cost: 1, cache_creation_cost: 2, cache_read_cost: 4 }, 7.75],
    ['the sum of chat completions', { input_tokens_cost: 1, output_tokens_cost: 2, request_cost: 4, search_queries_cost: 8 }, 15],
    [
      'with what reasoning and citations cost',
      { input_tokens_cost: 1, output_tokens_cost: 2, citation_tokens_cost: 4, reasoning_tokens_cost: 8 },
      15,
    ],
    ['null for a part', { ...parts, tool_calls_cost: null }, 0.75],
    ['a part that makes no sense', { ...parts, tool_calls_cost: -1 }, undefined],
    ['a part that is missing', { input_cost: 1 }, undefined],
    ['a sum beyond belief', { input_cost: 1e6, output_cost: 1 }, undefined],
    ['the sum where the total is negative', { ...parts, total_cost: -1 }, 0.75],
    ['the sum where the total is text', { ...parts, total_cost: '1' }, 0.75],
    ['NaN', { total_cost: Number.NaN }, undefined],
    ['infinity', { total_cost: Number.POSITIVE_INFINITY }, undefined],
    ['nothing', {}, undefined],
    ['null', null, undefined],
    ['a number', 1, undefined],
    ['a list', [1], undefined],
  ])('%s', (_, cost, expected) => {
    expect(withCost(cost)).toBe(expected)
  })

  test('the user’s own prices stand in where none are stated', () => {
    const prices = { 'perplexity/sonar': { input: 1, output: 10 }, '*': { input: 2 } }
    const own = profileFor('perplexity', { ...settings, prices })
    const unstated = { ...AGENT_USAGE, cost: undefined, input_tokens_details: undefined }
    expect(own.measure?.(agentAnswer({ usage: unstated }))?.cost).toBeCloseTo((1200 * 1 + 300 * 10) / 1e6, 12)
    expect(own.measure?.(agentAnswer({ usage: unstated, model: 'other' }))?.cost).toBeCloseTo((1200 * 2) / 1e6, 12)
    expect(own.measure?.(agentAnswer())?.cost).toBe(0.0092)
    expect(profile.measure?.(agentAnswer({ usage: unstated }))).not.toHaveProperty('cost')
  })
})

const settings = {
  idleTimeout: 60_000,
  qualityFloor: 0.7,
  hitRateFloor: false,
  memoryLimit: 1,
  requestsPerMinute: undefined,
  quota: undefined,
  prices: {},
  fallback: [],
} as const

describe('tokens', () => {
  test.each([
    ['both', { input_tokens: 1, output_tokens: 2 }, { input: 1, output: 2 }],
    ['none', { input_tokens: 0, output_tokens: 0 }, { input: 0, output: 0 }],
    ['no input', { output_tokens: 2 }, undefined],
    ['no output', { input_tokens: 2 }, undefined],
    ['negative', { input_tokens: -1, output_tokens: 2 }, undefined],
    ['broken', { input_tokens: 1.5, output_tokens: 2 }, undefined],
    ['absurd', { input_tokens: 1e9 + 1, output_tokens: 2 }, undefined],
    ['text', { input_tokens: '1', output_tokens: 2 }, undefined],
    ['null', { input_tokens: null, output_tokens: 2 }, undefined],
    [
      'a cache that makes no sense',
      { input_tokens: 1, output_tokens: 2, input_tokens_details: { cache_read_input_tokens: -5 } },
      { input: 1, output: 2 },
    ],
    [
      'reasoning in its details',
      { input_tokens: 1, output_tokens: 2, output_tokens_details: { reasoning_tokens: 1 } },
      { input: 1, output: 2, reasoning: 1 },
    ],
  ])('%s', (_, usage, expected) => {
    expect(withUsage(usage)?.usage).toEqual(expected)
  })
})

describe('what is no answer of Perplexity is not measured', () => {
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'output'],
    ['a list', [agentAnswer()]],
    ['a function', () => agentAnswer()],
    ['an object', {}],
    ['output that is none', { output: 'x' }],
    ['choices that are none', { choices: {} }],
    ['usage that is none', { usage: { total_tokens: 7 } }],
    ['a response whose body is not parsed', new Response(JSON.stringify(agentAnswer()))],
    ['an error', { error: { message: 'x', type: 'invalid_request', code: 400 } }],
    [
      'a getter that throws',
      Object.defineProperty({}, 'output', {
        get: () => {
          throw new Error('no')
        },
      }),
    ],
    ['a revoked proxy', revoked()],
  ])('%s', (_, value) => {
    expect(measure(value)).toBeUndefined()
  })
})

test('lists that will not be read are empty', () => {
  const unreadable = () =>
    new Proxy([1], {
      get: () => {
        throw new Error('no')
      },
    })
  expect(measure({ output: unreadable() })).toEqual({ operation: 'responses' })
  expect(profile.readRequest?.('/v1/agent', { input: unreadable(), messages: unreadable() })).not.toHaveProperty('query')
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('sources', () => {
  test('results of several searches are put together, each address once under each id', () => {
    const item = { type: 'search_results', results: RESULTS }
    const people = { type: 'people_search_results', results: [{ ...RESULTS[0], id: 9 }] }
    expect(readAnswer(agentAnswer({ output: [item, item, people] }))?.results.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 9])
  })

  test('several queries of the Search API have a list each', () => {
    const { results } = searchAnswer() as { results: unknown[] }
    expect(readAnswer({ id: 's', results: [results.slice(0, 2), results.slice(2)] })?.results).toHaveLength(5)
  })

  test('older chat completions list addresses alone', () => {
    const answer = readAnswer({ ...sonarAnswer(), search_results: undefined })
    expect(answer?.results.map(({ url, hasSnippet }) => [url, hasSnippet])).toEqual(RESULTS.map(({ url }) => [url, false]))
  })

  test('the text of a message in parts is read', () => {
    const message = {
      role: 'assistant',
      content: [{ type: 'text', text: 'It is ' }, { type: 'image_url' }, { type: 'text', text: 'so.' }],
    }
    expect(readAnswer({ ...sonarAnswer(), choices: [{ message, finish_reason: 'stop' }] })?.text).toBe('It is so.')
  })

  test.each([
    ['no address', { title: 'x' }],
    ['an address that is none', { url: 'page' }],
    ['another scheme', { url: 'javascript:alert(1)' }],
    ['an endless address', { url: `https://x.example/${'a'.repeat(3000)}` }],
    ['null', null],
    ['text', 'https://x.example'],
  ])('%s is no source', (_, result) => {
    expect(readAnswer(agentAnswer({ output: [{ type: 'search_results', results: [result] }] }))?.results).toEqual([])
  })

  test.each([
    ['a million items', agentAnswer({ output: new Array(1_000_000).fill({ type: 'search_results', results: RESULTS }) })],
    [
      'a million results',
      agentAnswer({
        output: [
          { type: 'search_results', results: new Array(1_000_000).fill(0).map((_, id) => ({ id, url: 'https://x.example' })) },
        ],
      }),
    ],
    ['10 MB of text', agentAnswer({}, '[1](https://x.example) `[2'.repeat(400_000))],
    ['10 MB of brackets', agentAnswer({}, '[](http'.repeat(1_400_000))],
    ['10 MB of opened links', agentAnswer({}, '[a](http://x(('.repeat(700_000))],
  ])('%s are read as far as is sensible', (_, value) => {
    const { quality } = measure(value) ?? {}
    expect(quality).toBeGreaterThanOrEqual(0)
    expect(quality).toBeLessThanOrEqual(1)
  })
})

test('nothing that a server may send makes it throw, and every score is between 0 and 1', () => {
  const keys = [
    ...Object.keys(agentAnswer()),
    ...Object.keys(sonarAnswer()),
    'results',
    'response',
    'type',
    'text',
    'url',
    'id',
    'content',
    'message',
    'annotations',
    'cost',
    'total_cost',
  ]
  const key = fc.constantFrom(...keys)
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      -1,
      1e308,
      Number.NaN,
      'search_results',
      'message',
      '[1] [2](https://x.example)',
      'https://x.example/',
    ),
    fc.string(),
  )
  const { value: anything } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    ),
  }))
  const base = fc.constantFrom(agentAnswer(), sonarAnswer(), searchAnswer(), {})
  fc.assert(
    fc.property(base, fc.dictionary(key, anything, { maxKeys: 4 }), anything, (answer, changes, body) => {
      const measured = measure({ ...answer, ...changes }, '/v1/agent', body)
      if (measured?.quality !== undefined) {
        expect(measured.quality).toBeGreaterThanOrEqual(0)
        expect(measured.quality).toBeLessThanOrEqual(1)
      }
      if (measured?.cost !== undefined) expect(measured.cost).toBeGreaterThanOrEqual(0)
      profile.classifyResult?.({ ...answer, ...changes }, 0)
      profile.classifyError(changes, 0)
    }),
    { numRuns: 400 },
  )
})
