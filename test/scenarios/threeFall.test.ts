// Three services that have nothing to do with each other fall within a minute. With the second, the others are asked for less,
// so that what has come over two does not come over all.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('three services fall within a minute, and the others do less until they are back', async () => {
  const { gear, answers, pass, happened, replays } = await story({ a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN, f: PLAIN })
  pass(5)

  // One is that one's business.
  answers('a', 503)
  pass(5)
  expect(happened({ alerts: true })).toEqual([
    '7.5 a: closed.watching → open.cooling (consecutive_failures)',
    '7.5 error: a is open (consecutive_failures)',
    '7.5 system: healthy → degraded',
    '7.5 warning: the system is degraded: 1 of 6 services open, health 0.83',
  ])

  // Two are the business of all.
  answers('b', 503)
  pass(5)
  expect(happened({ alerts: true })).toEqual([
    '12.5 b: closed.watching → open.cooling (consecutive_failures)',
    '12.5 error: b is open (consecutive_failures)',
    '12.5 c is asked level 1 (cascade_failure_prevention: a, b failing)',
    '12.5 c: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '12.5 d is asked level 1 (cascade_failure_prevention: a, b failing)',
    '12.5 d: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '12.5 e is asked level 1 (cascade_failure_prevention: a, b failing)',
    '12.5 e: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '12.5 f is asked level 1 (cascade_failure_prevention: a, b failing)',
    '12.5 f: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
  ])

  answers('c', 503)
  pass(5)
  expect(happened({ alerts: true })).toEqual([
    '17.5 c: degraded.level1 → open.cooling (consecutive_failures)',
    '17.5 error: c is open (consecutive_failures)',
    '17.5 system: degraded → critical',
    '17.5 error: the system is critical: 3 of 6 services open, health 0.50',
    '17.5 c is asked nothing (released: cascade_failure_prevention has let go)',
  ])
  expect(gear.system).toMatchObject({ state: 'critical', rules: ['cascade_failure_prevention'] })

  // They come back one by one. Who is back is one of the others while two are still failing.
  for (const name of ['a', 'b', 'c'] as const) answers(name, 'well')
  pass(40)
  expect(happened({ alerts: true })).toEqual([
    '22.5 a: open.cooling → open.awaitingPermit (timer.cooled)',
    '22.5 a: open.awaitingPermit → halfOpen (permit.granted)',
    '22.5 a: halfOpen → closed.watching (probes_succeeded)',
    '22.5 info: a has recovered',
    '22.5 system: critical → degraded',
    '22.5 a is asked level 1 (cascade_failure_prevention: b, c failing)',
    '22.5 a: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '27.5 b: open.cooling → open.awaitingPermit (timer.cooled)',
    '27.5 d is asked level 1 (cascade_failure_prevention: b, c failing)',
    '27.5 e is asked level 1 (cascade_failure_prevention: b, c failing)',
    '27.5 f is asked level 1 (cascade_failure_prevention: b, c failing)',
    '27.5 b: open.awaitingPermit → halfOpen (permit.granted)',
    '27.5 b: halfOpen → closed.watching (probes_succeeded)',
    '27.5 info: b has recovered',
    '32.5 c: open.cooling → open.awaitingPermit (timer.cooled)',
    '32.5 a is asked nothing (released: cascade_failure_prevention has let go)',
    '32.5 a: degraded.level1 → closed.watching (directive.released)',
    '32.5 d is asked nothing (released: cascade_failure_prevention has let go)',
    '32.5 d: degraded.level1 → closed.watching (directive.released)',
    '32.5 e is asked nothing (released: cascade_failure_prevention has let go)',
    '32.5 e: degraded.level1 → closed.watching (directive.released)',
    '32.5 f is asked nothing (released: cascade_failure_prevention has let go)',
    '32.5 f: degraded.level1 → closed.watching (directive.released)',
    '32.5 c: open.awaitingPermit → halfOpen (permit.granted)',
    '32.5 c: halfOpen → closed.watching (probes_succeeded)',
    '32.5 info: c has recovered',
    '32.5 system: degraded → healthy',
    '32.5 info: the system is well again',
  ])
  expect(gear.system).toMatchObject({ state: 'healthy', rules: [], directives: {} })
  replays()
})
