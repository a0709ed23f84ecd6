import { describe, expect, test } from 'vitest'
import { headerReader } from '../../src/services/foreignValue.ts'
import { parseHttpDate } from '../../src/services/http/httpDate.ts'
import { parseRetryAfter, readRetryAfter } from '../../src/services/http/retryAfter.ts'

/** 1994-11-06T08:49:07Z: thirty seconds before the date that RFC 9110 uses throughout. */
const AT = Date.UTC(1994, 10, 6, 8, 49, 7)

describe('Retry-After', () => {
  test.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7000],
    ['1.5', 1500],
    ['0.0001', 1],
    ['2592000', 2_592_000_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['Sun Nov  6 08:49:37 1994', 30_000],
    ['sun, 06 nov 1994 08:49:37 gmt', 30_000],
    ['Sun, 06 Nov 1994 08:49:07 GMT', 0],
  ])('"%s" asks for %d ms', (value, wait) => {
    expect(parseRetryAfter(value, AT)).toBe(wait)
  })

  test.each([
    ['is absent', undefined],
    ['is empty', ''],
    ['is negative', '-5'],
    ['is not a number', 'NaN'],
    ['is infinite', 'Infinity'],
    ['has an exponent', '1e3'],
    ['has a unit', '30s'],
    ['is longer than 30 days', '2592001'],
    ['is absurd', '99999999999999999999'],
    ['is a date already past', 'Sun, 06 Nov 1994 08:49:06 GMT'],
    ['is a date more than 30 days ahead', 'Sun, 06 Nov 1995 08:49:37 GMT'],
    ['is a date in some other form', '1994-11-06T08:49:37Z'],
    ['names no month', 'Sun, 06 Nox 1994 08:49:37 GMT'],
    ['names no hour of a day', 'Sun, 06 Nov 1994 24:49:37 GMT'],
    ['is endless', '9'.repeat(100_000)],
  ])('one that %s says nothing', (_, value) => {
    expect(parseRetryAfter(value, AT)).toBeUndefined()
  })

  test('retry-after-ms is finer and comes first', () => {
    const header = headerReader({ 'retry-after-ms': '1250.5', 'retry-after': '2' })
    expect(readRetryAfter(header!, AT)).toBe(1251)
  })

  test('a retry-after-ms that makes no sense leaves the word to Retry-After', () => {
    const header = headerReader({ 'retry-after-ms': '-1', 'Retry-After': '2' })
    expect(readRetryAfter(header!, AT)).toBe(2000)
  })
})

describe('the two-digit year of an obsolete date', () => {
  const in2026 = Date.UTC(2026, 0, 1)
  test.each([
    ['26', 2026],
    ['76', 2076],
    ['77', 1977],
    ['94', 1994],
  ])('%s is %d when read in 2026', (year, full) => {
    expect(parseHttpDate(`Friday, 01-May-${year} 00:00:00 GMT`, in2026)).toBe(Date.UTC(full, 4, 1))
  })
})
