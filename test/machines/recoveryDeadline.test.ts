// How long an opened breaker waits: recoveryTimeout × multiplier^(openings−1), what stretches it, what bounds it.
import { describe, expect, test } from 'vitest'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import { draw } from '../../src/model/random.ts'
import { BreakerDriver, START } from './breakerDriver.ts'

/** Opens, lets the wait pass and fails every probe, `times` over; gives the waits. */
function waitsOf(drive: BreakerDriver, times: number): (number | undefined)[] {
  const waits: (number | undefined)[] = []
  for (let i = 0; i < times; i++) {
    if (i === 0) drive.trip()
    else failRound(drive)
    waits.push(drive.openFor)
    drive.untilDeadline().permit()
  }
  return waits
}

function failRound(drive: BreakerDriver): void {
  for (let i = 0; i < 2; i++) drive.fail('unknown_error', { probe: drive.admit() })
}

test('the wait doubles with each opening up to its cap', () => {
  expect(waitsOf(new BreakerDriver(), 6)).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000])
})

test('the multiplier and the cap are the policy’s', () => {
  const drive = new BreakerDriver({ recoveryTimeout: 1000, recoveryMultiplier: 3, maxRecoveryTimeout: 10_000 })
  expect(waitsOf(drive, 4)).toEqual([1000, 3000, 9000, 10_000])
})

test('a thousand openings do not run out of numbers', () => {
  const drive = new BreakerDriver({ recoveryMultiplier: 10 })
  expect(waitsOf(drive, 1000).at(-1)).toBe(600_000)
})

test.each([
  ['two timeouts', { consecutiveTimeouts: 2 }, 60_000],
  ['three timeouts', { consecutiveTimeouts: 3 }, 120_000],
  ['two server errors', { consecutiveServerErrors: 2 }, 60_000],
  ['three server errors', { consecutiveServerErrors: 3 }, 90_000],
  ['three of both, the longer of the two,', { consecutiveTimeouts: 3, consecutiveServerErrors: 3 }, 120_000],
])('%s in a row', (_, stats, wait) => {
  expect(new BreakerDriver().trip({ stats }).openFor).toBe(wait)
})

test('the stretch stays under the cap', () => {
  expect(new BreakerDriver({ maxRecoveryTimeout: 100_000 }).trip({ stats: { consecutiveTimeouts: 3 } }).openFor).toBe(100_000)
})

describe('Retry-After', () => {
  test.each([
    [30_000, 60_000, 'a shorter one changes nothing'],
    [60_000, 60_000, 'an equal one changes nothing'],
    [90_000, 90_000, 'a longer one is kept to'],
    [3_600_000, 3_600_000, 'it is kept to beyond the cap'],
    [0, 60_000, 'one of nothing changes nothing'],
  ])('of %i ms gives a wait of %i ms: %s', (retryAfterMs, wait) => {
    expect(new BreakerDriver().trip({ retryAfterMs }).openFor).toBe(wait)
  })

  test('on the probe that loses the round sets the least wait as well', () => {
    const drive = new BreakerDriver().trip().untilDeadline().permit()
    const [first, second] = [drive.admit(), drive.admit()]
    drive.fail('timeout', { probe: first }).fail('service_unavailable', { probe: second, retryAfterMs: 500_000 })
    expect(drive.openFor).toBe(500_000)
  })
})

describe('refused credentials', () => {
  test('back off by doubling even where the policy would not grow', () => {
    const drive = new BreakerDriver({ recoveryMultiplier: 1 }).fail('authentication')
    const waits = [drive.openFor]
    for (let i = 0; i < 3; i++) {
      drive.untilDeadline().permit()
      drive.fail('authentication', { probe: drive.admit() })
      waits.push(drive.openFor)
    }
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000])
  })

  test('are not probed sooner by adaptive recovery', () => {
    const drive = new BreakerDriver({ adaptiveRecovery: true }).fail('authentication', { stats: { callsPerSecond: 1000 } })
    expect(drive.openFor).toBe(60_000)
  })
})

describe('openings in a row', () => {
  function recovered(): BreakerDriver {
    const drive = new BreakerDriver().trip().untilDeadline().permit()
    for (let i = 0; i < 2; i++) drive.succeed({ probe: drive.admit() })
    return drive
  }

  test.each([
    [59_999, 120_000, 'goes on growing'],
    [60_000, 60_000, 'starts from the beginning'],
  ])('after %i ms closed the next wait is %i: it %s', (closedFor, wait) => {
    expect(recovered().wait(closedFor).trip().openFor).toBe(wait)
  })

  test('time spent open or half-open is not time closed', () => {
    const drive = recovered().wait(10_000).trip().wait(500_000)
    expect(drive.path).toBe('halfOpen')
    failRound(drive)
    expect(drive.openFor).toBe(240_000)
  })

  test('a degraded or limited service is closed in this sense', () => {
    expect(recovered().health(1).wait(60_000).trip().openFor).toBe(60_000)
  })

  test('are forgotten by a reset', () => {
    const drive = new BreakerDriver().trip().command('reset')
    expect(drive.context.openings).toBe(0)
    expect(drive.trip().openFor).toBe(60_000)
  })
})

describe('jitter', () => {
  const jittered = { recoveryJitter: { from: 0.8, to: 1.2 } }

  test('comes from the seed: the same seed waits the same, another seed waits otherwise', () => {
    const wait = (seed: number) => new BreakerDriver(jittered, seed).trip().openFor
    expect(wait(1)).toBe(wait(1))
    expect(wait(1)).not.toBe(wait(2))
    expect(wait(1)).toBe(Math.round(60_000 * (0.8 + 0.4 * draw(1).value)))
  })

  test('stays between 0.8 and 1.2 and uses that room', () => {
    const waits = Array.from({ length: 300 }, (_, seed) => new BreakerDriver(jittered, seed * 7919).trip().openFor ?? 0)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(48_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(72_000)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(20_000)
  })

  test('is drawn anew for each opening and does not compound', () => {
    const waits = waitsOf(new BreakerDriver({ ...jittered, recoveryMultiplier: 1 }), 50)
    expect(new Set(waits).size).toBeGreaterThan(40)
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(72_000)
  })

  test('never shortens Retry-After', () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(new BreakerDriver(jittered, seed).trip({ retryAfterMs: 100_000 }).openFor).toBe(100_000)
    }
  })
})

test('an opening lasts at least a millisecond, however short the policy’s wait', () => {
  const drive = new BreakerDriver({ recoveryTimeout: 1, recoveryJitter: { from: 0.1, to: 1 } }, 6)
  expect(drive.trip().path).toBe('open.cooling')
  expect(drive.openFor).toBe(1)
})

describe('adaptive recovery', () => {
  test('is off as soon as the user sets recoveryTimeout, and on otherwise', () => {
    expect(resolvePolicy('http', { recoveryTimeout: 60_000 }).adaptiveRecovery).toBe(false)
    expect(resolvePolicy('http').adaptiveRecovery).toBe(true)
  })

  test.each([
    [0, 10_000, 'no traffic: the policy’s own wait is the longest'],
    [2, 1000, 'two calls a second: √(2·1000/0.002)'],
    [200, 100, 'two hundred: just the shortest'],
    [1000, 100, 'much traffic: never under a tenth of a second'],
  ])('at %d calls a second waits %i ms at first (%s)', (callsPerSecond, wait) => {
    const drive = new BreakerDriver({ adaptiveRecovery: true, recoveryTimeout: 10_000 })
    expect(drive.trip({ stats: { callsPerSecond } }).openFor).toBe(wait)
  })

  test('waits longer the longer the outage lasts, by the root of the time since it began and a second more', () => {
    const drive = new BreakerDriver({ adaptiveRecovery: true })
      .trip({ stats: { callsPerSecond: 2 } })
      .untilDeadline()
      .permit()
    drive.wait(31_000)
    drive.fail('timeout', { probe: drive.admit(), stats: { callsPerSecond: 2 } })
    expect(drive.openFor).toBe(Math.round(Math.sqrt((2 * (32_000 + 1000)) / 0.002)))
  })

  test('waits no longer than the policy would by its own multiplier', () => {
    const drive = new BreakerDriver({ adaptiveRecovery: true, recoveryTimeout: 1000 }).trip().untilDeadline().permit()
    drive.wait(3_600_000).fail('unknown_error', { probe: drive.admit() })
    expect(drive.openFor).toBe(2000)
  })
})

describe('a close after adaptive recovery', () => {
  /** Opened for `outage` ms, then closed. */
  function closedAfter(outage: number, policy: PolicyInput = {}): BreakerDriver {
    const drive = new BreakerDriver({ adaptiveRecovery: true, recoveryTimeout: 1000, ...policy }).trip()
    drive.wait(outage)
    for (let i = 0; i < 2; i++) drive.succeed({ probe: drive.admit() })
    expect(drive.path).toMatch(/^closed/)
    return drive
  }

  test.each([
    [20_000, 3000, 'a short outage: three seconds'],
    [30_000, 3000, 'a tenth and three seconds are the same'],
    [50_000, 5000, 'a longer one: a tenth of it'],
    [599_990, 59_999, 'just short of the policy’s stableAfter'],
    [3_600_000, 60_000, 'a long one: stableAfter, which is the longest'],
  ])('of %i ms is stable when it has lasted %i ms (%s)', (outage, stable) => {
    expect(
      closedAfter(outage)
        .wait(stable - 1)
        .trip().context.openings,
    ).toBe(2)
    expect(closedAfter(outage).wait(stable).trip().context.openings).toBe(1)
  })

  test('is never asked to last longer than stableAfter', () => {
    expect(closedAfter(20_000, { stableAfter: 500 }).wait(500).trip().context.openings).toBe(1)
  })

  test('starts a new outage when it was stable, and goes on with the old one when not', () => {
    expect(closedAfter(20_000).wait(3000).trip().context.outageSince).toBe(START + 23_000)
    expect(closedAfter(20_000).wait(2999).trip().context.outageSince).toBe(START)
  })

  test('is stable after stableAfter alone where recovery does not adapt', () => {
    expect(closedAfter(20_000, { adaptiveRecovery: false }).wait(59_999).trip().context.openings).toBe(2)
  })
})

describe('a Retry-After heard before the failure that trips', () => {
  const asked = (retryAfterMs: number) => new BreakerDriver().fail('service_unavailable', { retryAfterMs })

  test('binds the trip, by the time it named', () => {
    expect(asked(120_000).wait(10_000).trip().openFor).toBe(110_000)
    expect(asked(120_000).fail('service_unavailable', { retryAfterMs: 5000 }).trip().openFor).toBe(120_000)
  })

  test('is forgotten when its time has come', () => {
    expect(asked(20_000).wait(20_001).trip().openFor).toBe(60_000)
  })

  test('binds the end of a round in which another probe fails', () => {
    const drive = new BreakerDriver().trip().wait(60_000).permit()
    const [first, second] = [drive.admit(), drive.admit()]
    drive.fail('service_unavailable', { probe: first, retryAfterMs: 900_000 }).fail('timeout', { probe: second })
    expect(drive.openFor).toBe(900_000)
  })

  test('is not held against a service that has recovered since, or was reset', () => {
    const drive = asked(900_000).command('reset')
    expect(drive.trip().openFor).toBe(60_000)
    const kept = asked(900_000).maintain(1000).wait(1000)
    kept.succeed({ probe: kept.admit() }).succeed({ probe: kept.admit() })
    expect(kept.context.notBefore).toBeUndefined()
  })
})
