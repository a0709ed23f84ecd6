// What a breaker makes of its measurements: latency that leaves its baseline, failures that are no failures of the service.
import { describe, expect, it } from 'vitest'
import type { PolicyInput } from '../../src/model/policy.ts'
import { httpError, ofType, path, replayed, testBoard } from './testBoard.ts'

const base = { kind: 'http', trip: { consecutiveFailures: 5 }, recoverAfter: 30_000 } as const

async function board(policy: PolicyInput = {}) {
  const made = await testBoard({ search: { ...base, ...policy } })
  const { search } = made.gear.services
  const calls = (times: number, ms: number) => {
    for (let i = 0; i < times; i++) {
      const permit = search.admit()
      made.clock.advance(ms)
      permit.succeed()
      made.clock.advance(200 - ms)
    }
  }
  return { ...made, search, calls }
}

describe('latency that rises above three times its baseline', () => {
  it('degrades the service, which stays so while it lasts and recovers when it is over', async () => {
    const { search, calls, journal, clock } = await board()
    calls(250, 20)
    expect(search.path).toBe('closed.watching')
    calls(120, 150)
    expect([search.path, search.reason]).toEqual(['degraded.level1', 'latency_p95'])
    calls(300, 150)
    expect(search.path).toBe('degraded.level1')
    calls(300, 20)
    clock.advance(30_000)
    expect(search.path).toBe('closed.watching')
    const [rose] = ofType(journal.records, 'transition')
    expect(rose?.stats).toMatchObject({ calls: expect.any(Number), p95: expect.any(Number), baselineP95: expect.any(Number) })
    expect(replayed(journal.records)).toMatchObject({ differences: 0, transitions: 2 })
  })

  it('is left alone where the policy does not degrade', async () => {
    const { search, calls } = await board({ degrade: false })
    calls(250, 20)
    calls(250, 150)
    expect(search.path).toBe('closed.watching')
  })

  it('changes nothing while an operator has disabled the breaker', async () => {
    const { search, calls, journal } = await board()
    search.command({ name: 'disable', by: 'ann', why: 'r' })
    calls(250, 20)
    calls(250, 150)
    expect(search.path).toBe('closed.bypassed')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('a trip', () => {
  it('of a service that is healthy otherwise bends to degraded first, where the policy says so', async () => {
    const { search, journal, clock } = await board({
      degrade: false,
      degradeBeforeOpen: true,
      trip: { consecutiveFailures: false, failureRate: { threshold: 0.3, minimumCalls: 10 } },
    })
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10; i++) {
        if (i % 3 === 1) search.admit().fail(httpError(500))
        else search.admit().succeed()
        clock.advance(10)
      }
    }
    expect(path(journal.records)).toEqual([
      'closed.watching → degraded.level1 (failure_rate)',
      'degraded.level1 → open.cooling (failure_rate)',
    ])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('people', () => {
  it.each([
    [
      'credentials that are refused',
      (search: Awaited<ReturnType<typeof board>>['search']) => search.admit().fail(httpError(401)),
      'critical authentication',
    ],
    [
      'a quota that is used up',
      (search: Awaited<ReturnType<typeof board>>['search']) =>
        search.admit().fail(Object.assign(httpError(429), { code: 'insufficient_quota' })),
      'critical quota_exceeded',
    ],
    [
      'a service that is failing',
      (search: Awaited<ReturnType<typeof board>>['search']) => {
        for (let i = 0; i < 5; i++) search.admit().fail(httpError(503))
      },
      'error opened',
    ],
  ])('are told of %s', async (_, happen, alert) => {
    const { search, heard } = await board({ degrade: false })
    happen(search)
    expect(ofType(heard, 'alert').map(({ level, code }) => `${level} ${code}`)).toEqual([alert])
  })

  const alerts = (heard: Parameters<typeof ofType>[0]) => ofType(heard, 'alert').map(({ level, code }) => `${level} ${code}`)
  const noQuota = () => Object.assign(httpError(429), { code: 'insufficient_quota' })

  it('are told once that it is open, however many rounds of probes fail', async () => {
    const { search, heard, clock, journal } = await board({ degrade: false, maxProbes: 1, successesToClose: 1 })
    for (let i = 0; i < 5; i++) search.admit().fail(httpError(503))
    for (let round = 0; round < 3; round++) {
      clock.runTo(search.until ?? 0)
      search.admit().fail(httpError(503))
    }
    expect(alerts(heard)).toEqual(['error opened'])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('are told of a quota that a probe finds used up, and of credentials that it finds refused', async () => {
    const { search, heard, clock, journal } = await board({ degrade: false, maxProbes: 1, successesToClose: 1 })
    for (let i = 0; i < 5; i++) search.admit().fail(httpError(503))
    clock.runTo(search.until ?? 0)
    search.admit().fail(noQuota())
    expect(search.path).toBe('open.cooling')
    clock.runTo(search.until ?? 0)
    search.admit().fail(httpError(401))
    clock.runTo(search.until ?? 0)
    search.admit().fail(httpError(401))
    expect(alerts(heard)).toEqual(['error opened', 'critical quota_exceeded', 'critical authentication'])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('are told once of a quota used up beneath a budget, and of the next one', async () => {
    const { search, heard, clock, journal } = await board()
    search.signal({ kind: 'budget', mode: 'throttled', share: 1, rule: 'day', until: clock.now() + 3_600_000 })
    const before = [search.admit(), search.admit()]
    for (const permit of before) permit.fail(noQuota())
    expect(search.path).toBe('budgetLimited.throttled')
    expect(alerts(heard)).toEqual(['critical quota_exceeded'])
    search.signal({ kind: 'budgetCleared', rule: 'day' })
    expect(search.path).toBe('rateLimited.exhausted')
    expect(alerts(heard)).toEqual(['critical quota_exceeded'])
    clock.runTo(search.until ?? 0)
    search.admit().fail(noQuota())
    expect(alerts(heard)).toEqual(['critical quota_exceeded', 'critical quota_exceeded'])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('are told of a service that does not come back from its maintenance', async () => {
    const { search, heard } = await board({ degrade: false, maxProbes: 1, successesToClose: 1 })
    search.command({ name: 'beginMaintenance', by: 'ada', why: 'new index' })
    search.command({ name: 'endMaintenance', by: 'ada', why: 'done' })
    expect(alerts(heard)).toEqual([])
    search.admit().fail(httpError(503))
    expect(alerts(heard)).toEqual(['error opened'])
  })

  it('are told of a recovery', async () => {
    const { search, heard, clock } = await board({ degrade: false, maxProbes: 1, successesToClose: 1 })
    for (let i = 0; i < 5; i++) search.admit().fail(httpError(503))
    clock.runTo(search.until ?? 0)
    search.admit().succeed()
    expect(ofType(heard, 'alert').map(({ level, code }) => `${level} ${code}`)).toEqual(['error opened', 'info recovered'])
  })
})
