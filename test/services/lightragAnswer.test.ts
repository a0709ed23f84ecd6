import { expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const lightrag = () => profileFor('lightrag', resolveSettings('lightrag'))
const REFUSAL = "Sorry, I'm not able to provide an answer to that question.[no-context]"
const PLACEHOLDER = 'No relevant context found for the query.'
const one = { reference_id: '1', file_path: '/a.md' }
const two = { reference_id: '2', file_path: '/b.md' }
const again = { reference_id: '3', file_path: '/a.md' }

const asked = (body: Record<string, unknown> = {}, path = '/query') =>
  lightrag().readRequest?.(path, { query: 'What trips?', ...body })

test.each<[string, unknown, Record<string, unknown>, number | undefined]>([
  ['rests on sources of its own', { response: 'It opens.', references: [one, two] }, {}, 1],
  ['rests on one source', { response: 'It opens.', references: [one] }, {}, 1],
  ['names one source twice', { response: 'It opens.', references: [one, again] }, {}, 0.9],
  ['has references without a source', { response: 'It opens.', references: [{ reference_id: '1' }] }, {}, 0.5],
  ['has references from nowhere', { response: 'It.', references: [{ file_path: 'unknown_source' }] }, {}, 0.5],
  ['has no references at all', { response: 'It opens.', references: [] }, {}, 0.5],
  ['was asked for without references', { response: 'It opens.', references: null }, { include_references: false }, 1],
  ['is the stock refusal', { response: REFUSAL, references: [] }, {}, 0],
  ['is the refusal of older servers', { response: REFUSAL.slice(0, 58), references: [] }, {}, 0],
  ['is a refusal in other words', { response: 'Nichts gefunden. [no-context]', references: [one] }, {}, 0],
  ['speaks of [no-context] at length', { response: `${'x'.repeat(500)}[no-context]`, references: [one] }, {}, 1],
  ['is empty', { response: '', references: [one] }, {}, 0],
  ['is blank', { response: ' \n', references: [one] }, {}, 0],
  ['was not written by the model', { response: 'It opens.', references: [one], llm_generated: false }, {}, 0],
  ['was written by it', { response: 'It opens.', references: [one], llm_generated: true }, {}, 1],
  ['needs no sources: bypass', { response: 'It opens.', references: [] }, { mode: 'bypass' }, undefined],
  ['is context only', { response: '-----Entities-----', llm_generated: false }, { only_need_context: true }, undefined],
  ['is a prompt only', { response: '---Role---', llm_generated: false }, { only_need_prompt: true }, undefined],
])('an answer that %s', (_, body, request, quality) => {
  const measured = lightrag().measure?.(body, asked(request))
  expect(measured?.operation).toBe('query')
  expect(measured?.quality).toBe(quality)
  expect(measured?.cost).toBeUndefined()
})

test.each<[string, unknown, number | undefined]>([
  ['an empty list of references might be bypass', { response: 'It.', references: [] }, 1],
  ['what no model wrote might be context', { response: 'It.', llm_generated: false }, undefined],
  ['a refusal is one', { response: REFUSAL, llm_generated: false }, 0],
])('where nobody knows the request, %s', (_, body, quality) => {
  expect(lightrag().measure?.(body)?.quality).toBe(quality)
})

test('data is scored by whether there is any', () => {
  const data = { entities: [], relationships: [], chunks: [{ content: 'x', file_path: '/a.md' }], references: [one] }
  const body = { status: 'success', message: 'ok', data, metadata: { query_mode: 'mix' } }
  expect(lightrag().measure?.(body, asked({}, '/query/data'))).toEqual({ operation: 'query_data', quality: 1 })
  const none = { status: 'failure', message: 'Query returned no results', data: {}, metadata: {} }
  expect(lightrag().measure?.(none, asked({}, '/query/data'))).toEqual({ operation: 'query_data', quality: 0 })
  expect(lightrag().classifyResult?.(none, AT)).toBeUndefined()
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['text', 'An answer.'],
  ['a list', [1, 2]],
  ['a response of another type', { response: 7 }],
  ['status counts', { status_counts: { processed: 1 } }],
  ['data without metadata', { status: 'success', data: {} }],
  ['an unread Response', new Response('{"response":"x"}')],
])('%s is no answer', (_, body) => {
  expect(lightrag().measure?.(body, asked())).toBeUndefined()
  expect(lightrag().classifyResult?.(body, AT)).toBeUndefined()
})

test.each<[string, unknown]>([
  ['a number', -1e308],
  ['text', 'a.md'],
  ['an object', { 0: one }],
  ['null', null],
])('references that are %s count as none told', (_, references) => {
  expect(lightrag().measure?.({ response: 'It.', references }, asked())?.quality).toBe(1)
})

test('references of wrong types within the list do not count', () => {
  const references = [one, null, 7, 'x', { file_path: 7 }, { file_path: 'x'.repeat(10_000) }, { file_path: ' ' }, two]
  expect(lightrag().measure?.({ response: 'It.', references }, asked())?.quality).toBeCloseTo(0.8 + 0.2 * (2 / 8))
})

test('an answer of 10 MB with a million references is scored by its beginning', () => {
  const references = Array.from({ length: 1_000_000 }, () => one)
  const measured = lightrag().measure?.({ response: 'x'.repeat(10_000_000), references }, asked())
  expect(measured?.quality).toBeCloseTo(0.8 + 0.2 / 1000)
})

test('an answer as axios hands it out is read as well', () => {
  const value = { status: 200, headers: {}, data: { response: 'It.', references: [one] } }
  expect(lightrag().measure?.(value, asked())?.quality).toBe(1)
  expect(lightrag().classifyResult?.({ ...value, data: { error: 'LLM exploded' } }, AT)).toEqual({ type: 'http_error' })
})

test.each<[string, unknown, string]>([
  ['an error in place of the answer', { error: 'LLM exploded' }, 'http_error'],
  ['an error beside the answer', { response: 'It', error: 'LLM exploded' }, 'http_error'],
  ['an error in an object', { error: { message: 'connection refused' } }, 'service_unavailable'],
  ['an error without words', { error: {} }, 'http_error'],
  ['a lack of memory', { error: 'MemoryError' }, 'memory_error'],
  ['a lack of memory on the GPU', { error: 'CUDA out of memory. Tried to allocate 2 GiB' }, 'memory_error'],
  ['a lack of embeddings', { error: 'embedding_func raised RuntimeError' }, 'service_unavailable'],
  ['an answer that stands for a query that broke', { response: PLACEHOLDER, llm_generated: false }, 'http_error'],
  ['data of a query that broke', { status: 'failure', message: 'Query failed: timed out', data: {}, metadata: {} }, 'timeout'],
])('%s is a failure', (_, body, type) => {
  expect(lightrag().classifyResult?.(body, AT)).toEqual({ type })
})

test.each<[string, unknown]>([
  ['an empty error', { response: 'It.', error: '' }],
  ['an error of null', { response: 'It.', error: null }],
  ['a failure of something else', { status: 'failure', message: 'x' }],
])('%s is none', (_, body) => {
  expect(lightrag().classifyResult?.(body, AT)).toBeUndefined()
})

test('no score is stated for a query that broke', () => {
  expect(lightrag().measure?.({ response: PLACEHOLDER }, asked())?.quality).toBe(0)
})
