// A service that has tripped is half-open when its time has come, until somebody calls it. Where nobody does, nobody may wait for
// it: neither those that depend on it and are the only ones to call it, nor those that a rule asks for less on its account.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a dependency that only its dependents call comes back with them', async () => {
  const { gear, answers, call, clock, replays } = await story({
    database: PLAIN,
    search: { ...PLAIN, dependsOn: ['database'] },
    web: { ...PLAIN, dependsOn: ['search'] },
  })
  let isWell = false
  /** Every call of search is made within one of web, and every call of the database within one of search. */
  const use = (): boolean => {
    const permits = []
    try {
      for (const service of ['web', 'search', 'database'] as const) permits.unshift(gear.admit(service))
    } catch {
      // Whoever cannot call the next fails itself.
    }
    const isServed = isWell && permits.length === 3
    for (const permit of permits) isServed ? permit.succeed() : permit.fail(Object.assign(new Error('down'), { status: 503 }))
    return isServed
  }
  for (let second = 0; second < 10; second++) {
    clock.advance(1000)
    use()
  }
  expect(gear.services.database.path).toBe('open.cooling')
  isWell = true
  answers('database', 'well')
  let served = 0
  for (let second = 0; second < 300; second++) {
    clock.advance(1000)
    if (use()) served++
  }
  expect(served).toBeGreaterThan(100)
  expect(call('web')).toBe(true)
  expect(gear.system).toMatchObject({ state: 'healthy', roots: {}, rules: [], directives: {}, waiting: [] })
  replays()
})

it('services that tripped once and that nobody calls any more ask nothing of the others', async () => {
  const { gear, answers, pass, events, replays } = await story({
    a: PLAIN,
    b: PLAIN,
    c: { ...PLAIN, dependsOn: ['a'] },
    d: PLAIN,
  })
  answers('a', 503)
  answers('b', 503)
  pass(4)
  expect([gear.services.c.path, gear.services.d.path]).toEqual(['degraded.level2', 'degraded.level1'])
  answers('a', 'well')
  answers('b', 'well')
  pass(60, 'c', 'd')
  expect([gear.services.a.path, gear.services.b.path]).toEqual(['halfOpen', 'halfOpen'])
  expect([gear.services.c.path, gear.services.d.path]).toEqual(['closed.watching', 'closed.watching'])
  // How they are nobody knows: half of the system is not well for that.
  expect(gear.system).toMatchObject({ state: 'critical', roots: {}, rules: [], directives: {}, recovering: ['a', 'b'] })
  const rested = events.length
  pass(600, 'c', 'd')
  expect(events.slice(rested).filter(({ type }) => type !== 'outcome')).toEqual([])
  // The next call of each shows how it is.
  pass(10)
  expect(gear.system).toMatchObject({ state: 'healthy', recovering: [] })
  replays()
})

it('critical services that nobody calls keep up no emergency', async () => {
  const critical = { ...PLAIN, critical: true }
  const { gear, answers, pass, replays } = await story({ a: critical, b: critical, c: critical, d: PLAIN, e: PLAIN, f: PLAIN })
  for (const name of ['a', 'b', 'c'] as const) answers(name, 503)
  pass(4)
  expect(gear.system.state).toBe('emergency')
  expect(gear.services.d.path).toBe('degraded.level3')
  for (const name of ['a', 'b', 'c'] as const) answers(name, 'well')
  pass(180, 'd', 'e', 'f')
  expect(gear.system).toMatchObject({ state: 'critical', recovering: ['a', 'b', 'c'], directives: {} })
  expect(gear.services.d.path).toBe('closed.watching')
  replays()
})

it('most services together keep up no emergency either, once nobody calls them', async () => {
  const { gear, answers, pass, replays } = await story({ a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN })
  const fallen = ['a', 'b', 'c', 'd'] as const
  for (const name of fallen) answers(name, 503)
  pass(6)
  expect(gear.system.state).toBe('emergency')
  for (const name of fallen) answers(name, 'well')
  pass(300, 'e')
  expect(fallen.map((name) => gear.services[name].path)).toEqual(fallen.map(() => 'halfOpen'))
  expect(gear.system).toMatchObject({ state: 'critical', health: 1, rules: [], directives: {} })
  expect(gear.services.e.path).toBe('closed.watching')
  replays()
})

it('what opens above a dependency that nobody calls is not put down to it', async () => {
  const { gear, answers, pass, events, replays } = await story({ a: PLAIN, c: { ...PLAIN, dependsOn: ['a'] }, d: PLAIN })
  answers('a', 503)
  pass(4)
  pass(60, 'c', 'd')
  expect([gear.services.a.path, gear.services.c.path]).toEqual(['halfOpen', 'closed.watching'])
  answers('c', 503)
  pass(4, 'c', 'd')
  expect(gear.services.c.path).toBe('open.cooling')
  expect(gear.system.roots).toEqual({})
  expect(events.filter((event) => event.type === 'alert' && event.code === 'opened')).toMatchObject([
    { service: 'a', message: 'a is open (consecutive_failures)' },
    { service: 'c', message: 'c is open (consecutive_failures)' },
  ])
  replays()
})
