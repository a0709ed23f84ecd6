// Five services fell together, and are all ready to come back at the same moment. They come in order, few at a time, each with
// a share of its traffic first: nobody stampedes.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('recovery of everything at once without a stampede', async () => {
  const slow = { ...PLAIN, maxProbes: 2, successesToClose: 2, rampDuration: 5000 } as const
  const { gear, answers, pass, events, happened, replays } = await story(
    {
      web: { ...slow, dependsOn: ['store', 'models'] },
      mail: slow,
      models: { ...slow, dependsOn: ['store'] },
      maps: slow,
      store: { ...slow, kind: 'cache' },
    },
    { orchestrator: { maxConcurrentRecoveries: 2, healthFloor: 0, criticalServices: 10 } },
  )
  const names = ['web', 'mail', 'models', 'maps', 'store'] as const
  pass(30)
  for (const name of names) answers(name, 503)
  pass(3)
  expect(gear.system).toMatchObject({ state: 'critical' })
  happened()

  for (const name of names) answers(name, 'well')
  pass(40)
  expect(happened()).toEqual([
    '47.5 web: open.cooling → open.awaitingPermit (timer.cooled)',
    '47.5 web is asked level 1, hold (dependency_chain_protection: depends on store, models; waits for store, models)',
    '47.5 models is asked the same again',
    '47.5 mail: open.cooling → open.awaitingPermit (timer.cooled)',
    '47.5 mail: open.awaitingPermit → halfOpen (permit.granted)',
    '47.5 models: open.cooling → open.awaitingPermit (timer.cooled)',
    '47.5 models is asked level 1, hold (dependency_chain_protection: depends on store; waits for store)',
    '47.5 maps: open.cooling → open.awaitingPermit (timer.cooled)',
    '47.5 maps: open.awaitingPermit → halfOpen (permit.granted)',
    '47.5 store: open.cooling → open.awaitingPermit (timer.cooled)',
    '47.5 store is asked hold (recovery_coordination: waits for its turn to recover)',
    '48.5 mail: halfOpen → closed.ramping (probes_succeeded)',
    '48.5 store is asked nothing (released: recovery_coordination has let go)',
    '48.5 store: open.awaitingPermit → halfOpen (directive.released)',
    '48.5 maps: halfOpen → closed.ramping (probes_succeeded)',
    '49.5 store: halfOpen → closed.ramping (probes_succeeded)',
    '49.5 system: critical → degraded',
    '49.5 models is asked nothing (released: dependency_chain_protection has let go)',
    '49.5 models: open.awaitingPermit → halfOpen (directive.released)',
    '51.5 models: halfOpen → closed.ramping (probes_succeeded)',
    '51.5 web is asked nothing (released: dependency_chain_protection has let go)',
    '51.5 web: open.awaitingPermit → halfOpen (directive.released)',
    '53.5 mail: closed.ramping → closed.watching (timer.ramped)',
    '53.5 maps: closed.ramping → closed.watching (timer.ramped)',
    '53.5 web: halfOpen → closed.ramping (probes_succeeded)',
    '53.5 system: degraded → healthy',
    '54.5 store: closed.ramping → closed.watching (timer.ramped)',
    '56.5 models: closed.ramping → closed.watching (timer.ramped)',
    '58.5 web: closed.ramping → closed.watching (timer.ramped)',
  ])

  let most = 0
  const probing = new Set<string>()
  for (const event of events) {
    if (event.type !== 'transition') continue
    if (event.to === 'halfOpen') probing.add(event.service)
    else probing.delete(event.service)
    most = Math.max(most, probing.size)
  }
  expect(most).toBe(2)
  expect(gear.system).toMatchObject({ state: 'healthy', directives: {} })
  replays()
})
