import { describe, expect, test } from 'vitest'
import { headerReader } from '../../src/services/foreignValue.ts'
import { openaiProfile } from '../../src/services/openai/openaiProfile.ts'
import { OpenaiPacing, parseReset, readOpenaiLimits } from '../../src/services/openai/openaiRateLimits.ts'

const AT = Date.UTC(2026, 0, 1)

const limitsOf = (headers: Record<string, string>) => readOpenaiLimits(headerReader(headers)!)

describe('a reset reads as', () => {
  test.each([
    ['12ms', 12],
    ['1s', 1000],
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['1d2h', 93_600_000],
    ['59.7s', 59_700],
    ['8.64s', 8640],
    ['0s', 0],
    ['10', 10_000],
    ['0.5', 500],
    ['0', 0],
    [' 2s ', 2000],
    ['-1', undefined],
    ['-1s', undefined],
    ['', undefined],
    ['s', undefined],
    ['1x', undefined],
    ['1s2', undefined],
    ['1 s', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['1e3s', undefined],
    ['31d', undefined],
    ['9999999999s', undefined],
    ['1.2.3s', undefined],
    ['2026-01-01T00:00:00Z', undefined],
    ['1s'.repeat(100), undefined],
  ])('%j: %s ms', (text, expected) => {
    expect(parseReset(text)).toBe(expected)
  })
})

describe('the limits that headers state', () => {
  const requests = (limit: string, remaining: string, reset: string) => ({
    'x-ratelimit-limit-requests': limit,
    'x-ratelimit-remaining-requests': remaining,
    'x-ratelimit-reset-requests': reset,
  })

  test('come as requests and tokens, in whatever letter case', () => {
    const headers = {
      'X-RateLimit-Limit-Requests': '5000',
      'X-RateLimit-Remaining-Requests': '4999',
      'X-RateLimit-Reset-Requests': '12ms',
      'x-ratelimit-limit-tokens': '160000',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '1m0s',
    }
    expect(limitsOf(headers)).toEqual([
      { of: 'requests', limit: 5000, remaining: 4999, resetMs: 12 },
      { of: 'tokens', limit: 160_000, remaining: 0, resetMs: 60_000 },
    ])
  })

  test.each([
    ['nothing is said', {}],
    ['Azure does not know', requests('-1', '-1', '0')],
    ['Azure says 0 for a reset it does not know', requests('100', '3', '0')],
    ['only what remains is said', { 'x-ratelimit-remaining-requests': '0' }],
    ['there is no reset', { 'x-ratelimit-limit-requests': '10', 'x-ratelimit-remaining-requests': '0' }],
    ['there is no limit', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1s' }],
    ['there is nothing of what remains', { 'x-ratelimit-limit-requests': '9', 'x-ratelimit-reset-requests': '1s' }],
    ['more remains than the limit', requests('10', '11', '1s')],
    ['the bucket is full', requests('10', '10', '1s')],
    ['the limit is 0', requests('0', '0', '1s')],
    ['a number is none', requests('ten', '0', '1s')],
    ['what remains is negative', requests('10', '-3', '1s')],
    ['the reset is none', requests('10', '0', 'soon')],
    ['the reset is endless', requests('10', '0', '9'.repeat(5000))],
  ])('are not known where %s', (_, headers) => {
    expect(limitsOf(headers)).toEqual([])
  })
})

describe('a pace is kept to', () => {
  const low = { of: 'requests', limit: 600, remaining: 0, resetMs: 60_000 } as const

  test('nine tenths of the rate at which the bucket fills, until it is full', () => {
    expect(new OpenaiPacing().pace([low], undefined, AT)).toEqual({
      kind: 'limit',
      mode: 'paced',
      perSecond: 9, // 600 in 60 s × 0.9
      until: AT + 60_000,
      reason: '0 of 600 requests left, full in 60 s',
    })
  })

  test.each([
    ['a tenth is left', 60, undefined],
    ['just under a tenth is left', 59, 8.12], // (600 − 59) / 60 × 0.9
  ])('when %s: %s', (_, remaining, perSecond) => {
    const signal = new OpenaiPacing().pace([{ ...low, remaining }], undefined, AT)
    expect(signal?.kind === 'limit' ? signal.perSecond : undefined).toBe(perSecond)
  })

  test('that of the tightest limit, tokens being as many calls as they last for', () => {
    const tokens = { of: 'tokens', limit: 60_000, remaining: 100, resetMs: 60_000 } as const
    const rate = (each: number | undefined) => {
      const signal = new OpenaiPacing().pace([low, tokens], each, AT)
      return signal?.kind === 'limit' ? signal.perSecond : undefined
    }
    expect(rate(1000)).toBe(0.899) // 59,900 tokens in 60 s, 1,000 a call
    expect(rate(10)).toBe(9) // the requests are tighter
    expect(rate(undefined)).toBe(9) // nobody knows what a call takes
    expect(rate(0)).toBe(9)
    expect(new OpenaiPacing().pace([tokens], undefined, AT)).toBeUndefined()
  })

  test('and told again only when it is news', () => {
    const pacing = new OpenaiPacing()
    const told = (at: number, change: object = {}) => pacing.pace([{ ...low, ...change }], undefined, at) !== undefined
    expect(told(AT)).toBe(true)
    expect(told(AT + 1)).toBe(false)
    expect(told(AT + 29_999)).toBe(false)
    expect(told(AT + 30_000)).toBe(true) // half of its time is over
    expect(told(AT + 30_001, { resetMs: 50_000 })).toBe(false) // 20% more
    expect(told(AT + 30_002, { resetMs: 40_000 })).toBe(true) // 50% more
    expect(told(AT + 30_003, { remaining: 300 })).toBe(false) // room again
    expect(told(AT - 3_600_000, { resetMs: 40_000 })).toBe(true) // the clock was put back
  })
})

describe('signals of the profile', () => {
  const headers = {
    'x-ratelimit-limit-requests': '600',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-reset-requests': '60s',
    'x-ratelimit-limit-tokens': '60000',
    'x-ratelimit-remaining-tokens': '1000',
    'x-ratelimit-reset-tokens': '59s',
  }
  const rate = (signals: readonly object[] | undefined) => signals?.map((signal) => 'perSecond' in signal && signal.perSecond)

  test('come once with answers that leave little, and not with each', () => {
    const openai = openaiProfile()
    const answers = Array.from({ length: 100 }, (_, i) => openai.readSignals?.(new Response('', { headers }), AT + i) ?? [])
    expect(answers.flat()).toHaveLength(1)
  })

  test('learn from what calls have used how far tokens go', () => {
    const openai = openaiProfile()
    expect(rate(openai.readSignals?.({ headers }, AT))).toEqual([8.98]) // requests
    openai.measure?.({ object: 'chat.completion', model: 'gpt-4o', usage: { prompt_tokens: 900, completion_tokens: 100 } })
    expect(rate(openai.readSignals?.({ headers }, AT))).toEqual([0.9]) // 1,000 tokens a second, 1,000 a call
    const reader = openai.readStream?.('text/event-stream', undefined)
    reader?.push(Buffer.from('data: {"usage":{"prompt_tokens":6000,"completion_tokens":0}}\n\n'))
    reader?.end(AT)
    reader?.end(AT)
    expect(rate(openai.readSignals?.({ headers }, AT))).toEqual([0.6]) // the mean is 1,500 now
  })

  test.each([
    ['a wait is asked for', { ...headers, 'retry-after': '3' }],
    ['a wait is asked for in ms', { ...headers, 'retry-after-ms': '3' }],
    ['there is room', { ...headers, 'x-ratelimit-remaining-requests': '599', 'x-ratelimit-remaining-tokens': '50000' }],
    [
      'nothing is known',
      { 'x-ratelimit-remaining-tokens': '-1', 'x-ratelimit-reset-tokens': '0', 'x-ratelimit-limit-tokens': '-1' },
    ],
    ['nothing is said', {}],
  ])('do not come where %s', (_, stated) => {
    expect(openaiProfile().readSignals?.(new Response('', { headers: stated }), AT)).toEqual([])
  })

  test('do not come with values that have no headers', () => {
    expect(openaiProfile().readSignals?.({ choices: [] }, AT)).toEqual([])
  })

  test('come with a 429 that asks for no wait', () => {
    const error = Object.assign(new Error('x'), { status: 429, headers: new Headers(headers) })
    expect(rate(openaiProfile().readSignals?.(error, AT))).toEqual([8.98])
  })

  test('come with a gateway’s standard headers as well', () => {
    const gateway = { 'ratelimit-limit': '100', 'ratelimit-remaining': '5', 'ratelimit-reset': '10' }
    expect(rate(openaiProfile().readSignals?.({ headers: gateway }, AT))).toEqual([0.5])
  })
})
