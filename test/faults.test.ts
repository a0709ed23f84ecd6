// Faults that circuit breakers are known for, and that this one must not have. Each title says how it ought to be.
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { MemoryBus } from '../src/bus/memoryBus.ts'
import { BreakerOpenError, ProbeLimitError } from '../src/model/errors.ts'
import type { OrchestratorInput } from '../src/model/orchestrator/config.ts'
import type { PolicyInput } from '../src/model/policy.ts'
import { createSwitchgear } from '../src/switchgear.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { fails, httpError, open, replayed, settle, testBoard, watch } from './actors/testBoard.ts'
import { temporaryDirectory } from './bus/journalRecords.ts'

const policy = {
  trip: { consecutiveFailures: 3 },
  degrade: false,
  recoveryTimeout: 10_000,
  recoveryJitter: { from: 1, to: 1 },
  maxProbes: 2,
  successesToClose: 2,
  rampDuration: 0,
} as const satisfies PolicyInput

async function board(more: PolicyInput = {}) {
  const made = await testBoard({ search: { kind: 'http', ...policy, ...more } })
  const { search } = made.gear.services
  const fail = async (times: number, error?: unknown) => {
    for (let i = 0; i < times; i++) await search.execute(fails(error)).catch(() => undefined)
  }
  const succeed = async (times: number) => {
    for (let i = 0; i < times; i++) await search.execute(() => 1)
  }
  const toHalfOpen = async () => {
    await fail(3)
    made.clock.runTo(search.until ?? 0)
    expect(search.state).toBe('halfOpen')
  }
  return { ...made, search, fail, succeed, toHalfOpen }
}

describe('half-open', () => {
  it('counts its probes: no more than the round allows pass, and enough good ones close', async () => {
    const { search, toHalfOpen } = await board()
    await toHalfOpen()
    const answer = open<number>()
    const probes = [1, 2].map(() => search.execute(() => answer.promise))
    await expect(search.execute(() => 1)).rejects.toThrow(ProbeLimitError)
    answer.resolve(1)
    await Promise.all(probes)
    expect(search.state).toBe('closed')
  })

  it('counts a failed probe: the round that cannot be won any more re-opens at once', async () => {
    const { search, toHalfOpen, fail } = await board()
    await toHalfOpen()
    await fail(1)
    expect(search.state).toBe('open')
  })

  it('cannot be stuck by probes that never come back', async () => {
    const { search, toHalfOpen, clock, journal } = await board({ probeTimeout: 5000 })
    await toHalfOpen()
    for (let i = 0; i < 2; i++) void search.execute(() => new Promise(() => undefined))
    clock.advance(5000)
    expect(search.state).toBe('open')
    clock.runTo(search.until ?? 0)
    expect(search.state).toBe('halfOpen')
    expect(search.peek()).toBeUndefined()
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it.each([
    ['ignored', (run: Awaited<ReturnType<typeof board>>) => run.search.execute(fails(httpError(404))).catch(() => undefined)],
    [
      'aborted',
      async (run: Awaited<ReturnType<typeof board>>) => {
        const controller = new AbortController()
        const call = watch(run.search.execute(() => new Promise(() => undefined), { signal: controller.signal }))
        controller.abort()
        await settle()
        expect(call.error).toBeDefined()
      },
    ],
  ] as const)('neither closes on an %s probe nor leaks its place', async (_, probe) => {
    const run = await board()
    await run.toHalfOpen()
    for (let i = 0; i < 10; i++) await probe(run)
    expect(run.search.state).toBe('halfOpen')
    await run.succeed(2)
    expect(run.search.state).toBe('closed')
    expect(replayed(run.journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('a rate limit', () => {
  it('is entered by the first 429, and left at the time the service named', async () => {
    const { search, fail, clock } = await board()
    await fail(1, httpError(429, { 'retry-after': '30' }))
    expect(search.state).toBe('rateLimited')
    expect(search.peek()).toMatchObject({ retryAfterMs: 30_000 })
    clock.advance(29_999)
    expect(search.state).toBe('rateLimited')
    clock.advance(1)
    expect(search.state).toBe('closed')
  })

  it('is left where the service names no time, too', async () => {
    const { search, fail, clock } = await board()
    await fail(2, httpError(429))
    expect(search.state).toBe('rateLimited')
    clock.advance(3_600_000)
    expect(search.state).toBe('closed')
  })
})

describe('degraded', () => {
  it('is left by itself when calls are good', async () => {
    const { search, fail, succeed, clock } = await board({ degrade: { consecutiveFailures: 2 }, recoverAfter: 30_000 })
    await fail(2)
    expect(search.state).toBe('degraded')
    await succeed(5)
    clock.advance(30_000)
    expect(search.state).toBe('closed')
  })

  it('is left where nobody calls at all', async () => {
    const { search, clock } = await board()
    search.signal({ kind: 'health', level: 3, reason: 'low quality' })
    clock.advance(3_600_000)
    expect(search.state).toBe('closed')
  })
})

describe('recovery time', () => {
  it('grows by the multiplier with each opening in a row, from the configured one and up to its cap', async () => {
    const { search, fail, clock } = await board({ maxRecoveryTimeout: 50_000 })
    const waits: number[] = []
    for (let opening = 0; opening < 5; opening++) {
      await fail(opening === 0 ? 3 : 1)
      waits.push((search.until ?? 0) - clock.now())
      clock.runTo(search.until ?? 0)
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 50_000, 50_000])
  })

  it('does not compound over outages that a stable time came between', async () => {
    const { search, fail, succeed, clock } = await board({ stableAfter: 60_000 })
    for (let outage = 0; outage < 4; outage++) {
      const before = clock.now()
      await fail(3)
      expect((search.until ?? 0) - before).toBe(10_000)
      clock.runTo(search.until ?? 0)
      await succeed(2)
      clock.advance(60_000)
    }
  })
})

describe('calls', () => {
  it('do not wait for each other: nothing is held while one is out', async () => {
    const { search } = await board()
    const answers = Array.from({ length: 100 }, () => open<number>())
    const calls = answers.map(({ promise }) => search.execute(() => promise))
    expect(search.stats.inFlight).toBe(100)
    for (const [i, { resolve }] of answers.reverse().entries()) resolve(i)
    await Promise.all(calls)
    expect(search.stats).toMatchObject({ successes: 100, inFlight: 0 })
  })

  it('that were refused are not calls: they fill no window and trip nothing', async () => {
    const { search, clock, succeed } = await board({
      trip: { consecutiveFailures: false, failureRate: { threshold: 0.5, minimumCalls: 10 } },
    })
    search.signal({ kind: 'budget', mode: 'blocked', rule: 'daily', until: clock.now() + 1000 })
    for (let i = 0; i < 100; i++) await search.execute(() => 1).catch(() => undefined)
    expect(search.stats).toMatchObject({ rejected: 100, window: { calls: 0, failures: 0 } })
    clock.advance(1000)
    await succeed(1)
    expect(search.stats.window).toEqual({ calls: 1, failures: 0, slow: 0 })
    expect(search.state).toBe('closed')
  })
})

describe('an error', () => {
  it('about an author is not about authorisation', async () => {
    const { search, fail } = await board()
    await fail(1, new Error('the author of this book is unknown'))
    expect(search.state).toBe('closed')
    await fail(1, httpError(401))
    expect([search.state, search.reason]).toEqual(['open', 'authentication'])
  })
})

describe('absent headers', () => {
  it('are unknown limits, not limits of zero', async () => {
    const { search } = await board()
    await search.execute(async () => ({ status: 200, headers: new Headers() }))
    await search.execute(async () => ({ status: 200, headers: new Headers({ 'ratelimit-limit': '100' }) }))
    expect(search.path).toBe('closed.watching')
  })
})

describe('the failure rate', () => {
  const byRate: PolicyInput = {
    trip: { consecutiveFailures: false, consecutiveTimeouts: false, failureRate: { threshold: 0.5, minimumCalls: 10 } },
  }

  it('is that of the window: a long good life does not keep a dead service closed', async () => {
    const { search, succeed, fail, clock } = await board(byRate)
    for (let i = 0; i < 10; i++) await succeed(1000)
    clock.advance(60_000)
    await fail(10)
    expect(search.state).toBe('open')
  })

  it('does not open on the first failure of a fresh window, though that is 100%', async () => {
    const { search, fail } = await board(byRate)
    await fail(1)
    expect(search.state).toBe('closed')
    await fail(8)
    expect(search.state).toBe('closed')
    await fail(1)
    expect(search.state).toBe('open')
  })

  it('knows nothing of failures an hour ago', async () => {
    const { search, fail, succeed, clock } = await board(byRate)
    await fail(9)
    clock.advance(3_600_000)
    await succeed(1)
    await fail(1)
    expect(search.state).toBe('closed')
    expect(search.stats.window).toEqual({ calls: 2, failures: 1, slow: 0 })
  })

  it.each([
    [0.5, 10, 20],
    [0.55, 55, 100],
    [0.07, 7, 100],
    [0.29, 29, 100],
  ])('of exactly %d trips, though it be a success that completes the minimum', async (threshold, failures, minimumCalls) => {
    const { search, succeed, fail } = await board({
      trip: { consecutiveFailures: false, consecutiveTimeouts: false, failureRate: { threshold, minimumCalls } },
    })
    await fail(failures)
    await succeed(minimumCalls - failures - 1)
    expect(search.state).toBe('closed')
    await succeed(1)
    expect([search.state, search.reason]).toEqual(['open', 'failure_rate'])
  })

  it('of slow calls trips on successes alone, and a call at the very limit is not slow', async () => {
    const trip = { slowCallRate: { threshold: 0.5, slowerThanMs: 100, minimumCalls: 4 } }
    for (const [latency, state] of [
      [100, 'closed'],
      [101, 'open'],
    ] as const) {
      const { search, clock } = await board({ trip })
      for (let i = 0; i < 4; i++) {
        const call = search.execute(() => settle())
        clock.advance(latency)
        await call
      }
      expect(search.state).toBe(state)
    }
  })
})

describe('a late result', () => {
  it('from before the outage does not re-open the breaker that has recovered', async () => {
    const { search, fail, succeed, toHalfOpen, journal } = await board({ trip: { consecutiveFailures: 1 } })
    const late = [1, 2, 3].map(() => open<never>())
    const calls = late.map(({ promise }) => watch(search.execute(() => promise)))
    await toHalfOpen()
    await succeed(2)
    expect(search.state).toBe('closed')
    for (const { reject } of late) reject(new Error('late'))
    await settle()
    expect(calls.every(({ settled }) => settled)).toBe(true)
    expect(search.state).toBe('closed')
    expect(search.stats).toMatchObject({ window: { calls: 0 }, inFlight: 0 })
    await fail(1)
    expect(search.state).toBe('open')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('does not close the breaker either, nor take a place among the probes', async () => {
    const { search, toHalfOpen } = await board()
    const late = open<number>()
    const calls = [1, 2, 3].map(() => search.execute(() => late.promise))
    await toHalfOpen()
    late.resolve(1)
    await Promise.all(calls)
    expect(search.state).toBe('halfOpen')
    expect(search.peek()).toBeUndefined()
  })
})

describe('a restored breaker', () => {
  it('does not skip its wait', async () => {
    const file = join(temporaryDirectory(), 'board.jsonl')
    const clock = new VirtualClock()
    const services = { search: { kind: 'http', ...policy } } as const
    const before = await createSwitchgear({ services, journal: { file }, clock })
    for (let i = 0; i < 3; i++) await before.execute('search', fails()).catch(() => undefined)
    await before.close()
    clock.advance(4000)
    await using after = await createSwitchgear({ services, journal: { file }, clock })
    await expect(after.execute('search', () => 1)).rejects.toThrow(BreakerOpenError)
    expect(after.peek('search')).toMatchObject({ retryAfterMs: 6000 })
    clock.advance(5999)
    expect(after.state('search')).toBe('open')
    clock.advance(1)
    expect(after.state('search')).toBe('halfOpen')
  })
})

describe('listeners', () => {
  it('do not leak: a thousand come and go, and nobody is told anything', async () => {
    const bus = new MemoryBus()
    const subscribe = vi.spyOn(bus, 'subscribe')
    const { gear } = await testBoard({ search: { kind: 'http' } }, { bus })
    for (let i = 0; i < 1000; i++) gear.events$.subscribe(() => undefined).unsubscribe()
    expect(subscribe).toHaveBeenCalledTimes(1001)
    await gear.close()
    expect(bus.wants('outcome')).toBe(false)
  })

  it('that throw do not break the breaker, nor keep others from hearing', async () => {
    const errors = vi.fn()
    const bus = new MemoryBus({ onListenerError: errors })
    bus.subscribe('*', () => {
      throw new Error('a poor listener')
    })
    const { gear, heard } = await testBoard({ search: { kind: 'http', ...policy } }, { bus })
    await expect(gear.execute('search', () => 1)).resolves.toBe(1)
    for (let i = 0; i < 3; i++) await expect(gear.execute('search', fails())).rejects.toThrow('down')
    expect(gear.state('search')).toBe('open')
    expect(heard.map(({ type }) => type)).toEqual(['outcome', 'outcome', 'outcome', 'outcome', 'transition', 'alert'])
    expect(errors).toHaveBeenCalledTimes(6)
  })
})

describe('timers', () => {
  /** Both look once a second while something is the matter. */
  const reviewerAndCorrelator = 2

  /** Services that ten good calls each have gone through, and of which one in five is about to be struck. */
  async function manyServices(count: number, orchestrator: OrchestratorInput) {
    const names = Array.from({ length: count }, (_, i) => `service${i}`)
    const struck = names.slice(0, count / 5)
    const clock = new VirtualClock()
    const services = Object.fromEntries(names.map((name) => [name, { kind: 'http', ...policy } as const]))
    const gear = await createSwitchgear({ services, orchestrator, journal: false, clock })
    onTestFinished(() => gear.close())
    const succeed = async (name: string, times: number) => {
      for (let i = 0; i < times; i++) await gear.execute(name, () => 1)
    }
    const strike = async () => {
      for (const name of struck) for (let i = 0; i < 3; i++) await gear.execute(name, fails()).catch(() => undefined)
    }
    for (const name of names) await succeed(name, 10)
    return { gear, clock, struck, others: names.slice(count / 5), succeed, strike }
  }

  const rulesOff: OrchestratorInput = {
    rules: {
      cascade_failure_prevention: { enabled: false },
      system_overload_protection: { enabled: false },
      dependency_chain_protection: { enabled: false },
      recovery_coordination: { enabled: false },
    },
  }

  it('are one for a breaker that waits, and none for one that does not, however many calls there were', async () => {
    const { gear, clock, struck, succeed, strike } = await manyServices(100, rulesOff)
    expect(clock.pending).toBe(0)
    await strike()
    expect(clock.pending).toBe(20 + reviewerAndCorrelator)
    clock.advance(10_000)
    expect(struck.map((name) => gear.state(name))).toEqual(struck.map(() => 'halfOpen'))
    expect(clock.pending).toBe(reviewerAndCorrelator)
    for (const name of struck) await succeed(name, policy.successesToClose)
    clock.advance(301_000)
    expect(clock.pending).toBe(0)
  })

  it('are one for a breaker under a directive too, which waits for it to expire; none is left when all has passed', async () => {
    const { gear, clock, struck, others, succeed, strike } = await manyServices(100, {})
    await strike()
    expect(Object.keys(gear.system.directives)).toEqual(others)
    expect(clock.pending).toBe(20 + 80 + reviewerAndCorrelator)
    clock.advance(10_000)
    const recovered = new Set<string>()
    while (recovered.size < struck.length) {
      const probing = gear.system.recovering
      expect(probing).toHaveLength(5)
      for (const name of probing) await succeed(name, policy.successesToClose)
      for (const name of probing) recovered.add(name)
    }
    clock.advance(301_000)
    expect(gear.system).toMatchObject({ state: 'healthy', directives: {}, rules: [], findings: [] })
    expect(clock.pending).toBe(0)
  })
})
