// Probes of adaptive recovery: one at a time until one has succeeded, and each given the time that calls usually take.
import { describe, expect, it } from 'vitest'
import { ProbeLimitError } from '../../src/index.ts'
import type { Kind, PolicyInput } from '../../src/model/policy.ts'
import { httpError, path, replayed, testBoard } from './testBoard.ts'

/** A service whose calls have taken `usual` ms, and which has now failed. */
async function openBoard(usual: number, policy: PolicyInput = {}, kind: Kind = 'http') {
  const made = await testBoard({ search: { kind, degrade: false, ...policy } })
  const { clock, gear } = made
  const { search } = gear.services
  for (let i = 0; i < 30 && usual > 0; i++) {
    const permit = search.admit()
    clock.advance(usual)
    permit.succeed()
  }
  for (let i = 0; i < 8 && search.state === 'closed'; i++) search.admit().fail(httpError(503))
  expect(search.state).toBe('open')
  const toHalfOpen = (): void => {
    clock.runTo(search.until ?? 0)
    clock.advance(10_000)
    expect(search.state).toBe('halfOpen')
  }
  /** Sends a probe that hangs, and gives the ms after which it is given up. */
  const probeLasts = (): number => {
    toHalfOpen()
    const probe = search.admit()
    const since = clock.now()
    clock.runTo(search.until ?? 0)
    expect(search.state).toBe('open')
    probe.ignore()
    return clock.now() - since
  }
  return { ...made, search, toHalfOpen, probeLasts }
}

describe('a probe is given', () => {
  const near = (...expected: number[]) => expected.map((ms) => expect.closeTo(ms, -1))

  it('three times what a call usually takes, and a tenth more with each opening', async () => {
    const { probeLasts, journal } = await openBoard(200)
    const lasted = Array.from({ length: 5 }, probeLasts)
    expect(lasted).toEqual(near(600, 660, 726, 798.6, 878.5))
    expect(lasted[0]).toBe(600)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('never more than probeTimeout', async () => {
    const { probeLasts } = await openBoard(200, { probeTimeout: 700, probePatience: 3 })
    expect(Array.from({ length: 5 }, probeLasts)).toEqual(near(600, 660, 700, 700, 700))
  })

  it('never less than 300 ms, also after a maintenance that no outage came before', async () => {
    const { probeLasts } = await openBoard(10)
    expect(probeLasts()).toBe(300)

    const { gear, clock } = await testBoard({ search: { kind: 'http' } })
    const { search } = gear.services
    const permit = search.admit()
    clock.advance(10)
    permit.succeed()
    search.command({ name: 'beginMaintenance', by: 'ann', why: 'a test' })
    search.command({ name: 'endMaintenance', by: 'ann', why: 'done' })
    search.admit()
    clock.advance(299)
    expect(search.state).toBe('halfOpen')
    clock.advance(1)
    expect(search.state).toBe('open')
  })

  it.each([
    ['the user’s own time, where they give one', 200, { probeTimeout: 5000 }, 'http', 5000],
    ['its full time, where recovery does not adapt', 200, { recoveryTimeout: 1000 }, 'http', 30_000],
    ['its full time, where latency depends on what is asked', 200, {}, 'openai', 30_000],
    ['its full time, where it is not known how long a call takes', 0, {}, 'http', 30_000],
  ] as const)('%s', async (_, usual, policy, kind, ms) => {
    // Of one, so that its end is the round's.
    const { probeLasts } = await openBoard(usual, { ...policy, maxProbes: 1 }, kind)
    expect(Array.from({ length: 3 }, probeLasts)).toEqual([ms, ms, ms])
  })
})

describe('of the probes of a round', () => {
  it('one is out at a time until one has succeeded; then the rest may go together', async () => {
    const { search, toHalfOpen, journal } = await openBoard(200, { successesToClose: 3, maxProbes: 3 })
    toHalfOpen()
    const first = search.admit()
    expect(search.peek()).toBeInstanceOf(ProbeLimitError)
    expect(() => search.admit()).toThrow(ProbeLimitError)
    first.succeed()
    const rest = [search.admit(), search.admit()]
    expect(() => search.admit()).toThrow(ProbeLimitError)
    for (const probe of rest) probe.succeed()
    expect(path(journal.records).at(-1)).toBe('halfOpen → closed.watching (probes_succeeded)')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('a failed first one ends the round', async () => {
    const { search, toHalfOpen, journal } = await openBoard(200)
    toHalfOpen()
    search.admit().fail(httpError(503))
    expect(path(journal.records).at(-1)).toBe('halfOpen → open.cooling (probes_failed)')
  })

  it('an ignored first one makes room for another', async () => {
    const { search, toHalfOpen } = await openBoard(200)
    toHalfOpen()
    search.admit().ignore()
    expect(search.peek()).toBeUndefined()
    search.admit()
    expect(search.peek()).toBeInstanceOf(ProbeLimitError)
  })

  it('all go at once where recovery does not adapt', async () => {
    const { search, toHalfOpen } = await openBoard(200, { adaptiveRecovery: false })
    toHalfOpen()
    for (let i = 0; i < 3; i++) search.admit()
    expect(() => search.admit()).toThrow(ProbeLimitError)
  })
})
