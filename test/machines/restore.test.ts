// Generations, and contexts that outlive their process: what is late decides nothing, what is saved comes back as it was.
import { describe, expect, test } from 'vitest'
import { FAILURE_TYPES } from '../../src/model/failures.ts'
import { STATE_PATHS } from '../../src/model/states.ts'
import { BreakerDriver, plainPolicy } from './breakerDriver.ts'
import { standIn } from './standIn.ts'

const all = STATE_PATHS.map((path) => [path] as const)

describe('calls from an earlier generation', () => {
  test.each(all.filter(([path]) => !admitsOnAfterClosed(path)))('decide nothing in %s', (path) => {
    const drive = standIn(path === 'closed.watching' ? 'closed.ramping' : path).wait(0)
    if (path === 'closed.watching') drive.wait(10_000)
    expect(drive.path).toBe(path)
    const before = drive.context
    for (const failure of FAILURE_TYPES) drive.trip({ failure, generation: 0 })
    drive.succeed({ generation: 0, stats: { calls: 100, failures: 100 } })
    drive.ignore(undefined, 0)
    expect(drive.context).toEqual(before)
  })

  test('do not answer for a probe, even under its number', () => {
    const drive = standIn('halfOpen')
    const probe = drive.admit()
    drive.succeed({ probe, generation: 0 }).fail('authentication', { probe, generation: 0 })
    expect(drive.round).toMatchObject({ successes: 0, failures: 0 })
    expect(drive.round.inFlight).toHaveLength(1)
  })

  test('of an earlier round do not count in a later one', () => {
    const drive = standIn('halfOpen')
    const [late, ...others] = [drive.admit(), drive.admit(), drive.admit()]
    const { generation } = drive.context
    for (const probe of others) drive.fail('timeout', { probe })
    drive.untilDeadline().permit()
    drive.admit()
    drive.succeed({ probe: late, generation }).ignore(late, generation)
    expect(drive.round).toMatchObject({ admitted: 1, successes: 0 })
  })

  test('count on while the breaker only degraded or was held to a pace meanwhile', () => {
    const drive = new BreakerDriver().health(1).limit('paced', 20_000)
    expect(drive.trip({ generation: 0 }).path).toBe('open.cooling')
  })

  /** Between these states and the closed one before them, counting goes on. */
  function admitsOnAfterClosed(path: string): boolean {
    return path.startsWith('degraded') || path === 'rateLimited.paced' || path === 'budgetLimited.throttled'
  }
})

test('the generation rises by one with each transition, and by nothing else', () => {
  const drive = new BreakerDriver().fail().fail()
  expect(drive.context.generation).toBe(0)
  drive.trip().limit('paced', 1000).direct({ hold: false }).wait(60_000).permit()
  expect(drive.trail).toHaveLength(4)
  expect(drive.context.generation).toBe(3)
  drive.admit()
  expect(drive.context.generation).toBe(3)
})

describe('restore', () => {
  test.each(all)('of a breaker saved in %s gives back exactly what was saved', (path) => {
    const saved = standIn(path).context
    const restored = new BreakerDriver().restore(saved)
    expect(restored.context).toEqual(saved)
    expect(restored.value).toBe(path)
  })

  test.each(all)('into %s works over any state the breaker may be in', (path) => {
    const saved = standIn(path).context
    for (const present of STATE_PATHS) {
      const drive = standIn(present).restore(saved)
      expect([drive.context, drive.value]).toEqual([saved, path])
    }
  })

  test.each(all)('of what went through JSON in %s goes on as the original does', (path) => {
    const original = standIn(path)
    if (path === 'halfOpen') original.admit()
    const restored = new BreakerDriver().restore(JSON.parse(JSON.stringify(original.context)))
    restored.at = original.at
    for (const drive of [original, restored]) {
      drive.health(2).wait(40_000).trip().wait(100_000).command('disable').command('enable').command('reset').trip()
    }
    expect(JSON.stringify(restored.context)).toBe(JSON.stringify(original.context))
  })

  test('in mid-open waits for what is left of the deadline', () => {
    const saved = standIn('open.cooling').context
    const drive = new BreakerDriver().restore(saved).wait(59_999)
    expect(drive.path).toBe('open.cooling')
    expect(drive.wait(1).path).toBe('open.awaitingPermit')
  })

  test('after the deadline has passed meanwhile goes on at once', () => {
    const saved = standIn('open.cooling').context
    const drive = new BreakerDriver()
    drive.at += 3_600_000
    expect(drive.restore(saved).wait(0).path).toBe('open.awaitingPermit')
  })
})

test('reconfigure changes the policy and nothing else, in every state', () => {
  for (const path of STATE_PATHS) {
    const drive = standIn(path)
    const before = drive.context
    const policy = plainPolicy({ recoveryTimeout: 5000 })
    expect(drive.send({ type: 'reconfigure', policy }).context).toEqual({ ...before, policy })
  }
})
