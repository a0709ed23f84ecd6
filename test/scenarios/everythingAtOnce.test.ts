import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('recovery of everything at once without a stampede', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `s${i}`)
  const services = Object.fromEntries(
    names.map((name, i) => [
      name,
      {
        ...PLAIN,
        kind: i === 7 ? 'cache' : 'http',
        maxProbes: 2,
        successesToClose: 2,
        rampDuration: 5000,
        ...(i === 3 ? { dependsOn: ['s7', 's9'] } : {}),
      } as const,
    ]),
  )
  const { gear, answers, pass, happened, replays } = await story(services, { orchestrator: { maxConcurrentRecoveries: 3 } })
  for (const name of names) answers(name, 503)
  pass(3)
  console.log(happened({ alerts: true }))
  for (const name of names) answers(name, 'well')
  pass(60)
  console.log(happened({ alerts: true }), gear.system)
  replays()
})
