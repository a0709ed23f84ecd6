// Too many calls fail everywhere, though nowhere enough to trip: the system is overloaded. A share of the calls is shed until
// fewer fail.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('an overload: every service admits a share, until clearly fewer calls fail', async () => {
  const rated = { ...PLAIN, trip: { ...PLAIN.trip, consecutiveFailures: false }, window: { type: 'time', seconds: 20 } } as const
  const { gear, answers, pass, call, happened, replays } = await story({ a: rated, b: rated, c: rated })
  pass(20)
  expect(happened()).toEqual([])

  // Every second call to a and b fails.
  for (let second = 0; second < 14; second++) {
    for (const name of ['a', 'b'] as const) answers(name, second % 2 === 0 ? 503 : 'well')
    pass(1)
  }
  expect(happened()).toEqual([])
  for (let second = 0; second < 8; second++) {
    for (const name of ['a', 'b'] as const) answers(name, 503)
    pass(1)
  }
  expect(happened()).toEqual([
    '36.5 a is asked admit 0.5 (system_overload_protection: too many calls fail everywhere)',
    '36.5 a: closed.watching → degraded.level1 (directive.system_overload_protection)',
    '36.5 b is asked admit 0.5 (system_overload_protection: too many calls fail everywhere)',
    '36.5 b: closed.watching → degraded.level1 (directive.system_overload_protection)',
    '36.5 c is asked admit 0.5 (system_overload_protection: too many calls fail everywhere)',
    '36.5 c: closed.watching → degraded.level1 (directive.system_overload_protection)',
  ])
  const admitted = Array.from({ length: 10 }, () => call('c')).filter(Boolean).length
  expect(admitted).toBe(5)

  for (const name of ['a', 'b'] as const) answers(name, 'well')
  pass(40)
  expect(happened()).toEqual([
    '51.5 a is asked the same again',
    '51.5 b is asked the same again',
    '51.5 c is asked the same again',
    '66.5 a is asked the same again',
    '66.5 b is asked the same again',
    '66.5 c is asked the same again',
    '67.5 a is asked nothing (released: system_overload_protection has let go)',
    '67.5 a: degraded.level1 → closed.watching (directive.released)',
    '67.5 b is asked nothing (released: system_overload_protection has let go)',
    '67.5 b: degraded.level1 → closed.watching (directive.released)',
    '67.5 c is asked nothing (released: system_overload_protection has let go)',
    '67.5 c: degraded.level1 → closed.watching (directive.released)',
  ])
  expect(gear.system).toMatchObject({ rules: [], directives: {} })
  replays()
})
