import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../../src/model/settings.ts'
import { isOutOfMemory } from '../../src/services/cache/redisErrors.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const cache = profileFor('cache')

function said(error: unknown): string {
  const classification = cache.classifyError(error, AT)
  return classification === 'ignored' ? 'ignored' : classification.type
}

/** As ioredis has it (`name`), and as node-redis has it (the class). */
class ReplyError extends Error {
  override readonly name = 'ReplyError'
}
class SimpleError extends Error {}

describe('what Redis answers with', () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'memory_error'],
    ['NOAUTH Authentication required.', 'authentication'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'authentication'],
    ['DENIED Redis is running in protected mode because protected mode is enabled', 'authentication'],
    ['ERR invalid password', 'authentication'],
    ['LOADING Redis is loading the dataset in memory', 'service_unavailable'],
    ['BUSY Redis is busy running a script.', 'service_unavailable'],
    ["READONLY You can't write against a read only replica.", 'service_unavailable'],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'service_unavailable'],
    ['MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.', 'service_unavailable'],
    ['NOREPLICAS Not enough good replicas to write.', 'service_unavailable'],
    ['CLUSTERDOWN The cluster is down', 'service_unavailable'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'service_unavailable'],
    ['MOVED 3999 127.0.0.1:6381', 'service_unavailable'],
    ['ASK 3999 127.0.0.1:6381', 'service_unavailable'],
    ['ERR max number of clients reached', 'service_unavailable'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'ignored'],
    ["CROSSSLOT Keys in request don't hash to the same slot", 'ignored'],
    ["ERR unknown command 'FLUSHDB'", 'ignored'],
    ['ERR value is not an integer or out of range', 'ignored'],
    ['ERR Connection refused', 'unknown_error'],
    ['ERR', 'unknown_error'],
    ["NOPERM this user has no permissions to run the 'flushdb' command", 'unknown_error'],
    // Not codes: a code is the whole first word, in capitals, and one that is known.
    ['OOMPH', 'unknown_error'],
    ['oom command not allowed', 'unknown_error'],
    ['The log said: OOM command not allowed', 'unknown_error'],
    ['LOADING-DOCK is closed', 'unknown_error'],
    ['', 'unknown_error'],
  ])('%s: %s', (message, expected) => {
    expect(said(new ReplyError(message))).toBe(expected)
    expect(said(new SimpleError(message))).toBe(expected)
  })

  test('only a full Redis is out of memory', () => {
    expect(isOutOfMemory(new ReplyError("OOM command not allowed when used memory > 'maxmemory'."))).toBe(true)
    expect(isOutOfMemory(new ReplyError('LOADING Redis is loading'))).toBe(false)
    expect(isOutOfMemory(new ReplyError('WRONGTYPE x'))).toBe(false)
    expect(isOutOfMemory(undefined)).toBe(false)
  })
})

describe('what the clients say of themselves', () => {
  class ClientOfflineError extends Error {}
  class SocketTimeoutError extends Error {}
  test.each([
    [
      "ioredis's refusal to queue",
      new Error("Stream isn't writeable and enableOfflineQueue options is false"),
      'service_unavailable',
    ],
    ["ioredis's closed connection", new Error('Connection is closed.'), 'service_unavailable'],
    ["ioredis's command timeout", new Error('Command timed out'), 'timeout'],
    ["ioredis's last retry", Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' }), 'service_unavailable'],
    ["node-redis's offline client", new ClientOfflineError('The client is offline'), 'service_unavailable'],
    ["node-redis's silent socket", new SocketTimeoutError('x'), 'timeout'],
    ['a refused connection', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'service_unavailable'],
    ['a stranger', new Error('whatever'), 'unknown_error'],
    ['nothing', undefined, 'unknown_error'],
  ])('%s', (_, error, expected) => {
    expect(said(error)).toBe(expected)
  })
})

test('nothing that is thrown makes the profile throw', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), fc.string(), (thing, message) => {
      cache.classifyError(thing, AT)
      cache.classifyError({ message, name: thing, constructor: thing, cause: thing }, AT)
    }),
    { numRuns: 200 },
  )
  const trap = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
    },
  )
  expect(said(trap)).toBe('unknown_error')
  expect(said(Object.assign(new Error('x'), { message: 'A'.repeat(10_000_000) }))).toBe('unknown_error')
})

test('the ladder has the steps and the expectations of the design', () => {
  const steps = profileFor('cache', resolveSettings('cache')).ladder
  expect(steps?.map(({ level, expected }) => [level, expected.performanceImpact, expected.costSaved])).toEqual([
    [1, 0.05, 0.3],
    [2, 0.15, 0.6],
    [3, 0.4, 0.8],
  ])
  expect(steps?.map(({ overrides }) => overrides)).toEqual([
    { ttlFactor: 0.5, evictEagerly: true },
    { ttlFactor: 0.5, evictEagerly: true, criticalOnly: true },
    { ttlFactor: 0.1, evictEagerly: true, criticalOnly: true, minimal: true },
  ])
})
