// Which backend of a route is called: by strategy, by state, and when one goes down or comes back.
import { describe, expect, it } from 'vitest'
import { Router } from '../../src/actors/routing/router.ts'
import { BreakerOpenError, CallRejectedError } from '../../src/model/errors.ts'
import { seededRandom } from '../../src/model/random.ts'
import { STRATEGIES } from '../../src/model/route.ts'
import { by, routeBoard, sleep } from './routeBoard.ts'
import { open, replayed, settle } from './testBoard.ts'

describe('round-robin', () => {
  it('gives every backend its turn, whatever it weighs', async () => {
    const { answered } = routeBoard('round-robin', { a: {}, b: { weight: 9 }, c: {} })
    expect(await answered(7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a'])
  })
})

describe('weighted', () => {
  it('gives each exactly its weight in every cycle, spread evenly', async () => {
    const { answered } = routeBoard('weighted', { a: { weight: 5 }, b: { weight: 1 }, c: { weight: 1 } })
    const cycle = ['a', 'a', 'b', 'a', 'c', 'a', 'a']
    expect(await answered(14)).toEqual([...cycle, ...cycle])
  })

  it('takes weights of any unit', async () => {
    const { shares } = routeBoard('weighted', { a: { weight: 0.75 }, b: { weight: 0.25 } })
    expect(await shares(400)).toEqual({ a: 300, b: 100 })
  })
})

describe('least-in-flight', () => {
  it('calls whoever is least busy, and takes turns among equals', async () => {
    const { router, answered } = routeBoard('least-in-flight', { a: {}, b: {}, c: {} })
    const calls = [open<number>(), open<number>(), open<number>(), open<number>()] as const
    const seen: string[] = []
    for (const { promise } of calls) {
      void router.execute((call) => {
        seen.push(call.service)
        return promise
      })
    }
    expect(new Set(seen.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']))
    calls[1].resolve(1)
    await settle()
    expect(await answered(2)).toEqual(['b', 'b'])
    for (const call of calls) call.resolve(1)
    await settle()
    expect(new Set(await answered(3))).toEqual(new Set(['a', 'b', 'c']))
  })

  it('reckons with weights: three times the weight, three times the calls in flight', () => {
    const { router, breakers } = routeBoard('least-in-flight', { a: { weight: 3 }, b: {} })
    for (let i = 0; i < 40; i++) void router.execute(() => new Promise(() => undefined))
    expect([breakers.a.inFlight, breakers.b.inFlight]).toEqual([30, 10])
  })

  it('counts calls that were not made through the route, too', async () => {
    const { answered, board } = routeBoard('least-in-flight', { a: {}, b: {} })
    const a = board.get('a')
    if (a) a.inFlight += 1
    expect(await answered(3)).toEqual(['b', 'b', 'b'])
  })
})

describe('peak-ewma', () => {
  /** Calls of so many ms at each backend, `concurrent` at a time. */
  async function traffic(
    { router, clock }: Pick<ReturnType<typeof routeBoard>, 'router' | 'clock'>,
    takes: (service: string) => { ms: number; fails?: boolean },
    { calls = 600, concurrent = 4 } = {},
  ): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    let left = calls
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const call = router.execute(async ({ service }) => {
          counts[service] = (counts[service] ?? 0) + 1
          const { ms, fails } = takes(service)
          await sleep(clock, ms)
          if (fails) throw Object.assign(new Error('down'), { status: 500 })
        })
        await call.catch(() => undefined)
      }
    }
    const workers = Promise.all(Array.from({ length: concurrent }, worker))
    let done = false
    void workers.then(() => (done = true))
    while (!done) await clock.advanceAsync(50)
    return counts
  }

  it('sends most calls to the quickest, and keeps an eye on the others', async () => {
    const board = routeBoard('peak-ewma', { quick: {}, slow: {} })
    const counts = await traffic(board, (service) => ({ ms: service === 'quick' ? 20 : 200 }))
    expect(counts.quick).toBeGreaterThan(5 * (counts.slow ?? 0))
    expect(counts.slow).toBeGreaterThan(0)
  })

  it('shares evenly among equals, and follows weights', async () => {
    const even = await traffic(routeBoard('peak-ewma', { a: {}, b: {} }), () => ({ ms: 20 }))
    expect(Math.abs((even.a ?? 0) - (even.b ?? 0))).toBeLessThan(60)
    const weighted = await traffic(routeBoard('peak-ewma', { a: { weight: 4 }, b: {} }), () => ({ ms: 20 }))
    expect(weighted.a).toBeGreaterThan(1.5 * (weighted.b ?? 0))
  })

  it('is not drawn to a backend because it fails quickly', async () => {
    const never = { trip: { consecutiveFailures: false } } as const
    const board = routeBoard('peak-ewma', { broken: never, well: never })
    board.breakers.broken.command(board.board.now(), { name: 'disable', ...by })
    const counts = await traffic(board, (service) => (service === 'broken' ? { ms: 1, fails: true } : { ms: 40 }), { calls: 400 })
    expect(counts.well).toBeGreaterThan(9 * (counts.broken ?? 0))
  })

  it('does not flood a backend of which it knows nothing', () => {
    const { router, breakers, clock } = routeBoard('peak-ewma', { known: {}, fresh: {} })
    router.lanes[0]?.ended('success', 20_000, clock.now())
    for (let i = 0; i < 50; i++) void router.execute(() => new Promise(() => undefined))
    expect([breakers.known.inFlight, breakers.fresh.inFlight]).toEqual([40, 10])
  })

  it('draws two of many: the worst of three is called only to be known', async () => {
    const board = routeBoard('peak-ewma', { a: {}, b: {}, worst: {} })
    const counts = await traffic(board, (service) => ({ ms: service === 'worst' ? 500 : 20 }), { calls: 900 })
    expect(counts.worst).toBeLessThan(30)
    expect(Math.min(counts.a ?? 0, counts.b ?? 0)).toBeGreaterThan(300)
  })

  it('believes a rise at once, and a fall as time passes', () => {
    const { router } = routeBoard('peak-ewma', { a: {}, b: {} })
    const [a, b] = router.lanes
    if (!a || !b) throw new Error('there are two lanes')
    expect(a.latency(0)).toBeUndefined()
    a.ended('success', 100, 0)
    a.ended('success', 900, 0)
    expect(a.latency(0)).toBe(900)
    a.ended('success', 100, 10_000)
    expect(a.latency(10_000)).toBeCloseTo(900 / Math.E + 100 * (1 - 1 / Math.E), 6)
    a.ended('ignored', 5_000, 10_000)
    expect(a.latency(9_000)).toBeCloseTo(394.3, 1)
    expect(a.latency(20_000)).toBeCloseTo(394.3 / Math.E, 1)
    b.ended('failure', 1, 20_000)
    expect(b.latency(20_000)).toBe(1_000)
    a.ended('success', 3_000, 20_000)
    b.ended('failure', 1, 20_000)
    expect(b.latency(20_000)).toBe(6_000)
    a.ended('failure', 1, 20_000)
    expect(a.latency(20_000)).toBe(3_000)
    b.ended('failure', 3_000_000, 20_000)
    expect(b.latency(20_000)).toBe(120_000)
  })
})

describe('cheapest', () => {
  it('calls the one with the lowest cost, and shares by weight among equals', async () => {
    const { shares, trip } = routeBoard('cheapest', {
      dear: { cost: 9 },
      a: { cost: 2, weight: 3 },
      b: { cost: 2 },
      dearer: { cost: 10 },
    })
    expect(await shares(40)).toEqual({ dear: 0, a: 30, b: 10, dearer: 0 })
    trip('a', 'b')
    expect(await shares(10)).toEqual({ dear: 10, a: 0, b: 0, dearer: 0 })
  })

  it('goes by what calls have cost where that is known of all that admit', async () => {
    const cost: Record<string, number | undefined> = { a: 0.02, b: undefined }
    const { shares, trip } = routeBoard(
      'cheapest',
      { a: { cost: 1 }, b: { cost: 2 }, c: { cost: 3 } },
      { meanCost: (name) => cost[name] },
    )
    trip('c')
    expect(await shares(4)).toEqual({ a: 4, b: 0, c: 0 })
    cost.b = 0.01
    expect(await shares(4)).toEqual({ a: 0, b: 4, c: 0 })
  })

  it('leaves half of the turns of a degraded backend to the next cheapest', async () => {
    const { shares, degrade, trip } = routeBoard('cheapest', { a: { cost: 1 }, b: { cost: 2 } })
    degrade('a', 1)
    expect(await shares(40)).toEqual({ a: 20, b: 20 })
    degrade('a', 2)
    expect(await shares(40)).toEqual({ a: 10, b: 30 })
    trip('b')
    expect(await shares(4)).toEqual({ a: 4, b: 0 })
  })
})

describe.each(STRATEGIES)('with %s, whatever the strategy,', (strategy) => {
  it('a backend that opens loses its traffic within one call', async () => {
    const { router, clock, breakers } = routeBoard(strategy, { a: { trip: { consecutiveFailures: 1 } }, b: {}, c: {} })
    let down = false
    const made: string[] = []
    const call = async (): Promise<void> => {
      await router
        .execute(({ service }) => {
          made.push(service)
          if (down && service === 'a') throw Object.assign(new Error('down'), { status: 503 })
        })
        .catch(() => undefined)
      clock.advance(10)
    }
    for (let i = 0; i < 50; i++) await call()
    expect(made.filter((service) => service === 'a').length).toBeGreaterThan(5)
    down = true
    made.length = 0
    for (let i = 0; i < 200; i++) await call()
    expect(made.filter((service) => service === 'a')).toHaveLength(1)
    expect(made).toHaveLength(200)
    expect([breakers.a.path, breakers.a.rejected]).toEqual(['open.cooling', 0])
  })

  it('one that an operator trips, or takes into maintenance, gets no call more', async () => {
    const { shares, trip, breakers, board } = routeBoard(strategy, { a: {}, b: {}, c: {} })
    await shares(20)
    trip('a')
    breakers.b.command(board.now(), { name: 'beginMaintenance', ...by })
    expect(await shares(20)).toEqual({ a: 0, b: 0, c: 20 })
    expect([breakers.a.rejected, breakers.b.rejected]).toEqual([0, 0])
  })

  it('one that is half-open gets its probes, one at a time, and then its share', async () => {
    const { router, clock, breakers, failUntilOpen, shares } = routeBoard(strategy, { a: {}, b: {} })
    failUntilOpen('a')
    clock.advance(20_000)
    expect(breakers.a.path).toBe('halfOpen')
    const probes = [open<number>(), open<number>()] as const
    const seen: string[] = []
    for (let i = 0; i < 5; i++) {
      void router.execute(({ service }) => {
        seen.push(service)
        return service === 'a' ? probes[0].promise : 1
      })
    }
    expect(seen).toEqual(['a', 'b', 'b', 'b', 'b'])
    probes[0].resolve(1)
    await settle()
    void router.execute(() => probes[1].promise)
    void router.execute(({ service }) => void seen.push(service))
    expect(seen.at(-1)).toBe('b')
    probes[1].resolve(1)
    await settle()
    expect(breakers.a.path).toBe('closed.watching')
    expect((await shares(20)).a).toBeGreaterThan(0)
  })

  it('a half-open one gets more than one probe where nobody else admits', async () => {
    const { router, clock, failUntilOpen, trip } = routeBoard(strategy, { a: {}, b: {} })
    trip('b')
    failUntilOpen('a')
    clock.advance(20_000)
    const seen: string[] = []
    const calls = [1, 2, 3, 4].map(() =>
      router.execute(({ service }) => {
        seen.push(service)
        return new Promise(() => undefined)
      }),
    )
    expect(seen).toEqual(['a', 'a', 'a'])
    await expect(calls[3]).rejects.toHaveProperty('code', 'ERR_SWITCHGEAR_PROBE_LIMIT')
  })

  it('one that ramps is asked in its turn, and admits what its own ramp says', async () => {
    const ramp = { rampDuration: 100_000, rampInitialShare: 0.1 }
    const { router, clock, breakers, failUntilOpen, answered, shares, journal } = routeBoard(strategy, { a: ramp, b: {} })
    failUntilOpen('a')
    clock.advance(20_000)
    await answered(2)
    expect(breakers.a.path).toBe('closed.ramping')
    const early = await shares(200)
    expect(early.a).toBeGreaterThanOrEqual(5)
    expect(early.a).toBeLessThanOrEqual(25)
    clock.advance(50_000)
    const later = await shares(200)
    expect(later.a).toBeGreaterThan(2 * early.a)
    clock.advance(50_000)
    expect(breakers.a.path).toBe('closed.watching')
    expect(await router.execute(() => 'well')).toBe('well')
    expect(replayed(journal.records).differences).toBe(0)
  })

  it('one backend alone is called as if there were no route', async () => {
    const { shares, trip, router } = routeBoard(strategy, { a: { weight: 7 } })
    expect(await shares(5)).toEqual({ a: 5 })
    trip('a')
    await expect(router.execute(() => 1)).rejects.toBeInstanceOf(BreakerOpenError)
  })

  it('a backend of weight 0 is called only while none of the others admits a call', async () => {
    const { shares, trip, breakers, board } = routeBoard(strategy, { standby: { weight: 0, cost: 0 }, a: {}, b: {} })
    expect((await shares(20)).standby).toBe(0)
    trip('a', 'b')
    expect((await shares(20)).standby).toBe(20)
    breakers.b.command(board.now(), { name: 'reset', ...by })
    expect((await shares(20)).standby).toBe(0)
  })

  it('backends that all weigh nothing share like equals', async () => {
    const { shares } = routeBoard(strategy, { a: { weight: 0 }, b: { weight: 0 } })
    const { a, b } = await shares(100)
    expect(Math.min(a, b)).toBeGreaterThan(20)
  })

  it('spreads a burst of calls fairly', () => {
    const { router, breakers } = routeBoard(strategy, { a: {}, b: {}, c: {}, d: {} })
    for (let i = 0; i < 400; i++) void router.execute(() => new Promise(() => undefined))
    const inFlight = Object.values(breakers).map((breaker) => breaker.inFlight)
    for (const count of inFlight) expect(Math.abs(count - 100)).toBeLessThanOrEqual(strategy === 'peak-ewma' ? 10 : 0)
  })
})

describe('a backend that is not well', () => {
  it('gets half its share at each level of degradation', async () => {
    for (const strategy of ['round-robin', 'weighted'] as const) {
      const { shares, degrade } = routeBoard(strategy, { a: {}, b: {} })
      const got: number[] = []
      for (const level of [1, 2, 3, 0] as const) {
        degrade('a', level)
        got.push((await shares(360)).a)
      }
      expect(got).toEqual([120, 72, 40, 180])
    }
  })

  it('holds half as many calls at a time, or counts as twice as slow', async () => {
    const least = routeBoard('least-in-flight', { a: {}, b: {} })
    least.degrade('a', 1)
    for (let i = 0; i < 30; i++) void least.router.execute(() => new Promise(() => undefined))
    expect([least.breakers.a.inFlight, least.breakers.b.inFlight]).toEqual([10, 20])
    const quick = routeBoard('peak-ewma', { a: {}, b: {} })
    quick.degrade('a', 1)
    for (const lane of quick.router.lanes) lane.ended('success', 10, quick.clock.now())
    for (let i = 0; i < 30; i++) void quick.router.execute(() => new Promise(() => undefined))
    expect([quick.breakers.a.inFlight, quick.breakers.b.inFlight]).toEqual([10, 20])
  })

  it('gets half its share while it is paced, and none while its bucket is empty', async () => {
    const { shares, pace, clock, breakers } = routeBoard('weighted', { a: {}, b: {} })
    pace('a', 100)
    clock.advance(1_000)
    expect(await shares(30)).toEqual({ a: 10, b: 20 })
    pace('a', 1)
    await shares(30)
    expect(await shares(30)).toEqual({ a: 0, b: 30 })
    expect(breakers.a.rejected).toBe(0)
  })

  it('gets nothing where its level answers from fallbacks only', async () => {
    const { shares, degrade } = routeBoard('weighted', { a: { levels: [{}, {}, { admit: 'fallback-only' }] }, b: {} })
    degrade('a', 3)
    expect(await shares(10)).toEqual({ a: 0, b: 10 })
  })

  it('gets what a throttled budget leaves, asked in its turn', async () => {
    const { shares, breakers, board, journal } = routeBoard('round-robin', { a: {}, b: {} })
    breakers.a.signal(board.now(), { kind: 'budget', mode: 'throttled', share: 0.5, rule: 'mine', until: board.now() + 60_000 })
    expect((await shares(100)).a).toBe(26)
    expect(breakers.a.rejected).toBe(24)
    expect(replayed(journal.records).differences).toBe(0)
  })
})

describe('when all backends shed', () => {
  it('each call asks each of them at most once, and is refused when all decline', async () => {
    const { router, breakers, board, journal } = routeBoard('round-robin', { a: {}, b: {} })
    const directive = { epoch: 1, level: 0, admissionRatio: 0.25, hold: false, rule: 'r', reason: 'overload' } as const
    for (const breaker of Object.values(breakers)) breaker.direct(board.now(), { ...directive, expiresAt: board.now() + 60_000 })
    let answered = 0
    for (let i = 0; i < 100; i++) {
      const asked = breakers.a.rejected + breakers.b.rejected
      const got = await router.execute(() => 1).catch((error: CallRejectedError) => error)
      if (got === 1) answered++
      else expect(got).toHaveProperty('code', 'ERR_SWITCHGEAR_LOAD_SHED')
      expect(breakers.a.rejected + breakers.b.rejected - asked).toBeLessThanOrEqual(2)
    }
    // A quarter at each of two: 1 − (1 − ¼)² if they were independent, half when they take turns.
    expect(answered).toBeGreaterThanOrEqual(40)
    expect(answered).toBeLessThanOrEqual(52)
    expect(replayed(journal.records).differences).toBe(0)
  })

  it('a single one admits exactly the share that its gate says', async () => {
    const { router, breakers, board } = routeBoard('round-robin', { a: {} })
    breakers.a.direct(board.now(), {
      ...{ epoch: 1, level: 0, admissionRatio: 0.5, hold: false, rule: 'r', reason: 'overload' },
      expiresAt: board.now() + 60_000,
    })
    let answered = 0
    for (let i = 0; i < 100; i++) await router.execute(() => answered++).catch(() => undefined)
    expect(answered).toBeGreaterThanOrEqual(50)
    expect(answered).toBeLessThanOrEqual(51)
  })
})

it('a listener that makes calls of its own while a backend declines confuses nobody', async () => {
  const { router, breakers, board, bus } = routeBoard('round-robin', { a: {}, b: {}, c: {} })
  breakers.a.direct(board.now(), {
    ...{ epoch: 1, level: 0, admissionRatio: 0.1, hold: false, rule: 'r', reason: 'overload' },
    expiresAt: board.now() + 60_000,
  })
  let nested = 0
  bus.subscribe('outcome', (event) => {
    if (event.type === 'outcome' && event.result === 'rejected') void router.execute(() => nested++)
  })
  for (let i = 0; i < 60; i++) expect(await router.execute(() => 'fine')).toBe('fine')
  await settle()
  expect(nested).toBeGreaterThan(10)
})

describe('the choice that fetch asks for', () => {
  it('is a backend with its address, or the refusal that ends first, counted once', () => {
    const { router, breakers, failUntilOpen, trip, clock } = routeBoard('round-robin', {
      a: { baseUrl: 'https://a.example' },
      b: { recoveryTimeout: 4_000 },
    })
    const { selection } = router
    const lane = selection.choose(clock.now())
    expect(lane).toHaveProperty('baseUrl', 'https://a.example')
    trip('a')
    failUntilOpen('b')
    const refusal = selection.choose(clock.now())
    expect(refusal).toBeInstanceOf(CallRejectedError)
    expect(refusal).toMatchObject({ service: 'b', retryAfterMs: expect.any(Number) })
    expect([breakers.a.rejected, breakers.b.rejected]).toEqual([0, 1])
  })

  it('is told of a share that was declined without asking again', () => {
    const { router, breakers, clock, board } = routeBoard('round-robin', { a: {} })
    breakers.a.direct(board.now(), {
      ...{ epoch: 1, level: 0, admissionRatio: 0.3, hold: false, rule: 'r', reason: 'overload' },
      expiresAt: board.now() + 60_000,
    })
    const now = clock.now()
    let refused = 0
    for (let i = 0; i < 20; i++) {
      const chosen = router.selection.choose(now)
      if (chosen instanceof CallRejectedError) refused++
      else chosen.breaker.admit(now)
      expect(breakers.a.rejected).toBe(refused)
    }
    expect(refused).toBe(13)
  })

  it('is not asked for twice because a listener has asked for another meanwhile', () => {
    const { router, breakers, clock, board, bus } = routeBoard('round-robin', { a: {}, b: {} })
    for (const breaker of Object.values(breakers)) {
      breaker.direct(board.now(), {
        ...{ epoch: 1, level: 0, admissionRatio: 0.01, hold: false, rule: 'r', reason: 'overload' },
        expiresAt: board.now() + 60_000,
      })
      breaker.admit(board.now())
    }
    let nested = false
    bus.subscribe('outcome', () => {
      if (!nested) {
        nested = true
        router.selection.pick(clock.now(), undefined, new Set(router.lanes))
      }
    })
    expect(router.selection.choose(clock.now())).toBeInstanceOf(CallRejectedError)
    expect(nested).toBe(true)
    expect([breakers.a.rejected, breakers.b.rejected]).toEqual([1, 1])
  })

  it('passes by a budget with leave to, and reaches maintenance with a probe of health', () => {
    const { router, breakers, board, clock } = routeBoard('round-robin', { a: {}, b: {} })
    breakers.a.signal(board.now(), { kind: 'budget', mode: 'blocked', rule: 'r', allowEmergencyOverride: true })
    breakers.b.command(board.now(), { name: 'beginMaintenance', ...by })
    expect(router.selection.pick(clock.now())).toBeUndefined()
    expect(router.selection.pick(clock.now(), 'emergency_override')?.backend.service).toBe('a')
    expect(router.selection.pick(clock.now(), 'health_probe')?.backend.service).toBe('b')
  })
})

it('breakers that are not those of the route are refused', () => {
  const { router, breakers } = routeBoard('round-robin', { a: {}, b: {} })
  const route = { strategy: 'round-robin', backends: router.lanes.map(({ backend }) => backend) } as const
  const options = { route, breakers: [breakers.b, breakers.a], random: seededRandom(1) }
  expect(() => new Router(options)).toThrow('the breaker of a is not where it should be')
})
