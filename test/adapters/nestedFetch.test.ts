// Guarded fetches over one another (a tenant's over that of the service they share): each counts for itself, and the answer
// passes both.
import { expect, test } from 'vitest'
import { CallTimeoutError } from '../../src/model/errors.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, type FetchBoardOptions, fetchBoard } from './fetchBoard.ts'
import { bodyOf, openBody } from './openBody.ts'

const ways: readonly (readonly [string, (response: Response) => Promise<unknown>])[] = [
  ['text()', (response) => response.text()],
  ['json()', async (response) => JSON.stringify(await response.json())],
  ['json() after a look at the body', async (response) => response.body && JSON.stringify(await response.json())],
  ['for await', (response) => read(response.body)],
  ['a reader', (response) => readByHand(response.body)],
  ['pipeThrough()', (response) => read(response.body?.pipeThrough(new TransformStream()) ?? null)],
  ['tee()', (response) => read(response.body?.tee()[0] ?? null)],
  ['clone()', (response) => response.clone().text()],
  ['its clone and itself', async (response) => (await Promise.all([response.clone().text(), response.text()]))[0]],
]

async function read(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function readByHand(body: ReadableStream | null): Promise<string> {
  const reader = body?.getReader()
  let text = ''
  for (;;) {
    const result = await reader?.read()
    if (result?.done !== false) return text
    text += Buffer.from(result.value).toString()
  }
}

function results(...boards: FetchBoard[]): string[][] {
  return boards.map(({ outcomes }) => outcomes.map(({ result, failure }) => failure ?? result))
}

async function nested(body: ReadableStream, options: FetchBoardOptions = {}) {
  const boards = [fetchBoard(options), fetchBoard(options), fetchBoard(options)] as const
  const [inner, middle, outer] = boards
  const underneath = async (): Promise<Response> => new Response(body, { headers: { 'content-type': 'application/json' } })
  const guarded = outer.fetch({ fetch: middle.fetch({ fetch: inner.fetch({ fetch: underneath }) }) })
  const response = await guarded('http://a.test/v1/chat/completions', { method: 'POST', body: '{"model":"gpt-4o"}' })
  return { boards, response }
}

test.each(ways)('read by %s', async (_, way) => {
  const answer = '{"model":"gpt-4o","usage":{"prompt_tokens":1,"completion_tokens":2}}'
  const { boards, response } = await nested(bodyOf(answer.slice(0, 20), answer.slice(20)), { kind: 'openai' })
  expect(boards.map(({ breaker }) => breaker.inFlight)).toEqual([1, 1, 1])
  expect(await way(response)).toBe(answer)
  for (const board of boards) {
    await board.idle()
    expect(board.outcomes).toMatchObject([{ result: 'success', usage: { input: 1, output: 2 } }])
  }
})

test.each(ways)('broken off, by %s', async (_, way) => {
  const { body, write, fail } = openBody()
  const { boards, response } = await nested(body)
  write('{"model"')
  const failed = expect(way(response)).rejects.toThrow('broken')
  setImmediate(() => fail(Object.assign(new Error('broken'), { code: 'ECONNRESET' })))
  await failed
  for (const board of boards) await board.idle()
  expect(results(...boards)).toEqual([['service_unavailable'], ['service_unavailable'], ['service_unavailable']])
})

test.each(ways)('silent, by %s', async (_, way) => {
  const clock = new VirtualClock()
  const { boards, response } = await nested(openBody().body, { clock, settings: { idleTimeout: 1_000 } })
  const failed = expect(way(response)).rejects.toBeInstanceOf(CallTimeoutError)
  await clock.advanceAsync(1_000)
  await failed
  expect(results(...boards)).toEqual([['timeout'], ['timeout'], ['timeout']])
})

test('left in the middle', async () => {
  const { boards, response } = await nested(bodyOf('one', 'two'))
  for await (const _chunk of response.body ?? []) break
  expect(results(...boards)).toEqual([['ignored'], ['ignored'], ['ignored']])
})

test('refused below: nobody above is blamed', async () => {
  const inner = fetchBoard()
  const outer = fetchBoard()
  inner.breaker.command(Math.floor(inner.breaker.clock.now()), { name: 'trip', by: 'ann', why: 'because' })
  const response = await outer.fetch({ fetch: inner.fetch() })('http://a.test')
  expect(response.status).toBe(503)
  expect(results(inner, outer)).toEqual([['rejected'], ['ignored']])
})
