// An answer by which another of our breakers refused a call says nothing of the service: nobody was called.
import { APIError } from 'openai'
import { describe, expect, test } from 'vitest'
import { rejectionResponse } from '../../src/adapters/fetch/rejectionResponse.ts'
import { BreakerOpenError, RateLimitedError } from '../../src/model/errors.ts'
import { KINDS } from '../../src/model/policy.ts'
import { isRejectionCode } from '../../src/services/http/errorCodes.ts'
import { profileFor } from '../../src/services/profiles.ts'

const AT = Date.UTC(2026, 0, 1)
const details = { service: 'search', state: 'open', reason: 'failure_rate', retryAfterMs: 1500.2 } as const

function refusal(): Response {
  return rejectionResponse(new BreakerOpenError('search is open', details))
}

describe.each(KINDS)('for a service of kind %s', (kind) => {
  const profile = profileFor(kind)

  test('the answer itself is ignored, though its body is unread', () => {
    expect(profile.classifyResult?.(refusal(), AT) ?? 'ignored').toBe('ignored')
    expect(profile.readSignals?.(refusal(), AT) ?? []).toEqual([])
  })

  test('the error that the OpenAI client makes of it is ignored', async () => {
    const response = refusal()
    const body = (await response.json()) as object
    const error = APIError.generate(response.status, body, undefined, response.headers)
    expect(profile.classifyError(error, AT)).toBe('ignored')
    expect(profile.classifyError(new Error('wrapped', { cause: error }), AT)).toBe('ignored')
  })

  test('an error that carries status and code only is ignored', () => {
    expect(profile.classifyError({ status: 503, code: 'ERR_SWITCHGEAR_RATE_LIMITED' }, AT)).toBe('ignored')
  })

  test('a 503 of the service’s own is not', () => {
    expect(profile.classifyError({ status: 503, code: 'ERR_SOMETHING' }, AT)).toMatchObject({ type: 'service_unavailable' })
    expect(profile.classifyError({ status: 500, code: 'ERR_SWITCHGEAR_OPEN' }, AT)).toMatchObject({ type: 'http_error' })
    expect(profile.classifyError({ status: 503, code: 'ERR_SWITCHGEAR_TIMEOUT' }, AT)).toMatchObject({
      type: 'service_unavailable',
    })
  })
})

test.each([
  ['ERR_SWITCHGEAR_OPEN', true],
  ['ERR_SWITCHGEAR_BUDGET_EXCEEDED', true],
  ['ERR_SWITCHGEAR_TIMEOUT', false],
  ['ERR_SWITCHGEAR_INJECTED_FAULT', false],
  ['ERR_INVALID_URL', false],
  ['rate_limit_exceeded', false],
])('%s: is it the code of a refusal? %s', (code, expected) => {
  expect(isRejectionCode(code)).toBe(expected)
})

test('the wait is told in whole seconds and in ms, rounded up', () => {
  const { headers } = refusal()
  expect([headers.get('retry-after'), headers.get('retry-after-ms')]).toEqual(['2', '1501'])
})

test('a state is written as on the wire', () => {
  const rejection = new RateLimitedError('slow', { ...details, state: 'rateLimited', retryAfterMs: undefined })
  expect(rejectionResponse(rejection).headers.get('x-switchgear-state')).toBe('rate_limited')
})
