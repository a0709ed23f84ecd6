import fc from 'fast-check'
import { expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { profileFor } from '../../src/services/profiles.ts'

const base = profileFor('knowledge-base', resolveSettings('knowledge-base'))
const one = { id: 'a', score: 0.1 }

test.each<[string, (list: unknown[]) => unknown]>([
  ['Pinecone', (matches) => ({ matches })],
  ['Elasticsearch', (hits) => ({ took: 3, hits: { total: { value: 1 }, hits } })],
  ['Meilisearch', (hits) => ({ hits })],
  ['Qdrant', (result) => ({ result, status: 'ok' })],
  ['Qdrant’s points', (points) => ({ result: { points }, status: 'ok' })],
  ['Bedrock', (retrievalResults) => ({ retrievalResults })],
  ['Azure AI Search', (value) => ({ '@odata.count': 1, value })],
  ['others', (results) => ({ results })],
  ['and others', (documents) => ({ documents })],
  ['axios', (results) => ({ status: 200, headers: {}, data: { results } })],
])('an answer as of %s is scored by whether it found anything', (_, answer) => {
  expect(base.measure?.(answer([one]))).toEqual({ operation: 'search', quality: 1 })
  expect(base.measure?.(answer([]))).toEqual({ operation: 'search', quality: 0 })
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a list', [one]],
  ['results of another type', { results: 7 }],
  ['one document', { id: 'a', title: 'x' }],
  ['a Response', new Response('{"results":[]}')],
])('%s cannot be scored', (_, body) => {
  expect(base.measure?.(body)).toBeUndefined()
})

test('errors are judged as of any HTTP service', () => {
  expect(base.kind).toBe('knowledge-base')
  expect(base.classifyError({ status: 504, headers: {} }, 0)).toMatchObject({ type: 'http_error' })
})

test('nothing makes it throw', () => {
  const any = fc.anything({ maxDepth: 2, maxKeys: 3 })
  const key = fc.constantFrom('hits', 'result', 'results', 'value', 'data', 'status')
  fc.assert(
    fc.property(fc.oneof(any, fc.dictionary(key, any)), (body) => {
      base.measure?.(body)
    }),
    { numRuns: 200 },
  )
})
