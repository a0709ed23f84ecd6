import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('local network loss', async () => {
  const names = ['a', 'b', 'c', 'd'] as const
  const { gear, answers, pass, happened, replays } = await story(
    { a: { ...PLAIN, critical: true }, b: PLAIN, c: PLAIN, d: PLAIN },
    { orchestrator: { correlation: true } },
  )
  pass(120)
  for (const name of names) answers(name, 503)
  pass(20)
  console.log(happened({ alerts: true }), gear.system.findings)
  for (const name of names) answers(name, 'well')
  pass(400)
  console.log(happened({ alerts: true }))
  replays()
})
