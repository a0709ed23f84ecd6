// Half-open: which probes decide a round and when, and that no place is ever lost.
import { describe, expect, test } from 'vitest'
import type { PolicyInput } from '../../src/model/policy.ts'
import { BreakerDriver } from './breakerDriver.ts'
import { standIn } from './standIn.ts'

function halfOpen(policy: PolicyInput = {}): BreakerDriver {
  return standIn('halfOpen', policy)
}

describe('leaving open', () => {
  test('the deadline leads to awaitingPermit, the permit to halfOpen', () => {
    const drive = standIn('open.cooling').wait(59_999)
    expect(drive.path).toBe('open.cooling')
    expect(drive.wait(1).path).toBe('open.awaitingPermit')
    expect(drive.permit().path).toBe('halfOpen')
  })

  test('without a permit the breaker probes by itself after permitTimeout', () => {
    const drive = standIn('open.awaitingPermit').wait(9999)
    expect(drive.path).toBe('open.awaitingPermit')
    expect(drive.wait(1).path).toBe('halfOpen')
  })

  test('a permit before the deadline does nothing', () => {
    expect(standIn('open.cooling').permit().path).toBe('open.cooling')
  })

  test('while a directive holds, neither permit nor time leads out; when the hold lapses, time does', () => {
    const drive = standIn('open.awaitingPermit').direct({ hold: true, forMs: 50_000 }).permit().wait(49_999)
    expect(drive.path).toBe('open.awaitingPermit')
    expect(drive.wait(1).path).toBe('halfOpen')
  })

  test('a hold that is taken back frees the breaker at once', () => {
    const drive = standIn('open.awaitingPermit').direct({ hold: true }).wait(20_000)
    expect(drive.direct({ epoch: 2, hold: false }).path).toBe('halfOpen')
  })

  test('a hold frees the breaker at once even before permitTimeout, whether it is taken back or lapses', () => {
    const held = () => standIn('open.awaitingPermit').direct({ hold: true, forMs: 2000 }).permit().wait(1000)
    expect(held().direct({ epoch: 0, hold: false }).path).toBe('open.awaitingPermit')
    expect(held().direct({ epoch: 2, hold: true }).path).toBe('open.awaitingPermit')
    expect(held().direct({ epoch: 2, hold: false }).path).toBe('halfOpen')
    expect(held().wait(1000).path).toBe('halfOpen')
  })

  test('a breaker that was saved while it was held is free as soon as the hold is over', () => {
    const saved = standIn('open.awaitingPermit').direct({ hold: true, forMs: 2000 }).context
    expect(standIn('closed.watching').restore(saved).direct({ epoch: 2, hold: false }).path).toBe('halfOpen')
    const later = new BreakerDriver()
    later.at = (saved.standing.directive?.expiresAt ?? 0) + 1
    expect(later.restore(saved).wait(0).path).toBe('halfOpen')
  })
})

describe('the arithmetic of a round', () => {
  test('counts each probe that sets out', () => {
    const drive = halfOpen()
    drive.admit()
    drive.admit()
    expect(drive.round).toMatchObject({ admitted: 2, successes: 0, failures: 0 })
    expect(drive.round.inFlight).toHaveLength(2)
  })

  // Of three probes two must succeed: the second failure makes that impossible.
  test.each([
    ['ss', 'closed.ramping', 'probes_succeeded'],
    ['sf', 'halfOpen', 'permit.granted'],
    ['fs', 'halfOpen', 'permit.granted'],
    ['sfs', 'closed.ramping', 'probes_succeeded'],
    ['fss', 'closed.ramping', 'probes_succeeded'],
    ['ff', 'open.cooling', 'probes_failed'],
    ['sff', 'open.cooling', 'probes_failed'],
    ['fsf', 'open.cooling', 'probes_failed'],
    ['s', 'halfOpen', 'permit.granted'],
    ['f', 'halfOpen', 'permit.granted'],
  ])('%s leads to %s', (answers, path, reason) => {
    const drive = halfOpen()
    for (const answer of answers) {
      const probe = drive.admit()
      if (answer === 's') drive.succeed({ probe })
      else drive.fail('timeout', { probe })
    }
    expect([drive.path, drive.context.reason]).toEqual([path, reason])
  })

  test.each([
    [1, 1, 1],
    [1, 3, 3],
    [3, 3, 1],
    [2, 5, 4],
  ])('with %i successes wanted of %i probes the failure number %i re-opens', (successesToClose, maxProbes, lethal) => {
    const drive = halfOpen({ successesToClose, maxProbes })
    for (let i = 1; i <= lethal; i++) {
      expect(drive.path).toBe('halfOpen')
      drive.fail('timeout', { probe: drive.admit() })
    }
    expect(drive.path).toBe('open.cooling')
  })

  test('the next round starts from nothing', () => {
    const drive = halfOpen()
    drive.succeed({ probe: drive.admit() })
    for (let i = 0; i < 2; i++) drive.fail('timeout', { probe: drive.admit() })
    drive.untilDeadline().permit()
    expect(drive.round).toMatchObject({ until: undefined, admitted: 0, successes: 0, failures: 0, inFlight: [] })
  })

  test('a call that was no probe of this round decides nothing', () => {
    const drive = halfOpen()
    drive.admit()
    drive.succeed().succeed().succeed({ probe: 99 }).fail('timeout').fail('authentication', { probe: 99 })
    expect(drive.round).toMatchObject({ successes: 0, failures: 0 })
  })

  test('a probe that answers twice counts once', () => {
    const drive = halfOpen()
    const probe = drive.admit()
    drive.succeed({ probe }).succeed({ probe })
    expect(drive.round.successes).toBe(1)
  })
})

describe('places', () => {
  test('an ignored probe gives its place back and decides nothing', () => {
    const drive = halfOpen()
    drive.ignore(drive.admit())
    expect(drive.round).toMatchObject({ admitted: 0, successes: 0, failures: 0, inFlight: [] })
    for (let i = 0; i < 10; i++) drive.ignore(drive.admit())
    expect(drive.round.admitted).toBe(0)
  })

  test('an ignored call that was no probe takes no place away', () => {
    const drive = halfOpen()
    drive.admit()
    drive.ignore().ignore(99)
    expect(drive.round).toMatchObject({ admitted: 1 })
    expect(drive.round.inFlight).toHaveLength(1)
  })

  test('a hung probe counts as failed at probeTimeout and frees its place', () => {
    const drive = halfOpen()
    const hung = drive.admit()
    drive.wait(29_999)
    expect(drive.round.inFlight).toHaveLength(1)
    drive.wait(1)
    expect(drive.round).toMatchObject({ failures: 1, inFlight: [] })
    drive.succeed({ probe: hung })
    expect(drive.round).toMatchObject({ failures: 1, successes: 0 })
  })

  test('only the probes that are due count as failed', () => {
    const drive = halfOpen()
    drive.admit()
    drive.wait(10_000).admit()
    drive.wait(20_000)
    expect(drive.round.failures).toBe(1)
    expect(drive.round.inFlight).toHaveLength(1)
  })

  test('two probes that hang from the same moment re-open by one timer', () => {
    const drive = halfOpen()
    drive.admit()
    drive.admit()
    drive.wait(30_000)
    expect([drive.path, drive.context.reason]).toEqual(['open.cooling', 'probes_failed'])
    expect(drive.timers.filter((id) => id === 'probeOverdue')).toHaveLength(1)
  })
})

describe('a round that lasts', () => {
  test('without a probe waits for one for as long as it takes', () => {
    const drive = halfOpen().wait(86_400_000)
    expect(drive.path).toBe('halfOpen')
  })

  test('re-opens when halfOpenTimeout has passed since its first probe and any failed', () => {
    const drive = halfOpen().wait(5000)
    drive.fail('timeout', { probe: drive.admit() })
    drive.wait(59_999)
    expect(drive.path).toBe('halfOpen')
    drive.wait(1)
    expect([drive.path, drive.context.reason]).toEqual(['open.cooling', 'round_overdue'])
  })

  test('closes when it only heard good answers, however few', () => {
    const drive = halfOpen()
    drive.succeed({ probe: drive.admit() })
    expect(drive.wait(60_000).path).toBe('closed.ramping')
  })

  test('re-opens while a probe is still out, however well the others answered', () => {
    const drive = halfOpen({ probeTimeout: 60_000, halfOpenTimeout: 60_000 })
    drive.succeed({ probe: drive.admit() })
    drive.wait(1000).admit()
    drive.wait(59_000)
    expect(drive.path).toBe('open.cooling')
  })
})

describe('what a probe’s answer means', () => {
  test.each(['timeout', 'http_error', 'service_unavailable', 'unknown_error', 'memory_error'] as const)(
    '%s is a failure',
    (failure) => {
      const drive = halfOpen()
      drive.fail(failure, { probe: drive.admit() })
      expect(drive.round.failures).toBe(1)
    },
  )

  test.each(['budget_exceeded', 'quality_degradation'] as const)('%s is an answer, and can complete the round', (failure) => {
    const drive = halfOpen()
    drive.succeed({ probe: drive.admit() })
    drive.fail(failure, { probe: drive.admit() })
    expect(drive.path).toBe('closed.ramping')
    expect(drive.context.standing.open).toBeUndefined()
  })

  test('refused credentials re-open at once', () => {
    const drive = halfOpen()
    drive.succeed({ probe: drive.admit() })
    drive.fail('authentication', { probe: drive.admit() })
    expect([drive.path, drive.context.reason]).toEqual(['open.cooling', 'authentication'])
  })

  test.each([
    ['rate_limit', 45_000, 45_000, 'pace'],
    ['rate_limit', undefined, 10_000, 'pace'],
    ['rate_limit', 0, 10_000, 'pace'],
    ['quota_exceeded', undefined, 900_000, 'quota'],
  ] as const)('%s with Retry-After %s cools for %i ms and is not another opening', (failure, retryAfterMs, wait, stands) => {
    const drive = halfOpen()
    const { openings } = drive.context
    drive.fail(failure, { probe: drive.admit(), ...(retryAfterMs !== undefined && { retryAfterMs }) })
    expect(drive.path).toBe('open.cooling')
    expect(drive.openFor).toBe(wait)
    expect(drive.context.openings).toBe(openings)
    expect(drive.context.standing[stands]?.until).toBe(drive.at + wait)
  })
})

describe('closing', () => {
  test('ramps, then watches', () => {
    const drive = standIn('closed.ramping').wait(9999)
    expect(drive.path).toBe('closed.ramping')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('without a ramp watches at once', () => {
    const drive = halfOpen({ rampDuration: 0 })
    for (let i = 0; i < 2; i++) drive.succeed({ probe: drive.admit() })
    expect(drive.path).toBe('closed.watching')
  })

  test('a policy that asks for fewer successes meanwhile lets the round end when a probe hangs', () => {
    const drive = halfOpen({ successesToClose: 3 })
    drive.succeed({ probe: drive.admit() })
    drive.admit()
    drive.send({ type: 'reconfigure', policy: { ...drive.context.policy, successesToClose: 1 } }).wait(30_000)
    expect(drive.path).toBe('closed.ramping')
  })
})

describe('a round of adaptive recovery', () => {
  const adaptive = { adaptiveRecovery: true } as const

  test.each([
    ['f', 'open.cooling', 'probes_failed'],
    ['s', 'halfOpen', 'permit.granted'],
    ['ss', 'closed.ramping', 'probes_succeeded'],
    ['sf', 'halfOpen', 'permit.granted'],
    ['sfs', 'closed.ramping', 'probes_succeeded'],
    ['sff', 'open.cooling', 'probes_failed'],
  ])('%s leads to %s', (answers, path, reason) => {
    const drive = halfOpen(adaptive)
    for (const answer of answers) {
      const probe = drive.admit()
      if (answer === 's') drive.succeed({ probe })
      else drive.fail('timeout', { probe })
    }
    expect([drive.path, drive.context.reason]).toEqual([path, reason])
  })

  test('is lost when its first probe hangs', () => {
    const drive = halfOpen(adaptive)
    drive.admit()
    drive.wait(29_999)
    expect(drive.path).toBe('halfOpen')
    drive.wait(1)
    expect([drive.path, drive.context.reason]).toEqual(['open.cooling', 'probes_failed'])
  })

  test('whose only probe was ignored waits like a new one', () => {
    const drive = halfOpen(adaptive)
    drive.ignore(drive.admit())
    expect(drive.round).toMatchObject({ until: undefined, admitted: 0, failures: 0, inFlight: [] })
    expect(drive.wait(86_400_000).path).toBe('halfOpen')
  })
})

test('a probe has the time it set out with, whatever the policy would give the next', () => {
  const drive = halfOpen({ adaptiveRecovery: true })
  drive.send({ type: 'probe.admitted', probe: drive.context.nextProbe, timeout: 450 }).wait(449)
  expect(drive.path).toBe('halfOpen')
  expect(drive.wait(1).path).toBe('open.cooling')
})
