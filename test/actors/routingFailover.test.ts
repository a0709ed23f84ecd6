// What a call by a route comes to when a backend refuses after all, fails, or when all of them do.
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { BudgetRefusal } from '../../src/actors/callFollower.ts'
import { CallTimeoutError, ClosedError } from '../../src/model/errors.ts'
import type { DecisionRecord } from '../../src/model/records.ts'
import { by, routeBoard } from './routeBoard.ts'
import { fails, httpError, leavesNothingUnhandled, ofType, replayed, settle } from './testBoard.ts'

leavesNothingUnhandled()

/** A desk at which nothing fits. */
function noBudget(retryAfterMs?: number) {
  return { reserve: (): BudgetRefusal => ({ rule: 'mine', retryAfterMs }) }
}

describe('a backend that refuses after all', () => {
  it('is replaced by the next best, and no call is made there', async () => {
    const { router, breakers } = routeBoard('round-robin', { a: {}, b: {}, c: {} })
    breakers.a.budgets = noBudget()
    breakers.b.budgets = noBudget()
    const run = vi.fn(({ service }: { service: string }) => service)
    expect(await router.execute(run)).toBe('c')
    expect(run).toHaveBeenCalledTimes(1)
    expect([breakers.a.rejected, breakers.b.rejected, breakers.c.rejected]).toEqual([1, 1, 0])
  })

  it('leaves the refusal that ends first, whoever refused first', async () => {
    for (const [a, b, want] of [
      [5_000, 3_000, 3_000],
      [3_000, 5_000, 3_000],
      [undefined, 5_000, 5_000],
      [undefined, undefined, undefined],
    ]) {
      const { router, breakers } = routeBoard('round-robin', { a: {}, b: {} })
      breakers.a.budgets = noBudget(a)
      breakers.b.budgets = noBudget(b)
      const error = await router.execute(() => 1).catch((thrown) => thrown)
      expect(error).toMatchObject({ code: 'ERR_SWITCHGEAR_BUDGET_EXCEEDED', retryAfterMs: want })
    }
  })

  it('is weighed against those that were left out for their state', async () => {
    for (const [budget, want] of [
      [60_000, 'b'],
      [1, 'a'],
    ] as const) {
      const { router, breakers, failUntilOpen } = routeBoard('round-robin', { a: {}, b: {} })
      breakers.a.budgets = noBudget(budget)
      failUntilOpen('b')
      await expect(router.execute(() => 1)).rejects.toHaveProperty('service', want)
      expect(breakers.b.rejected).toBe(want === 'b' ? 1 : 0)
    }
  })
})

describe('when all backends refuse', () => {
  it('the caller gets the refusal that ends first, counted and journalled once', async () => {
    const { router, breakers, trip, clock, failUntilOpen, journal } = routeBoard('weighted', {
      forced: {},
      long: { recoveryTimeout: 60_000 },
      short: { recoveryTimeout: 4_000 },
    })
    trip('forced')
    failUntilOpen('long')
    failUntilOpen('short')
    clock.advance(1_000)
    const run = vi.fn()
    const error = await router.execute(run).catch((thrown) => thrown)
    expect(error).toMatchObject({ service: 'short', code: 'ERR_SWITCHGEAR_OPEN', retryAfterMs: expect.any(Number) })
    expect(error.retryAfterMs).toBeLessThan(10_000)
    expect(run).not.toHaveBeenCalled()
    expect([breakers.forced.rejected, breakers.long.rejected, breakers.short.rejected]).toEqual([0, 0, 1])
    expect(ofType(journal.records, 'outcome').filter(({ result }) => result === 'rejected')).toHaveLength(1)
    expect(replayed(journal.records).differences).toBe(0)
  })

  it('the fallback answers, and the decision is told of the backend that refused last', async () => {
    const { router, trip, bus } = routeBoard('round-robin', { a: {}, b: {} })
    const decisions: DecisionRecord[] = []
    bus.subscribe('decision', (event) => event.type === 'decision' && decisions.push(event))
    trip('a', 'b')
    const answer = await router.execute(() => 1, {
      fallback: [
        { service: 'b', run: () => 2 },
        { name: 'template', run: () => 'sorry' },
      ],
    })
    expect(answer).toBe('sorry')
    expect(decisions).toMatchObject([{ service: 'a', why: 'ERR_SWITCHGEAR_OPEN', steps: [{ name: 'b' }, { name: 'template' }] }])
  })
})

describe('a call that fails', () => {
  const down = httpError(503)

  it('is not made again elsewhere unless asked for', async () => {
    const { router } = routeBoard('round-robin', { a: {}, b: {} })
    const run = vi.fn(fails(down))
    await expect(router.execute(run)).rejects.toBe(down)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('is made again at other backends, as often as allowed, and never twice at one', async () => {
    const three = () => routeBoard('round-robin', { a: {}, b: {}, c: {} }).router
    const seen: string[] = []
    const run = ({ service }: { service: string }): string => {
      seen.push(service)
      if (service !== 'c') throw down
      return service
    }
    expect(await three().execute(run, { attempts: 3 })).toBe('c')
    expect(seen).toEqual(['a', 'b', 'c'])
    seen.length = 0
    await expect(three().execute(run, { attempts: 2 })).rejects.toBe(down)
    expect(seen).toEqual(['a', 'b'])
    const always = vi.fn(fails(down))
    await expect(three().execute(always, { attempts: 10 })).rejects.toBe(down)
    expect(always).toHaveBeenCalledTimes(3)
  })

  it('may have timed out, or have come back with what counts as a failure', async () => {
    const { router, clock } = routeBoard('round-robin', { a: {}, b: {} })
    const never = new Promise<string>(() => undefined)
    const late = router.execute(({ service }) => (service === 'a' ? never : 'well'), { timeout: 100, attempts: 2 })
    await clock.advanceAsync(100)
    expect(await late).toBe('well')
    const response = await router.execute(({ service }) => new Response(null, { status: service === 'a' ? 500 : 200 }), {
      attempts: 2,
    })
    expect(response.status).toBe(200)
    const both = router.execute(() => never, { timeout: 100, attempts: 2 })
    void both.catch(() => undefined)
    await clock.advanceAsync(200)
    await expect(both).rejects.toBeInstanceOf(CallTimeoutError)
  })

  it('comes to what the last one called came to, though others refuse', async () => {
    const { router, trip, breakers } = routeBoard('round-robin', { a: {}, b: {}, c: {} })
    trip('c')
    breakers.b.budgets = noBudget(1)
    await expect(router.execute(fails(down), { attempts: 3 })).rejects.toBe(down)
    const response = new Response(null, { status: 503 })
    expect(await router.execute(() => response, { attempts: 3 })).toBe(response)
  })

  it('is not made again when it is the fault of the caller, or the caller gave up', async () => {
    const { router } = routeBoard('round-robin', { a: {}, b: {} })
    const wrong = vi.fn(fails(httpError(404)))
    await expect(router.execute(wrong, { attempts: 2 })).rejects.toHaveProperty('status', 404)
    expect(wrong).toHaveBeenCalledTimes(1)
    const controller = new AbortController()
    const hung = vi.fn(() => new Promise<string>(() => undefined))
    const call = router.execute(hung, { attempts: 2, signal: controller.signal })
    controller.abort(new Error('the user left'))
    await expect(call).rejects.toThrow('the user left')
    expect(hung).toHaveBeenCalledTimes(1)
  })

  it('is told to the strategy, whose next pick knows of it', async () => {
    const { router, clock } = routeBoard('peak-ewma', { a: {}, b: {} })
    await router.execute(fails(down)).catch(() => undefined)
    const latencies = router.lanes.map((lane) => lane.latency(clock.now()))
    expect([...latencies].sort()).toEqual([1_000, undefined])
  })
})

describe('options', () => {
  it.each([
    [{ attempts: 0 }, 'attempts: got 0; allowed: a whole number from 1'],
    [{ attempts: 1.5 }, 'attempts: got 1.5; allowed: a whole number from 1'],
    [{ fallback: [{ service: 'c', run: () => 1 }] }, 'there is no service "c" on this board; there are a, b'],
  ])('%j are refused before a call is made', async (options, message) => {
    const { router } = routeBoard('round-robin', { a: {}, b: {} })
    const run = vi.fn()
    await expect(router.execute(run, options)).rejects.toHaveProperty('message', message)
    expect(run).not.toHaveBeenCalled()
  })

  it('a call that is no function is refused', async () => {
    const { router } = routeBoard('round-robin', { a: {} })
    await expect(router.execute('fetch' as unknown as () => number)).rejects.toBeInstanceOf(TypeError)
  })

  it('an emergency override reaches a backend whose budget allows it', async () => {
    const { router, breakers, board } = routeBoard('round-robin', { a: {}, b: {} })
    for (const breaker of Object.values(breakers)) {
      breaker.signal(board.now(), { kind: 'budget', mode: 'blocked', rule: 'r', allowEmergencyOverride: breaker.service === 'b' })
    }
    await expect(router.execute(() => 1)).rejects.toHaveProperty('code', 'ERR_SWITCHGEAR_BUDGET_EXCEEDED')
    expect(await router.execute(({ service }) => service, { emergencyOverride: by })).toBe('b')
  })

  it('tell the call which backend it goes to', async () => {
    const { router } = routeBoard('round-robin', { a: { baseUrl: 'https://a.example', weight: 2, cost: 3 } })
    const backend = { service: 'a', baseUrl: 'https://a.example', weight: 2, cost: 3 }
    expect(await router.execute((_, told) => told)).toEqual(backend)
  })
})

it('a closed board makes no calls', async () => {
  const { router, breakers } = routeBoard('round-robin', { a: {}, b: {} })
  for (const breaker of Object.values(breakers)) breaker.dispose()
  await expect(router.execute(() => 1, { attempts: 2 })).rejects.toBeInstanceOf(ClosedError)
})

it('promises what the backends and the fallback can answer', async () => {
  const { router } = routeBoard('round-robin', { a: {} })
  expectTypeOf(router.execute(async () => 'a')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(router.execute(() => 'a', { attempts: 2 })).toEqualTypeOf<Promise<string>>()
  expectTypeOf(router.execute(() => 'a', { fallback: [{ name: 'none', run: () => 1 }] })).toEqualTypeOf<
    Promise<string | number>
  >()
  await settle()
})
