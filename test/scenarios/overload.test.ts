import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('an overload', async () => {
  const { gear, clock, answers, pass, call, happened, replays } = await story({
    a: { ...PLAIN, trip: { ...PLAIN.trip, consecutiveFailures: false }, window: { type: 'time', seconds: 20 } },
    b: { ...PLAIN, trip: { ...PLAIN.trip, consecutiveFailures: false }, window: { type: 'time', seconds: 20 } },
    c: { ...PLAIN, trip: { ...PLAIN.trip, consecutiveFailures: false }, window: { type: 'time', seconds: 20 } },
  })
  pass(20)
  for (let i = 0; i < 20; i++) {
    for (const name of ['a', 'b'] as const) answers(name, i % 2 ? 503 : 'well')
    pass(1)
  }
  console.log(happened({ alerts: true }), gear.system)
  for (const name of ['a', 'b'] as const) answers(name, 'well')
  pass(60)
  console.log(happened({ alerts: true }), gear.system, clock.now(), call)
  replays()
})
