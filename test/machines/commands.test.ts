// An operator's commands: every one of them works in every state.
import { describe, expect, test } from 'vitest'
import { STATE_PATHS, type StatePath } from '../../src/model/states.ts'
import { BreakerDriver } from './breakerDriver.ts'
import { standIn } from './standIn.ts'

const all = STATE_PATHS.map((path) => [path] as const)
/** States with the exceptions named. */
function except(exceptions: Partial<Record<StatePath, StatePath>>, usual: StatePath) {
  return STATE_PATHS.map((path) => [path, exceptions[path] ?? usual] as const)
}

describe('trip', () => {
  test.each(except({ maintenance: 'maintenance' }, 'open.forced'))('from %s leads to %s', (path, to) => {
    expect(standIn(path).command('trip').path).toBe(to)
  })

  test.each(all)('of a breaker in %s stays, whatever comes, until an operator lets it go', (path) => {
    const drive = standIn(path).command('trip').command('endMaintenance')
    expect(drive.path).toBe('open.forced')
    drive.permit().succeed().limit('paced', 1000).budget('blocked', 1000).health(1).direct({ level: 2 }).command('enable')
    expect(drive.wait(10_000_000).path).toBe('open.forced')
    expect(drive.command('reset').path).toBe('closed.watching')
  })
})

describe('reset', () => {
  const kept: Partial<Record<StatePath, StatePath>> = {
    maintenance: 'maintenance',
    'budgetLimited.throttled': 'budgetLimited.throttled',
    'budgetLimited.blocked': 'budgetLimited.blocked',
  }
  test.each(except(kept, 'closed.watching'))('from %s leads to %s', (path, to) => {
    const drive = standIn(path).command('reset')
    expect(drive.path).toBe(to)
    const { forced, bypass, open, quota, pace, health } = drive.context.standing
    expect({ forced, bypass, open, quota, pace, health }).toEqual({})
    expect(drive.context.openings).toBe(0)
  })

  test('leaves what others want of the breaker: directive, budget, maintenance', () => {
    expect(standIn('open.cooling').direct({ level: 2 }).command('reset').path).toBe('degraded.level2')
    expect(standIn('halfOpen').direct({ level: 3 }).command('reset').path).toBe('degraded.level3')
    expect(standIn('open.forced').budget('blocked').command('reset').path).toBe('budgetLimited.blocked')
  })

  test.each(['degraded.level2', 'rateLimited.paced', 'open.cooling', 'closed.ramping'] as const)(
    'from %s counts afresh: calls from before decide nothing',
    (path) => {
      const drive = standIn(path)
      const { generation } = drive.context
      expect(drive.command('reset').trip({ generation }).path).toBe('closed.watching')
    },
  )
})

describe('disable and enable', () => {
  test.each(except({ maintenance: 'maintenance' }, 'closed.bypassed'))('disable from %s leads to %s', (path, to) => {
    expect(standIn(path).command('disable').path).toBe(to)
  })

  const back: Partial<Record<StatePath, StatePath>> = {
    'closed.ramping': 'closed.watching',
    'closed.bypassed': 'closed.watching',
    'open.forced': 'closed.watching',
    halfOpen: 'open.awaitingPermit',
  }
  test.each(STATE_PATHS.map((path) => [path, back[path] ?? path] as const))('disable and enable in %s end in %s', (path, to) => {
    expect(standIn(path).command('disable').command('enable').path).toBe(to)
  })

  test.each(all.filter(([path]) => path !== 'closed.bypassed'))('enable changes nothing in %s', (path) => {
    const drive = standIn(path)
    const before = drive.context
    expect(drive.command('enable').context).toEqual({ ...before, standing: { ...before.standing, bypass: undefined } })
  })

  test('what came to stand while bypassed shows once enabled', () => {
    expect(standIn('closed.bypassed').limit('exhausted', 1000).command('enable').path).toBe('rateLimited.exhausted')
    expect(standIn('closed.bypassed').limit('exhausted', 1000).wait(1000).command('enable').path).toBe('closed.watching')
    expect(standIn('closed.bypassed').health(3).command('enable').path).toBe('degraded.level3')
    expect(standIn('closed.bypassed').direct({ level: 1 }).command('enable').path).toBe('degraded.level1')
    expect(standIn('closed.bypassed').budget('throttled').command('enable').path).toBe('budgetLimited.throttled')
  })

  test('a disabled breaker in maintenance is bypassed when the maintenance ends', () => {
    expect(standIn('maintenance').command('disable').wait(20_000).path).toBe('closed.bypassed')
    expect(standIn('maintenance').command('disable').command('enable').wait(20_000).path).toBe('halfOpen')
  })
})

describe('maintenance', () => {
  test.each(all)('begins from %s and hides everything', (path) => {
    const drive = standIn(path).maintain()
    expect(drive.path).toBe('maintenance')
    drive.trip().fail('authentication').permit().wait(10_000_000)
    expect(drive.path).toBe('maintenance')
  })

  const after: Partial<Record<StatePath, StatePath>> = {
    'closed.bypassed': 'closed.bypassed',
    'open.forced': 'open.forced',
    'open.cooling': 'open.cooling',
  }
  test.each(except(after, 'halfOpen'))('over %s ends into %s, by command and by time alike', (path, to) => {
    expect(standIn(path).maintain().command('endMaintenance').path).toBe(to)
    const timed = standIn(path).maintain(5000).wait(4999)
    expect(timed.path).toBe('maintenance')
    expect(timed.wait(1).path).toBe(to)
  })

  test('that outlasts the wait of an open breaker ends into half-open', () => {
    expect(standIn('open.cooling').maintain(60_000).wait(60_000).path).toBe('halfOpen')
  })

  test('begun again takes the new end', () => {
    const drive = standIn('maintenance').wait(10_000).maintain(30_000)
    expect(drive.wait(29_999).path).toBe('maintenance')
    expect(drive.wait(1).path).toBe('halfOpen')
  })

  test('that would have ended already does not begin', () => {
    expect(new BreakerDriver().maintain(0).path).toBe('closed.watching')
  })

  test.each(all.filter(([path]) => path !== 'maintenance'))('ended in %s, where there is none, changes nothing', (path) => {
    expect(standIn(path).command('endMaintenance').path).toBe(path)
  })

  test('has to be followed by good probes', () => {
    const drive = standIn('maintenance').wait(20_000)
    for (let i = 0; i < 2; i++) drive.fail('timeout', { probe: drive.admit() })
    expect(drive.path).toBe('open.cooling')
  })
})

test.each(all)('who and why are remembered by what a command brings about in %s', (path) => {
  const who = { by: 'ada', why: 'a test' }
  expect(standIn(path).command('trip').context.standing.forced).toEqual(who)
  expect(standIn(path).command('disable').context.standing.bypass).toEqual(who)
  expect(standIn(path).maintain().context.standing.maintenance).toEqual({ ...who, until: undefined })
})
