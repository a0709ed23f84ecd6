import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const embedding = () => profileFor('embedding', resolveSettings('embedding'))
const base64 = (...values: number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('base64')
const openai = (...vectors: unknown[]) => ({
  object: 'list',
  model: 'small',
  data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: vector })),
  usage: { prompt_tokens: 8, total_tokens: 8 },
})

test.each<[string, unknown]>([
  ['OpenAI', openai([0.1, 0.2], [0.3, 0])],
  ['OpenAI in base64', openai(base64(0.1, 0.2), base64(0, 0.4))],
  ['Ollama', { model: 'm', embeddings: [[0.1, 0.2]], prompt_eval_count: 8 }],
  ['Ollama of old', { embedding: [0.1, 0.2] }],
  ['Cohere', { id: 'x', embeddings: [[0.1, 0.2]], meta: { billed_units: { input_tokens: 8 } } }],
  ['Cohere by type', { id: 'x', embeddings: { float: [[0.1, 0.2]] }, meta: { billed_units: { input_tokens: 8 } } }],
  ['Text Embeddings Inference', [[0.1, 0.2]]],
  ['typed arrays', [Float32Array.of(0.1, 0.2)]],
  ['axios', { status: 200, headers: {}, data: openai([0.1, 0.2]) }],
])('vectors as of %s are a success', (_, body) => {
  expect(embedding().classifyResult?.(body, AT)).toBeUndefined()
  expect(embedding().measure?.(body)?.operation).toBe('embeddings')
})

test.each<[string, unknown]>([
  ['zeros', openai([0, 0])],
  ['zeros in base64', openai(base64(0, 0))],
  ['null, which JSON has for NaN', openai([null, 0.1])],
  ['NaN', [[Number.NaN, 1]]],
  ['infinity', [[Number.POSITIVE_INFINITY]]],
  ['numbers as text', openai(['0.1', '0.2'])],
  ['one that is shorter than the others', openai([0.1, 0.2], [0.1])],
  ['zeros after good ones', openai([0.1, 0.2], [0, 0])],
])('vectors of %s are a loss of quality', (_, body) => {
  expect(embedding().classifyResult?.(body, AT)).toEqual({ type: 'quality_degradation' })
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a list of objects', [{ id: 1 }, { id: 2 }]],
  ['a list of names', ['abcdefghijklmnop']],
  ['no vectors', openai()],
  ['empty vectors', openai([])],
  ['vectors that are no lists', openai(7, {}, null)],
  ['what is no base64', openai('not base64!')],
  ['base64 of odd bytes', openai(Buffer.from('abc').toString('base64'))],
  ['a list of files', { data: [{ id: 'file-1' }] }],
  ['embeddings of another type', { embeddings: 'x' }],
  ['an absurd number of vectors', Array.from({ length: 10_001 }, () => [1])],
  ['a vector of absurd length', [new Array(70_000).fill(1)]],
])('%s cannot be judged', (_, body) => {
  expect(embedding().classifyResult?.(body, AT)).toBeUndefined()
})

describe('the length of a model’s vectors', () => {
  const answers = (profile: ReturnType<typeof embedding>, ...lengths: number[]) =>
    lengths.map((length) => profile.classifyResult?.(openai(new Array(length).fill(0.5)), AT) === undefined)

  test('is learned from three answers that agree; another one is then a loss of quality', () => {
    expect(answers(embedding(), 8, 8, 8, 16, 8, 16)).toEqual([true, true, true, false, true, false])
  })

  test('is not learned from answers that differ', () => {
    expect(answers(embedding(), 8, 8, 16, 8, 16, 16, 8)).toEqual([true, true, true, true, true, true, true])
  })

  test('is learned model by model', () => {
    const profile = embedding()
    answers(profile, 8, 8, 8)
    const other = { ...openai(new Array(16).fill(1)), model: 'large' }
    expect(profile.classifyResult?.(other, AT)).toBeUndefined()
    expect(answers(profile, 16)).toEqual([false])
  })

  test('may be what callers ask for', () => {
    const profile = embedding()
    answers(profile, 8, 8, 8)
    profile.readRequest?.('/v1/embeddings', { model: 'small', input: 'x', dimensions: 4 })
    expect(answers(profile, 4, 8, 5)).toEqual([true, true, false])
  })

  test('is forgotten of models not seen for long', () => {
    const profile = embedding()
    answers(profile, 8, 8, 8)
    for (let i = 0; i < 100; i++) profile.classifyResult?.({ ...openai([1]), model: `m${i}` }, AT)
    expect(answers(profile, 16)).toEqual([true])
  })
})

test.each<[string, unknown, unknown]>([
  ['OpenAI', { prompt_tokens: 8, total_tokens: 8 }, 8],
  ['Voyage and Jina', { total_tokens: 9 }, 9],
  ['a negative count', { prompt_tokens: -8 }, undefined],
  ['an absurd count', { prompt_tokens: 1e300 }, undefined],
  ['half a token', { prompt_tokens: 1.5 }, undefined],
  ['text', { prompt_tokens: '8' }, undefined],
  ['nothing', undefined, undefined],
  ['a list', [8], undefined],
])('usage as of %s', (_, usage, input) => {
  const measured = embedding().measure?.({ ...openai([1]), usage })
  expect(measured).toEqual({
    operation: 'embeddings',
    model: 'small',
    ...(input === undefined ? undefined : { usage: { input, output: 0 } }),
  })
})

test.each<[string, unknown]>([
  ['Ollama', { embeddings: [[1]], prompt_eval_count: 8 }],
  ['Cohere', { embeddings: [[1]], meta: { billed_units: { input_tokens: 8 } } }],
])('usage as of %s, with the model that was asked', (_, body) => {
  const request = embedding().readRequest?.('/api/embed', { model: 'bge-m3', input: 'x' })
  expect(embedding().measure?.(body, request)).toEqual({
    operation: 'embeddings',
    model: 'bge-m3',
    usage: { input: 8, output: 0 },
  })
})

test.each<[string, unknown, Record<string, unknown>]>([
  ['/v1/embeddings', { model: 'small' }, { operation: 'embeddings', model: 'small' }],
  ['/api/embed', {}, { operation: 'embeddings' }],
  ['/embed', { model: 7 }, { operation: 'embeddings' }],
  ['/v1/embeddings', { model: 'x'.repeat(1000), dimensions: 'many' }, { operation: 'embeddings' }],
  ['/v1/models', { model: 'small' }, {}],
  ['/embedded', undefined, {}],
])('a request to %s with %o', (path, body, expected) => {
  expect(embedding().readRequest?.(path, body)).toEqual({ path, body, ...expected })
})

test('what is no answer tells nothing, and an error is judged as of any HTTP service', () => {
  expect(embedding().measure?.({ error: 'x' })).toBeUndefined()
  expect(embedding().classifyError({ status: 429, headers: { 'retry-after': '1' } }, AT)).toMatchObject({ type: 'rate_limit' })
  expect(embedding().classifyResult?.({ status: 503, headers: {} }, AT)).toMatchObject({ type: 'service_unavailable' })
})

test('a batch of 10 MB is looked at in part', () => {
  const body = openai(...Array.from({ length: 2048 }, () => new Array(600).fill(0.5)))
  expect(embedding().classifyResult?.(body, AT)).toBeUndefined()
})

test('nothing makes it throw', () => {
  const profile = embedding()
  const any = fc.anything({ maxDepth: 2, maxKeys: 3 })
  const key = fc.constantFrom('data', 'embeddings', 'embedding', 'model', 'usage', 'meta', 'float')
  fc.assert(
    fc.property(fc.oneof(any, fc.dictionary(key, fc.oneof(any, fc.array(any, { maxLength: 3 })))), fc.string(), (body, path) => {
      const request = profile.readRequest?.(path, body)
      profile.classifyResult?.(body, AT)
      profile.measure?.(body, request)
    }),
    { numRuns: 200 },
  )
})
