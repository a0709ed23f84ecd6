import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a flapping service', async () => {
  const { gear, answers, pass, happened, replays } = await story({
    flaky: { ...PLAIN, recoveryTimeout: 2000 },
    user: { ...PLAIN, dependsOn: ['flaky'] },
    other: PLAIN,
  })
  for (let round = 0; round < 5; round++) {
    answers('flaky', 503)
    pass(3)
    answers('flaky', 'well')
    pass(5)
  }
  pass(40)
  console.log(happened({ alerts: true }), gear.system)
  replays()
})
