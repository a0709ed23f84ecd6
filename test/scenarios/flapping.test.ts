// A service goes up and down every few seconds. What depends on it is not sent up and down with it, and nobody is woken thrice.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a flapping service: its dependent is held steady, and each alert is raised once', async () => {
  const { gear, answers, pass, happened, replays } = await story({
    flaky: { ...PLAIN, recoveryTimeout: 2000 },
    user: { ...PLAIN, dependsOn: ['flaky'] },
    other: PLAIN,
    another: PLAIN,
  })
  for (let round = 0; round < 3; round++) {
    answers('flaky', 503)
    pass(3)
    answers('flaky', 'well')
    pass(4)
  }
  expect(happened({ alerts: true })).toEqual([
    '2.5 flaky: closed.watching → open.cooling (consecutive_failures)',
    '2.5 error: flaky is open (consecutive_failures)',
    '2.5 system: healthy → degraded',
    '2.5 warning: the system is degraded: 1 of 4 services open, health 0.75',
    '2.5 error: flaky is down, and user depends on it',
    '2.5 user is asked level 1 (dependency_chain_protection: depends on flaky)',
    '2.5 user: closed.watching → degraded.level1 (directive.dependency_chain_protection)',
    '5.5 flaky: open.cooling → open.awaitingPermit (timer.cooled)',
    '5.5 flaky: open.awaitingPermit → halfOpen (permit.granted)',
    '5.5 flaky: halfOpen → closed.watching (probes_succeeded)',
    '5.5 info: flaky has recovered',
    '5.5 system: degraded → healthy',
    '5.5 info: the system is well again',
    '9.5 flaky: closed.watching → open.cooling (consecutive_failures)',
    '9.5 error: flaky is open (consecutive_failures)',
    '9.5 system: healthy → degraded',
    '12.5 flaky: open.cooling → open.awaitingPermit (timer.cooled)',
    '12.5 flaky: open.awaitingPermit → halfOpen (permit.granted)',
    '12.5 flaky: halfOpen → closed.watching (probes_succeeded)',
    '12.5 info: flaky has recovered',
    '12.5 system: degraded → healthy',
    '16.5 flaky: closed.watching → open.cooling (consecutive_failures)',
    '16.5 error: flaky is open (consecutive_failures)',
    '16.5 system: healthy → degraded',
    '17.5 user is asked the same again',
    '19.5 flaky: open.cooling → open.awaitingPermit (timer.cooled)',
    '19.5 flaky: open.awaitingPermit → halfOpen (permit.granted)',
    '19.5 flaky: halfOpen → closed.watching (probes_succeeded)',
    '19.5 info: flaky has recovered',
    '19.5 system: degraded → healthy',
  ])

  // It stays up: its dependent is let go of.
  pass(20)
  expect(happened({ alerts: true })).toEqual([
    '24.5 user is asked nothing (released: dependency_chain_protection has let go)',
    '24.5 user: degraded.level1 → closed.watching (directive.released)',
  ])
  expect(gear.system).toMatchObject({ state: 'healthy', rules: [], directives: {} })
  replays()
})
