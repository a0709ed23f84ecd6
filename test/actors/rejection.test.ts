// What the caller of a refused call is told: which error, why, and when to come back.
import { describe, expect, it } from 'vitest'
import {
  BreakerOpenError,
  BudgetExceededError,
  type CallRejectedError,
  DegradedToFallbackError,
  LoadShedError,
  MaintenanceError,
  ProbeLimitError,
  RateLimitedError,
} from '../../src/model/errors.ts'
import type { PolicyInput } from '../../src/model/policy.ts'
import type { Service } from '../../src/service.ts'
import type { VirtualClock } from '../../src/testing/index.ts'
import { fails, settle, testBoard, watch } from './testBoard.ts'

async function board(policy: PolicyInput = {}) {
  const { gear, clock } = await testBoard({
    search: { kind: 'http', recoveryJitter: { from: 1, to: 1 }, recoveryTimeout: 20_000, ...policy },
  })
  return { search: gear.services.search, clock }
}

const by = { by: 'ann', why: 'a test of the pumps' }

async function open({ search }: { search: Service }): Promise<void> {
  for (let i = 0; i < 5; i++) await search.execute(fails()).catch(() => undefined)
}

/** The refusal of the first of some calls that is refused. */
async function refusal(search: Service): Promise<CallRejectedError> {
  for (let i = 0; i < 5; i++) {
    const peeked = search.peek()
    const call = watch(search.execute(() => new Promise<void>(() => undefined)))
    await settle()
    const error = call.error as CallRejectedError | undefined
    if (error) {
      expect(error).toEqual(peeked)
      return error
    }
  }
  throw new Error('nothing was refused')
}

type Stand = { search: Service; clock: VirtualClock }

const cases: readonly [
  string,
  PolicyInput,
  (stand: Stand) => unknown,
  new (...args: never[]) => CallRejectedError,
  string,
  RegExp,
  number | undefined,
][] = [
  ['open', {}, open, BreakerOpenError, 'ERR_SWITCHGEAR_OPEN', /search is open \(consecutive_failures\)/, 20_000],
  [
    'forced open, for nobody knows how long',
    {},
    ({ search }) => search.command({ name: 'trip', ...by }),
    BreakerOpenError,
    'ERR_SWITCHGEAR_OPEN',
    /command\.trip/,
    undefined,
  ],
  [
    'in maintenance',
    {},
    ({ search, clock }) => search.command({ name: 'beginMaintenance', ...by, until: clock.now() + 5000 }),
    MaintenanceError,
    'ERR_SWITCHGEAR_MAINTENANCE',
    /a test of the pumps/,
    5000,
  ],
  [
    'out of quota',
    {},
    ({ search, clock }) => search.signal({ kind: 'limit', mode: 'exhausted', until: clock.now() + 60_000, reason: 'month' }),
    RateLimitedError,
    'ERR_SWITCHGEAR_RATE_LIMITED',
    /limits our rate \(month\)/,
    60_000,
  ],
  [
    'paced: the next may come when the bucket holds a call again',
    {},
    ({ search, clock }) => search.signal({ kind: 'limit', mode: 'paced', perSecond: 2, until: clock.now() + 60_000 }),
    RateLimitedError,
    'ERR_SWITCHGEAR_RATE_LIMITED',
    /limit\.hit/,
    500,
  ],
  [
    'out of budget',
    {},
    ({ search, clock }) => search.signal({ kind: 'budget', mode: 'blocked', rule: 'daily', until: clock.now() + 7000 }),
    BudgetExceededError,
    'ERR_SWITCHGEAR_BUDGET_EXCEEDED',
    /budget rule daily/,
    7000,
  ],
  [
    'held back by a budget: the very next call may pass',
    {},
    ({ search, clock }) =>
      search.signal({ kind: 'budget', mode: 'throttled', share: 0.4, rule: 'daily', until: clock.now() + 7000 }),
    BudgetExceededError,
    'ERR_SWITCHGEAR_BUDGET_EXCEEDED',
    /daily/,
    undefined,
  ],
  [
    'answering from fallbacks only',
    { levels: [{ admit: 'fallback-only' }, {}, {}], recoverAfter: 30_000 },
    ({ search }) => search.signal({ kind: 'health', level: 1, reason: 'low quality' }),
    DegradedToFallbackError,
    'ERR_SWITCHGEAR_DEGRADED_TO_FALLBACK',
    /degraded to level 1/,
    30_000,
  ],
  [
    'shedding',
    {},
    ({ search, clock }) =>
      search.direct({ epoch: 1, level: 1, admissionRatio: 0.4, expiresAt: clock.now() + 9000, rule: 'overload', reason: 'r' }),
    LoadShedError,
    'ERR_SWITCHGEAR_LOAD_SHED',
    /directive\.overload/,
    undefined,
  ],
  [
    'half-open with all probes out',
    { maxProbes: 2, successesToClose: 2 },
    async (stand) => {
      await open(stand)
      stand.clock.advance(20_000)
    },
    ProbeLimitError,
    'ERR_SWITCHGEAR_PROBE_LIMIT',
    /all its probes are out/,
    undefined,
  ],
]

describe('a refused call', () => {
  it.each(cases)('%s', async (_, policy, prepare, type, code, words, retryAfterMs) => {
    const stand = await board(policy)
    await prepare(stand)
    const error = await refusal(stand.search)
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ code, retryAfterMs, service: 'search', state: stand.search.state, reason: stand.search.reason })
    expect(error.message).toMatch(words)
  })

  it('is told a shorter wait as time passes', async () => {
    const stand = await board()
    await open(stand)
    stand.clock.advance(12_000)
    expect((await refusal(stand.search)).retryAfterMs).toBe(8000)
  })

  it('is counted, and counts as nothing else', async () => {
    const stand = await board()
    await open(stand)
    await refusal(stand.search)
    expect(stand.search.stats).toMatchObject({ rejected: 1, failures: 5, successes: 0, ignored: 0, inFlight: 0 })
    expect(stand.search.stats.window).toEqual({ calls: 0, failures: 0, slow: 0 })
  })

  it('that a directive holds open without a deadline of its own is promised nothing', async () => {
    const stand = await board()
    await open(stand)
    stand.search.direct({ epoch: 1, level: 0, hold: true, expiresAt: stand.clock.now() + 500_000, rule: 'hold', reason: 'r' })
    stand.clock.advance(20_000)
    expect(stand.search.path).toBe('open.awaitingPermit')
    expect((await refusal(stand.search)).retryAfterMs).toBeUndefined()
  })
})
