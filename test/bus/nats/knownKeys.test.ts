// Revisions outlive the entries they are of, for as long as the server may have them.
import { expect, test } from 'vitest'
import { KnownKeys } from '../../../src/bus/nats/knownKeys.ts'

test('a key lapses once, is remembered for as long again, and then forgotten', () => {
  const keys = new KnownKeys(100)
  expect(keys.due).toBeUndefined()
  keys.set('a', { revision: 1, at: 0, readable: true })
  keys.set('b', { revision: 2, at: 50, readable: false })
  expect([keys.due, keys.lapse(99), keys.size]).toEqual([100, [], 2])
  expect([keys.lapse(100), keys.lapse(120), keys.has('a'), keys.size]).toEqual([['a'], [], false, 1])
  expect([keys.get('a')?.revision, keys.due]).toEqual([1, 150])
  expect([keys.lapse(150), keys.due]).toEqual([['b'], 200])
  expect([keys.lapse(200), keys.get('a'), keys.get('b')?.readable, keys.due]).toEqual([[], undefined, false, 250])
  expect([keys.lapse(250), keys.get('b'), keys.due]).toEqual([[], undefined, undefined])
})

test('one that is heard of again begins anew, behind the others', () => {
  const keys = new KnownKeys(100)
  keys.set('a', { revision: 1, at: 0, readable: true })
  keys.set('b', { revision: 2, at: 50, readable: true })
  keys.set('a', { revision: 3, at: 60, readable: true })
  expect([keys.lapse(159), keys.due]).toEqual([['b'], 160])
  keys.set('b', { revision: 4, at: 159, readable: true })
  expect([keys.lapse(300), keys.get('b')?.revision]).toEqual([['a', 'b'], 4])
  keys.set('c', { revision: 5, at: 300, readable: true })
  keys.clear()
  expect([keys.size, keys.get('a'), keys.get('c'), keys.due]).toEqual([0, undefined, undefined, undefined])
})

test('all that was due long ago lapses at once, and is forgotten with it', () => {
  const keys = new KnownKeys(100)
  for (const key of ['a', 'b', 'c']) keys.set(key, { revision: 1, at: 0, readable: true })
  expect([keys.lapse(10_000), keys.get('a'), keys.due]).toEqual([['a', 'b', 'c'], undefined, undefined])
})
