// Standing conditions: the gravest shows, the others wait beneath it and are not forgotten, whatever came first.
import { describe, expect, test } from 'vitest'
import { BreakerDriver } from './breakerDriver.ts'

interface Condition {
  readonly name: string
  readonly shows: string
  begin(drive: BreakerDriver): unknown
  end(drive: BreakerDriver): unknown
}

/** From the gravest to the least. */
const CONDITIONS: readonly Condition[] = [
  {
    name: 'maintenance',
    shows: 'maintenance',
    begin: (drive) => drive.maintain(),
    end: (drive) => drive.command('endMaintenance'),
  },
  {
    name: 'forced open',
    shows: 'open.forced',
    begin: (drive) => drive.command('trip'),
    // A reset would take more with it.
    end: (drive) => drive.command('disable').command('enable'),
  },
  {
    name: 'open',
    shows: 'open.cooling',
    begin: (drive) => drive.trip(),
    end: (drive) => probeWell(drive.untilDeadline().permit()),
  },
  {
    name: 'budget',
    shows: 'budgetLimited.throttled',
    begin: (drive) => drive.budget('throttled', 500_000),
    end: (drive) => drive.send({ type: 'budget.cleared' }),
  },
  {
    name: 'limit',
    shows: 'rateLimited.paced',
    begin: (drive) => drive.limit('paced', 500_000),
    end: (drive) => drive.send({ type: 'limit.cleared' }),
  },
  { name: 'degraded', shows: 'degraded.level2', begin: (drive) => drive.health(2), end: (drive) => drive.health(0) },
]

const PAIRS = CONDITIONS.flatMap((graver, i) => CONDITIONS.slice(i + 1).map((lesser) => ({ graver, lesser })))
const pairs = PAIRS.map(({ graver, lesser }) => [graver.name, lesser.name, graver, lesser] as const)

function watching(): BreakerDriver {
  return new BreakerDriver({ recoverAfter: 500_000 })
}

function probeWell(drive: BreakerDriver): void {
  while (drive.path === 'halfOpen') drive.succeed({ probe: drive.admit() })
}

describe('of two conditions the graver shows, and when it ends the lesser', () => {
  test.each(pairs)('%s on top of %s', (_, __, graver, lesser) => {
    const drive = watching()
    lesser.begin(drive)
    expect(drive.path).toBe(lesser.shows)
    graver.begin(drive)
    expect(drive.path).toBe(graver.shows)
    graver.end(drive)
    probeWell(drive)
    expect(drive.path).toBe(lesser.shows)
    lesser.end(drive)
    probeWell(drive)
    expect(drive.path).toMatch(/^closed\.(watching|ramping)$/)
  })

  // Nothing trips while no call passes, so an opening never comes second.
  test.each(pairs.filter(([, lesser]) => lesser !== 'open'))('%s first, then %s beneath it', (_, __, graver, lesser) => {
    const drive = watching()
    graver.begin(drive)
    lesser.begin(drive)
    expect(drive.path).toBe(graver.shows)
    graver.end(drive)
    probeWell(drive)
    expect(drive.path).toBe(lesser.shows)
  })

  const endsUnseen = pairs.filter(([, lesser]) => lesser !== 'open' && lesser !== 'forced open')
  test.each(endsUnseen)('%s goes on when %s ends beneath it', (_, __, graver, lesser) => {
    const drive = watching()
    lesser.begin(drive)
    graver.begin(drive)
    lesser.end(drive)
    expect(drive.path).toBe(graver.shows)
    graver.end(drive)
    probeWell(drive)
    expect(drive.path).toMatch(/^closed\.(watching|ramping)$/)
  })
})

describe('a lesser condition whose time passed beneath a graver one is gone', () => {
  const passing: Record<string, (drive: BreakerDriver) => unknown> = {
    budget: (drive) => drive.budget('throttled', 20_000),
    limit: (drive) => drive.limit('paced', 20_000),
    degraded: (drive) => drive.health(3),
    directive: (drive) => drive.direct({ level: 3, forMs: 20_000 }),
  }
  const cases = CONDITIONS.flatMap((graver) =>
    Object.entries(passing)
      .filter(
        ([name]) => CONDITIONS.findIndex((other) => other.name === name) > CONDITIONS.indexOf(graver) || name === 'directive',
      )
      .filter(([name]) => !(graver.name === 'degraded' && name === 'directive'))
      .map(([name, begin]) => [name, graver.name, begin, graver] as const),
  )
  test.each(cases)('%s beneath %s', (_, __, begin, graver) => {
    const drive = new BreakerDriver({ recoverAfter: 20_000 })
    begin(drive)
    graver.begin(drive)
    drive.wait(20_000)
    graver.end(drive)
    probeWell(drive)
    expect(drive.path).toMatch(/^closed\.(watching|ramping)$/)
  })

  test('a degradation that lapsed unseen does not come back with the next one', () => {
    const drive = new BreakerDriver({ recoverAfter: 5000 }).health(3).limit('paced', 20_000).wait(10_000)
    drive.direct({ level: 1 }).wait(10_000)
    expect(drive.path).toBe('degraded.level1')
    expect(drive.fail('quality_degradation').path).toBe('degraded.level1')
    expect(drive.context.standing.health?.level).toBe(1)
  })

  test('a degradation that lapsed unseen does not keep the breaker from degrading again', () => {
    const drive = new BreakerDriver({ recoverAfter: 5000 }).health(3).limit('paced', 20_000).wait(20_000)
    expect(drive.path).toBe('closed.watching')
    expect(drive.fail('timeout', { stats: { calls: 3, failures: 3, consecutiveFailures: 3 } }).path).toBe('degraded.level1')
  })

  test('an opening whose wait passed beneath a forced one asks for a permit', () => {
    const drive = new BreakerDriver().trip().command('trip').wait(60_000).command('disable').command('enable')
    expect(drive.path).toBe('open.awaitingPermit')
  })
})

test('all of them at once come off one by one, gravest first', () => {
  const drive = watching()
  for (const condition of [...CONDITIONS].reverse()) condition.begin(drive)
  const seen: string[] = [drive.path]
  for (const condition of CONDITIONS) {
    condition.end(drive)
    seen.push(drive.path)
  }
  expect(seen).toEqual([...CONDITIONS.map(({ shows }) => shows), 'closed.watching'])
})

test('a rate limit that ends while the budget is gone leads to budgetLimited', () => {
  const drive = new BreakerDriver().limit('paced', 20_000).budget('blocked', 60_000).wait(30_000)
  expect(drive.path).toBe('budgetLimited.blocked')
  expect(drive.wait(30_000).path).toBe('closed.watching')
})

test('a breaker that opens keeps what a signal said of its health, and forgets what its failures had said', () => {
  const signalled = new BreakerDriver({ recoverAfter: 500_000 }).health(2)
  signalled.send({ type: 'latency.rose', latency: { p95: 4, baselineP95: 1, calls: 50 } }).trip()
  probeWell(signalled.untilDeadline().permit())
  expect(signalled.path).toBe('degraded.level2')

  const failing = new BreakerDriver({ recoverAfter: 500_000 })
  failing.fail('timeout', { stats: { calls: 3, consecutiveFailures: 3 } })
  expect(failing.path).toBe('degraded.level1')
  probeWell(failing.trip().untilDeadline().permit())
  expect(failing.path).toBe('closed.ramping')
})
