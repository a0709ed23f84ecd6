import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { openaiProfile } from '../../src/services/openai/openaiProfile.ts'

const openai = openaiProfile()

// Guessed prices are told of; their own tests are those of the price book.
beforeAll(() => void vi.spyOn(process, 'emitWarning').mockReturnValue(undefined))
afterAll(() => void vi.restoreAllMocks())

const request = (path: string, body: unknown = {}) => openai.readRequest!(path, body)

describe('a request reads as', () => {
  test.each([
    ['/v1/chat/completions', 'chat'],
    ['/chat/completions', 'chat'],
    ['/v1/responses', 'responses'],
    ['/v1/responses/', 'responses'],
    ['/v1/embeddings', 'embeddings'],
    ['/v1/completions', 'completions'],
    ['/v1/images/generations', 'images'],
    ['/v1/images/edits', 'images'],
    ['/v1/audio/speech', 'audio'],
    ['/v1/audio/transcriptions', 'audio'],
    ['/v1/moderations', 'moderations'],
    ['/v1/models', 'other'],
    ['/v1/responses/resp_1/cancel', 'other'],
    ['', 'other'],
    ['/openai/deployments/gpt/chat/completions', 'chat'],
    ['/openai/deployments/gpt/embeddings?api-version=2024-10-21', 'embeddings'],
    [`/${'a'.repeat(100_000)}/chat/completions`, 'other'],
  ])('%.60s: %s', (path, operation) => {
    expect(request(path)).toMatchObject({ path, operation })
  })

  test.each([
    ['/v1/chat/completions', { model: 'gpt-4o' }, 'gpt-4o'],
    ['/v1/chat/completions', {}, undefined],
    ['/v1/chat/completions', undefined, undefined],
    ['/v1/chat/completions', { model: 7 }, undefined],
    ['/v1/chat/completions', { model: 'x'.repeat(201) }, undefined],
    ['/openai/deployments/my%20gpt/chat/completions', {}, 'my gpt'],
    ['/openai/deployments/%zz/chat/completions', {}, '%zz'],
    ['/openai/deployments/mine/chat/completions', { model: 'gpt-4o' }, 'gpt-4o'],
  ])('%s with %o: the model %s', (path, body, model) => {
    expect(request(path, body).model).toBe(model)
  })
})

describe('an answer tells of', () => {
  test('a chat completion', () => {
    const value = {
      object: 'chat.completion',
      model: 'gpt-4o-2024-08-06',
      usage: {
        prompt_tokens: 1000,
        completion_tokens: 200,
        total_tokens: 1200,
        prompt_tokens_details: { cached_tokens: 400, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 50 },
      },
    }
    expect(openai.measure?.(value)).toEqual({
      model: 'gpt-4o-2024-08-06',
      operation: 'chat',
      usage: { input: 1000, output: 200, cached: 400, reasoning: 50 },
      cost: (600 * 2.5 + 400 * 1.25 + 200 * 10) / 1e6,
    })
  })

  test('a response', () => {
    const value = {
      object: 'response',
      status: 'completed',
      model: 'gpt-6-luna',
      usage: {
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 50,
        output_tokens_details: { reasoning_tokens: 30 },
        total_tokens: 150,
      },
    }
    expect(openai.measure?.(value)).toEqual({
      model: 'gpt-6-luna',
      operation: 'responses',
      usage: { input: 100, output: 50, cached: 0, reasoning: 30 },
      cost: (100 * 0.1 + 50 * 0.5) / 1e6,
    })
  })

  test('embeddings', () => {
    const value = {
      object: 'list',
      model: 'text-embedding-3-small',
      data: [{ object: 'embedding', index: 0, embedding: [0.1] }],
      usage: { prompt_tokens: 8, total_tokens: 8 },
    }
    expect(openai.measure?.(value)).toEqual({
      model: 'text-embedding-3-small',
      operation: 'embeddings',
      usage: { input: 8, output: 0 },
      cost: (8 * 0.02) / 1e6,
    })
  })

  test('a completion of the old kind, flex and without a model of its own', () => {
    const value = { object: 'text_completion', service_tier: 'flex', usage: { prompt_tokens: 10, completion_tokens: 10 } }
    const asked = request('/v1/completions', { model: 'gpt-4.1' })
    expect(openai.measure?.(value, asked)).toEqual({
      model: 'gpt-4.1',
      operation: 'completions',
      usage: { input: 10, output: 10 },
      cost: (10 * 2 + 10 * 8) / 2 / 1e6,
    })
  })

  test('a model whose price is a guess, and says so', () => {
    const value = { object: 'chat.completion', model: 'gpt-4o-guess', usage: { prompt_tokens: 10, completion_tokens: 0 } }
    expect(openai.measure?.(value)).toMatchObject({ cost: 25 / 1e6, costEstimated: true })
  })

  test('no cost where a picture’s tokens have no price', () => {
    const asked = request('/v1/images/generations', { model: 'gpt-image-2' })
    expect(openai.measure?.({ usage: { input_tokens: 10, output_tokens: 5000 } }, asked)).toEqual({
      model: 'gpt-image-2',
      operation: 'images',
      usage: { input: 10, output: 5000 },
    })
  })

  test('the user’s own prices', () => {
    const own = openaiProfile(resolveSettings('openai', { prices: { 'gpt-4o': { input: 1, output: 1, cachedInput: 0 } } }))
    const value = {
      model: 'gpt-4o',
      usage: { prompt_tokens: 10, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 10 } },
    }
    expect(own.measure?.(value)?.cost).toBe(10 / 1e6)
  })

  test('the request alone where the answer says nothing', () => {
    expect(openai.measure?.({}, request('/v1/chat/completions', { model: 'gpt-4o' }))).toEqual({
      model: 'gpt-4o',
      operation: 'chat',
    })
    expect(openai.measure?.({ object: 'chat.completion', model: '' })).toBeUndefined()
    expect(openai.measure?.({ object: 'chat.completion', model: 'gpt-4o' })).toEqual({ model: 'gpt-4o', operation: 'chat' })
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'usage'],
    ['a number', 1],
    ['a list', [1, 2]],
    ['a fetch response', new Response('{}')],
    ['somebody else’s value', { id: 1, usage: 'heavy' }],
    ['a list of models', { object: 'list', data: [{ object: 'model' }] }],
    ['an object of an odd name', { object: 'constructor' }],
    ['an empty list', { object: 'list', data: [] }],
  ])('nothing: %s', (_, value) => {
    expect(openai.measure?.(value)).toBeUndefined()
  })

  test.each([
    ['negative', { prompt_tokens: -1 }],
    ['not a number', { prompt_tokens: Number.NaN }],
    ['endless', { prompt_tokens: Number.POSITIVE_INFINITY }],
    ['text', { prompt_tokens: '12' }],
    ['a fraction', { prompt_tokens: 1.5 }],
    ['absurd', { prompt_tokens: 1_000_000_001 }],
    ['absent', { completion_tokens: 5 }],
    ['null', null],
  ])('no usage where the input is %s', (_, usage) => {
    expect(openai.measure?.({ object: 'chat.completion', model: 'gpt-4o', usage })).toEqual({
      model: 'gpt-4o',
      operation: 'chat',
    })
  })

  test.each([
    ['an output that is negative', { prompt_tokens: 5, completion_tokens: -5 }, { input: 5, output: 0 }],
    ['an output that only the total tells', { prompt_tokens: 5, total_tokens: 12 }, { input: 5, output: 7 }],
    ['a total below the input', { prompt_tokens: 5, total_tokens: 2 }, { input: 5, output: 0 }],
    [
      'more cached than input',
      { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 6 } },
      { input: 5, output: 1 },
    ],
    [
      'more reasoning than output',
      { input_tokens: 5, output_tokens: 1, output_tokens_details: { reasoning_tokens: 2 } },
      { input: 5, output: 1 },
    ],
    ['details that are none', { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: 'many' }, { input: 5, output: 1 }],
  ])('usage as far as it makes sense: %s', (_, usage, expected) => {
    expect(openai.measure?.({ object: 'chat.completion', model: 'gpt-4o', usage })?.usage).toEqual(expected)
  })

  test('a value that throws when looked at: nothing', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
        ownKeys: () => {
          throw new Error('no')
        },
      },
    )
    expect(openai.measure?.(hostile)).toBeUndefined()
    expect(openai.measure?.({ usage: hostile, object: 'response', model: 'gpt-4o' })).toEqual({
      model: 'gpt-4o',
      operation: 'responses',
    })
    expect(openai.estimate?.({ path: '/v1/chat/completions', body: hostile, operation: 'chat', model: 'gpt-4o' })).toBeDefined()
  })

  test('what the official client hands out', async () => {
    const body = { object: 'chat.completion', model: 'gpt-4o', choices: [], usage: { prompt_tokens: 4, completion_tokens: 1 } }
    const client = new OpenAI({ apiKey: 'none', fetch: async () => Response.json(body, { headers: { 'x-request-id': 'r' } }) })
    const value = await client.chat.completions.create({ model: 'gpt-4o', messages: [] })
    expect(openai.measure?.(value)).toEqual({
      model: 'gpt-4o',
      operation: 'chat',
      usage: { input: 4, output: 1 },
      cost: 20 / 1e6,
    })
  })
})

describe('an estimate is', () => {
  const cost = (path: string, body: object) => openai.estimate?.(request(path, { model: 'gpt-4o', ...body }))?.cost
  const chat = '/v1/chat/completions'
  const message = { role: 'user', content: 'x'.repeat(396) } // with the role: 400 characters, 100 tokens
  const input = 100 * 2.5

  test.each([
    ['input and the limit of output', { messages: [message], max_tokens: 10 }, input + 100],
    ['by the newer name of the limit first', { messages: [message], max_completion_tokens: 20, max_tokens: 10 }, input + 200],
    ['1,024 tokens where there is no limit', { messages: [message] }, input + 10_240],
    ['1,024 tokens where the limit is none', { messages: [message], max_tokens: -1 }, input + 10_240],
    ['for each of n answers', { messages: [message], max_tokens: 10, n: 3 }, input + 300],
    ['for one where n is none', { messages: [message], max_tokens: 10, n: 'many' }, input + 100],
    ['half by flex', { messages: [message], max_tokens: 10, service_tier: 'flex' }, (input + 100) / 2],
    [
      'a thousand tokens for a picture',
      {
        messages: [{ role: 'user', content: [{ image_url: { url: `data:image/png;base64,${'A'.repeat(1e6)}` } }] }],
        max_tokens: 1,
      },
      1001 * 2.5 + 10,
    ],
  ])('%s', (_, body, expected) => {
    expect(cost(chat, body)).toBeCloseTo(expected / 1e6, 9)
  })

  test('told with its confidence', () => {
    expect(openai.estimate?.(request(chat, { model: 'gpt-4o', messages: [], max_tokens: 1 }))).toEqual({
      cost: 10 / 1e6,
      confidence: 0.9,
    })
    expect(openai.estimate?.(request(chat, { model: 'gpt-4o-new', messages: [] }))?.confidence).toBe(0.5)
    const huge = Array.from({ length: 30_000 }, () => ({ role: 'user', content: 'x' }))
    expect(openai.estimate?.(request(chat, { model: 'gpt-4o', messages: huge }))?.confidence).toBe(0.3)
  })

  test('for responses, embeddings by text or tokens, and moderations', () => {
    expect(cost('/v1/responses', { input: 'x'.repeat(400), max_output_tokens: 10 })).toBeCloseTo((input + 100) / 1e6, 9)
    const embeddings = (of: unknown) =>
      openai.estimate?.(request('/v1/embeddings', { model: 'text-embedding-3-small', input: of }))?.cost
    expect(embeddings(['x'.repeat(400)])).toBeCloseTo((100 * 0.02) / 1e6, 12)
    expect(embeddings([[1, 2, 3], [4]])).toBeCloseTo((4 * 0.02) / 1e6, 12)
    expect(embeddings(new Array(5_000_000).fill(7))).toBeCloseTo((5_000_000 * 0.02) / 1e6, 9)
    expect(openai.estimate?.(request('/v1/moderations', { model: 'omni-moderation-latest', input: 'x' }))?.cost).toBe(0)
  })

  test.each([
    ['no model', chat, {}],
    ['no body', chat, undefined],
    ['a picture', '/v1/images/generations', { model: 'gpt-image-2' }],
    ['sound', '/v1/audio/speech', { model: 'gpt-4o-mini-tts' }],
    ['something else', '/v1/files', { model: 'gpt-4o' }],
  ])('nothing for %s', (_, path, body) => {
    expect(openai.estimate?.(request(path, body))).toBeUndefined()
  })
})
