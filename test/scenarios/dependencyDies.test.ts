// A database dies. What is built on it bends instead of breaking, what is not goes on undisturbed, the root is named, and all
// comes back in order.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a dependency dies and its dependents bend instead of breaking', async () => {
  const { gear, answers, pass, crowd, happened, replays } = await story({
    database: PLAIN,
    search: { ...PLAIN, dependsOn: ['database'] },
    answers: { ...PLAIN, dependsOn: ['search'] },
    mail: PLAIN,
    billing: PLAIN,
  })
  pass(5)
  expect(happened()).toEqual([])

  // The database dies. Search and answers are asked for less at once, although neither has failed yet.
  answers('database', 503)
  pass(3)
  expect(happened({ alerts: true })).toEqual([
    '7.5 database: closed.watching → open.cooling (consecutive_failures)',
    '7.5 error: database is open (consecutive_failures)',
    '7.5 system: healthy → degraded',
    '7.5 warning: the system is degraded: 1 of 5 services open, health 0.80',
    '7.5 error: database is down, and answers, search depend on it',
    '7.5 search is asked level 1 (dependency_chain_protection: depends on database)',
    '7.5 search: closed.watching → degraded.level1 (directive.dependency_chain_protection)',
    '7.5 answers is asked level 1 (dependency_chain_protection: depends on database)',
    '7.5 answers: closed.watching → degraded.level1 (directive.dependency_chain_protection)',
  ])
  expect(gear.system).toMatchObject({ state: 'degraded', roots: { database: { since: 7500 } }, recovering: [] })

  // Some of search's calls fail meanwhile: that is put down to the database.
  answers('search', 503)
  crowd(2, 'search')
  answers('search', 'well')
  pass(3)
  expect(gear.system.roots.database?.failures).toEqual({ search: 2 })
  expect(gear.state('search')).toBe('degraded')

  // The database is back. Its dependents are let go of when it has stayed.
  answers('database', 'well')
  pass(30)
  expect(happened({ alerts: true })).toEqual([
    '22.5 database: open.cooling → open.awaitingPermit (timer.cooled)',
    '22.5 search is asked the same again',
    '22.5 answers is asked the same again',
    '22.5 database: open.awaitingPermit → halfOpen (permit.granted)',
    '22.5 database: halfOpen → closed.watching (probes_succeeded)',
    '22.5 info: database has recovered',
    '22.5 system: degraded → healthy',
    '22.5 info: the system is well again',
    '27.5 search is asked nothing (released: dependency_chain_protection has let go)',
    '27.5 search: degraded.level1 → closed.watching (directive.released)',
    '27.5 answers is asked nothing (released: dependency_chain_protection has let go)',
    '27.5 answers: degraded.level1 → closed.watching (directive.released)',
  ])
  expect(gear.system).toMatchObject({ state: 'healthy', health: 1, roots: {}, rules: [], directives: {} })
  replays()
})
