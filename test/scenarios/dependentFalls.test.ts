// What depends on something that is down may fall too. It is told to have its root there, and it is not probed before what it
// depends on is back, however long its own patience has run out.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a dependent that falls with its dependency names it as the root, and comes back after it', async () => {
  const { gear, answers, pass, happened, replays } = await story({
    database: { ...PLAIN, recoveryTimeout: 30_000 },
    search: { ...PLAIN, dependsOn: ['database'], recoveryTimeout: 5000, permitTimeout: 1000 },
    mail: PLAIN,
    billing: PLAIN,
  })
  answers('database', 503)
  answers('search', 503)
  pass(4)
  expect(happened({ alerts: true })).toEqual([
    '2.5 database: closed.watching → open.cooling (consecutive_failures)',
    '2.5 error: database is open (consecutive_failures)',
    '2.5 system: healthy → degraded',
    '2.5 warning: the system is degraded: 1 of 4 services open, health 0.75',
    '2.5 error: database is down, and search depends on it',
    '2.5 search is asked level 1 (dependency_chain_protection: depends on database)',
    '2.5 search: closed.watching → degraded.level1 (directive.dependency_chain_protection)',
    '2.5 search: degraded.level1 → open.cooling (consecutive_failures)',
    '2.5 error: search is open (consecutive_failures); at the root of it is database',
    '2.5 system: degraded → critical',
    '2.5 error: the system is critical: 2 of 4 services open, health 0.50',
    '2.5 mail is asked level 1 (cascade_failure_prevention: database, search failing)',
    '2.5 mail: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '2.5 billing is asked level 1 (cascade_failure_prevention: database, search failing)',
    '2.5 billing: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
  ])

  // Search is ready to probe long before the database is. It waits.
  answers('search', 'well')
  pass(20)
  expect(happened()).toEqual([
    '10 search: open.cooling → open.awaitingPermit (timer.cooled)',
    '10 search is asked level 1, hold (dependency_chain_protection: depends on database; waits for database)',
    '17.5 mail is asked the same again',
    '17.5 billing is asked the same again',
  ])
  expect(gear.system).toMatchObject({ waiting: ['search'], recovering: [] })

  answers('database', 'well')
  pass(40)
  expect(happened()).toEqual([
    '25.5 search is asked the same again',
    '32.5 mail is asked the same again',
    '32.5 billing is asked the same again',
    '40.5 search is asked the same again',
    '47.5 database: open.cooling → open.awaitingPermit (timer.cooled)',
    '47.5 mail is asked the same again',
    '47.5 billing is asked the same again',
    '47.5 database: open.awaitingPermit → halfOpen (permit.granted)',
    '47.5 database: halfOpen → closed.watching (probes_succeeded)',
    '47.5 system: critical → degraded',
    '47.5 search is asked nothing (released: dependency_chain_protection has let go)',
    '47.5 search: open.awaitingPermit → halfOpen (directive.released)',
    '47.5 search: halfOpen → closed.watching (probes_succeeded)',
    '47.5 system: degraded → healthy',
    '52.5 mail is asked nothing (released: cascade_failure_prevention has let go)',
    '52.5 mail: degraded.level1 → closed.watching (directive.released)',
    '52.5 billing is asked nothing (released: cascade_failure_prevention has let go)',
    '52.5 billing: degraded.level1 → closed.watching (directive.released)',
  ])
  replays()
})
