// Headers that no honest server sends: what cannot be read is left out, and the rest still counts.
import { expect, test } from 'vitest'
import { headerReader } from '../../src/services/foreignValue.ts'
import { parseHttpDate } from '../../src/services/http/httpDate.ts'
import { parseFieldList } from '../../src/services/http/structuredFields.ts'

test('a parameter without a name, or with a string that never ends, is left out', () => {
  expect(parseFieldList('burst;=7;q=100;w="60')).toEqual([{ value: 'burst', parameters: new Map([['q', '100']]) }])
})

test('a header with an endless name does not hide the others', () => {
  const read = headerReader({ ['X'.repeat(101)]: '1', 'Retry-After': '2' })
  expect([read?.('retry-after'), read?.('x'.repeat(101))]).toEqual(['2', undefined])
})

test('a date in a month that is none is no date', () => {
  expect(parseHttpDate('Sun, 06 Abc 1994 08:49:37 GMT', 0)).toBeUndefined()
})
