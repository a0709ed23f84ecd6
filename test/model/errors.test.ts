// What users catch: codes, names, details, and what a rejection costs.
import { afterEach, describe, expect, test } from 'vitest'
import {
  BreakerOpenError,
  BudgetExceededError,
  CallRejectedError,
  CallTimeoutError,
  ConfigError,
  captureRejectionStacks,
  DegradedToFallbackError,
  FleetError,
  JournalError,
  LoadShedError,
  MaintenanceError,
  ProbeLimitError,
  RateLimitedError,
} from '../../src/model/errors.ts'

const details = { service: 'search', state: 'open', reason: 'failure_rate', retryAfterMs: 1500 } as const

afterEach(() => captureRejectionStacks(false))

describe.each([
  [BreakerOpenError, 'BreakerOpenError', 'ERR_SWITCHGEAR_OPEN'],
  [RateLimitedError, 'RateLimitedError', 'ERR_SWITCHGEAR_RATE_LIMITED'],
  [BudgetExceededError, 'BudgetExceededError', 'ERR_SWITCHGEAR_BUDGET_EXCEEDED'],
  [MaintenanceError, 'MaintenanceError', 'ERR_SWITCHGEAR_MAINTENANCE'],
  [DegradedToFallbackError, 'DegradedToFallbackError', 'ERR_SWITCHGEAR_DEGRADED_TO_FALLBACK'],
  [ProbeLimitError, 'ProbeLimitError', 'ERR_SWITCHGEAR_PROBE_LIMIT'],
  [LoadShedError, 'LoadShedError', 'ERR_SWITCHGEAR_LOAD_SHED'],
])('%o', (Rejection, name, code) => {
  test('is a rejection with its name, code and details', () => {
    const error = new Rejection('search is open', details)
    expect(error).toBeInstanceOf(CallRejectedError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name, code, message: 'search is open', ...details })
  })
})

describe('a rejection', () => {
  test('carries no stack trace, and leaves other errors theirs', () => {
    expect(new BreakerOpenError('search is open', details).stack ?? '').not.toContain('\n    at ')
    expect(new Error('another').stack).toContain('\n    at ')
  })

  test('carries a stack trace when asked to', () => {
    captureRejectionStacks(true)
    expect(new BreakerOpenError('search is open', details).stack).toContain('\n    at ')
  })
})

test('a timeout tells the service and the time that ran out', () => {
  expect(new CallTimeoutError('search', 2000)).toMatchObject({
    name: 'CallTimeoutError',
    code: 'ERR_SWITCHGEAR_TIMEOUT',
    service: 'search',
    timeoutMs: 2000,
    message: 'search did not answer within 2000 ms',
  })
})

test('a journal error points at the line', () => {
  expect(new JournalError('a.jsonl', 7, 'torn')).toMatchObject({
    name: 'JournalError',
    code: 'ERR_SWITCHGEAR_JOURNAL',
    message: 'a.jsonl:7: torn',
  })
})

test('an error of the fleet says why it was not told', () => {
  expect(new FleetError('nobody leads it now')).toMatchObject({
    name: 'FleetError',
    code: 'ERR_SWITCHGEAR_FLEET',
    problem: 'nobody leads it now',
    message: 'the fleet was not told: nobody leads it now',
  })
})

describe('a configuration error', () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic

  test.each([
    [undefined, 'nothing'],
    [null, 'null'],
    ['30s', '"30s"'],
    [Number.NaN, 'NaN'],
    [10n, '10'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [cyclic, 'an object'],
    [['secret'], 'a list'],
    ['x'.repeat(1000), `"${'x'.repeat(76)}...`],
  ])('shows %o as %s', (value, shown) => {
    expect(new ConfigError('a.b', value, 'a number')).toMatchObject({
      name: 'ConfigError',
      code: 'ERR_SWITCHGEAR_CONFIG',
      path: 'a.b',
      message: `a.b: got ${shown}; allowed: a number`,
    })
  })
})
