import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a scheduled maintenance during an outage', async () => {
  const { gear, clock, answers, pass, happened, replays } = await story({
    database: PLAIN,
    search: { ...PLAIN, dependsOn: ['database'] },
    mail: PLAIN,
  })
  answers('mail', 503)
  pass(3)
  gear.command({ name: 'beginMaintenance', services: ['database'], by: 'ann', why: 'a new disk', until: clock.now() + 60_000 })
  pass(20)
  gear.command({ name: 'recoverAll', by: 'bob', why: 'mail is back' })
  answers('mail', 'well')
  pass(60)
  console.log(happened({ alerts: true }), gear.system)
  replays()
})
