import { describe, expect, test } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import type { FetchTarget } from '../../src/adapters/fetch/fetchTarget.ts'
import { guardedFetch } from '../../src/adapters/fetch/guardedFetch.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { parseConfig } from '../../src/model/config.ts'
import type { GearEvent, OutcomeRecord } from '../../src/model/records.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { ANSWER, type LightragWire, lightragWire, REFERENCES } from './lightragWire.ts'

interface Guarded {
  readonly breaker: Breaker
  readonly wire: LightragWire
  readonly outcomes: OutcomeRecord[]
  ask(body: Record<string, unknown>, path?: string): Promise<Response>
}

/** A LightRAG server on loopback behind the guarded fetch, in virtual time. */
async function guarded(): Promise<Guarded> {
  const wire = await lightragWire()
  const clock = new VirtualClock()
  const { rag } = parseConfig({ services: { rag: { kind: 'lightrag' } } }).services
  if (!rag) throw new Error('no service')
  const bus = new MemoryBus()
  const outcomes: OutcomeRecord[] = []
  bus.subscribe('*', (event: GearEvent) => {
    if (event.type === 'outcome') outcomes.push(event)
  })
  const board = new Board({ clock, bus, profileFor: (kind) => profileFor(kind, rag.settings), seed: 7, software: 'test' })
  const breaker = board.add('rag', rag.kind, rag.policy, clock.now())
  const backend = { breaker, settings: rag.settings }
  const fetch = guardedFetch({ choose: () => backend } as unknown as FetchTarget)
  const ask = (body: Record<string, unknown>, path = '/query'): Promise<Response> =>
    fetch(`${wire.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return { breaker, wire, outcomes, ask }
}

const query = { query: 'What trips a breaker?', mode: 'mix', top_k: 60 }

test('an answer comes through whole, and is scored', async () => {
  const { ask, outcomes } = await guarded()
  expect(await (await ask(query)).json()).toEqual(ANSWER)
  expect(outcomes).toMatchObject([{ result: 'success', operation: 'query', quality: 1 }])
  expect(outcomes[0]).not.toHaveProperty('cost')
})

test('a refusal is a success of no quality', async () => {
  const { ask, wire, outcomes } = await guarded()
  wire.state.query = {
    response: "Sorry, I'm not able to provide an answer to that question.[no-context]",
    references: [],
    llm_generated: false,
  }
  await (await ask(query)).json()
  expect(outcomes).toMatchObject([{ result: 'success', quality: 0 }])
})

test('a query that broke is a failure, though its status is 200', async () => {
  const { ask, wire, outcomes } = await guarded()
  wire.state.query = { response: 'No relevant context found for the query.', references: [], llm_generated: false }
  await (await ask(query)).text()
  expect(outcomes).toMatchObject([{ result: 'failure', failure: 'http_error' }])
})

test.each([
  [500, 'Internal server error', 'failure', 'http_error'],
  [500, 'embedding service refused the connection', 'failure', 'service_unavailable'],
  [500, 'MemoryError', 'failure', 'memory_error'],
  [403, 'API Key required', 'failure', 'authentication'],
  [422, 'query is too short', 'ignored', undefined],
])('a %i with the detail "%s" is %s: %s', async (status, detail, result, failure) => {
  const { ask, wire, outcomes } = await guarded()
  Object.assign(wire.state, { query: status, detail })
  const response = await ask(query)
  expect(await response.json()).toEqual({ detail })
  expect(outcomes).toHaveLength(1)
  expect(outcomes[0]).toMatchObject(failure === undefined ? { result } : { result, failure, status })
})

describe('a stream', () => {
  test('comes through whole, and is scored at its end', async () => {
    const { ask, outcomes } = await guarded()
    const text = await (await ask(query, '/query/stream')).text()
    expect(text.split('\n').filter(Boolean)).toHaveLength(3)
    expect(outcomes).toMatchObject([{ result: 'success', operation: 'query_stream', quality: 1 }])
  })

  test('with an error line is a failure, and its reader still gets every byte', async () => {
    const { ask, wire, outcomes } = await guarded()
    wire.state.lines = [{ references: REFERENCES }, { response: 'A br' }, { error: 'LLM service temporarily unavailable' }]
    const text = await (await ask(query, '/query/stream')).text()
    expect(text).toContain('"error"')
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
  })

  test('without an answer is a failure', async () => {
    const { ask, wire, outcomes } = await guarded()
    wire.state.lines = [{ references: REFERENCES }]
    await (await ask(query, '/query/stream')).text()
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
  })

  test('cut off within a line is a failure', async () => {
    const { ask, wire, outcomes } = await guarded()
    wire.state.lines = [{ response: 'A breaker' }, Buffer.from('{"respo')]
    await (await ask(query, '/query/stream')).text()
    expect(outcomes).toMatchObject([{ result: 'failure', failure: 'service_unavailable' }])
  })
})

test('each level asks the server for less, and recovery for all again', async () => {
  const { ask, breaker, wire } = await guarded()
  const sent: unknown[] = []
  for (const level of [1, 2, 3, 0] as const) {
    breaker.health.set('test', level, 'a test says so')
    await (await ask(query)).text()
    sent.push(wire.seen.at(-1)?.body)
  }
  const half = { chunk_top_k: 10, max_entity_tokens: 3000, max_relation_tokens: 4000, max_total_tokens: 15_000 }
  const quarter = { chunk_top_k: 5, max_entity_tokens: 1500, max_relation_tokens: 2000, max_total_tokens: 7500 }
  expect(sent).toEqual([
    { ...query, ...half, top_k: 30 },
    { ...query, ...half, top_k: 30, mode: 'naive', enable_rerank: false },
    { ...query, ...quarter, top_k: 15, mode: 'naive', enable_rerank: false, only_need_context: true },
    query,
  ])
})

test('context without an answer, as level 3 asks for it, is not scored', async () => {
  const { ask, breaker, wire, outcomes } = await guarded()
  breaker.health.set('test', 3, 'a test says so')
  wire.state.query = { response: '-----Document Chunks-----', references: REFERENCES, llm_generated: false }
  await (await ask(query)).json()
  expect(outcomes).toMatchObject([{ result: 'success', operation: 'query' }])
  expect(outcomes[0]).not.toHaveProperty('quality')
})

test('documents are sent as they are, whatever the level', async () => {
  const { ask, breaker, wire } = await guarded()
  breaker.health.set('test', 3, 'a test says so')
  await (await ask({ text: 'A breaker opens.' }, '/documents/text')).text()
  expect(wire.seen.at(-1)?.body).toEqual({ text: 'A breaker opens.' })
})
