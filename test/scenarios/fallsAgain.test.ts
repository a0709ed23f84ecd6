// Three services wait for one place. The first that gets it is not well yet: it gives its place to the next, and does not stand
// in the way.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a service that falls over again gives its place to the next', async () => {
  const { gear, answers, pass, happened, replays } = await story(
    { cache: { ...PLAIN, kind: 'cache' }, mail: PLAIN, maps: PLAIN, billing: PLAIN, d: PLAIN, e: PLAIN, f: PLAIN },
    { orchestrator: { maxConcurrentRecoveries: 1, rules: { cascade_failure_prevention: { enabled: false } } } },
  )
  for (const name of ['cache', 'mail', 'maps'] as const) answers(name, 503)
  pass(3)
  answers('mail', 'well')
  answers('maps', 'well')
  // Nobody calls yet: the first in the order has its place, and the others wait.
  pass(16, 'billing')
  expect(gear.system).toMatchObject({ recovering: ['cache'], waiting: ['mail', 'maps'] })
  happened()

  pass(1, 'cache')
  expect(happened().filter((line) => /→/.test(line))).toEqual([
    '19.5 cache: halfOpen → open.cooling (probes_failed)',
    '19.5 mail: open.awaitingPermit → halfOpen (directive.released)',
  ])
  expect(gear.system).toMatchObject({ recovering: ['mail'], waiting: ['maps'] })

  pass(1, 'mail', 'maps')
  expect(happened().filter((line) => /→/.test(line))).toEqual([
    '20.5 mail: halfOpen → closed.watching (probes_succeeded)',
    '20.5 maps: open.awaitingPermit → halfOpen (directive.released)',
    '20.5 maps: halfOpen → closed.watching (probes_succeeded)',
  ])

  // The first comes again when its time has come again.
  answers('cache', 'well')
  pass(40)
  expect(gear.system).toMatchObject({ state: 'healthy', recovering: [], waiting: [], directives: {} })
  replays()
})
