// From closed: what opens a breaker, what does not, and what each of the ten failure types does.
import { describe, expect, test } from 'vitest'
import type { FailureType } from '../../src/model/failures.ts'
import type { StatePath } from '../../src/model/states.ts'
import type { WindowStats } from '../../src/model/stats.ts'
import { BreakerDriver, FLEET_TRIP, stats } from './breakerDriver.ts'
import { standIn } from './standIn.ts'

describe('the edges of each trip rule', () => {
  test.each([
    [{ calls: 4, failures: 4, consecutiveFailures: 4 }, 'closed.watching', 'created'],
    [{ calls: 5, failures: 5, consecutiveFailures: 5 }, 'open.cooling', 'consecutive_failures'],
    [{ calls: 2, failures: 2, consecutiveFailures: 2, consecutiveTimeouts: 2 }, 'closed.watching', 'created'],
    [{ calls: 3, failures: 3, consecutiveFailures: 3, consecutiveTimeouts: 3 }, 'open.cooling', 'consecutive_timeouts'],
    [{ calls: 19, failures: 19, consecutiveFailures: 1 }, 'closed.watching', 'created'],
    [{ calls: 20, failures: 9, consecutiveFailures: 1 }, 'closed.watching', 'created'],
    [{ calls: 20, failures: 10, consecutiveFailures: 1 }, 'open.cooling', 'failure_rate'],
    [{ calls: 20, failures: 1, slow: 15 }, 'closed.watching', 'created'],
    [{ calls: 20, failures: 1, slow: 16 }, 'open.cooling', 'slow_call_rate'],
  ])('%o leaves the breaker %s (%s)', (stats, path, reason) => {
    const drive = new BreakerDriver({ degrade: false }).fail('timeout', { stats })
    expect([drive.path, drive.context.reason]).toEqual([path, reason])
  })

  test('the first failure of a fresh window opens nothing, though every call failed', () => {
    expect(new BreakerDriver().fail().path).toBe('closed.watching')
  })

  test('a success that completes the minimum of calls trips as a failure would', () => {
    expect(new BreakerDriver().succeed({ stats: { calls: 20, failures: 10 } }).path).toBe('open.cooling')
  })

  test('a slow success trips by the rate of slow calls', () => {
    expect(new BreakerDriver().succeed({ stats: { calls: 20, slow: 16 } }).context.reason).toBe('slow_call_rate')
  })

  test.each([
    'closed.ramping',
    'degraded.level1',
    'degraded.level2',
    'degraded.level3',
    'rateLimited.paced',
    'budgetLimited.throttled',
  ] as const)('a breaker that admits calls in %s trips there too', (path) => {
    expect(standIn(path).trip().path).toBe('open.cooling')
    expect(standIn(path).succeed({ stats: { calls: 20, failures: 10 } }).path).toBe('open.cooling')
  })
})

describe('what each failure type does to a closed breaker', () => {
  const ONE: Record<FailureType, StatePath> = {
    timeout: 'closed.watching',
    service_unavailable: 'closed.watching',
    unknown_error: 'closed.watching',
    http_error: 'closed.watching',
    rate_limit: 'rateLimited.paced',
    quota_exceeded: 'rateLimited.exhausted',
    authentication: 'open.cooling',
    budget_exceeded: 'budgetLimited.blocked',
    quality_degradation: 'degraded.level1',
    memory_error: 'degraded.level1',
  }
  test.each(Object.entries(ONE) as [FailureType, StatePath][])('one %s leads to %s', (failure, path) => {
    expect(new BreakerDriver().fail(failure).path).toBe(path)
  })

  test.each(['timeout', 'service_unavailable', 'unknown_error', 'http_error'] as const)(
    'the fifth %s in a row opens',
    (failure) => {
      expect(new BreakerDriver({ degrade: false }).trip({ failure }).path).toBe('open.cooling')
    },
  )

  test.each(['rate_limit', 'quota_exceeded', 'budget_exceeded', 'quality_degradation'] as const)(
    '%s is not a failure of the service and opens nothing, whatever the window holds',
    (failure) => {
      expect(stateAfterTripWith(failure)).not.toBe('open.cooling')
    },
  )

  test('a second memory error opens', () => {
    expect(new BreakerDriver().fail('memory_error').fail('memory_error').trail).toEqual([
      'closed.watching',
      'degraded.level1',
      'open.cooling',
    ])
  })

  test('a memory error long after the first one only degrades again', () => {
    const drive = new BreakerDriver().fail('memory_error').wait(30_000)
    expect(drive.path).toBe('closed.watching')
    expect(drive.fail('memory_error').path).toBe('degraded.level1')
  })

  test('refused credentials open from every state that admits calls', () => {
    for (const path of ['closed.ramping', 'degraded.level3', 'rateLimited.paced', 'budgetLimited.throttled'] as const) {
      expect(standIn(path).fail('authentication').path).toBe('open.cooling')
    }
  })

  function stateAfterTripWith(failure: FailureType): StatePath {
    return new BreakerDriver().trip({ failure }).path
  }
})

describe('degrading before opening', () => {
  const bending = { degradeBeforeOpen: true, degrade: false } as const

  test('the first trip of a service that is healthy otherwise degrades, the next one opens', () => {
    const drive = new BreakerDriver(bending).trip({ healthyOtherwise: true })
    expect(drive.path).toBe('degraded.level1')
    expect(drive.trip({ healthyOtherwise: true }).path).toBe('open.cooling')
  })

  test('what was counted up to the bend decides nothing after it', () => {
    const drive = new BreakerDriver(bending)
    const { generation } = drive.context
    drive.trip({ healthyOtherwise: true }).trip({ generation })
    expect(drive.path).toBe('degraded.level1')
  })

  test('a success can bend too', () => {
    const drive = new BreakerDriver(bending).succeed({ stats: { calls: 20, slow: 16 }, healthyOtherwise: true })
    expect(drive.path).toBe('degraded.level1')
  })

  test('an unhealthy service opens at once', () => {
    expect(new BreakerDriver(bending).trip({ healthyOtherwise: false }).path).toBe('open.cooling')
  })

  test('a service degraded by a directive, or held to a pace, has nothing left but to open', () => {
    expect(new BreakerDriver(bending).direct({ level: 2 }).trip({ healthyOtherwise: true }).path).toBe('open.cooling')
    expect(standIn('rateLimited.paced', bending).trip({ healthyOtherwise: true }).path).toBe('open.cooling')
  })

  test('once it has recovered from the bend, the service may bend again', () => {
    const drive = new BreakerDriver(bending).trip({ healthyOtherwise: true }).wait(30_000)
    expect(drive.path).toBe('closed.watching')
    expect(drive.trip({ healthyOtherwise: true }).path).toBe('degraded.level1')
  })
})

test('a bypassed breaker does not trip, degrade or limit by any failure', () => {
  const drive = standIn('closed.bypassed')
  for (const failure of ['authentication', 'rate_limit', 'quota_exceeded', 'budget_exceeded', 'memory_error'] as const) {
    drive.trip({ failure })
  }
  drive.succeed({ stats: { calls: 100, failures: 100, slow: 100 } })
  expect(drive.trail).toEqual(['closed.watching', 'closed.bypassed'])
  expect(drive.command('enable').path).toBe('closed.watching')
})

describe('calls that stall', () => {
  const ONE_FAILED = { calls: 1, failures: 1, consecutiveFailures: 1 }
  const stall = (drive: BreakerDriver, stalled: number, some: Partial<WindowStats> = ONE_FAILED): BreakerDriver =>
    drive.send({ type: 'calls.stalled', stalled, stats: stats(some) })

  test.each([
    [100, {}, 'closed.watching', 'created'],
    [3, { calls: 1, failures: 1, consecutiveFailures: 1 }, 'closed.watching', 'created'],
    [4, { calls: 1, failures: 1, consecutiveFailures: 1 }, 'open.cooling', 'stalled_calls'],
    [2, { calls: 2, failures: 2, consecutiveFailures: 2 }, 'closed.watching', 'created'],
    [3, { calls: 2, failures: 2, consecutiveFailures: 2 }, 'open.cooling', 'stalled_calls'],
  ])('%i of them on top of %o leave the breaker %s (%s)', (stalled, some, path, reason) => {
    const drive = stall(new BreakerDriver({ degrade: false }), stalled, some)
    expect([drive.path, drive.context.reason]).toEqual([path, reason])
  })

  test.each([
    'closed.ramping',
    'degraded.level1',
    'degraded.level2',
    'degraded.level3',
    'rateLimited.paced',
    'budgetLimited.throttled',
  ] as const)('open the breaker in %s too', (path) => {
    expect(stall(standIn(path), 5).path).toBe('open.cooling')
  })

  test.each([
    'closed.bypassed',
    'open.cooling',
    'open.awaitingPermit',
    'open.forced',
    'halfOpen',
    'rateLimited.exhausted',
    'budgetLimited.blocked',
    'maintenance',
  ] as const)('change nothing in %s', (path) => {
    const drive = standIn(path)
    const { context } = drive
    expect(stall(drive, 100).context).toEqual(context)
  })

  test('open nothing while the last call to end was a success, however many failed before', () => {
    const drive = stall(new BreakerDriver({ degrade: false }), 100, { calls: 30, failures: 10, consecutiveFailures: 0 })
    expect([drive.path, drive.context.reason]).toEqual(['closed.watching', 'created'])
  })

  test('open nothing where the policy does not look for them, or counts no failures in a row', () => {
    expect(stall(new BreakerDriver({ trip: { stalledCalls: false } }), 100).path).toBe('closed.watching')
    expect(stall(new BreakerDriver({ trip: { consecutiveFailures: false } }), 100).path).toBe('closed.watching')
  })
})

describe('a trip of the whole fleet', () => {
  const tripped = (drive: BreakerDriver, why: 'quorum' | 'failure_rate' = 'quorum'): BreakerDriver =>
    drive.send({ type: 'fleet.tripped', trip: { ...FLEET_TRIP, why }, stats: stats({ calls: 3 }) })

  test.each([
    ['closed.watching', 'quorum'],
    ['closed.ramping', 'failure_rate'],
    ['degraded.level1', 'quorum'],
    ['degraded.level2', 'quorum'],
    ['degraded.level3', 'quorum'],
    ['rateLimited.paced', 'failure_rate'],
    ['budgetLimited.throttled', 'quorum'],
  ] as const)('opens a breaker that is %s, and says why: %s', (path, why) => {
    const drive = tripped(standIn(path), why)
    expect([drive.path, drive.context.reason, drive.context.standing.open?.why]).toEqual([
      'open.cooling',
      `fleet_${why}`,
      `fleet_${why}`,
    ])
  })

  test.each([
    'closed.bypassed',
    'open.cooling',
    'open.awaitingPermit',
    'open.forced',
    'halfOpen',
    'rateLimited.exhausted',
    'budgetLimited.blocked',
    'maintenance',
  ] as const)('changes nothing in %s', (path) => {
    const drive = standIn(path)
    const { context } = drive
    expect(tripped(drive).context).toEqual(context)
  })

  test('counts as an opening like any other', () => {
    const drive = tripped(new BreakerDriver())
    expect([drive.openFor, drive.context.openings]).toEqual([60_000, 1])
  })
})
