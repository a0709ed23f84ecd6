import { expect, expectTypeOf, test } from 'vitest'
import { ofType, path, replayed, testBoard } from '../actors/testBoard.ts'
import { FlakyClient } from './testCache.ts'

test('what becomes of a cache is journalled, and replays without a difference', async () => {
  const { gear, clock, journal, heard } = await testBoard({ users: { kind: 'cache', hitRateFloor: 0.5 } })
  const client = new FlakyClient<string>()
  const cache = gear.cache('users', client)
  for (let i = 0; i < 250; i++) await cache.get(`k${i}`)
  expect(gear.services.users.path).toBe('degraded.level1')
  client.broken = true
  for (let i = 0; i < 12; i++) await cache.getOrSet('a', () => 'made')
  expect(gear.services.users.path).toBe('open.cooling')
  client.broken = false
  for (let minute = 0; minute < 10; minute++) {
    clock.advance(60_000)
    for (let i = 0; i < 5; i++) await cache.getOrSet('a', () => 'made')
  }
  expect(gear.services.users.path).toBe('closed.watching')
  expect(path(heard).length).toBeGreaterThan(3)
  expect(new Set(ofType(heard, 'outcome').map(({ operation }) => operation))).toEqual(new Set(['get', 'set', undefined]))
  expect(replayed(journal.records)).toMatchObject({ differences: 0, transitions: path(heard).length })
})

test('the types of a cache follow the client', async () => {
  const { gear } = await testBoard({ users: { kind: 'cache' } })
  const cache = gear.cache('users', new Map<string, { id: number }>())
  expectTypeOf(cache.get).returns.toEqualTypeOf<Promise<{ id: number } | undefined>>()
  // @ts-expect-error: it cannot set
  expect(() => gear.cache('users', { get: () => 1, del: () => 1, clear: () => 1 })).toThrow('client: ')
  // @ts-expect-error: there is no such service
  expect(() => gear.cache('user', new Map())).toThrow('did you mean users?')
})

test('closing the board ends the reading of figures', async () => {
  const { gear, clock } = await testBoard({ users: { kind: 'cache' } })
  const cache = gear.cache('users', new Map([['a', 1]]))
  await gear.close()
  expect(clock.pending).toBe(0)
  expect(await cache.get('a')).toBeUndefined()
})
