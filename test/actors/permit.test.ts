import { describe, expect, it } from 'vitest'
import { BreakerOpenError, ClosedError, ProbeLimitError } from '../../src/model/errors.ts'
import { fails, httpError, replayed, testBoard } from './testBoard.ts'

const search = { kind: 'http', trip: { consecutiveFailures: 2 }, degrade: false } as const

describe('a permit', () => {
  it('tells what a call would be told', async () => {
    const { gear } = await testBoard({ search })
    using permit = gear.admit('search')
    expect(permit).toMatchObject({ service: 'search', state: 'closed', degradation: { level: 0 }, generation: 0, settled: false })
    expect(gear.services.search.stats.inFlight).toBe(1)
  })

  it('settled well counts as a success, with the time it was out', async () => {
    const { gear, clock } = await testBoard({ search })
    const permit = gear.admit('search')
    clock.advance(250)
    permit.succeed()
    expect(permit.settled).toBe(true)
    expect(gear.services.search.stats).toMatchObject({ successes: 1, inFlight: 0, window: { calls: 1, failures: 0 } })
    expect(gear.services.search.stats.latency.p50).toBeGreaterThanOrEqual(250)
    expect(gear.services.search.stats.latency.p50).toBeLessThan(282)
  })

  it.each([
    [
      'well with an answer that is none',
      (permit: ReturnType<Awaited<ReturnType<typeof testBoard>>['gear']['admit']>) =>
        permit.succeed({ status: 503, headers: {} }),
    ],
    [
      'with an error',
      (permit: ReturnType<Awaited<ReturnType<typeof testBoard>>['gear']['admit']>) => permit.fail(httpError(503)),
    ],
  ])('settled %s counts as a failure, and can trip', async (_, settlePermit) => {
    const { gear } = await testBoard({ search })
    for (let i = 0; i < 2; i++) settlePermit(gear.admit('search'))
    expect(gear.state('search')).toBe('open')
    expect(() => gear.admit('search')).toThrow(BreakerOpenError)
  })

  it("settled with the caller's own fault, or with none, counts neither way", async () => {
    const { gear } = await testBoard({ search })
    gear.admit('search').fail(httpError(404))
    gear.admit('search').ignore()
    expect(gear.services.search.stats).toMatchObject({ ignored: 2, failures: 0, inFlight: 0, window: { calls: 0 } })
  })

  it('counts once, by the first word on it', async () => {
    const { gear } = await testBoard({ search })
    const permit = gear.admit('search')
    permit.succeed()
    permit.fail(new Error('late'))
    permit.ignore()
    permit.succeed()
    permit[Symbol.dispose]()
    expect(gear.services.search.stats).toMatchObject({ successes: 1, failures: 0, ignored: 0, inFlight: 0 })
  })

  it('that is dropped unsettled counts as ignored', async () => {
    const { gear } = await testBoard({ search })
    {
      using _permit = gear.admit('search')
    }
    expect(gear.services.search.stats).toMatchObject({ ignored: 1, inFlight: 0 })
  })

  it('for a probe frees its place when it is dropped, and decides when it is settled', async () => {
    const { gear, clock, journal } = await testBoard({
      search: { ...search, maxProbes: 1, successesToClose: 1, rampDuration: 0 },
    })
    for (let i = 0; i < 2; i++) await gear.execute('search', fails()).catch(() => undefined)
    clock.advance(600_000)
    const permit = gear.admit('search')
    expect(permit.state).toBe('halfOpen')
    expect(gear.peek('search')).toBeInstanceOf(ProbeLimitError)
    permit[Symbol.dispose]()
    expect(gear.peek('search')).toBeUndefined()
    gear.admit('search').succeed()
    expect(gear.state('search')).toBe('closed')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('is not to be had of a closed board', async () => {
    const { gear } = await testBoard({ search })
    await gear.close()
    expect(() => gear.admit('search')).toThrow(ClosedError)
  })
})
