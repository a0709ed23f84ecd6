import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('budget gone during a rate limit', async () => {
  const { gear, clock, answers, pass, happened, replays } = await story({
    openai: PLAIN,
    agent: { ...PLAIN, dependsOn: ['openai'] },
    mail: PLAIN,
  })
  pass(3)
  gear.signal('openai', { kind: 'limit', mode: 'paced', perSecond: 0.5, until: clock.now() + 30_000 })
  pass(5)
  gear.signal('openai', { kind: 'budget', mode: 'blocked', rule: 'daily', until: clock.now() + 10_000 })
  pass(5)
  answers('openai', 503)
  pass(60)
  console.log(happened({ alerts: true }), gear.system)
  replays()
})
