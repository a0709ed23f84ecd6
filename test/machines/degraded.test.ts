// Degraded: what leads in, what leads from level to level, and that good calls always lead out.
import { describe, expect, test } from 'vitest'
import { BreakerDriver, SLOW, stats } from './breakerDriver.ts'
import { standIn } from './standIn.ts'

describe('leading in', () => {
  test.each([
    ['two failures in a row do not', { calls: 2, failures: 2, consecutiveFailures: 2 }, 'closed.watching'],
    ['three failures in a row do', { calls: 3, failures: 3, consecutiveFailures: 3 }, 'degraded.level1'],
    ['a quarter of 19 calls does not', { calls: 19, failures: 6, consecutiveFailures: 1 }, 'closed.watching'],
    ['just under a quarter of 20 calls does not', { calls: 20, failures: 4, consecutiveFailures: 1 }, 'closed.watching'],
    ['a quarter of 20 calls does', { calls: 20, failures: 5, consecutiveFailures: 1 }, 'degraded.level1'],
  ])('%s', (_, some, path) => {
    expect(new BreakerDriver().fail('timeout', { stats: some }).path).toBe(path)
  })

  test('risen latency does', () => {
    const drive = new BreakerDriver().send({ type: 'latency.rose', latency: SLOW })
    expect([drive.path, drive.context.reason]).toEqual(['degraded.level1', 'latency_p95'])
  })

  test.each([1, 2, 3] as const)('a signal of level %i leads there, from any level, and 0 leads out', (level) => {
    for (const path of ['closed.watching', 'closed.ramping', 'degraded.level1', 'degraded.level2', 'degraded.level3'] as const) {
      expect(standIn(path).health(level).path).toBe(`degraded.level${level}`)
    }
    expect(new BreakerDriver().health(level).health(0).path).toBe('closed.watching')
  })

  test('a policy that does not degrade leaves its calls’ failures alone', () => {
    const drive = new BreakerDriver({ degrade: false })
    expect(drive.fail('timeout', { stats: { calls: 20, failures: 9, consecutiveFailures: 4 } }).path).toBe('closed.watching')
  })
})

describe('leading out', () => {
  test('well for recoverAfter: one level down at a time', () => {
    const drive = standIn('degraded.level3').wait(29_999)
    expect(drive.path).toBe('degraded.level3')
    drive.wait(1)
    expect(drive.path).toBe('degraded.level2')
    expect(drive.wait(60_000).trail.slice(-3)).toEqual(['degraded.level2', 'degraded.level1', 'closed.watching'])
  })

  // Half the rate that degrades, so that a rate at the threshold cannot flap.
  test.each([
    [0, 0, 'closed.watching'],
    [16, 2, 'closed.watching'],
    [16, 3, 'degraded.level1'],
    [1, 1, 'degraded.level1'],
  ])('of %i calls since entry %i failed: %s', (calls, failures, path) => {
    const drive = standIn('degraded.level1')
    drive.timerStats = stats({ sinceEntry: { calls, failures, slow: 0 } })
    expect(drive.wait(30_000).path).toBe(path)
  })

  test('not while latency is up; as soon as it is down again at the next look', () => {
    const drive = standIn('degraded.level1')
    drive.timerLatency = SLOW
    expect(drive.wait(300_000).path).toBe('degraded.level1')
    drive.timerLatency = undefined
    expect(drive.wait(30_000).path).toBe('closed.watching')
  })

  test('each bad sign starts the time anew', () => {
    const drive = standIn('degraded.level1').wait(20_000).fail('quality_degradation').wait(29_999)
    expect(drive.path).toBe('degraded.level1')
    drive.send({ type: 'latency.rose', latency: SLOW }).wait(29_999)
    expect(drive.path).toBe('degraded.level1')
    expect(drive.wait(1).path).toBe('closed.watching')
  })
})

describe('directives', () => {
  test.each([1, 2, 3] as const)('of level %i degrade to it until they expire', (level) => {
    const drive = new BreakerDriver().direct({ level, forMs: 20_000 })
    expect(drive.path).toBe(`degraded.level${level}`)
    expect(drive.wait(19_999).path).toBe(`degraded.level${level}`)
    expect(drive.wait(1).path).toBe('closed.watching')
    expect(drive.context.standing.directive).toBeUndefined()
  })

  test('that admit only a share degrade to level 1 at least', () => {
    expect(new BreakerDriver().direct({ admissionRatio: 0.5 }).path).toBe('degraded.level1')
    expect(new BreakerDriver().direct({ admissionRatio: 0.5, level: 2 }).path).toBe('degraded.level2')
    expect(new BreakerDriver().direct({ admissionRatio: 1 }).path).toBe('closed.watching')
  })

  test('and the service’s own health: the graver level counts', () => {
    expect(standIn('degraded.level2').direct({ level: 1 }).path).toBe('degraded.level2')
    expect(standIn('degraded.level2').direct({ level: 3, forMs: 10_000 }).wait(10_000).path).toBe('degraded.level2')
    expect(standIn('degraded.level1').direct({ level: 2 }).wait(30_000).path).toBe('degraded.level2')
  })

  test.each([
    [4, 'degraded.level3', 'an older one is ignored'],
    [5, 'closed.watching', 'one of the same epoch replaces it'],
    [6, 'closed.watching', 'a newer one replaces it'],
  ])('of epoch %i against one of epoch 5: %s (%s)', (epoch, path) => {
    const drive = new BreakerDriver().direct({ epoch: 5, level: 3 }).direct({ epoch, level: 0 })
    expect(drive.path).toBe(path)
  })

  test('are fenced even when what replaced them has lapsed', () => {
    const drive = new BreakerDriver().direct({ epoch: 5, level: 3, forMs: 10_000 }).wait(10_000)
    expect(drive.path).toBe('closed.watching')
    expect(drive.direct({ epoch: 3, level: 2 }).path).toBe('closed.watching')
    expect(drive.direct({ epoch: 5, level: 1 }).path).toBe('degraded.level1')
  })

  test('are fenced beneath a graver state as well', () => {
    const drive = standIn('maintenance').direct({ epoch: 5, level: 3 }).direct({ epoch: 4, level: 0 })
    expect(drive.context.standing.directive?.level).toBe(3)
  })

  test('that are renewed last until the renewed expiry', () => {
    const drive = new BreakerDriver().direct({ level: 1, forMs: 20_000 }).wait(10_000).direct({ level: 1, forMs: 20_000 })
    expect(drive.wait(19_999).path).toBe('degraded.level1')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('that had expired before they came change no state and are dropped', () => {
    const drive = new BreakerDriver().direct({ level: 3, forMs: -1 })
    expect(drive.path).toBe('closed.watching')
    expect(drive.wait(0).context.standing.directive).toBeUndefined()
  })

  test('interrupt a ramp', () => {
    expect(standIn('closed.ramping').direct({ level: 1 }).path).toBe('degraded.level1')
  })

  test('name their rule as the reason', () => {
    expect(new BreakerDriver().direct({ level: 1, rule: 'cascade_failure_prevention' }).context.reason).toBe(
      'directive.cascade_failure_prevention',
    )
  })
})
