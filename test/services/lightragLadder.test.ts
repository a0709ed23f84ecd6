import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { lightragLadder } from '../../src/services/lightrag/lightragLadder.ts'
import { profileFor } from '../../src/services/profiles.ts'

const [one, two, three] = lightragLadder
const ask = (body: unknown, operation: string | undefined = 'query') => ({
  path: '/query',
  body,
  ...(operation ? { operation } : {}),
})

test('each level states what it is expected to cost and to save', () => {
  expect(lightragLadder.map(({ level, expected }) => [level, expected.performanceImpact, expected.costSaved])).toEqual([
    [1, 0.1, 0.2],
    [2, 0.35, 0.5],
    [3, 0.7, 0.8],
  ])
  expect(profileFor('lightrag', resolveSettings('lightrag')).ladder).toBe(lightragLadder)
})

test('level 1 halves the server’s own defaults where the caller is silent', () => {
  expect(one.rewrite?.(ask({ query: 'x' }), one.overrides)).toEqual({
    body: {
      query: 'x',
      top_k: 20,
      chunk_top_k: 10,
      max_entity_tokens: 3000,
      max_relation_tokens: 4000,
      max_total_tokens: 15_000,
    },
  })
})

test('level 1 halves what the caller asks for, and never asks for more', () => {
  const body = { query: 'x', top_k: 100, chunk_top_k: 1, max_entity_tokens: 7, max_relation_tokens: null, max_total_tokens: 2 }
  expect(one.rewrite?.(ask(body), one.overrides)?.body).toEqual({
    query: 'x',
    top_k: 50,
    chunk_top_k: 1,
    max_entity_tokens: 3,
    max_relation_tokens: 4000,
    max_total_tokens: 1,
  })
})

test('level 2 searches by vectors alone, and ranks nothing again', () => {
  expect(two.rewrite?.(ask({ query: 'x', mode: 'mix', enable_rerank: true, top_k: 8 }), two.overrides)?.body).toMatchObject({
    mode: 'naive',
    enable_rerank: false,
    top_k: 4,
  })
})

test('level 3 asks for the context without an answer', () => {
  const body = three.rewrite?.(ask({ query: 'x', top_k: 8 }, 'query_stream'), three.overrides)?.body
  expect(body).toMatchObject({ mode: 'naive', enable_rerank: false, only_need_context: true, top_k: 2, chunk_top_k: 5 })
})

test('data is context already, and a prompt is written by no model', () => {
  expect(three.rewrite?.(ask({ query: 'x' }, 'query_data'), three.overrides)?.body).not.toHaveProperty('only_need_context')
  const prompt = three.rewrite?.(ask({ query: 'x', only_need_prompt: true }), three.overrides)?.body
  expect(prompt).not.toHaveProperty('only_need_context')
})

test('the request itself stays as it is', () => {
  const body = Object.freeze({ query: 'x', mode: 'hybrid', top_k: 40 })
  for (const step of lightragLadder) expect(step.rewrite?.(ask(body), step.overrides)?.body).not.toBe(body)
  expect(body).toEqual({ query: 'x', mode: 'hybrid', top_k: 40 })
})

test('overrides of the user’s own take the place of the level’s', () => {
  const overrides = { ...two.overrides, factor: 0.1, top_k: 5, chunk_top_k: false, mode: 'local', enable_rerank: true }
  const body = two.rewrite?.(ask({ query: 'x', max_total_tokens: 1000 }), overrides)?.body
  expect(body).toEqual({
    query: 'x',
    top_k: 5,
    mode: 'local',
    max_entity_tokens: 3000,
    max_relation_tokens: 4000,
    max_total_tokens: 100,
  })
})

describe.each(lightragLadder)('level $level leaves alone', ({ rewrite, overrides }) => {
  test.each<[string, unknown, string | undefined]>([
    ['documents', { text: 'x' }, 'documents'],
    ['health', undefined, 'health'],
    ['what it does not know', { query: 'x' }, undefined],
    ['a query that bypasses retrieval', { query: 'x', mode: 'bypass' }, 'query'],
    ['a body that is a list', [{ query: 'x' }], 'query'],
    ['a body that is text', 'query=x', 'query'],
    ['no body', undefined, 'query'],
  ])('%s', (_, body, operation) => {
    expect(rewrite?.(operation ? ask(body, operation) : { path: '/graphs', body }, overrides)).toBeUndefined()
  })

  test.each([[-5], [0], [Number.NaN], [Number.POSITIVE_INFINITY], ['40'], [[]], [{}], [true]])(
    'an amount of %o, for the server to refuse',
    (top_k) => {
      expect(rewrite?.(ask({ query: 'x', top_k }), overrides)?.body).toMatchObject({ top_k })
    },
  )
})

test.each([[0], [1], [2], [-1], [Number.NaN], ['0.5'], [true]])('a factor of %o changes nothing', (factor) => {
  const overrides = { factor } as Record<string, number | string | boolean>
  expect(one.rewrite?.(ask({ query: 'x', top_k: 40 }), overrides)).toBeUndefined()
})

test.each([['bypass'], ['deep'], [7]])('a mode of %o is not set', (mode) => {
  expect(two.rewrite?.(ask({ query: 'x' }), { mode })).toBeUndefined()
})

test('a query that already asks for no more stays as it is', () => {
  const body = { query: 'x', mode: 'naive', enable_rerank: false, only_need_context: true }
  const { factor: _, ...amounts } = three.overrides
  const asked = Object.fromEntries(Object.keys(amounts).map((key) => [key, 1]))
  expect(three.rewrite?.(ask({ ...asked, ...body }), three.overrides)).toBeUndefined()
})
