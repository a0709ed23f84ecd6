// The model's provider slows us down, and then the day's budget is gone. Neither forgets the other, and what is built on the
// model bends while no call can reach it.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('budget gone during a rate limit', async () => {
  const { gear, clock, pass, happened, replays } = await story({
    openai: PLAIN,
    agent: { ...PLAIN, dependsOn: ['openai'] },
    mail: PLAIN,
    maps: PLAIN,
  })
  pass(3)

  // A rate limit: slower, but still there. Nobody has to bend.
  gear.signal('openai', { kind: 'limit', mode: 'paced', perSecond: 0.5, until: clock.now() + 30_000 })
  pass(5)
  expect(happened()).toEqual(['3 openai: closed.watching → rateLimited.paced (limit.hit)'])

  // The budget is gone: nothing passes, until midnight.
  gear.signal('openai', { kind: 'budget', mode: 'blocked', rule: 'daily', until: clock.now() + 10_000 })
  pass(5)
  expect(happened({ alerts: true })).toEqual([
    '8 openai: rateLimited.paced → budgetLimited.blocked (budget.limited)',
    '8 error: openai is used up, and agent depends on it',
    '8 agent is asked level 1 (dependency_chain_protection: depends on openai)',
    '8 agent: closed.watching → degraded.level1 (directive.dependency_chain_protection)',
  ])

  // A new day: back to the rate limit, which stands still, and to the dependent as it was.
  pass(40)
  expect(happened({ alerts: true })).toEqual([
    '18 openai: budgetLimited.blocked → rateLimited.paced (timer.budgetRolledOver)',
    '23 agent is asked nothing (released: dependency_chain_protection has let go)',
    '23 agent: degraded.level1 → closed.watching (directive.released)',
    '33 openai: rateLimited.paced → closed.watching (timer.limitReset)',
  ])
  expect(gear.system).toMatchObject({ state: 'healthy', directives: {} })
  replays()
})
