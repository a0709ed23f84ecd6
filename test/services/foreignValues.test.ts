import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FAILURE_TYPES } from '../../src/model/failures.ts'
import { signalSchema } from '../../src/model/signals.ts'
import { LONGEST_WAIT } from '../../src/services/http/retryAfter.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const profiles = [profileFor('http'), profileFor('custom')]

/** Judges `thing` in every way there is, and checks that what comes back is fit for the journal. */
function judge(thing: unknown): void {
  for (const profile of profiles) {
    for (const said of [profile.classifyError(thing, AT), profile.classifyResult?.(thing, AT)]) {
      if (said === undefined || said === 'ignored') continue
      expect(FAILURE_TYPES).toContain(said.type)
      if (said.retryAfterMs !== undefined) {
        expect(Number.isInteger(said.retryAfterMs) && said.retryAfterMs >= 0 && said.retryAfterMs <= LONGEST_WAIT).toBe(true)
      }
    }
    for (const signal of profile.readSignals?.(thing, AT) ?? []) {
      expect(signalSchema.safeParse(signal).success).toBe(true)
      if (signal.kind === 'limit') expect(signal.until).toBeGreaterThan(AT)
    }
  }
}

const HEADERS = [
  'retry-after',
  'Retry-After',
  'retry-after-ms',
  'ratelimit',
  'RateLimit-Policy',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'X-RateLimit-Limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-ratelimit-reset-after',
]
const FIELDS = ['status', 'statusCode', 'code', 'type', 'name', 'message', 'cause', 'errors', 'response', 'error', 'body', 'data']

const headerValue = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.integer().map(String),
  fc.double().map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.constantFrom(
    '"d";r=0;t=5',
    '"d";q=10;w=60',
    'limit=10, remaining=0, reset=9',
    '"',
    '"\\',
    ';;;,,,=',
    '0',
    '-1',
    ','.repeat(4000),
  ),
  fc.anything(),
)
const headers = fc.dictionary(fc.constantFrom(...HEADERS), headerValue, { maxKeys: 8 })
const { thing } = fc.letrec((tie) => ({
  thing: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.anything(),
    fc.integer({ min: 90, max: 620 }),
    fc.constantFrom('ECONNREFUSED', 'AbortError', 'TimeoutError', 'insufficient_quota', 'the author', 'status code 503'),
    fc.dictionary(fc.constantFrom(...FIELDS, 'headers', 'responseHeaders', 'constructor'), tie('thing'), { maxKeys: 6 }),
    fc.record({ status: fc.integer({ min: 100, max: 600 }), headers }),
    fc.record({ message: fc.string(), status: fc.integer({ min: 100, max: 600 }), response: fc.record({ headers }) }),
  ),
}))

describe('whatever a client throws or returns', () => {
  test('is judged without throwing, and with values fit for the journal', () => {
    fc.assert(fc.property(thing, judge), { numRuns: 1000 })
  })

  test('is judged within its headers, whatever they hold', () => {
    const answer = fc.record({ status: fc.constantFrom(200, 403, 404, 429, 500, 503), headers })
    fc.assert(fc.property(answer, judge), { numRuns: 1000 })
  })

  test('may have getters that throw, and is judged by the others', () => {
    const hostile: Record<string, unknown> = { status: 503 }
    for (const field of [...FIELDS, 'headers', 'constructor'].filter((field) => field !== 'status')) {
      Object.defineProperty(hostile, field, {
        get() {
          throw new Error(`no ${field} for you`)
        },
      })
    }
    judge(hostile)
    expect(profileFor('http').classifyError(hostile, AT)).toEqual({ type: 'service_unavailable', status: 503 })
  })

  test('may be a proxy that answers everything with itself, with more proxies, or not at all', () => {
    const itself: object = new Proxy({}, { get: () => itself })
    const endless = (): object => new Proxy(() => endless(), { get: endless, ownKeys: () => ['length', 'name', 'prototype'] })
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    const refusing = new Proxy(
      { status: 429, headers: {} },
      {
        ownKeys() {
          throw new Error('no keys')
        },
        getPrototypeOf() {
          throw new Error('no prototype')
        },
      },
    )
    for (const proxy of [itself, endless(), revoked, refusing]) {
      judge(proxy)
      judge({ status: 429, headers: proxy })
      judge({ cause: proxy, errors: proxy, response: proxy, error: proxy })
    }
  })

  test('may have headers that throw or answer nonsense', () => {
    const throwing = {
      get() {
        throw new Error('closed')
      },
    }
    judge({ status: 429, headers: throwing })
    for (const nonsense of [undefined, null, {}, Symbol('x'), 5n, ['a', 1], Array.from({ length: 1000 }, () => '1')]) {
      judge({ status: 429, headers: { get: () => nonsense } })
      judge({ status: 429, headers: { 'retry-after': nonsense, ratelimit: nonsense } })
    }
  })

  test('may be huge, and is read no further than is useful', () => {
    const huge = '"'.repeat(5_000_000)
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`X-${i}`, '1']))
    judge(new Error(huge))
    judge({ status: 429, code: huge, type: huge, name: huge, headers: { 'retry-after': huge, ratelimit: huge } })
    judge({ status: 429, headers: many })
    judge({ status: 429, headers: { ratelimit: '"a";r=0;t=1,'.repeat(300), 'ratelimit-policy': ';'.repeat(4000) } })
    judge(new Array(1_000_000).fill(new Error('x')))
  })
})
