import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRedisInfo } from '../../src/adapters/cache/redisInfo.ts'

const ANSWER = [
  '# Memory',
  'used_memory:1079576',
  'used_memory_human:1.03M',
  'maxmemory:2097152',
  'maxmemory_policy:allkeys-lru',
  '',
  '# Stats',
  'evicted_keys:12',
  'keyspace_hits:30',
  'keyspace_misses:10',
  '',
  '# Keyspace',
  'db0:keys=100,expires=3,avg_ttl=0',
  'db15:keys=7,expires=0,avg_ttl=0,subexpiry=0',
].join('\r\n')

const EVERYTHING = {
  usedMemory: 1_079_576,
  maxMemory: 2_097_152,
  policy: 'allkeys-lru',
  evictedKeys: 12,
  keyspaceHits: 30,
  keyspaceMisses: 10,
  keys: 107,
}

test.each<[string, unknown, object]>([
  ['an answer', ANSWER, EVERYTHING],
  ['lines that end as Unix has it', ANSWER.replaceAll('\r', ''), EVERYTHING],
  ['bytes', Buffer.from(ANSWER), EVERYTHING],
  ['no limit', 'maxmemory:0\r\nmaxmemory_policy:noeviction', { policy: 'noeviction' }],
  ['no keys', '# Keyspace\r\n', { keys: 0 }],
  ['no section of keys', '# Memory\r\nused_memory:5\r\n', { usedMemory: 5 }],
  ['nothing', '', {}],
  ['no answer', undefined, {}],
  ['an object', { used_memory: 5 }, {}],
  ['an error page', '<html>used_memory:5</html>', {}],
  ['a negative number', 'used_memory:-5', {}],
  ['an absurd number', `used_memory:${'9'.repeat(16)}`, {}],
  ['the largest number', `used_memory:${'9'.repeat(15)}`, { usedMemory: 999_999_999_999_999 }],
  ['a fraction', 'evicted_keys:1.5', {}],
  ['a number in words', 'evicted_keys:many', {}],
  ['an empty number', 'evicted_keys:', {}],
  ['not a number', 'used_memory:NaN\nmaxmemory:Infinity', {}],
  ['a comment', '# used_memory:5', {}],
  ['a field of the same beginning', 'used_memory_peak:5\nmaxmemory_clients:7', {}],
  ['a policy that is none', `maxmemory_policy:${'x'.repeat(41)}\nmaxmemory_policy:A B`, {}],
  ['a field of the prototype', '__proto__:5\nconstructor:6\ndb0:keys=x', { keys: 0 }],
  ['a flood', `${'x:1\n'.repeat(1_000_000)}used_memory:5`, {}],
  ['a line without an end', `used_memory:${'1'.repeat(10_000_000)}`, {}],
])('%s', (_, answer, expected) => {
  expect(parseRedisInfo(answer)).toEqual(expected)
})

test('any text gives only what is known, in whole numbers from 0', () => {
  const line = fc.tuple(
    fc.constantFrom('used_memory', 'maxmemory', 'evicted_keys', 'keyspace_hits', 'maxmemory_policy', 'db0', '# Keyspace', 'x'),
    fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.nat().map((keys) => `keys=${keys},expires=0`),
    ),
  )
  const lines = fc.array(line.map((parts) => parts.join(':'))).map((all) => all.join('\r\n'))
  fc.assert(
    fc.property(fc.oneof(lines, fc.string(), fc.uint8Array(), fc.anything()), (answer) => {
      const { policy, ...numbers } = parseRedisInfo(answer)
      expect(policy === undefined || /^[a-z-]+$/.test(policy)).toBe(true)
      for (const value of Object.values(numbers)) expect(Number.isSafeInteger(value) && (value as number) >= 0).toBe(true)
    }),
    { numRuns: 500 },
  )
})
