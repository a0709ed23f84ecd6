// Answers with an error status: what their body says decides, and the caller gets the whole of it.
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, fetchBoard } from './fetchBoard.ts'
import { openBody } from './openBody.ts'
import { json, upstream } from './upstream.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

function results({ outcomes }: FetchBoard): (string | undefined)[] {
  return outcomes.map(({ result, failure }) => failure ?? result)
}

function failing(
  status: number,
  body: string | ReadableStream | null,
  headers: Record<string, string> = JSON_TYPE,
): typeof fetch {
  return async () => new Response(body, { status, headers })
}

describe('an error answer', () => {
  test.each<[string, number, string, string]>([
    ['a rate limit', 429, '{"error":{"code":"rate_limit_exceeded","type":"tokens"}}', 'rate_limit'],
    ['exhausted billing', 429, '{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}', 'quota_exceeded'],
    ['exhausted billing, by its type', 429, '{"error":{"code":null,"type":"insufficient_quota"}}', 'quota_exceeded'],
    ['exhausted billing, without an error object', 403, '{"code":"credit_balance_exhausted"}', 'quota_exceeded'],
    ['a wrong key', 401, '{"error":{"code":"invalid_api_key"}}', 'authentication'],
    ['an overload', 503, '{"error":{"code":"server_is_overloaded"}}', 'service_unavailable'],
    ['a refusal of ours from further down', 503, '{"error":{"code":"ERR_SWITCHGEAR_OPEN"}}', 'ignored'],
    ['an error of the caller', 400, '{"error":{"code":"context_length_exceeded"}}', 'ignored'],
    ['broken JSON', 500, '{"error":{"code":', 'http_error'],
    ['a body that is a word', 500, '"oops"', 'http_error'],
    ['a body that is null', 502, 'null', 'http_error'],
    ['an error that is text', 500, '{"error":"insufficient_quota"}', 'http_error'],
    ['an empty body', 500, '', 'http_error'],
  ])('%s', async (_, status, body, expected) => {
    const board = fetchBoard()
    const response = await board.fetch({ fetch: failing(status, body) })('http://a.test')
    expect(results(board)).toEqual([expected])
    expect(response.bodyUsed).toBe(false)
    expect(await response.text()).toBe(body)
  })

  test.each([
    ['no content type', {}],
    ['plain text for JSON', { 'content-type': 'text/plain' }],
    ['a problem', { 'content-type': 'application/problem+json' }],
  ])('is read with %s', async (_, headers) => {
    const board = fetchBoard()
    const body = new TextEncoder().encode('{"error":{"code":"insufficient_quota"}}')
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(body)
        controller.close()
      },
    })
    await board.fetch({ fetch: failing(429, stream, headers) })('http://a.test')
    expect(results(board)).toEqual(['quota_exceeded'])
  })

  test('is not read where it says it is something else', async () => {
    const board = fetchBoard()
    const { body } = openBody()
    const response = await board.fetch({ fetch: failing(500, body, { 'content-type': 'text/html' }) })('http://a.test')
    expect(results(board)).toEqual(['http_error'])
    expect(response.body).toBe(body)
  })

  test('without a body has its status and headers', async () => {
    const board = fetchBoard()
    await board.fetch({ fetch: failing(503, null, { 'retry-after': '7' }) })('http://a.test')
    expect(board.outcomes).toMatchObject([{ failure: 'service_unavailable', status: 503, retryAfterMs: 7000 }])
  })

  test('of a mock without headers has its status', async () => {
    const board = fetchBoard()
    await board.fetch({ fetch: async () => ({ status: 500 }) as Response })('http://a.test')
    expect(results(board)).toEqual(['http_error'])
  })

  test('brings its signals', async () => {
    const headers = { ...JSON_TYPE, 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '10' }
    const board = fetchBoard({ clock: new VirtualClock() })
    await board.fetch({ fetch: failing(404, '{}', headers) })('http://a.test')
    expect(board.breaker.path).toBe('rateLimited.paced')
  })

  test('of 10 MB reaches the caller to the last byte; its beginning says what it is', async () => {
    const padding = 'x'.repeat(10 * 2 ** 20)
    const body = { error: { code: 'insufficient_quota', type: 'insufficient_quota', message: padding } }
    const { url } = await upstream((response) => json(response, 429, body))
    const board = fetchBoard()
    const response = await board.fetch()(url)
    expect(results(board)).toEqual(['quota_exceeded'])
    expect(await response.json()).toEqual(body)
  })

  test('whose code comes late goes by its status, and is not read to the end for it', async () => {
    const pieces = [
      '{"padding":"',
      ...Array.from({ length: 160 }, () => 'x'.repeat(65_536)),
      '","error":{"code":"insufficient_quota"}}',
    ]
    let given = 0
    const body = new ReadableStream(
      {
        pull(controller) {
          const piece = pieces[given++]
          if (piece === undefined) controller.close()
          else controller.enqueue(new TextEncoder().encode(piece))
        },
      },
      { highWaterMark: 0 },
    )
    const board = fetchBoard()
    const response = await board.fetch({ fetch: failing(429, body) })('http://a.test')
    expect(results(board)).toEqual(['rate_limit'])
    expect(given).toBeLessThan(5)
    expect(await response.text()).toBe(pieces.join(''))
  })

  test('that trickles in is waited for no longer than the idle timeout, in all', async () => {
    const clock = new VirtualClock()
    const board = fetchBoard({ clock, settings: { idleTimeout: 1_000 } })
    const { body, write, end } = openBody()
    const call = board.fetch({ fetch: failing(429, body) })('http://a.test')
    for (const piece of ['{"er', 'ror":', '{']) {
      await clock.advanceAsync(300)
      write(piece)
    }
    expect(results(board)).toEqual([])
    await clock.advanceAsync(100)
    const response = await call
    expect(results(board)).toEqual(['rate_limit'])
    write('}}')
    end()
    expect(await response.text()).toBe('{"error":{}}')
    expect(clock.pending).toBe(1) // the rate limit's own end
  })

  test('that breaks off goes by its status, and the caller hears of it', async () => {
    const { url } = await upstream((response) => {
      response.writeHead(500, { ...JSON_TYPE, 'content-length': '1000' })
      response.write('{"error":', () => response.destroy())
    })
    const board = fetchBoard()
    const response = await board.fetch()(url)
    expect(results(board)).toEqual(['http_error'])
    await expect(response.text()).rejects.toThrow()
  })

  test('can still be aborted under a timeout, after its beginning was read', async () => {
    const { url, hungUp } = await upstream((response) => {
      response.writeHead(500, JSON_TYPE)
      response.write('x'.repeat(200_000))
    })
    const board = fetchBoard({ policy: { timeout: 60_000 } })
    const controller = new AbortController()
    const response = await board.fetch()(url, { signal: controller.signal })
    expect(results(board)).toEqual(['http_error'])
    const text = response.text()
    controller.abort(new Error('left'))
    await expect(text).rejects.toThrow('left')
    await hungUp
    expect(results(board)).toEqual(['http_error'])
  })

  test('is judged by a profile of a user’s own, which may throw', async () => {
    const board = fetchBoard({
      profile: {
        classifyError: () => {
          throw new Error('bug')
        },
      },
    })
    await board.fetch({ fetch: failing(500, '{}') })('http://a.test')
    expect(results(board)).toEqual(['unknown_error'])
  })
})
