// A database dies. What is built on it bends instead of breaking, what is not goes on undisturbed, the root is named, and all
// comes back in order.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a dependency dies and its dependents bend instead of breaking', async () => {
  const { gear, answers, pass, happened, replays } = await story({
    database: PLAIN,
    search: { ...PLAIN, dependsOn: ['database'] },
    answers: { ...PLAIN, dependsOn: ['search'] },
    mail: PLAIN,
    billing: PLAIN,
  })
  pass(5)
  expect(happened()).toEqual([])

  answers('database', 503)
  pass(3)
  console.log(happened({ alerts: true }))
  expect(gear.system).toMatchObject({ state: 'degraded', roots: { database: { since: 7500 } } })
  pass(10)
  answers('database', 'well')
  pass(60)
  console.log(happened({ alerts: true }))
  replays()
})
