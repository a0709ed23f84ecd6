// Profiles of users' own: what they say is heeded, and what they throw costs nobody a call.
import { describe, expect, test, vi } from 'vitest'
import type { BudgetDesk, BudgetRequest } from '../../src/actors/callFollower.ts'
import { LARGEST_JSON } from '../../src/adapters/fetch/answerContent.ts'
import type { Measurement } from '../../src/model/measurement.ts'
import type { CallRequest, ServiceProfile, StreamEnd } from '../../src/services/serviceProfile.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, fetchBoard } from './fetchBoard.ts'
import { bodyOf, openBody } from './openBody.ts'

const throws = (): never => {
  throw new Error('a bug in somebody’s profile')
}

async function answer(profile: Partial<ServiceProfile>, body: ReadableStream | string, type = 'application/json') {
  const board = fetchBoard({ profile, clock: new VirtualClock() })
  const underneath = async (): Promise<Response> => new Response(body, { headers: { 'content-type': type } })
  return { board, response: await board.fetch({ fetch: underneath })('http://a.test/x', { method: 'POST', body: '{"a":1}' }) }
}

function results({ outcomes }: FetchBoard): string[] {
  return outcomes.map(({ result, failure }) => failure ?? result)
}

describe('a profile that throws', () => {
  const everything: Partial<ServiceProfile> = {
    classifyResult: throws,
    readSignals: throws,
    measure: throws,
    readRequest: throws,
    estimate: throws,
    readStream: throws,
  }
  test.each<[string, Partial<ServiceProfile>]>([
    ['everywhere', everything],
    ['when it is given bytes', { readStream: () => ({ push: throws, end: throws }) }],
    ['at the end of the bytes', { readStream: () => ({ push: () => undefined, end: throws }) }],
  ])('%s costs nobody a call', async (_, profile) => {
    for (const read of [
      (response: Response) => response.json(),
      async (response: Response) => JSON.parse(await response.text()),
      async (response: Response) => JSON.parse(await response.clone().text()),
    ]) {
      const { board, response } = await answer(profile, bodyOf('{"a"', ':1}'))
      expect(await read(response)).toEqual({ a: 1 })
      await board.idle()
      expect(results(board)).toEqual(['success'])
    }
  })

  test('at an error is one that is not known', async () => {
    const board = fetchBoard({ profile: { classifyError: throws } })
    const failing = () => Promise.reject(new Error('down'))
    await expect(board.fetch({ fetch: failing })('http://a.test')).rejects.toThrow('down')
    expect(results(board)).toEqual(['unknown_error'])
  })
})

describe('what a profile says', () => {
  test('of a good status ends the call there and then', async () => {
    const { board, response } = await answer({ classifyResult: () => ({ type: 'quality_degradation' }) }, 'text')
    expect(results(board)).toEqual(['quality_degradation'])
    expect(await response.text()).toBe('text')
  })

  test.each([
    ['parsed', (response: Response) => response.json()],
    ['as text', (response: Response) => response.text()],
  ])('of a body, %s, counts', async (_, read) => {
    const classifyResult: ServiceProfile['classifyResult'] = (value) =>
      value instanceof Response ? undefined : { type: 'quality_degradation' }
    const { board, response } = await answer({ classifyResult, measure: () => ({ quality: 1 }) }, '{"status":"failed"}')
    await read(response)
    expect(results(board)).toEqual(['quality_degradation'])
  })

  test('is measured on the parsed body and the request that was sent', async () => {
    const measure = vi.fn((_value: unknown, request?: CallRequest): Measurement => ({ operation: String(request?.path) }))
    const { board, response } = await answer({ measure, readRequest: (path, body) => ({ path, body }) }, '{"b":2}')
    const parsed = await response.json()
    expect(measure).toHaveBeenCalledExactlyOnceWith(parsed, { path: '/x', body: { a: 1 } })
    expect(measure.mock.calls[0]?.[0]).toBe(parsed)
    expect(board.outcomes).toMatchObject([{ operation: '/x' }])
  })

  test('of a long JSON body that passes in bytes stays unsaid, and nothing of it is kept', async () => {
    const measure = vi.fn(() => ({ quality: 0.5 }))
    const short = await answer({ measure }, JSON.stringify('x'.repeat(LARGEST_JSON - 2)))
    await short.response.text()
    expect(short.board.outcomes).toMatchObject([{ quality: 0.5 }])
    const long = await answer({ measure }, JSON.stringify('x'.repeat(LARGEST_JSON - 1)))
    await long.response.text()
    expect(long.board.outcomes[0]?.quality).toBeUndefined()
    expect(measure).toHaveBeenCalledOnce()
  })

  test('stays unsaid of broken JSON that passes in bytes', async () => {
    const { board, response } = await answer({ measure: () => ({ quality: 1 }) }, '{"broken')
    await response.text()
    expect(board.outcomes[0]?.quality).toBeUndefined()
    expect(results(board)).toEqual(['success'])
  })

  const ends = (end: StreamEnd): Partial<ServiceProfile> => ({ readStream: () => ({ push: () => undefined, end: () => end }) })

  test.each<[string, StreamEnd, string, string, string]>([
    ['nothing', {}, 'success', 'ignored', 'service_unavailable'],
    ['that its end is missing', { said: { type: 'http_error' } }, 'http_error', 'ignored', 'service_unavailable'],
    ['its last word', { final: true }, 'success', 'success', 'success'],
    ['an error', { said: { type: 'http_error' }, final: true }, 'http_error', 'http_error', 'http_error'],
  ])(
    'of a stream, here %s, counts at its end, when its reader stops and when it breaks',
    async (_, end, ended, stopped, broke) => {
      const whole = await answer(ends(end), bodyOf('a', 'b'), 'text/event-stream')
      await whole.response.text()
      expect(results(whole.board)).toEqual([ended])
      const left = await answer(ends(end), bodyOf('a', 'b'), 'text/event-stream')
      for await (const _chunk of left.response.body ?? []) break
      expect(results(left.board)).toEqual([stopped])
      const { body, fail } = openBody()
      const cut = await answer(ends(end), body, 'text/event-stream')
      fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }))
      await expect(cut.response.text()).rejects.toThrow('cut')
      expect(results(cut.board)).toEqual([broke])
    },
  )
})

test('an estimate is asked for by budgets only, and how a call ended is told to its route', async () => {
  const estimate = vi.fn(() => ({ cost: 0.5, confidence: 0.9 }))
  const ended = vi.fn()
  const profile = { estimate, readRequest: (path: string, body: unknown) => ({ path, body, operation: 'own' }) }
  const board = fetchBoard({ profile, ended, clock: new VirtualClock() })
  const ask = (status: number) =>
    board.fetch({ fetch: async () => new Response(null, { status }) })('http://a.test', { method: 'POST', body: '{}' })
  await ask(200)
  expect(estimate).not.toHaveBeenCalled()
  const requests: BudgetRequest[] = []
  board.breaker.budgets = {
    reserve: (_at, request) => {
      requests.push(request)
      return { settle: (_when, _result, measured) => measured, release: () => undefined }
    },
  } as BudgetDesk
  await ask(500)
  await ask(404)
  await board.fetch({ fetch: async () => new Response(null) })(new URL('http://a.test'), { body: new FormData(), method: 'POST' })
  expect(requests).toMatchObject([
    { operation: 'own', estimate: { cost: 0.5 } },
    { operation: 'own', estimate: { cost: 0.5 } },
    { operation: 'own', estimate: { cost: 0.5 } },
  ])
  expect(ended.mock.calls).toEqual([
    ['success', 0],
    ['failure', 0],
    ['ignored', 0],
    ['success', 0],
  ])
})
