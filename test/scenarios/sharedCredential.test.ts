import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a shared credential expires', async () => {
  const { gear, answers, pass, happened, replays } = await story(
    { a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN },
    { orchestrator: { correlation: true } },
  )
  pass(120)
  answers('a', 401)
  answers('b', 401)
  answers('c', 401)
  pass(30)
  console.log(happened({ alerts: true }), gear.system.findings)
  answers('a', 'well')
  answers('b', 'well')
  answers('c', 'well')
  pass(600)
  console.log(happened({ alerts: true }))
  replays()
})
