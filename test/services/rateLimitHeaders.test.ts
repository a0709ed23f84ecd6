import { describe, expect, test } from 'vitest'
import { headerReader } from '../../src/services/foreignValue.ts'
import { readPacing, readRateLimits } from '../../src/services/http/rateLimitHeaders.ts'
import { parseFieldList } from '../../src/services/http/structuredFields.ts'

const AT = Date.UTC(2026, 0, 1)

function limitsOf(headers: Record<string, string>) {
  return readRateLimits(headerReader(headers)!, AT)
}

function pacingOf(headers: Record<string, string>) {
  return readPacing(headerReader(headers)!, AT)
}

describe('the limits that headers state', () => {
  test.each([
    ['nothing', {}, []],
    ['a current RateLimit alone', { RateLimit: '"default";r=50;t=30' }, [[undefined, 50, 30_000]]],
    ['one with its policy', { RateLimit: '"d";r=5;t=3', 'RateLimit-Policy': '"d";q=100;w=60' }, [[100, 5, 3000]]],
    ['spaces after the semicolons', { RateLimit: '"10-in-15min"; r=7; t=897' }, [[undefined, 7, 897_000]]],
    [
      'several policies',
      { RateLimit: '"burst";r=5;t=1, "day";r=900;t=3600', 'RateLimit-Policy': '"burst";q=10;w=1,"day";q=1000;w=86400' },
      [
        [10, 5, 1000],
        [1000, 900, 3_600_000],
      ],
    ],
    ['no t, but the window of the policy', { RateLimit: '"d";r=0', 'RateLimit-Policy': '"d";q=9;w=60' }, [[9, 0, 60_000]]],
    ['neither t nor window', { RateLimit: '"d";r=999;pk=:dHJpYWw=:' }, [[undefined, 999, undefined]]],
    ['a name with separators in it', { RateLimit: '"a,b;c\\"d";r=1;t=2' }, [[undefined, 1, 2000]]],
    ['no r', { RateLimit: '"d";t=2' }, []],
    ['a negative r', { RateLimit: '"d";r=-1;t=2' }, []],
    ['a string that does not end', { RateLimit: '"d;r=0;t=2' }, []],
    ['an item that cannot be read beside one that can', { RateLimit: ', "d";r=1;t=2' }, [[undefined, 1, 2000]]],
    ['bytes, which are not calls', { RateLimit: '"d";r=0;t=2', 'RateLimit-Policy': '"d";q=9;qu="content-bytes"' }, []],
    ['the dictionary form', { RateLimit: 'limit=100, remaining=3, reset=30' }, [[100, 3, 30_000]]],
    ['three fields', { 'RateLimit-Limit': '100', 'RateLimit-Remaining': '3', 'RateLimit-Reset': '30' }, [[100, 3, 30_000]]],
    [
      'a limit followed by its policies',
      { 'RateLimit-Limit': '10, 10;w=1, 50;w=60', 'RateLimit-Remaining': '9', 'RateLimit-Reset': '1' },
      [[10, 9, 1000]],
    ],
    ['X- fields with seconds', { 'X-RateLimit-Remaining': '1', 'X-RateLimit-Reset': '12' }, [[undefined, 1, 12_000]]],
    [
      'X- fields with epoch seconds',
      { 'X-RateLimit-Limit': '60', 'X-RateLimit-Remaining': '1', 'X-RateLimit-Reset': String(AT / 1000 + 12) },
      [[60, 1, 12_000]],
    ],
    ['X- fields with epoch ms', { 'X-RateLimit-Remaining': '1', 'X-RateLimit-Reset': String(AT + 1234) }, [[undefined, 1, 1234]]],
    [
      'an epoch already past',
      { 'X-RateLimit-Remaining': '1', 'X-RateLimit-Reset': String(AT / 1000 - 1) },
      [[undefined, 1, undefined]],
    ],
    [
      'a delay beside the epoch',
      { 'X-RateLimit-Remaining': '1', 'X-RateLimit-Reset': '1', 'X-RateLimit-Reset-After': '0.25' },
      [[undefined, 1, 250]],
    ],
    ['a limit, but nothing on what remains', { 'X-RateLimit-Limit': '60', 'X-RateLimit-Reset': '12' }, []],
    ['a remaining of -1, for "no limit"', { 'X-RateLimit-Remaining': '-1', 'X-RateLimit-Reset': '12' }, []],
    ['a limit of 0, for "no limit"', { 'X-RateLimit-Limit': '0', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '12' }, []],
    ['a reset beyond 30 days', { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '2592001' }, [[undefined, 0, undefined]]],
  ])('%s', (_, headers: Record<string, string>, expected) => {
    expect(limitsOf(headers).map(({ limit, remaining, resetMs }) => [limit, remaining, resetMs])).toEqual(expected)
  })
})

describe('pacing', () => {
  const triple = (limit: string, remaining: string, reset: string) => ({
    'RateLimit-Limit': limit,
    'RateLimit-Remaining': remaining,
    'RateLimit-Reset': reset,
  })

  test.each([
    ['exactly a tenth remains', triple('100', '10', '30')],
    ['the limit is not known and something remains', { RateLimit: '"d";r=1;t=30' }],
    ['the window resets at this very moment', triple('100', '0', '0')],
    ['no reset is known', { 'RateLimit-Limit': '100', 'RateLimit-Remaining': '0' }],
    ['headers are absent', {}],
    ['what remains is absent', { 'RateLimit-Limit': '100', 'RateLimit-Reset': '30' }],
  ])('is not called for when %s', (_, headers) => {
    expect(pacingOf(headers)).toBeUndefined()
  })

  test('begins when less than a tenth remains, spread evenly until the reset', () => {
    expect(pacingOf(triple('100', '9', '30'))).toEqual({
      kind: 'limit',
      mode: 'paced',
      perSecond: 0.3,
      until: AT + 30_000,
      reason: '9 of 100 calls left for 30 s',
    })
  })

  test('lets nothing through when nothing remains, even of an unknown limit', () => {
    expect(pacingOf({ RateLimit: '"d";r=0;t=30' })).toMatchObject({ mode: 'paced', perSecond: 0, until: AT + 30_000 })
  })

  test('follows the limit that leaves the lowest rate', () => {
    const policies = '"burst";q=100;w=1,"day";q=10000;w=86400'
    expect(pacingOf({ RateLimit: '"burst";r=2;t=1,"day";r=36;t=3600', 'RateLimit-Policy': policies })).toMatchObject({
      perSecond: 0.01,
      until: AT + 3_600_000,
    })
  })

  test('follows the limit that lasts longest when several are spent', () => {
    expect(pacingOf({ RateLimit: '"a";r=0;t=5,"b";r=0;t=50,"c";r=0;t=20' })).toMatchObject({ until: AT + 50_000 })
  })
})

test('a policy that changes from one response to the next is read anew', () => {
  const RateLimit = '"d";r=5;t=10'
  expect(limitsOf({ RateLimit, 'RateLimit-Policy': '"d";q=10' })[0]?.limit).toBe(10)
  expect(limitsOf({ RateLimit, 'RateLimit-Policy': '"d";q=100' })[0]?.limit).toBe(100)
  expect(limitsOf({ RateLimit })[0]?.limit).toBeUndefined()
})

test('a parameter without a value reads as true', () => {
  expect(parseFieldList('a;b')[0]?.parameters.get('b')).toBe('?1')
})
