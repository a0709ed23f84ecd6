// What a call through a breaker comes to, for its caller and for the breaker.
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { CallContext } from '../../src/actors/call.ts'
import { BreakerOpenError, CallTimeoutError, ConfigError, LoadShedError, MaintenanceError } from '../../src/model/errors.ts'
import { fails, httpError, leavesNothingUnhandled, ofType, open, path, replayed, settle, testBoard, watch } from './testBoard.ts'

const search = {
  kind: 'http',
  trip: { consecutiveFailures: 3 },
  degrade: false,
  recoveryTimeout: 10_000,
  maxProbes: 3,
  successesToClose: 2,
  rampDuration: 10_000,
} as const

leavesNothingUnhandled()

const by = { by: 'ann', why: 'because' }

type Then = (done: (value: unknown) => void, fail: (error: unknown) => void) => void

function thenable(then: Then, on: object = {}): unknown {
  return Object.defineProperty(on, 'then', { value: then })
}

function thenableThatThrowsWhenLookedAt(error: Error): unknown {
  return Object.defineProperty({}, 'then', {
    get() {
      throw error
    },
  })
}

describe.each([
  ['plainly', undefined],
  ['with options', { timeout: 1000 }],
])('a call made %s', (_, options) => {
  it.each<[string, () => unknown]>([
    ['a value', () => 42],
    ['a promise', () => Promise.resolve(42)],
    ['a thenable', () => thenable((done) => done(42))],
    [
      'a function that is a thenable',
      () =>
        thenable(
          (done) => done(42),
          () => 0,
        ),
    ],
    ['a thenable of a thenable', () => thenable((done) => done(thenable((inner) => inner(42))))],
  ])('resolves to %s', async (_, run) => {
    const { gear } = await testBoard({ search })
    await expect(gear.execute('search', run, options)).resolves.toBe(42)
    expect(gear.services.search.stats).toMatchObject({ successes: 1, failures: 0, inFlight: 0 })
  })

  const error = new Error('down')
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw error
      },
    ],
    ['rejects', () => Promise.reject(error)],
    ['hands back a thenable that rejects', () => thenable((_, fail) => fail(error))],
    [
      'hands back a thenable that throws',
      () =>
        thenable(() => {
          throw error
        }),
    ],
    ['hands back a thenable that throws when it is looked at', () => thenableThatThrowsWhenLookedAt(error)],
    ['hands back a thenable of a promise that rejects', () => thenable((done) => done(Promise.reject(error)))],
  ])('rejects with the very error of a function that %s', async (_, run) => {
    const { gear } = await testBoard({ search })
    await expect(gear.execute('search', run, options)).rejects.toBe(error)
    expect(gear.services.search.stats).toMatchObject({ successes: 0, failures: 1, inFlight: 0 })
  })

  it('hands back null and undefined as they are', async () => {
    const { gear } = await testBoard({ search })
    await expect(gear.execute('search', () => null, options)).resolves.toBeNull()
    await expect(gear.execute('search', () => undefined, options)).resolves.toBeUndefined()
  })

  it('hands back an answer that is a failure, and counts it as one', async () => {
    const { gear, journal } = await testBoard({ search })
    const answer = { status: 503, headers: new Headers({ 'retry-after': '7' }) }
    await expect(gear.execute('search', () => answer, options)).resolves.toBe(answer)
    expect(ofType(journal.records, 'outcome')[0]).toMatchObject({
      result: 'failure',
      failure: 'service_unavailable',
      status: 503,
      retryAfterMs: 7000,
    })
  })

  it("does not blame the service for the caller's mistake", async () => {
    const { gear } = await testBoard({ search })
    for (let i = 0; i < 5; i++) await gear.execute('search', fails(httpError(404)), options).catch(() => undefined)
    expect(gear.services.search.stats).toMatchObject({ ignored: 5, failures: 0, window: { calls: 0 } })
  })

  it('takes the limits stated in an answer to heart', async () => {
    const { gear, journal } = await testBoard({ search })
    const headers = new Headers({ 'ratelimit-limit': '100', 'ratelimit-remaining': '0', 'ratelimit-reset': '30' })
    await gear.execute('search', async () => ({ status: 200, headers }), options)
    expect(gear.state('search')).toBe('rateLimited')
    expect(journal.records.map(({ type }) => type)).toEqual(
      ['header', 'outcome', 'signal', 'transition', 'alert'].slice(0, journal.records.length),
    )
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('tells the function where it runs', async () => {
    const { gear, clock } = await testBoard({ search })
    let seen: CallContext | undefined
    await gear.execute(
      'search',
      (call) => {
        seen = call
      },
      options,
    )
    expect(seen).toMatchObject({ service: 'search', state: 'closed', degradation: { level: 0 }, generation: 0 })
    expect(seen?.deadline).toBe(options && clock.now() + options.timeout)
    expect(seen?.signal.aborted).toBe(false)
    expect(seen?.signal).toBe(seen?.signal)
  })
})

describe('what is no function', () => {
  it.each<[string, unknown, object | undefined]>([
    ['nothing', undefined, undefined],
    ['a promise', Promise.resolve(1), undefined],
    ['a string', 'run', undefined],
    ['an object, with a timeout', { run: () => 1 }, { timeout: 100 }],
    ['a promise, with a fallback', Promise.resolve(1), { fallback: () => 'instead' }],
  ])('is refused and counts as nothing: %s', async (_, run, options) => {
    const { gear, clock, journal } = await testBoard({ search })
    for (const execute of [gear.execute.bind(gear, 'search'), gear.services.search.execute.bind(gear.services.search)]) {
      await expect(execute(run as () => number, options)).rejects.toThrow(new TypeError('execute takes a function to run'))
    }
    expect(journal.records).toHaveLength(1)
    expect(clock.pending).toBe(0)
    expect(gear.services.search.stats).toMatchObject({ successes: 0, failures: 0, ignored: 0, rejected: 0, inFlight: 0 })
  })
})

describe('types', () => {
  it('flow through', async () => {
    const { gear } = await testBoard({ search })
    expectTypeOf(gear.execute('search', () => 1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(gear.execute('search', async () => 'a')).toEqualTypeOf<Promise<string>>()
    expectTypeOf(gear.services.search.execute(async () => 'a', { fallback: () => 1 })).toEqualTypeOf<Promise<string | number>>()
    expectTypeOf(gear.services.search.for('a').execute(() => 1, { fallback: async () => null })).toEqualTypeOf<
      Promise<number | null>
    >()
    expectTypeOf(gear.execute('search', (call) => call.signal, { timeout: 5 })).toEqualTypeOf<Promise<AbortSignal>>()
  })
})

describe('a degraded service', () => {
  it('tells its calls how much less to ask', async () => {
    const { gear } = await testBoard({ search })
    gear.signal('search', { kind: 'health', level: 2, reason: 'low quality' })
    const seen = await gear.execute('search', ({ state, degradation, generation }) => ({ state, degradation, generation }))
    expect(seen).toEqual({
      state: 'degraded',
      degradation: { level: 2, overrides: {}, expected: { performanceImpact: 0, costSaved: 0 } },
      generation: 1,
    })
  })
})

describe('a timeout', () => {
  it('rejects, aborts the signal, and counts as a timeout', async () => {
    const { gear, clock, journal } = await testBoard({ search })
    let signal: AbortSignal | undefined
    const call = watch(
      gear.execute(
        'search',
        (c) => {
          signal = c.signal
          return new Promise(() => undefined)
        },
        { timeout: 2000 },
      ),
    )
    await clock.advanceAsync(1999)
    expect(call.settled).toBe(false)
    await clock.advanceAsync(1)
    await settle()
    expect(call.error).toBeInstanceOf(CallTimeoutError)
    expect(call.error).toMatchObject({ service: 'search', timeoutMs: 2000, code: 'ERR_SWITCHGEAR_TIMEOUT' })
    expect(signal?.aborted).toBe(true)
    expect(signal?.reason).toBe(call.error)
    expect(ofType(journal.records, 'outcome')).toMatchObject([{ result: 'failure', failure: 'timeout', latency: 2000 }])
    expect(gear.services.search.stats.inFlight).toBe(0)
  })

  it('is told to a function that asks for its signal only when it is too late', async () => {
    const { gear, clock } = await testBoard({ search })
    let late: AbortSignal | undefined
    const wait = open<void>()
    const call = watch(
      gear.execute(
        'search',
        async (c) => {
          await wait.promise
          late = c.signal
        },
        { timeout: 100 },
      ),
    )
    await clock.advanceAsync(100)
    wait.resolve()
    await settle()
    expect(late?.aborted).toBe(true)
    expect(late?.reason).toBe(call.error)
  })

  it.each(['resolve', 'reject'] as const)('is the last word: that the function does %s later decides nothing', async (how) => {
    const { gear, clock } = await testBoard({ search })
    const answer = open<unknown>()
    const call = watch(gear.execute('search', () => answer.promise, { timeout: 100 }))
    await clock.advanceAsync(100)
    answer[how](new Error('late'))
    await settle()
    expect(call.error).toBeInstanceOf(CallTimeoutError)
    expect(gear.services.search.stats).toMatchObject({ successes: 0, failures: 1, ignored: 0, inFlight: 0 })
  })

  it('leaves no timer behind when the call ends in time', async () => {
    const { gear, clock } = await testBoard({ search })
    const before = clock.pending
    await gear.execute('search', () => 1, { timeout: 100 })
    await gear.execute('search', fails(), { timeout: 100 }).catch(() => undefined)
    await gear.flush()
    expect(clock.pending).toBe(before)
  })

  it('is that of the policy where the call has none of its own', async () => {
    const { gear, clock } = await testBoard({ search: { ...search, timeout: 500 } })
    const calls = [
      watch(gear.execute('search', () => new Promise(() => undefined))),
      watch(gear.execute('search', () => new Promise(() => undefined), { timeout: 900 })),
      watch(gear.execute('search', () => new Promise(() => undefined), { timeout: Number.POSITIVE_INFINITY })),
    ]
    await clock.advanceAsync(500)
    await settle()
    expect(calls.map(({ settled }) => settled)).toEqual([true, false, false])
    await clock.advanceAsync(400)
    await settle()
    expect(calls.map(({ settled }) => settled)).toEqual([true, true, false])
  })

  it.each<[unknown]>([[0], [-1], [Number.NaN], ['100'], ['soon'], [{}], [true], [100n]])(
    'of %s is refused, and no call is made',
    async (timeout) => {
      const { gear, journal } = await testBoard({ search })
      const run = vi.fn()
      const refused = gear.execute('search', run, { timeout: timeout as number, fallback: () => 'instead' })
      await expect(refused).rejects.toMatchObject({ name: 'ConfigError', path: 'timeout', allowed: 'a number of ms above 0' })
      await expect(refused).rejects.toBeInstanceOf(ConfigError)
      expect(run).not.toHaveBeenCalled()
      expect(journal.records).toHaveLength(1)
      expect(gear.services.search.stats).toMatchObject({ successes: 0, failures: 0, rejected: 0, inFlight: 0 })
    },
  )

  it('of a function that never comes back to its promise still ends half-open rounds', async () => {
    const { gear, clock } = await testBoard({ search })
    for (let i = 0; i < 3; i++) await watch(gear.execute('search', () => new Promise(() => undefined), { timeout: 10 }))
    await clock.advanceAsync(10)
    expect(gear.state('search')).toBe('open')
  })
})

describe("the caller's signal", () => {
  it('that has been aborted keeps the call from being made', async () => {
    const { gear } = await testBoard({ search })
    const run = vi.fn()
    const reason = new Error('gone')
    await expect(gear.execute('search', run, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(run).not.toHaveBeenCalled()
    expect(gear.services.search.stats).toMatchObject({ ignored: 0, failures: 0, successes: 0, inFlight: 0 })
  })

  it.each([
    ['alone', {}, undefined],
    ['beside a timeout', { timeout: 5000 }, undefined],
    ["beside the policy's timeout", {}, 5000],
  ])('%s gives the call up when it aborts, which counts neither way', async (_, options, timeout) => {
    const { gear, clock } = await testBoard({ search: timeout === undefined ? search : { ...search, timeout } })
    const controller = new AbortController()
    const reason = new Error('gone')
    let seen: AbortSignal | undefined
    const fallback = vi.fn()
    const call = watch(
      gear.execute(
        'search',
        (c) => {
          seen = c.signal
          return new Promise(() => undefined)
        },
        { ...options, signal: controller.signal, fallback },
      ),
    )
    controller.abort(reason)
    await settle()
    expect(call.error).toBe(reason)
    expect(seen?.aborted).toBe(true)
    expect(seen?.reason).toBe(reason)
    expect(fallback).not.toHaveBeenCalled()
    await clock.advanceAsync(10_000)
    expect(gear.services.search.stats).toMatchObject({ ignored: 1, failures: 0, inFlight: 0, window: { calls: 0 } })
  })

  it.each(['resolve', 'reject'] as const)('given up, the call may %s and nobody minds', async (how) => {
    const { gear } = await testBoard({ search })
    const controller = new AbortController()
    const answer = open<unknown>()
    const call = watch(gear.execute('search', () => answer.promise, { signal: controller.signal }))
    controller.abort()
    answer[how](new Error('late'))
    await settle()
    expect(call.error).toMatchObject({ name: 'AbortError' })
    expect(gear.services.search.stats).toMatchObject({ ignored: 1, successes: 0, failures: 0 })
  })

  it('may be aborted by the very function that is called', async () => {
    const { gear } = await testBoard({ search })
    for (const run of [
      () => 1,
      () => {
        throw new Error('after all')
      },
      () => Promise.reject(new Error('after all')),
    ]) {
      const controller = new AbortController()
      await expect(
        gear.execute(
          'search',
          () => {
            controller.abort(new Error('gone'))
            return run()
          },
          { signal: controller.signal },
        ),
      ).rejects.toThrow('gone')
    }
    expect(gear.services.search.stats).toMatchObject({ ignored: 3, inFlight: 0 })
  })

  it('is left without a listener of ours, however the call ends', async () => {
    const { gear, clock } = await testBoard({ search })
    const controller = new AbortController()
    const { signal } = controller
    let listeners = 0
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    add.mockImplementation((...args) => {
      listeners++
      EventTarget.prototype.addEventListener.apply(signal, args as never)
    })
    remove.mockImplementation((...args) => {
      listeners--
      EventTarget.prototype.removeEventListener.apply(signal, args as never)
    })
    await gear.execute('search', () => 1, { signal })
    await gear.execute('search', async () => 1, { signal })
    await gear.execute('search', fails(), { signal }).catch(() => undefined)
    await gear
      .execute(
        'search',
        () => {
          throw new Error('x')
        },
        { signal },
      )
      .catch(() => undefined)
    const slow = watch(gear.execute('search', () => new Promise(() => undefined), { signal, timeout: 10 }))
    expect(listeners).toBe(1)
    await clock.advanceAsync(10)
    expect(slow.settled).toBe(true)
    await gear.execute('search', () => 1, { signal }).catch(() => undefined)
    expect(add).toHaveBeenCalledTimes(5)
    expect(listeners).toBe(0)
  })

  it('itself is what the function is given where nothing else can abort the call', async () => {
    const { gear } = await testBoard({ search })
    const { signal } = new AbortController()
    await expect(gear.execute('search', (call) => call.signal, { signal })).resolves.toBe(signal)
  })
})

describe('a fallback', () => {
  const fallback = vi.fn((error: unknown) => ({ instead: error }))

  it('answers for a call that failed', async () => {
    const { gear } = await testBoard({ search })
    const error = new Error('down')
    for (const run of [
      fails(error),
      () => {
        throw error
      },
    ]) {
      await expect(gear.execute('search', run, { fallback })).resolves.toEqual({ instead: error })
    }
    expect(gear.services.search.stats).toMatchObject({ failures: 2, successes: 0 })
  })

  it('answers for an answer that is a failure', async () => {
    const { gear } = await testBoard({ search })
    const answer = { status: 500, headers: {} }
    await expect(gear.execute('search', async () => answer, { fallback })).resolves.toEqual({ instead: answer })
  })

  it('answers for a call that was refused', async () => {
    const { gear } = await testBoard({ search })
    gear.command('search', { name: 'trip', ...by })
    const answer = await gear.execute('search', () => 1, { fallback })
    expect(answer).toEqual({ instead: expect.any(BreakerOpenError) })
  })

  it('answers for a call that timed out', async () => {
    const { gear, clock } = await testBoard({ search })
    const call = watch(gear.execute('search', () => new Promise<never>(() => undefined), { fallback, timeout: 50 }))
    await clock.advanceAsync(50)
    await settle()
    expect(call.value).toEqual({ instead: expect.any(CallTimeoutError) })
  })

  it('answers for a call that ran into the refusal of another breaker, which is no failure of this one', async () => {
    const { gear } = await testBoard({ search, cache: { kind: 'cache' } })
    gear.command('cache', { name: 'trip', ...by })
    const answer = await gear.execute('search', () => gear.execute('cache', () => 1), { fallback })
    expect(answer).toEqual({ instead: expect.any(BreakerOpenError) })
    expect(gear.services.search.stats).toMatchObject({ ignored: 1, failures: 0 })
  })

  it("does not answer for the caller's own mistake", async () => {
    const { gear } = await testBoard({ search })
    await expect(gear.execute('search', fails(httpError(404)), { fallback })).rejects.toThrow('status 404')
    const answer = { status: 404, headers: {} }
    await expect(gear.execute('search', () => answer, { fallback })).resolves.toBe(answer)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no fallback either')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no fallback either'))],
  ])('that %s is the call that failed', async (_, broken) => {
    const { gear } = await testBoard({ search })
    await expect(gear.execute('search', fails(), { fallback: broken })).rejects.toThrow('no fallback either')
    gear.command('search', { name: 'trip', ...by })
    await expect(gear.execute('search', fails(), { fallback: broken })).rejects.toThrow('no fallback either')
  })

  it('may be a promise', async () => {
    const { gear } = await testBoard({ search })
    await expect(gear.execute('search', fails(), { fallback: async () => 'stale' })).resolves.toBe('stale')
  })
})

describe('a health probe', () => {
  it('passes in maintenance, where others do not, and decides nothing', async () => {
    const { gear, journal } = await testBoard({ search })
    gear.command('search', { name: 'beginMaintenance', ...by })
    await expect(gear.execute('search', () => 1)).rejects.toThrow(MaintenanceError)
    await expect(gear.execute('search', () => 'up', { healthProbe: true })).resolves.toBe('up')
    for (let i = 0; i < 5; i++) await gear.execute('search', fails(), { healthProbe: true }).catch(() => undefined)
    expect(gear.state('search')).toBe('maintenance')
    expect(gear.services.search.stats).toMatchObject({ successes: 1, failures: 5, window: { calls: 0 } })
    expect(ofType(journal.records, 'admission')[0]).toMatchObject({ exemption: 'health_probe' })
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('that ends after the maintenance does is not taken for a probe of the round that follows', async () => {
    const { gear, journal } = await testBoard({ search: { ...search, maxProbes: 1, successesToClose: 1 } })
    gear.command('search', { name: 'beginMaintenance', ...by })
    const answer = open<number>()
    const probe = gear.execute('search', () => answer.promise, { healthProbe: true })
    gear.command('search', { name: 'endMaintenance', ...by })
    answer.resolve(1)
    await probe
    expect(gear.state('search')).toBe('halfOpen')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('is an ordinary call elsewhere', async () => {
    const { gear } = await testBoard({ search })
    await gear.execute('search', () => 1, { healthProbe: true })
    expect(gear.services.search.stats.window.calls).toBe(1)
    gear.command('search', { name: 'trip', ...by })
    await expect(gear.execute('search', () => 1, { healthProbe: true })).rejects.toThrow(BreakerOpenError)
  })
})

describe('an emergency override', () => {
  it('passes a budget whose rule allows it, and who and why is in the journal', async () => {
    const { gear, journal } = await testBoard({ search })
    gear.signal('search', { kind: 'budget', mode: 'blocked', rule: 'daily', allowEmergencyOverride: true })
    await expect(gear.execute('search', () => 1)).rejects.toThrow('budget rule daily')
    await expect(gear.execute('search', () => 1, { emergencyOverride: by })).resolves.toBe(1)
    expect(ofType(journal.records, 'admission')).toMatchObject([{ exemption: 'emergency_override', ...by }])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('does not pass one whose rule does not', async () => {
    const { gear } = await testBoard({ search })
    gear.signal('search', { kind: 'budget', mode: 'blocked', rule: 'daily' })
    await expect(gear.execute('search', () => 1, { emergencyOverride: by })).rejects.toThrow('budget rule daily')
  })
})

describe('a call within a call', () => {
  it('of the same breaker is a call of its own', async () => {
    const { gear, journal } = await testBoard({ search })
    await expect(gear.execute('search', () => gear.execute('search', () => gear.execute('search', () => 3)))).resolves.toBe(3)
    expect(gear.services.search.stats).toMatchObject({ successes: 3, inFlight: 0 })
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('may open the breaker beneath the one it is in, whose result then decides nothing', async () => {
    const { gear, journal } = await testBoard({ search })
    await gear.execute('search', async () => {
      for (let i = 0; i < 3; i++) await gear.execute('search', fails()).catch(() => undefined)
      return 1
    })
    expect(gear.state('search')).toBe('open')
    expect(gear.services.search.stats.window.calls).toBe(0)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('a listener that acts on what it hears', () => {
  it('commands the breaker, and the journal has the command after what it was an answer to', async () => {
    const { gear, journal } = await testBoard({ search })
    gear.events$.subscribe((event) => {
      if (event.type === 'transition' && event.to === 'open.cooling') gear.command('search', { name: 'reset', ...by })
      if (event.type === 'command') gear.signal('search', { kind: 'health', level: 1, reason: 'to be safe' })
    })
    for (let i = 0; i < 3; i++) await gear.execute('search', fails()).catch(() => undefined)
    expect(path(journal.records)).toEqual([
      'closed.watching → open.cooling (consecutive_failures)',
      'open.cooling → closed.watching (command.reset)',
      'closed.watching → degraded.level1 (health.changed)',
    ])
    expect(replayed(journal.records)).toMatchObject({ differences: 0, transitions: 3 })
  })

  it('makes a probe of its own when it hears of one: both are probes, each with its own number', async () => {
    const { gear, clock, journal } = await testBoard({ search })
    for (let i = 0; i < 3; i++) await gear.execute('search', fails()).catch(() => undefined)
    clock.advance(60_000)
    expect(gear.state('search')).toBe('halfOpen')
    const answer = open<number>()
    let inner: Promise<number> | undefined
    gear.events$.subscribe((event) => {
      if (event.type === 'admission' && !inner) inner = gear.execute('search', () => answer.promise)
    })
    const outer = gear.execute('search', () => answer.promise)
    answer.resolve(1)
    await Promise.all([outer, inner])
    expect(
      ofType(journal.records, 'outcome')
        .filter(({ result }) => result === 'success')
        .map(({ probe }) => probe)
        .sort(),
    ).toEqual([1, 2])
    expect(gear.services.search.path).toBe('closed.ramping')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('trips the breaker beneath a call just admitted, whose result then decides nothing', async () => {
    const { gear, journal } = await testBoard({ search })
    gear.direct('search', { epoch: 1, level: 1, admissionRatio: 0.9, expiresAt: 9e12, rule: 'r', reason: 'r' })
    gear.events$.subscribe((event) => {
      if (event.type === 'admission') gear.command('search', { name: 'trip', ...by })
    })
    await gear.execute('search', () => 1)
    expect(gear.services.search.stats.window.calls).toBe(0)
    await expect(gear.execute('search', () => 1)).rejects.toThrow(BreakerOpenError)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('resets the breaker on hearing of a refusal, which stays what it was', async () => {
    const { gear, journal } = await testBoard({ search })
    gear.direct('search', { epoch: 1, level: 1, admissionRatio: 0, expiresAt: 9e12, rule: 'r', reason: 'r' })
    gear.events$.subscribe((event) => {
      if (event.type === 'outcome') gear.command('search', { name: 'disable', ...by })
    })
    const error = await gear.execute('search', () => 1).catch((e) => e)
    expect(error).toBeInstanceOf(LoadShedError)
    expect(error).toMatchObject({ state: 'degraded', reason: 'directive.r' })
    expect(gear.services.search.path).toBe('closed.bypassed')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('looking', () => {
  it('at numbers changes none: a replay, which looks at nothing, comes to the same', async () => {
    const play = async (looks: boolean) => {
      const { gear, clock, journal } = await testBoard({ search: { ...search, recoveryTimeout: 30_000, adaptiveRecovery: true } })
      for (let i = 0; i < 60; i++) {
        await gear.execute('search', i % 20 < 17 ? () => 1 : fails()).catch(() => undefined)
        clock.advance(i % 20 === 16 ? 25_000 : 700)
        if (looks) expect(gear.services.search.stats.window.calls).toBeGreaterThanOrEqual(0)
        if (i % 20 === 16) clock.advance(10_000)
        gear.peek('search')
      }
      expect(replayed(journal.records)).toMatchObject({ differences: 0 })
      return journal.records
    }
    expect(await play(true)).toEqual(await play(false))
  })
})
