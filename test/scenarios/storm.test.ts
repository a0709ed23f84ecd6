// A hundred services fall in the same second. The first fifty are looked at one by one, the others a second later together, so that
// the process has time for its calls.
import { expect, it } from 'vitest'
import type { ServiceInput } from '../../src/model/config.ts'
import { PLAIN, story } from './scenario.ts'

const names = Array.from({ length: 100 }, (_, i) => `s${i}`)
/** Each has a dependent, which is not called. */
const services: Record<string, ServiceInput> = Object.fromEntries(
  names.flatMap((name) => [
    [name, PLAIN],
    [`on_${name}`, { ...PLAIN, dependsOn: [name] }],
  ]),
)

it('where many fall at once, most are looked at together, and nobody is forgotten', async () => {
  const { gear, answers, clock, call, events, replays } = await story(services, {
    orchestrator: { rules: { cascade_failure_prevention: { enabled: false } } },
  })
  for (const name of names) answers(name, 503)
  clock.advance(10_000)
  for (let i = 0; i < 3; i++) for (const name of names) call(name)
  const askedAt = () => events.filter(({ type }) => type === 'directive').map(({ at, service }) => `${at} ${service}`)
  expect(askedAt()).toEqual(names.slice(0, 50).map((name) => `10000 on_${name}`))
  expect(names.map((name) => gear.services[name]!.path)).toEqual(names.map(() => 'open.cooling'))
  clock.advance(1000)
  expect(askedAt().slice(50)).toEqual(names.slice(50).map((name) => `11000 on_${name}`))
  expect(Object.keys(gear.system.roots)).toHaveLength(100)
  expect(gear.system.state).toBe('critical')

  for (const name of names) answers(name, 'well')
  for (let second = 0; second < 120; second++) {
    clock.advance(1000)
    for (const name of names) call(name)
  }
  expect(gear.system).toMatchObject({ state: 'healthy', directives: {}, waiting: [], roots: {} })
  replays()
})
