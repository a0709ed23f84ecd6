// Faults on demand, as a user's test meets them: all through the package's `testing` face and in virtual time.
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  byChance,
  type Fault,
  InjectedFaultError,
  injectFaults,
  scripted,
  seededRandom,
  VirtualClock,
} from '../../src/testing/index.ts'

interface Call {
  readonly signal: AbortSignal
}

const search = async (_call: Call, query = 'q'): Promise<string[]> => [query]

/** What a promise has come to so far. */
function watch(promise: Promise<unknown>): { outcome: string } {
  const seen = { outcome: 'pending' }
  promise.then(
    (value) => {
      seen.outcome = `ok ${JSON.stringify(value)}`
    },
    (error: Error) => {
      seen.outcome = `error ${error.message}`
    },
  )
  return seen
}

function setUp(plan: Parameters<typeof injectFaults>[1]) {
  const clock = new VirtualClock()
  const controller = new AbortController()
  const call: Call = { signal: controller.signal }
  return { clock, controller, call, ill: injectFaults(search, plan, { clock }) }
}

describe('a script of faults', () => {
  it('is played call by call, and then all is well', async () => {
    const { clock, call, ill } = setUp(['ok', 'error', { latency: 200 }, 'hang'])
    const seen = [1, 2, 3, 4, 5, 6].map((n) => watch(ill(call, `${n}`)))
    await clock.advanceAsync(199)
    expect(seen.map(({ outcome }) => outcome)).toEqual([
      'ok ["1"]',
      'error injected fault (call 1)',
      'pending',
      'pending',
      'ok ["5"]',
      'ok ["6"]',
    ])
    await clock.advanceAsync(1)
    expect(seen[2]?.outcome).toBe('ok ["3"]')
    await clock.advanceAsync(365 * 86_400_000)
    expect(seen[3]?.outcome).toBe('pending')
  })

  it('starts again when it is to repeat', async () => {
    const { call, ill } = setUp(scripted(['ok', 'error'], { repeat: true }))
    for (let round = 0; round < 3; round++) {
      await expect(ill(call)).resolves.toEqual(['q'])
      await expect(ill(call)).rejects.toThrow(InjectedFaultError)
    }
  })

  it.each([[[]], [['ok'] as const]])('of %j lets all calls through', async (faults: readonly Fault[]) => {
    const { call, ill } = setUp(scripted(faults, { repeat: true }))
    for (let n = 0; n < 3; n++) await expect(ill(call)).resolves.toEqual(['q'])
  })

  it('can be slow first and fail then, with an error of its own', async () => {
    const busy = Object.assign(new Error('busy'), { status: 503 })
    const { clock, call, ill } = setUp([{ latency: 50, outcome: 'error' }, { latency: 70, error: busy }, { error: undefined }])
    const failed = ill(call)
    const refused = ill(call)
    await expect(ill(call)).rejects.toBeUndefined()
    const seen = [watch(failed), watch(refused)]
    await clock.advanceAsync(49)
    expect(seen.map(({ outcome }) => outcome)).toEqual(['pending', 'pending'])
    await clock.advanceAsync(1)
    expect(seen.map(({ outcome }) => outcome)).toEqual(['error injected fault (call 0)', 'pending'])
    await clock.advanceAsync(20)
    await expect(refused).rejects.toBe(busy)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('with a latency of %d ms is refused', (latency) => {
    expect(() => setUp([{ latency }])).toThrow(RangeError)
  })
})

describe('a plan of the user', () => {
  it('sees how many calls came before and the time, so that an outage can have a beginning and an end', async () => {
    const clock = new VirtualClock(0)
    const seen: [number, number][] = []
    const ill = injectFaults(
      search,
      (call, at) => {
        seen.push([call, at])
        return at >= 1_000 && at < 2_000 ? 'error' : 'ok'
      },
      { clock },
    )
    const call = { signal: new AbortController().signal }
    await expect(ill(call)).resolves.toEqual(['q'])
    clock.advance(1_000)
    await expect(ill(call)).rejects.toThrow(InjectedFaultError)
    clock.advance(1_000)
    await expect(ill(call)).resolves.toEqual(['q'])
    expect(seen).toEqual([
      [0, 0],
      [1, 1_000],
      [2, 2_000],
    ])
  })
})

describe('an abort', () => {
  it.each<[string, Fault]>([
    ['hangs', 'hang'],
    ['is slow', { latency: 1_000 }],
    ['is slow and would hang', { latency: 1_000, outcome: 'hang' }],
  ])('rejects a call that %s with its reason, and leaves no timer behind', async (_what, fault) => {
    const { clock, controller, call, ill } = setUp([fault])
    const seen = watch(ill(call))
    await clock.advanceAsync(10)
    expect(seen.outcome).toBe('pending')
    controller.abort(new Error('had enough'))
    await clock.advanceAsync(0)
    expect(seen.outcome).toBe('error had enough')
    expect(clock.pending).toBe(0)
  })

  it('before the call rejects it at once', async () => {
    const { controller, call, ill } = setUp(['hang'])
    controller.abort(new Error('too late'))
    await expect(ill(call)).rejects.toThrow('too late')
  })

  it('ends a hang that came after the latency was over', async () => {
    const { clock, controller, call, ill } = setUp([{ latency: 5, outcome: 'hang' }])
    const seen = watch(ill(call))
    await clock.advanceAsync(10)
    controller.abort(new Error('had enough'))
    await clock.advanceAsync(0)
    expect(seen.outcome).toBe('error had enough')
  })

  it('after the latency was over does not touch the call, and no listener is left on the signal', async () => {
    const { clock, controller, call, ill } = setUp([{ latency: 5 }])
    let listeners = 0
    const { addEventListener, removeEventListener } = call.signal
    call.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++
      addEventListener.apply(call.signal, args)
    }
    call.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--
      removeEventListener.apply(call.signal, args)
    }
    const seen = watch(ill(call))
    expect(listeners).toBe(1)
    await clock.advanceAsync(5)
    controller.abort()
    expect(seen.outcome).toBe('ok ["q"]')
    expect(listeners).toBe(0)
  })

  it('is not looked for where the first argument carries no AbortSignal', async () => {
    const clock = new VirtualClock()
    const ill = injectFaults(async (first: unknown) => first, scripted([{ latency: 1 }], { repeat: true }), { clock })
    const seen = [undefined, null, 'text', {}, { signal: 'SIGTERM' }].map((first) => watch(ill(first)))
    await clock.advanceAsync(1)
    expect(seen.map(({ outcome }) => outcome)).toEqual([
      'ok undefined',
      'ok null',
      'ok "text"',
      'ok {}',
      'ok {"signal":"SIGTERM"}',
    ])
  })
})

describe('faults by chance', () => {
  const outcomes = (plan: ReturnType<typeof byChance>, calls = 10_000) => Array.from({ length: calls }, (_, n) => plan(n, 0))
  const ending = (fault: Fault) => (typeof fault === 'string' ? fault : 'outcome' in fault ? fault.outcome : 'throw')
  const share = (faults: Fault[], which: (fault: Fault) => boolean) => faults.filter(which).length / faults.length

  it('come as often as they are asked for', () => {
    const faults = outcomes(
      byChance({ error: 0.2, hang: 0.05, latency: { chance: 0.4, ms: { min: 100, max: 300 } } }, seededRandom(3)),
    )
    expect(share(faults, (fault) => ending(fault) === 'error')).toBeCloseTo(0.2, 1)
    expect(share(faults, (fault) => ending(fault) === 'hang')).toBeCloseTo(0.05, 1)
    const waits = faults.flatMap((fault) => (typeof fault === 'object' && fault.latency !== undefined ? [fault.latency] : []))
    expect(waits.length / faults.length).toBeCloseTo(0.4, 1)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...waits)).toBeLessThan(300)
    expect(waits.reduce((sum, ms) => sum + ms, 0) / waits.length).toBeCloseTo(200, -1)
  })

  it('are the same for the same seed, and others for another', () => {
    const chances = { error: 0.3, latency: { chance: 0.5, ms: 20 } }
    expect(outcomes(byChance(chances, seededRandom(1)), 200)).toEqual(outcomes(byChance(chances), 200))
    expect(outcomes(byChance(chances, seededRandom(2)), 200)).not.toEqual(outcomes(byChance(chances), 200))
  })

  it('keep their places when latency is added', () => {
    const without = outcomes(byChance({ error: 0.3 }), 500).map(ending)
    const withLatency = outcomes(byChance({ error: 0.3, latency: { chance: 0.5, ms: 20 } }), 500).map(ending)
    expect(withLatency).toEqual(without)
  })

  it('can be certain or impossible', () => {
    expect(new Set(outcomes(byChance({ error: 1 })))).toEqual(new Set(['error']))
    expect(new Set(outcomes(byChance({ hang: 1 })))).toEqual(new Set(['hang']))
    expect(new Set(outcomes(byChance({})))).toEqual(new Set(['ok']))
  })

  it.each([
    { error: 1.1 },
    { hang: -0.1 },
    { error: Number.NaN },
    { error: 0.6, hang: 0.6 },
    { latency: { chance: 2, ms: 1 } },
    { latency: { chance: 0.5, ms: -1 } },
    { latency: { chance: 0.5, ms: { min: 3, max: 2 } } },
    { latency: { chance: 0.5, ms: { min: 0, max: Number.POSITIVE_INFINITY } } },
  ])('are refused for %j', (chances) => {
    expect(() => byChance(chances)).toThrow(RangeError)
  })
})

describe('the wrapped function', () => {
  it('keeps its type if it is asynchronous, and becomes asynchronous if it is not', () => {
    const generic = async <T>(value: T): Promise<T> => value
    const sync = (a: number, b: string) => `${a}${b}`
    expectTypeOf(injectFaults(search, [])).toEqualTypeOf<typeof search>()
    expectTypeOf(injectFaults(generic, [])('a' as const)).toEqualTypeOf<Promise<'a'>>()
    expectTypeOf(injectFaults(sync, [])).toEqualTypeOf<(a: number, b: string) => Promise<string>>()
  })

  it('rejects where a synchronous one would throw', async () => {
    const failing = injectFaults((): number => {
      throw new Error('its own')
    }, [])
    await expect(failing()).rejects.toThrow('its own')
    await expect(injectFaults(() => 42, [])()).resolves.toBe(42)
  })

  it('is called at once when there is no fault, with its this and its arguments', async () => {
    const client = {
      name: 'client',
      calls: 0,
      async get(path: string) {
        this.calls++
        return `${this.name}${path}`
      },
    }
    client.get = injectFaults(client.get, [])
    const answer = client.get('/a')
    expect(client.calls).toBe(1)
    expect(await answer).toBe('client/a')
  })
})
