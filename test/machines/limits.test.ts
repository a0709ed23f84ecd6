// Rate limits, quotas and budgets: how long they stand, at what pace, and that each of them ends.
import { describe, expect, test } from 'vitest'
import type { BreakerPolicy } from '../../src/model/policy.ts'
import { BreakerDriver, plainPolicy, START } from './breakerDriver.ts'
import { standIn } from './standIn.ts'

describe('a rate limit', () => {
  test.each<[number | undefined, number, string]>([
    [undefined, 10_000, 'rateLimitCooldown where the service does not say'],
    [45_000, 45_000, 'as long as Retry-After says'],
    [0, 10_000, 'rateLimitCooldown where Retry-After says nothing worth waiting for'],
  ])('met with Retry-After %s stands for %i ms: %s', (retryAfterMs, lasts) => {
    const drive = new BreakerDriver().fail('rate_limit', retryAfterMs === undefined ? {} : { retryAfterMs })
    expect(drive.wait(lasts - 1).path).toBe('rateLimited.paced')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('met twice is left all the same', () => {
    const drive = new BreakerDriver().fail('rate_limit').fail('rate_limit').wait(10_000)
    expect(drive.trail).toEqual(['closed.watching', 'rateLimited.paced', 'closed.watching'])
  })

  test('met again stands until the later of the two', () => {
    const drive = new BreakerDriver()
      .fail('rate_limit', { retryAfterMs: 30_000 })
      .wait(1000)
      .fail('rate_limit', { retryAfterMs: 500 })
    expect(drive.wait(28_999).path).toBe('rateLimited.paced')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  const pace = (drive: BreakerDriver) => drive.context.standing.pace?.perSecond

  test('halves the pace, halves it again when that was not enough, and never stops altogether', () => {
    const drive = new BreakerDriver().fail('rate_limit', { stats: { callsPerSecond: 8 } })
    expect(pace(drive)).toBe(4)
    drive.fail('rate_limit', { stats: { callsPerSecond: 8 } })
    expect(pace(drive)).toBe(2)
    for (let i = 0; i < 20; i++) drive.fail('rate_limit', { stats: { callsPerSecond: 8 } })
    expect(pace(drive)).toBe(0.1)
  })

  test('is not paced further down by calls that were out before it was met', () => {
    const drive = new BreakerDriver()
    const { generation } = drive.context
    drive.fail('rate_limit', { stats: { callsPerSecond: 8 } }).fail('rate_limit', { generation, stats: { callsPerSecond: 8 } })
    expect(pace(drive)).toBe(4)
  })

  test('with a time to stay away lets nothing pass until then', () => {
    expect(pace(new BreakerDriver().fail('rate_limit', { retryAfterMs: 5000 }))).toBe(0)
  })

  test('by signal keeps the rate that the service leaves us', () => {
    expect(pace(new BreakerDriver().limit('paced', 20_000, 2.5))).toBe(2.5)
  })

  test('by a signal whose time has passed is none', () => {
    expect(new BreakerDriver().limit('paced', 0).path).toBe('closed.watching')
    expect(new BreakerDriver().limit('exhausted', -5).path).toBe('closed.watching')
  })

  test('ends by signal', () => {
    expect(standIn('rateLimited.paced').send({ type: 'limit.cleared' }).path).toBe('closed.watching')
    expect(standIn('rateLimited.exhausted').send({ type: 'limit.cleared' }).path).toBe('closed.watching')
  })
})

describe('maxRetryAfter', () => {
  const DAYS_30 = 2_592_000_000
  const HOUR = 3_600_000

  test.each<[string, (drive: BreakerDriver) => unknown, number]>([
    ['of a rate limit', (drive) => drive.fail('rate_limit', { retryAfterMs: DAYS_30 }), HOUR],
    ['of a failure that trips', (drive) => drive.trip({ retryAfterMs: DAYS_30 }), HOUR],
    ['of a pace of nothing', (drive) => drive.limit('paced', DAYS_30, 0), HOUR],
    ['not of a pace that lets calls pass', (drive) => drive.limit('paced', DAYS_30, 2), DAYS_30],
    ['not of an exhausted quota', (drive) => drive.fail('quota_exceeded', { retryAfterMs: DAYS_30 }), DAYS_30],
  ])('bounds the Retry-After %s', (_, happen, lasts) => {
    const drive = new BreakerDriver()
    happen(drive)
    const { path } = drive
    expect(drive.wait(lasts - 1).path).toBe(path)
    expect(drive.wait(1).path).not.toBe(path)
  })

  test('bounds that of a refused probe', () => {
    const drive = standIn('halfOpen')
    expect(drive.fail('rate_limit', { probe: drive.admit(), retryAfterMs: DAYS_30 }).openFor).toBe(HOUR)
  })

  test('is the policy’s, and no bound where the policy of an older journal has none', () => {
    const own = new BreakerDriver({ maxRetryAfter: 90_000 }).fail('rate_limit', { retryAfterMs: DAYS_30 })
    expect(own.context.standing.pace?.until).toBe(START + 90_000)
    const old: BreakerPolicy = JSON.parse(JSON.stringify({ ...plainPolicy(), maxRetryAfter: undefined }))
    const drive = new BreakerDriver().send({ type: 'reconfigure', policy: old }).fail('rate_limit', { retryAfterMs: DAYS_30 })
    expect(drive.context.standing.pace?.until).toBe(START + DAYS_30)
  })
})

describe('an exhausted quota', () => {
  test('stands for quotaCooldown where the service does not say', () => {
    const drive = new BreakerDriver().fail('quota_exceeded')
    expect(drive.wait(899_999).path).toBe('rateLimited.exhausted')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('stands until its reset', () => {
    const drive = new BreakerDriver().limit('exhausted', 3_600_000)
    expect(drive.wait(3_599_999).path).toBe('rateLimited.exhausted')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('follows a pace, and is not softened by one', () => {
    const drive = standIn('rateLimited.paced').fail('quota_exceeded')
    expect(drive.path).toBe('rateLimited.exhausted')
    expect(drive.limit('paced', 1000).path).toBe('rateLimited.exhausted')
  })

  test.each([
    ['a signal', (drive: BreakerDriver) => drive.limit('paced', 3_600_000, 2)],
    [
      'a refused probe',
      (drive: BreakerDriver) =>
        drive.maintain().command('endMaintenance').fail('rate_limit', { probe: drive.admit(), retryAfterMs: 3_600_000 }),
    ],
  ])('is not drawn out by a pace that lasts longer, heard of by %s; the pace stands afterwards', (_, hear) => {
    const drive = hear(new BreakerDriver().limit('exhausted', 60_000))
    expect(drive.context.standing.quota?.until).toBe(START + 60_000)
    expect(drive.context.standing.pace?.until).toBe(START + 3_600_000)
  })

  test('leaves the pace that outlasts it, and that ends in its own time', () => {
    const drive = new BreakerDriver().limit('exhausted', 60_000).limit('paced', 3_600_000, 2)
    expect(drive.wait(59_999).path).toBe('rateLimited.exhausted')
    expect(drive.wait(1).path).toBe('rateLimited.paced')
    expect(drive.context.standing).toMatchObject({ pace: { perSecond: 2 } })
    expect(drive.wait(3_539_999).path).toBe('rateLimited.paced')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('is cleared together with the pace beneath it', () => {
    const drive = new BreakerDriver().limit('exhausted', 60_000).limit('paced', 3_600_000, 2)
    expect(drive.send({ type: 'limit.cleared' }).path).toBe('closed.watching')
  })

  test('is not drawn out by a pace that names no time', () => {
    const drive = new BreakerDriver().limit('exhausted', 20_000).wait(5000).limit('paced')
    expect(drive.wait(14_999).path).toBe('rateLimited.exhausted')
    expect(drive.wait(1).path).toBe('closed.watching')
  })
})

describe('a budget', () => {
  test.each(['throttled', 'blocked'] as const)('%s stands until its period rolls over', (mode) => {
    const drive = new BreakerDriver().budget(mode, 50_000)
    expect(drive.path).toBe(`budgetLimited.${mode}`)
    expect(drive.wait(49_999).path).toBe(`budgetLimited.${mode}`)
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test.each(['throttled', 'blocked'] as const)('%s without an end stands until it is raised', (mode) => {
    const drive = new BreakerDriver().budget(mode).wait(10_000_000)
    expect(drive.path).toBe(`budgetLimited.${mode}`)
    expect(drive.send({ type: 'budget.cleared' }).path).toBe('closed.watching')
  })

  test('goes from throttled to blocked and back', () => {
    const drive = new BreakerDriver().budget('throttled').budget('blocked').budget('throttled')
    expect(drive.trail.slice(1)).toEqual(['budgetLimited.throttled', 'budgetLimited.blocked', 'budgetLimited.throttled'])
  })

  test('that has rolled over by the time it is heard of is none', () => {
    expect(new BreakerDriver().budget('blocked', 0).path).toBe('closed.watching')
    expect(standIn('budgetLimited.blocked').budget('throttled', 0).wait(0).path).toBe('closed.watching')
  })

  test.each([
    [undefined, 900_000],
    [30_000, 30_000],
    [0, 900_000],
  ])('refused by the service with Retry-After %s blocks for %i ms', (retryAfterMs, lasts) => {
    const drive = new BreakerDriver().fail('budget_exceeded', retryAfterMs === undefined ? {} : { retryAfterMs })
    expect(drive.wait(lasts - 1).path).toBe('budgetLimited.blocked')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('admits half while throttled and none while blocked, unless the rule says otherwise; no override unless it allows one', () => {
    const plain = { share: 0.5, allowEmergencyOverride: false }
    expect(standIn('budgetLimited.throttled').context.standing.budgets).toMatchObject([plain])
    expect(standIn('budgetLimited.blocked').context.standing.budgets).toMatchObject([{ ...plain, share: 0 }])
    const own = { kind: 'budget', mode: 'throttled', share: 0.3, rule: 'month', allowEmergencyOverride: true } as const
    const drive = new BreakerDriver().send({ type: 'budget.limited', budget: own })
    expect(drive.context.standing.budgets).toMatchObject([{ share: 0.3, allowEmergencyOverride: true }])
  })
})
