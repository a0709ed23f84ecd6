// Calls that do not come back: a service that hangs is seen before its timeouts run out, and nobody else is taken for one.
import { describe, expect, it } from 'vitest'
import type { Permit } from '../../src/index.ts'
import { BreakerOpenError } from '../../src/index.ts'
import { KINDS, type Kind, type PolicyInput } from '../../src/model/policy.ts'
import { httpError, ofType, path, replayed, testBoard } from './testBoard.ts'

const USUAL_MS = 200

/** A service whose calls have taken 200 ms so far. */
async function board(policy: PolicyInput = {}, kind: Kind = 'http') {
  const made = await testBoard({ search: { kind, degrade: false, ...policy } })
  const { clock, gear } = made
  const { search } = gear.services
  for (let i = 0; i < 20; i++) {
    const permit = search.admit()
    clock.advance(USUAL_MS)
    permit.succeed()
  }
  /** One call fails; then `count` set out and hang. */
  const hang = (count: number, every = 0): Permit[] => {
    search.admit().fail(httpError(504))
    return setOut(count, every)
  }
  /** Lets `count` calls set out, one every `every` ms, until one is refused; gives those that did. */
  const setOut = (count: number, every: number): Permit[] => {
    const out: Permit[] = []
    for (let i = 0; i < count && search.peek() === undefined; i++) {
      try {
        out.push(search.admit())
      } catch {
        break
      }
      clock.advance(every)
    }
    return out
  }
  /** One call fails; then calls that say nothing of the service come and go, which gives the breaker occasion to look. */
  const idle = (ms: number): void => {
    search.admit().fail(httpError(504))
    for (let passed = 0; passed < ms && search.peek() === undefined; passed += 200) {
      try {
        search.admit().ignore()
      } catch {
        return
      }
      clock.advance(200)
    }
  }
  return { ...made, search, hang, setOut, idle }
}

describe('a service that hangs', () => {
  it('opens the breaker by a single failure and the calls that are out, when these have run for three times as long as usual', async () => {
    const { search, hang, clock, journal } = await board()
    const before = clock.now()
    const out = hang(100, 50)
    expect([search.state, search.reason]).toEqual(['open', 'stalled_calls'])
    expect(out.every(({ settled }) => !settled)).toBe(true)
    const waited = clock.now() - before
    expect(waited).toBeGreaterThan(3 * USUAL_MS)
    expect(waited).toBeLessThan(6 * USUAL_MS)
    expect(path(journal.records)).toEqual(['closed.watching → open.cooling (stalled_calls)'])
  })

  it('refuses the very call that finds it out', async () => {
    const { gear, search, clock } = await board()
    const never = (): Promise<never> => new Promise(() => undefined)
    let refused: unknown
    search.admit().fail(httpError(504))
    for (let i = 0; i < 100 && refused === undefined; i++) {
      const called = search.state
      const call = gear.execute('search', never)
      call.catch((error: unknown) => (refused = error))
      clock.advance(50)
      await Promise.resolve()
      if (refused !== undefined) expect(called).toBe('closed')
    }
    expect(refused).toBeInstanceOf(BreakerOpenError)
  })

  it('is told of in the journal, which replays', async () => {
    const { hang, journal, clock } = await board()
    hang(100, 50)
    clock.advance(60_000)
    const signals = ofType(journal.records, 'signal')
    expect(signals.map(({ signal }) => signal)).toEqual([{ kind: 'stalled', calls: expect.any(Number) }])
    expect(ofType(journal.records, 'alert').map(({ code }) => code)).toEqual(['opened'])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('is waited for as long as its calls usually take, three times over', async () => {
    const { search, hang, setOut, clock } = await board()
    for (let i = 0; i < 60; i++) {
      const permit = search.admit()
      clock.advance(2000)
      permit.succeed()
    }
    hang(12, 450)
    expect(search.state).toBe('closed')
    setOut(20, 450)
    expect(search.reason).toBe('stalled_calls')
  })

  it('is waited for as long as the policy says', async () => {
    const { search, hang, setOut } = await board({ trip: { stalledCalls: { patience: 20 } } })
    hang(35, 100)
    expect(search.state).toBe('closed')
    setOut(35, 100)
    expect(search.reason).toBe('stalled_calls')
  })

  it.each(KINDS)('is looked for in %s only if latency says something there', async (kind) => {
    const { search, hang } = await board({}, kind)
    hang(60, 100)
    const steady = ['cache', 'embedding', 'http', 'custom'].includes(kind)
    expect(search.reason === 'stalled_calls').toBe(steady)
    expect(search.state).toBe(steady ? 'open' : 'closed')
  })

  it('is not looked for where that is switched off, and again once it is switched on', async () => {
    const { gear, search, hang, setOut, journal } = await board({ trip: { stalledCalls: false } })
    hang(60, 100)
    expect(search.state).toBe('closed')
    gear.reconfigure('search', { trip: { stalledCalls: { patience: 3 } } })
    expect(setOut(60, 100).length).toBeGreaterThan(5)
    expect(search.reason).toBe('stalled_calls')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('calls that are out are no sign of trouble', () => {
  it('while nothing fails: calls may just have become longer', async () => {
    const { search, setOut } = await board()
    setOut(200, 50)
    expect(search.state).toBe('closed')
  })

  it('when ten calls of another length follow fifty short ones, and none fails', async () => {
    const { gear, clock } = await testBoard({ search: { kind: 'http', degrade: false } })
    const { search } = gear.services
    for (let i = 0; i < 50; i++) {
      const permit = search.admit()
      clock.advance(20)
      permit.succeed()
    }
    const slow: Permit[] = []
    for (let i = 0; i < 10; i++) {
      slow.push(search.admit())
      clock.advance(500)
    }
    expect(search.state).toBe('closed')
    for (const permit of slow) permit.succeed()
    expect(search.stats).toMatchObject({ successes: 60, rejected: 0 })
  })

  it('when six of them were forgotten, though a call fails now and then for an hour', async () => {
    const { search, clock, journal } = await board()
    for (let i = 0; i < 6; i++) search.admit()
    for (let second = 0; second < 3600; second++) {
      for (let i = 0; i < 3; i++) {
        const permit = search.admit()
        clock.advance(USUAL_MS)
        if (second % 20 === 0 && i < 2) permit.fail(httpError(503))
        else permit.succeed()
      }
      clock.advance(400)
    }
    expect(search.stats).toMatchObject({ inFlight: 6, rejected: 0, failures: 360 })
    expect(path(journal.records)).toEqual([])
    expect(ofType(journal.records, 'signal')).toEqual([])
  })

  it('when six of them were forgotten and two calls fail one after the other in a lull', async () => {
    const { search, clock, idle } = await board()
    for (let i = 0; i < 6; i++) search.admit()
    clock.advance(60_000)
    const permit = search.admit()
    clock.advance(USUAL_MS)
    permit.succeed()
    idle(5000)
    idle(5000)
    expect(search.state).toBe('closed')
  })

  it('while others succeed', async () => {
    const { search, hang, clock } = await board()
    hang(50)
    for (let i = 0; i < 100; i++) {
      const permit = search.admit()
      clock.advance(100)
      permit.succeed()
    }
    expect(search.state).toBe('closed')
  })

  it('while they are fewer than the failures that trip', async () => {
    const { search, hang, setOut } = await board({ trip: { consecutiveFailures: 50 } })
    hang(49, 100)
    expect(search.state).toBe('closed')
    setOut(20, 100)
    expect(search.reason).toBe('stalled_calls')
  })

  it('before it is known how long a call takes', async () => {
    const { gear, clock } = await testBoard({ search: { kind: 'http' } })
    gear.services.search.admit().fail(httpError(504))
    for (let i = 0; i < 100; i++) {
      gear.services.search.admit()
      clock.advance(100)
    }
    expect(gear.state('search')).toBe('closed')
  })

  it('after a single call that took long: what is usual begins with it', async () => {
    const { gear, clock } = await testBoard({ search: { kind: 'http' } })
    const { search } = gear.services
    const first = search.admit()
    clock.advance(2000)
    first.succeed()
    search.admit().fail(httpError(504))
    for (let i = 0; i < 40; i++) {
      search.admit()
      clock.advance(100)
    }
    expect(search.state).toBe('closed')
  })

  it('when an operator has disabled the breaker', async () => {
    const { search, hang } = await board()
    search.command({ name: 'disable', by: 'ann', why: 'a test' })
    hang(100, 50)
    expect(search.path).toBe('closed.bypassed')
  })
})

describe('calls that were out before an outage', () => {
  async function recovered() {
    const made = await board()
    const { search, setOut, clock } = made
    const old = setOut(30, 0)
    for (let i = 0; i < 5; i++) search.admit().fail(httpError(503))
    expect(search.reason).toBe('consecutive_failures')
    clock.runTo(search.until ?? 0)
    clock.advance(10_000)
    for (let i = 0; i < 2; i++) search.admit().succeed()
    expect(search.path).toBe('closed.watching')
    return { ...made, old }
  }

  it('are not held against the service that recovered from it', async () => {
    const { search, idle } = await recovered()
    idle(10_000)
    expect(search.state).toBe('closed')
  })

  it('do not hide that it hangs again', async () => {
    const { search, hang } = await recovered()
    hang(60, 50)
    expect(search.reason).toBe('stalled_calls')
  })

  it('do not hide that it hangs again when they have ended', async () => {
    const { search, hang, old } = await recovered()
    for (const permit of old) permit.ignore()
    hang(25, 50)
    expect(search.reason).toBe('stalled_calls')
  })

  it('are not held against a service whose breaker an operator has reset', async () => {
    const { search, hang, idle } = await board()
    search.signal({ kind: 'health', level: 1, reason: 'quality' })
    hang(30)
    search.command({ name: 'reset', by: 'ann', why: 'it is well' })
    idle(10_000)
    expect(search.state).toBe('closed')
  })
})
