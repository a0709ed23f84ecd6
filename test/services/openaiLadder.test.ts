import { describe, expect, test } from 'vitest'
import type { Overrides } from '../../src/model/policy.ts'
import { openaiProfile } from '../../src/services/openai/openaiProfile.ts'
import type { RewrittenRequest } from '../../src/services/serviceProfile.ts'

const openai = openaiProfile()
const CHAT = '/v1/chat/completions'
const RESPONSES = '/v1/responses'
const messages = [
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: 'Hello' },
]

/** What goes out in place of `body` at `level`, with `own` laid over the step's overrides. The request must stay as it is. */
function at(level: 1 | 2 | 3, path: string, body: unknown, own: Overrides = {}): RewrittenRequest | undefined {
  const step = openai.ladder?.[(level - 1) as 0 | 1 | 2]
  const before = JSON.stringify(body)
  const rewritten = step?.rewrite?.(openai.readRequest!(path, deepFreeze(body)), { ...step.overrides, ...own })
  expect(JSON.stringify(body)).toBe(before)
  return rewritten
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(Object.freeze(value))) deepFreeze(inner)
  return value
}

test('the three steps expect what the design says of them', () => {
  expect(openai.ladder?.map(({ level, expected }) => [level, expected.performanceImpact, expected.costSaved])).toEqual([
    [1, 0.15, 0.8],
    [2, 0.3, 0.9],
    [3, 0.6, 0.95],
  ])
  for (const { overrides } of openai.ladder ?? []) {
    for (const value of Object.values(overrides)) expect(['number', 'string', 'boolean']).toContain(typeof value)
  }
})

describe('level 1 asks for', () => {
  test('a smaller model and half the tokens, and leaves the rest as it was', () => {
    const rest = { messages, temperature: 0.5, n: 2, stream: true, tools: [{ type: 'function', function: { name: 'f' } }] }
    expect(at(1, CHAT, { model: 'gpt-4o', max_tokens: 1000, ...rest })).toEqual({
      body: { model: 'gpt-4o-mini', max_tokens: 500, ...rest },
    })
  })

  test.each([
    ['by the newer name', { max_completion_tokens: 1001 }, { max_completion_tokens: 501 }],
    ['of no fewer than 16', { max_tokens: 20 }, { max_tokens: 16 }],
    ['of what it was, below 16', { max_tokens: 8 }, { max_tokens: 8 }],
    ['of 4,096 where there was none', {}, { max_completion_tokens: 4096 }],
    ['of 4,096 where there was nonsense', { max_tokens: null }, { max_tokens: null, max_completion_tokens: 4096 }],
    [
      'of what it was, where a schema is to be followed',
      { max_tokens: 1000, response_format: { type: 'json_schema' } },
      { max_tokens: 1000 },
    ],
    ['of none, where JSON is asked for', { response_format: { type: 'json_object' } }, {}],
  ])('a limit %s', (_, body, expected) => {
    expect(at(1, CHAT, { model: 'gpt-4o', messages, ...body })).toEqual({
      body: { messages, ...body, model: 'gpt-4o-mini', ...expected },
    })
  })

  test('responses, with limits and schemas under their names', () => {
    expect(at(1, RESPONSES, { model: 'gpt-4.1', input: 'x', max_output_tokens: 100 })).toEqual({
      body: { model: 'gpt-4.1-mini', input: 'x', max_output_tokens: 50 },
    })
    expect(at(1, RESPONSES, { model: 'gpt-4.1', input: 'x' })?.body).toMatchObject({ max_output_tokens: 4096 })
    const schema = { model: 'gpt-4.1', input: 'x', max_output_tokens: 100, text: { format: { type: 'json_schema' } } }
    expect(at(1, RESPONSES, schema)).toEqual({ body: { ...schema, model: 'gpt-4.1-mini' } })
  })

  test('completions of the old kind, whose own limit is low already', () => {
    expect(at(1, '/v1/completions', { model: 'gpt-4o', prompt: 'x' })).toEqual({ body: { model: 'gpt-4o-mini', prompt: 'x' } })
    expect(at(1, '/v1/completions', { model: 'mine', prompt: 'x', max_tokens: 100 })).toEqual({
      body: { model: 'mine', prompt: 'x', max_tokens: 50 },
    })
  })

  test('a smaller model of the same family, as far as there is one', () => {
    const model = (name: string) => (at(1, CHAT, { model: name, max_tokens: 1 })?.body as { model?: string } | undefined)?.model
    expect(model('gpt-4o-2024-08-06')).toBe('gpt-4o-mini')
    expect(model('openai/gpt-4o')).toBe('openai/gpt-4o-mini')
    expect(model('gpt-4o-mini')).toBeUndefined()
    expect(model('llama-4')).toBeUndefined()
    expect(model('ft:gpt-4o:org::id')).toBeUndefined()
  })

  test('no limit of a model that reasons, where the caller set none', () => {
    expect(at(1, CHAT, { model: 'gpt-5.6-sol', messages })).toEqual({ body: { model: 'gpt-5.6-terra', messages } })
    expect(at(1, CHAT, { model: 'gpt-9-sol', messages })).toBeUndefined()
    expect(at(1, CHAT, { model: 'gpt-5.6-sol', max_completion_tokens: 80_000 })).toEqual({
      body: { model: 'gpt-5.6-terra', max_completion_tokens: 40_000 },
    })
  })

  test.each<[string, number, number | undefined, Record<string, number>]>([
    ['that leaves little room to reason stays', 8000, undefined, {}],
    ['is shortened to no less than that room', 30_000, 25_000, {}],
    ['has the bound its user sets', 8000, 1000, { maxTokens: 1000 }],
  ])('a limit of a model that reasons %s', (_, stated, expected, overrides) => {
    const body = { model: 'gpt-6-luna', input: 'x', max_output_tokens: stated }
    const changed = at(1, RESPONSES, body, overrides)
    expect(changed).toEqual(expected === undefined ? undefined : { body: { ...body, max_output_tokens: expected } })
  })

  test('no model that takes no tools in a chat, where the request has some', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }]
    expect(at(1, CHAT, { model: 'gpt-6.2-sol', messages, tools })).toBeUndefined()
    expect(at(1, CHAT, { model: 'gpt-6.2-sol', messages, functions: tools })).toBeUndefined()
    expect(at(1, CHAT, { model: 'gpt-6.2-sol', messages, tools: [] })?.body).toMatchObject({ model: 'gpt-6.1-terra' })
    expect(at(1, RESPONSES, { model: 'gpt-6.2-sol', input: 'x', tools })?.body).toMatchObject({ model: 'gpt-6.1-terra' })
  })

  test('nothing less of what already asks for no more', () => {
    expect(at(1, CHAT, { model: 'gpt-4o-mini', max_tokens: 16 })).toBeUndefined()
  })

  test.each([
    ['embeddings, as vectors of another model fit no index', '/v1/embeddings', { model: 'text-embedding-3-large', input: 'x' }],
    ['pictures', '/v1/images/generations', { model: 'gpt-image-2' }],
    ['sound', '/v1/audio/speech', { model: 'gpt-4o-mini-tts' }],
    ['anything else', '/v1/files', { model: 'gpt-4o' }],
    ['a body that is none', CHAT, undefined],
    ['a body of text', CHAT, 'gpt-4o'],
    ['a list', CHAT, [{ model: 'gpt-4o' }]],
  ])('nothing else for %s', (_, path, body) => {
    for (const level of [1, 2, 3] as const) expect(at(level, path, body)).toBeUndefined()
  })
})

describe('level 2 asks for', () => {
  const hint = 'Answer briefly and simply.'

  test('the model after the next, a quarter of the tokens, and brevity', () => {
    expect(at(2, CHAT, { model: 'gpt-5.6-sol', messages, max_completion_tokens: 200_000 })).toEqual({
      body: {
        model: 'gpt-5.6-luna',
        messages: [messages[0], { role: 'system', content: hint }, messages[1]],
        max_completion_tokens: 50_000,
      },
    })
  })

  test.each([
    ['before a conversation without instructions', [messages[1]], [{ role: 'system', content: hint }, messages[1]]],
    ['alone', [], [{ role: 'system', content: hint }]],
    ['behind instructions only', [messages[0]], [messages[0], { role: 'system', content: hint }]],
    [
      'in the developer’s role where that is used',
      [{ role: 'developer', content: 'x' }, messages[1]],
      [{ role: 'developer', content: 'x' }, { role: 'developer', content: hint }, messages[1]],
    ],
    ['among strange messages', [null, 5], [{ role: 'system', content: hint }, null, 5]],
  ])('brevity %s', (_, given, expected) => {
    expect(at(2, CHAT, { model: 'mine', messages: given, max_tokens: 16 })).toEqual({
      body: { model: 'mine', messages: expected, max_tokens: 16 },
    })
  })

  test.each([
    ['behind the instructions of a response', { instructions: 'Be kind.' }, { instructions: `Be kind.\n\n${hint}` }],
    ['as its instructions', {}, { instructions: hint }],
    ['as its instructions, where they were null', { instructions: null }, { instructions: hint }],
    ['not where instructions are something strange', { instructions: ['x'] }, { instructions: ['x'] }],
  ])('brevity %s', (_, given, expected) => {
    expect(at(2, RESPONSES, { model: 'gpt-4.1', input: 'x', ...given })?.body).toMatchObject(expected)
  })

  test('no brevity of messages that are none', () => {
    expect(at(2, CHAT, { model: 'mine', messages: 'x', max_tokens: 16 })).toBeUndefined()
  })
})

test('level 3 asks for least, where a user lets calls pass at all', () => {
  expect(openai.ladder?.[2].overrides).toMatchObject({ cacheOnly: true })
  expect(at(3, RESPONSES, { model: 'gpt-4.1', input: 'x', max_output_tokens: 1000 })).toEqual({
    body: { model: 'gpt-4.1-mini', input: 'x', max_output_tokens: 150, instructions: 'Answer in one or two sentences.' },
  })
})

describe('overrides of the user’s own', () => {
  const body = { model: 'gpt-4o', messages, max_tokens: 1000 }
  test.each<[string, Overrides, object]>([
    ['name a model', { model: 'gpt-4.1-mini' }, { model: 'gpt-4.1-mini', max_tokens: 500 }],
    ['keep the model', { smallerModel: false }, { max_tokens: 500 }],
    ['keep the tokens', { maxTokensFactor: 1 }, { model: 'gpt-4o-mini' }],
    ['set a bound', { maxTokens: 100 }, { model: 'gpt-4o-mini', max_tokens: 100 }],
    ['set a bound that is far off', { maxTokens: 5000 }, { model: 'gpt-4o-mini', max_tokens: 500 }],
    ['never ask for more', { maxTokensFactor: 3, maxTokens: 9000, smallerModel: -1 }, {}],
    ['that make no sense are passed over', { maxTokensFactor: 'x', maxTokens: 0.5, smallerModel: 'x', hint: 7, model: '' }, {}],
    [
      'are told in their own words',
      { hint: 'Auf Deutsch.' },
      {
        model: 'gpt-4o-mini',
        max_tokens: 500,
        messages: [messages[0], { role: 'system', content: 'Auf Deutsch.' }, messages[1]],
      },
    ],
  ])('%s', (_, own, changes) => {
    const expected = Object.keys(changes).length === 0 ? undefined : { body: { ...body, ...changes } }
    expect(at(1, CHAT, body, own)).toEqual(expected)
  })

  test('set another limit, or none, where the request has none', () => {
    const open = { model: 'mine', messages }
    expect(at(1, CHAT, open, { defaultMaxTokens: 100 })?.body).toMatchObject({ max_completion_tokens: 100 })
    expect(at(1, CHAT, open, { maxTokens: 100 })?.body).toMatchObject({ max_completion_tokens: 100 })
    expect(at(1, CHAT, open, { defaultMaxTokens: 3 })?.body).toMatchObject({ max_completion_tokens: 16 })
    expect(at(1, CHAT, open, { defaultMaxTokens: 0 })).toBeUndefined()
  })
})

describe('on Azure', () => {
  const path = '/openai/deployments/our-gpt/chat/completions'
  test.each([
    [
      'a deployment in the path stays',
      path,
      { model: 'gpt-4o', max_tokens: 1000 },
      {},
      { body: { model: 'gpt-4o', max_tokens: 500 } },
    ],
    [
      'a deployment in the body stays',
      '/openai/v1/chat/completions',
      { model: 'gpt-4o', max_tokens: 1000 },
      {},
      { body: { model: 'gpt-4o', max_tokens: 500 } },
    ],
    [
      'one that the user names is put in the path',
      path,
      { max_tokens: 1 },
      { model: 'our small$&' },
      { path: '/openai/deployments/our%20small%24%26/chat/completions' },
    ],
    ['one that is there already is not', path, { max_tokens: 1 }, { model: 'our-gpt' }, undefined],
    [
      'one that the user names is put in the body',
      '/openai/v1/responses',
      { model: 'a', max_output_tokens: 1 },
      { model: 'b' },
      { body: { model: 'b', max_output_tokens: 1 } },
    ],
  ])('%s', (_, to, body, own, expected) => {
    expect(at(1, to, body, own)).toEqual(expected)
  })
})
