// Commands for several services are one input: the system changes once, nobody is asked for what the next moment takes back, and
// nobody who was not meant is touched.
import { expect, it } from 'vitest'
import type { ServiceInput } from '../../src/model/config.ts'
import { PLAIN, story } from './scenario.ts'

const WHO = { by: 'ann', why: 'a drill' }
const PATIENT = {
  ...PLAIN,
  trip: { consecutiveFailures: false, failureRate: false, slowCallRate: false, stalledCalls: false },
} as const satisfies ServiceInput

const names = Array.from({ length: 10 }, (_, i) => `s${i}`)
const hub: Record<string, ServiceInput> = Object.fromEntries(
  names.map((name, i) => [name, { ...PLAIN, dependsOn: i > 0 ? ['s0'] : [] }]),
)

it('all are tripped: the system changes once, and nothing is asked of those that are about to be shut', async () => {
  const { gear, happened, replays } = await story<Record<string, ServiceInput>>(hub)
  gear.command({ name: 'tripAll', ...WHO })
  const lines = happened({ alerts: true })
  expect(lines.filter((line) => line.includes('system:'))).toEqual(['0 system: healthy → emergency'])
  expect(lines.filter((line) => line.includes('is asked'))).toEqual([])
  expect(names.map((name) => gear.services[name]!.path)).toEqual(names.map(() => 'open.forced'))
  gear.command({ name: 'recoverAll', ...WHO })
  const back = happened()
  expect(back.filter((line) => line.includes('system:'))).toEqual(['0 system: emergency → healthy'])
  expect(back.filter((line) => line.includes('is asked'))).toEqual([])
  replays()
})

it('all go into maintenance: nothing is asked of anybody', async () => {
  const { gear, happened, replays } = await story<Record<string, ServiceInput>>(hub)
  gear.command({ name: 'beginMaintenance', ...WHO })
  expect(happened().filter((line) => line.includes('is asked') || line.includes('system:'))).toEqual([])
  expect(gear.state('s3')).toBe('maintenance')
  replays()
})

it('to say that one is well leaves the rules that stand for others, and lets those go that stood because of it', async () => {
  const { gear, answers, pass, happened, replays } = await story({
    a: PATIENT,
    b: PATIENT,
    c: PLAIN,
    d: PLAIN,
    e: PLAIN,
    f: { ...PLAIN, dependsOn: ['c'] },
  })
  answers('a', 503)
  answers('b', 503)
  pass(20)
  expect(gear.system.rules).toEqual(['system_overload_protection'])
  gear.command('c', { name: 'trip', ...WHO })
  expect(gear.system.rules).toEqual(['system_overload_protection', 'dependency_chain_protection:c'])
  happened()
  gear.command({ name: 'recoverAll', services: ['d'], ...WHO })
  gear.command({ name: 'recoverAll', services: [], ...WHO })
  expect(happened()).toEqual(['20 ann: recoverAll (a drill)', '20 ann: recoverAll (a drill)'])
  gear.command({ name: 'recoverAll', services: ['c'], ...WHO })
  expect(gear.system.rules).toEqual(['system_overload_protection'])
  gear.command({ name: 'recoverAll', services: ['a', 'b'], ...WHO })
  expect(gear.system).toMatchObject({ rules: [], directives: {} })
  replays()
})

it('to say that those that failed are well does not wait for the rule that stood because of them', async () => {
  const { gear, answers, pass, replays } = await story({ a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN })
  answers('a', 503)
  answers('b', 503)
  pass(5)
  expect(gear.system.rules).toEqual(['cascade_failure_prevention'])
  gear.command({ name: 'recoverAll', services: ['a', 'b'], ...WHO })
  expect(gear.system).toMatchObject({ state: 'healthy', rules: [], directives: {} })
  replays()
})

it('however many do as they are told, it is looked at once', async () => {
  const heard: string[] = []
  const { gear, replays } = await story<Record<string, ServiceInput>>(hub, {
    inspect: (inspection) => {
      if (inspection.type === '@xstate.event' && inspection.event.type === 'breaker.moved') heard.push(inspection.event.service)
    },
  })
  gear.command('s0', { name: 'trip', ...WHO })
  expect(gear.state('s9')).toBe('degraded')
  // That of s0, and that of the last of all that were asked for less because of it.
  expect(heard).toEqual(['s0', 's9'])
  replays()
})
