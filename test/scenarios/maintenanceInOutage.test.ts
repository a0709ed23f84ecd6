// The database gets a new disk, as was planned, while mail is down, which was not. The planned part alarms nobody, its dependents
// bend, and a recover-all passes it over.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a scheduled maintenance during an outage', async () => {
  const { gear, clock, answers, pass, happened, replays } = await story({
    database: PLAIN,
    search: { ...PLAIN, dependsOn: ['database'] },
    mail: PLAIN,
    maps: PLAIN,
    billing: PLAIN,
  })
  answers('mail', 503)
  pass(3)
  expect(happened({ alerts: true })).toEqual([
    '2.5 mail: closed.watching → open.cooling (consecutive_failures)',
    '2.5 error: mail is open (consecutive_failures)',
    '2.5 system: healthy → degraded',
    '2.5 warning: the system is degraded: 1 of 5 services open, health 0.80',
  ])

  const until = clock.now() + 30_000
  gear.command({ name: 'beginMaintenance', services: ['database'], by: 'ann', why: 'a new disk', until })
  pass(10)
  expect(happened({ alerts: true })).toEqual([
    '3 ann: beginMaintenance (a new disk)',
    '3 database: closed.watching → maintenance (command.beginMaintenance)',
    '3 info: database is in maintenance, and search depends on it',
    '3 search is asked level 1 (dependency_chain_protection: depends on database)',
    '3 search: closed.watching → degraded.level1 (directive.dependency_chain_protection)',
  ])

  // Mail is back, and somebody knows it before the breakers do.
  answers('mail', 'well')
  gear.command({ name: 'recoverAll', by: 'bob', why: 'mail is back' })
  pass(5)
  expect(happened()).toEqual([
    '13 bob: recoverAll (mail is back)',
    '13 mail: open.cooling → closed.watching (command.reset)',
    '13 system: degraded → healthy',
  ])
  expect(gear.state('database')).toBe('maintenance')

  // The maintenance ends at its time; the database proves itself, and search is let go of.
  pass(30)
  expect(happened()).toEqual([
    '18.5 search is asked the same again',
    '33 database: maintenance → halfOpen (timer.maintenanceEnded)',
    '33 system: healthy → degraded',
    '33.5 search is asked the same again',
    '33.5 database: halfOpen → closed.watching (probes_succeeded)',
    '33.5 system: degraded → healthy',
    '38.5 search is asked nothing (released: dependency_chain_protection has let go)',
    '38.5 search: degraded.level1 → closed.watching (directive.released)',
  ])
  replays()
})

it('a dependent that fell waits for a dependency in maintenance without an end, and says so', async () => {
  const { gear, answers, pass, replays } = await story({
    database: PLAIN,
    search: { ...PLAIN, dependsOn: ['database'] },
    mail: PLAIN,
  })
  answers('search', 503)
  pass(4)
  gear.command('database', { name: 'beginMaintenance', by: 'ann', why: 'a new disk' })
  answers('search', 'well')
  pass(300, 'search')
  expect(gear.system.waiting).toEqual(['search'])
  expect(gear.system.directives.search).toMatchObject({ hold: true, reason: 'depends on database; waits for database' })
  gear.command('database', { name: 'endMaintenance', by: 'ann', why: 'the disk is in' })
  pass(30)
  expect(gear.system).toMatchObject({ state: 'healthy', waiting: [], directives: {} })
  replays()
})
