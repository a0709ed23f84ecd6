import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Overrides } from '../../src/model/policy.ts'
import { profileFor } from '../../src/services/profiles.ts'

const { ladder, readRequest } = profileFor('perplexity')
const SIMPLE = 'capital of France'
const PLAIN = 'Explain how a heat pump works in winter, in a house that is not insulated.'
const COMPLEX =
  'Compare the policies of France, Germany and Italy: which grew faster, and why? What of Spain, and what of Greece?'
const TEMPORAL = 'weather today'

/** The body as it goes out at `level`; undefined: as it came. */
function sent(path: string, body: object, level: 1 | 2 | 3, own: Overrides = {}): unknown {
  const step = ladder![level - 1]!
  const before = structuredClone(body)
  const rewritten = step.rewrite?.(readRequest!(path, freeze(body)), { ...step.overrides, ...own })
  expect(body).toEqual(before)
  expect(rewritten?.path).toBeUndefined()
  return rewritten?.body
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

const agent = (input: string, rest: object = {}) => ({ model: 'perplexity/sonar', input, ...rest })
const web = (rest: object = {}) => ({ type: 'web_search', ...rest })
const custom = { type: 'function', name: 'f' }

test('three levels, with what they are expected to cost and to save', () => {
  expect(ladder?.map(({ level, expected }) => [level, expected.performanceImpact, expected.costSaved])).toEqual([
    [1, 0.2, 0.4],
    [2, 0.4, 0.7],
    [3, 0.7, 1],
  ])
  expect(ladder?.map(({ overrides }) => [overrides.cacheFirst, overrides.useAlternative])).toEqual([
    [undefined, undefined],
    [true, undefined],
    [true, true],
  ])
})

describe('the Agent API', () => {
  test.each([
    ['a search becomes small', 1, agent(SIMPLE, { tools: [web()] }), { tools: [web({ search_context_size: 'low' })] }],
    [
      'that of a complex query medium',
      1,
      agent(COMPLEX, { tools: [web({ search_context_size: 'high' })] }),
      { tools: [web({ search_context_size: 'medium' })] },
    ],
    ['never larger than it was', 1, agent(COMPLEX, { tools: [web({ search_context_size: 'low' })] }), undefined],
    ['nor than nobody said it was', 1, agent(COMPLEX, { tools: [web()] }), undefined],
    [
      'results are lowered where they are given',
      1,
      agent(COMPLEX, { tools: [web({ max_results: 20 })] }),
      { tools: [web({ max_results: 5 })] },
    ],
    ['and not raised', 1, agent(COMPLEX, { tools: [web({ max_results: 5 })] }), undefined],
    [
      'other tools stay as they are',
      1,
      agent(SIMPLE, { tools: [custom, web({ filters: {} })] }),
      { tools: [custom, web({ filters: {}, search_context_size: 'low' })] },
    ],
    ['a preset becomes medium', 1, { preset: 'xhigh', input: SIMPLE }, { preset: 'medium' }],
    ['by whatever name', 1, { preset: 'advanced-deep-research', input: SIMPLE }, { preset: 'medium' }],
    ['not for a complex query', 1, { preset: 'xhigh', input: COMPLEX }, undefined],
    ['not where it is no more than that', 1, { preset: 'deep-research', input: SIMPLE }, undefined],
    ['an unknown one stays', 1, { preset: 'custom', input: SIMPLE }, undefined],
    ['a request without a search stays', 1, agent(SIMPLE, { tools: [custom] }), undefined],
    ['and one without tools', 3, agent(SIMPLE), undefined],
    ['fewer steps', 2, agent(COMPLEX, { tools: [custom], max_steps: 10 }), { max_steps: 2 }],
    ['where none are told of', 2, agent(COMPLEX, { tools: [custom] }), { max_steps: 2 }],
    ['not more', 2, agent(COMPLEX, { tools: [custom], max_steps: 1 }), undefined],
    [
      'a simple query is answered without a search',
      2,
      agent(SIMPLE, { tools: [custom, web()] }),
      { tools: [custom], max_steps: 2 },
    ],
    ['and without tools, where there was no other', 2, agent(SIMPLE, { tools: [web()] }), { tools: undefined, max_steps: 2 }],
    [
      'one that speaks of time is not',
      2,
      agent(TEMPORAL, { tools: [web()] }),
      { tools: [web({ search_context_size: 'low' })], max_steps: 2 },
    ],
    [
      'nor one that is less than simple',
      2,
      agent(PLAIN, { tools: [web()] }),
      { tools: [web({ search_context_size: 'low' })], max_steps: 2 },
    ],
    [
      'nor where the search is demanded',
      2,
      agent(SIMPLE, { tools: [web()], tool_choice: { type: 'web_search' } }),
      { tools: [web({ search_context_size: 'low' })], max_steps: 2 },
    ],
    [
      'nor where it has filters',
      2,
      agent(SIMPLE, { tools: [web({ filters: { search_recency_filter: 'day' } })] }),
      { tools: [web({ filters: { search_recency_filter: 'day' }, search_context_size: 'low' })], max_steps: 2 },
    ],
    [
      'nor where a preset would search all the same',
      2,
      { preset: 'high', input: SIMPLE, tools: [web()] },
      { preset: 'low', tools: [web({ search_context_size: 'low' })], max_steps: 2 },
    ],
    ['even of a complex query a preset is low', 2, { preset: 'high', input: PLAIN }, { preset: 'low', max_steps: 2 }],
    ['at last no query is answered by a search', 3, agent(TEMPORAL, { tools: [web()] }), { tools: undefined, max_steps: 1 }],
    ['and a preset is fast', 3, { preset: 'pro-search', input: COMPLEX, max_steps: 4 }, { preset: 'fast', max_steps: 1 }],
  ] as const)('%s (level %d)', (_, level, body, changes) => {
    const expected = changes && { ...body, ...changes }
    expect(sent('/v1/agent', body, level)).toEqual(expected)
    expect(sent('/v1/responses', body, level)).toEqual(expected)
  })

  test('what is left out is not there, as the API refuses fields it does not know', () => {
    expect(Object.keys(sent('/v1/agent', agent(SIMPLE, { tools: [web()], tool_choice: 'auto' }), 2) as object)).toEqual([
      'model',
      'input',
      'max_steps',
    ])
  })
})

describe('chat completions', () => {
  const chat = (content: string, rest: object = {}) => ({ model: 'sonar', messages: [{ role: 'user', content }], ...rest })
  const low = { web_search_options: { search_context_size: 'low' } }

  test.each([
    ['a small search with fewer citations', 1, chat(SIMPLE), { ...low, num_search_results: 5 }],
    [
      'a complex query keeps a medium one',
      1,
      chat(COMPLEX, { web_search_options: { search_context_size: 'high', search_type: 'pro' } }),
      { web_search_options: { search_context_size: 'medium', search_type: 'pro' }, num_search_results: 5 },
    ],
    ['where it asks for little already', 1, chat(COMPLEX, { num_search_results: 3 }), undefined],
    ['null is nothing', 1, chat(SIMPLE, { web_search_options: null }), { ...low, num_search_results: 5 }],
    ['what is no option stays', 1, chat(SIMPLE, { web_search_options: 'low', num_search_results: 1 }), undefined],
    ['no search for a simple query', 2, chat(SIMPLE), { disable_search: true }],
    ['others search only if they need to', 2, chat(PLAIN), { ...low, num_search_results: 3, enable_search_classifier: true }],
    ['one that speaks of time as well', 2, chat(TEMPORAL), { ...low, num_search_results: 3, enable_search_classifier: true }],
    ['who has chosen keeps the choice', 2, chat(PLAIN, { enable_search_classifier: false }), { ...low, num_search_results: 3 }],
    ['filters are kept to', 2, chat(SIMPLE, { search_recency_filter: 'day' }), { ...low, num_search_results: 3 }],
    ['no search at all', 3, chat(COMPLEX), { disable_search: true }],
    ['who searches nothing is asked for no less', 3, chat(COMPLEX, { disable_search: true }), undefined],
  ] as const)('%s (level %d)', (_, level, body, changes) => {
    expect(sent('/chat/completions', body, level)).toEqual(changes && { ...body, ...changes })
  })
})

describe('the Search API', () => {
  test.each([
    ['fewer results', 1, { query: SIMPLE }, { max_results: 5 }],
    [
      'of a smaller context, where one was asked for',
      1,
      { query: SIMPLE, max_results: 3, search_context_size: 'high' },
      { search_context_size: 'low' },
    ],
    ['fewer still', 2, { query: [SIMPLE, COMPLEX], max_results: 20 }, { max_results: 3 }],
    ['one', 3, { query: COMPLEX }, { max_results: 1 }],
    ['not more', 3, { query: COMPLEX, max_results: 1 }, undefined],
  ] as const)('%s (level %d)', (_, level, body, changes) => {
    expect(sent('/search', body, level)).toEqual(changes && { ...body, ...changes })
  })
})

test('users lay their own over', () => {
  const body = agent(SIMPLE, { tools: [web()] })
  expect(sent('/v1/agent', body, 2, { searchFrom: 0, maxSteps: 5 })).toEqual({
    ...body,
    tools: [web({ search_context_size: 'low' })],
    max_steps: 5,
  })
  expect(sent('/v1/agent', body, 1, { complexFrom: 0 })).toBeUndefined()
  const nonsense = {
    searchContextSize: 'tiny',
    maxResults: -1,
    maxSteps: 1.5,
    maxPreset: 7,
    searchFrom: 'x',
    complexFrom: true,
    search: 'no',
  }
  expect(sent('/v1/agent', body, 2, nonsense)).toBeUndefined()
})

test.each([
  ['another address', '/v1/embeddings', { input: 'a', model: 'b' }],
  ['no body', '/v1/agent', undefined],
  ['null', '/v1/agent', null],
  ['text', '/v1/agent', 'body'],
  ['a list', '/v1/agent', [1]],
  ['tools that are none', '/v1/agent', { input: SIMPLE, tools: 'web_search' }],
])('%s stays as it is', (_, path, body) => {
  for (const step of ladder!) expect(step.rewrite?.(readRequest!(path, body), step.overrides)).toBeUndefined()
})

test('whatever the request and the overrides, nothing throws, nothing is changed in place, nothing else is touched', () => {
  const value = fc.constantFrom<unknown>(
    null,
    'low',
    'high',
    'auto',
    0,
    3,
    1e9,
    true,
    [],
    {},
    [web()],
    [web({ max_results: 9 })],
    [null, custom],
    SIMPLE,
    COMPLEX,
  )
  const names = [
    'input',
    'messages',
    'query',
    'tools',
    'preset',
    'max_steps',
    'max_results',
    'web_search_options',
    'disable_search',
    'tool_choice',
    'other',
  ]
  const body = fc.dictionary(fc.constantFrom(...names), value)
  const override = fc.constantFrom<string | number | boolean>('low', 'medium', 'fast', 0, 1, 0.5, -1, Number.NaN, true, false)
  const overrides = fc.dictionary(
    fc.constantFrom(...Object.keys({ ...ladder![0].overrides, ...ladder![1].overrides, search: 1 })),
    override,
  )
  const path = fc.constantFrom('/v1/agent', '/chat/completions', '/search', '/other')
  fc.assert(
    fc.property(path, body, fc.constantFrom(1, 2, 3), overrides, (to, given, level, own) => {
      const after = sent(to, given, level as 1 | 2 | 3, own) as Record<string, unknown> | undefined
      expect(after?.other).toEqual(after && given.other)
      expect(after?.input).toEqual(after && given.input)
    }),
    { numRuns: 400 },
  )
})
