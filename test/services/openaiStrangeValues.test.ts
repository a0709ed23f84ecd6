// Whatever comes, from a header, a body, a request or somebody's error: nothing of the openai profile throws or hangs.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { headerReader } from '../../src/services/foreignValue.ts'
import { openaiProfile } from '../../src/services/openai/openaiProfile.ts'
import { parseReset, readOpenaiLimits } from '../../src/services/openai/openaiRateLimits.ts'

const AT = Date.UTC(2026, 0, 1)
const openai = openaiProfile()

beforeAll(() => void vi.spyOn(process, 'emitWarning').mockReturnValue(undefined))
afterAll(() => void vi.restoreAllMocks())

/** Names that the profile looks for, so that strange values end up where they are read. */
const name = fc.constantFrom(
  ...['model', 'usage', 'error', 'code', 'type', 'message', 'status', 'object', 'cause', 'response', 'headers', 'data', 'errors'],
  ...['messages', 'input', 'prompt', 'content', 'role', 'max_tokens', 'n', 'tools', 'instructions', 'service_tier', 'text'],
  ...['prompt_tokens', 'input_tokens', 'completion_tokens', 'total_tokens', 'prompt_tokens_details', 'cached_tokens'],
)
const word = fc.constantFrom(
  'insufficient_quota',
  'rate_limit_exceeded',
  'response',
  'failed',
  'gpt-4o',
  'chat.completion',
  'list',
  'flex',
)
const { value: strange } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(undefined, null, true, Number.NaN, Number.POSITIVE_INFINITY, -1, -0, 1e300, 429, 503, 10n, Symbol('s')),
    word,
    fc.string(),
    fc.double(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 6 }),
  ),
}))

const hostile = [
  new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
      ownKeys: () => {
        throw new Error('no')
      },
      has: () => {
        throw new Error('no')
      },
    },
  ),
  Proxy.revocable({}, {}),
  (() => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    return proxy
  })(),
  (() => {
    const loop: Record<string, unknown> = {}
    for (const key of ['error', 'cause', 'usage', 'response', 'messages', 'input']) loop[key] = loop
    return loop
  })(),
  Object.create(null),
  () => undefined,
]

function everyReader(value: unknown, path: string): void {
  openai.classifyError(value, AT)
  openai.classifyResult?.(value, AT)
  openai.readSignals?.(value, AT)
  const request = openai.readRequest?.(path, value)
  if (request === undefined) throw new Error('every request can be read')
  const measured = openai.measure?.(value, request)
  const estimate = openai.estimate?.(request)
  for (const cost of [measured?.cost, estimate?.cost]) {
    if (cost === undefined) continue
    expect(Number.isFinite(cost)).toBe(true)
    expect(cost).toBeGreaterThanOrEqual(0)
  }
  for (const count of Object.values(measured?.usage ?? {})) expect(Number.isInteger(count) && count >= 0).toBe(true)
  for (const step of openai.ladder ?? []) step.rewrite?.(request, step.overrides)
}

const path = fc.constantFrom(
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/openai/deployments/%/completions',
  '',
  '/v1/files',
)

test('values of any shape', () => {
  fc.assert(
    fc.property(strange, path, (value, to) => everyReader(value, to)),
    { numRuns: 600 },
  )
})

test.each(hostile.map((value, index) => [index, value] as const))('a value that resists, %i', (_, value) => {
  for (const to of ['/v1/chat/completions', '/v1/responses']) everyReader(value, to)
  for (const key of ['error', 'usage', 'messages', 'input', 'instructions', 'cause', 'headers', 'response'])
    everyReader({ [key]: value, object: 'response', status: 'failed', model: 'gpt-4o' }, '/v1/responses')
})

test('headers of any text', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^-?\d{0,12}(?:\.\d{0,4})?(?:ms|s|m|h|d)?\d{0,4}s?$/))
  const names = ['limit', 'remaining', 'reset'].flatMap((what) => ['requests', 'tokens'].map((of) => `x-ratelimit-${what}-${of}`))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names, 'retry-after', 'retry-after-ms'), text), (headers) => {
      for (const limit of readOpenaiLimits(headerReader(headers)!)) {
        expect(limit.limit).toBeGreaterThan(limit.remaining)
        expect(limit.remaining).toBeGreaterThanOrEqual(0)
        expect(limit.resetMs).toBeGreaterThan(0)
      }
      for (const signal of openaiProfile().readSignals?.({ headers }, AT) ?? []) {
        if (signal.kind !== 'limit') throw new Error('another signal')
        expect(signal.perSecond).toBeGreaterThan(0)
        expect(signal.until).toBeGreaterThan(AT)
      }
    }),
    { numRuns: 500 },
  )
})

test('durations of any text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = parseReset(text)
      expect(ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= 2_592_000_000)).toBe(true)
    }),
  )
})

test('bodies of ten million characters', () => {
  const text = '{"error":'.repeat(1_200_000)
  expect(openai.classifyError({ status: 500, error: { message: text, code: text } }, AT)).toEqual({
    type: 'http_error',
    status: 500,
  })
  expect(openai.classifyError({ message: text }, AT)).toEqual({ type: 'unknown_error' })
  everyReader({ model: text, messages: [{ role: 'user', content: text }] }, '/v1/chat/completions')
})

test('nesting without an end in sight', () => {
  let deep: object = {}
  for (let i = 0; i < 100_000; i++) deep = { content: deep, cause: deep, error: deep }
  everyReader({ messages: deep, model: 'gpt-4o', error: deep }, '/v1/chat/completions')
})
