// Who answers when a service does not: in which order, through whose breakers, and what is told of it.
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import { type Attempted, runChain } from '../../src/actors/fallback/fallbackChain.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { parseConfig } from '../../src/model/config.ts'
import { ConfigError, UnknownServiceError } from '../../src/model/errors.ts'
import type { DecisionRecord } from '../../src/model/records.ts'
import { profileFor, registerKind } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { fails, httpError, leavesNothingUnhandled, ofType, open, replayed, settle, testBoard, watch } from './testBoard.ts'

leavesNothingUnhandled()

const by = { by: 'ann', why: 'drill' }
const down = new Error('down')
const policy = { kind: 'http', trip: { consecutiveFailures: 3 }, degrade: false } as const
const services = {
  perplexity: { ...policy, fallback: ['openai', 'cache', 'template'] },
  openai: policy,
  cache: { ...policy, kind: 'custom' },
} as const

/** Every service of the board shut by an operator. */
function trip(
  gear: { command(service: 'perplexity' | 'openai' | 'cache', command: object): void },
  ...names: (keyof typeof services)[]
) {
  for (const name of names) gear.command(name, { name: 'trip', ...by })
}

describe('a list of steps', () => {
  it('is tried in order until one answers, each step through its own breaker', async () => {
    const { gear, heard } = await testBoard(services)
    trip(gear, 'openai')
    const never = vi.fn()
    const answer = await gear.execute('perplexity', fails(httpError(503)), {
      fallback: [
        { service: 'openai', run: never },
        { service: 'cache', run: fails(httpError(500)) },
        { name: 'template', run: (call, error) => [call.service, (error as Error).message] },
        { name: 'last', run: never },
      ],
    })
    expect(answer).toEqual(['template', 'status 503'])
    expect(never).not.toHaveBeenCalled()
    expect(gear.services.openai.stats).toMatchObject({ rejected: 1, failures: 0 })
    expect(gear.services.cache.stats).toMatchObject({ rejected: 0, failures: 1 })
    expect(ofType(heard, 'decision')).toEqual([
      {
        type: 'decision',
        at: expect.any(Number),
        service: 'perplexity',
        decision: 'fallback',
        why: 'service_unavailable',
        steps: [
          { name: 'openai', result: 'rejected', code: 'ERR_SWITCHGEAR_OPEN' },
          { name: 'cache', result: 'failed', code: 'http_error' },
          { name: 'template', result: 'answered' },
        ],
        result: 'answered',
        duration: 0,
      },
    ])
  })

  it('answers with values, promises and thenables alike', async () => {
    const { gear } = await testBoard(services)
    const thenable = Object.defineProperty({}, 'then', { value: (done: (value: number) => void) => done(3) })
    for (const [given, want] of [
      [() => 1, 1],
      [() => Promise.resolve(2), 2],
      [() => thenable as PromiseLike<number>, 3],
    ] as const) {
      expect(await gear.execute('perplexity', fails(), { fallback: [{ service: 'openai', run: given }] })).toBe(want)
      expect(await gear.execute('cache', fails(), { fallback: [{ name: 'plain', run: given }] })).toBe(want)
    }
  })

  it('counts the answers of its steps for the services that gave them', async () => {
    const { gear, heard } = await testBoard(services)
    await gear.execute('perplexity', fails(), { fallback: [{ service: 'openai', run: () => 'hello' }] })
    expect(gear.services.openai.stats.successes).toBe(1)
    expect(ofType(heard, 'outcome').map(({ service, result }) => `${service} ${result}`)).toEqual([
      'perplexity failure',
      'openai success',
    ])
  })

  it('tells why: the code of a refusal, or the type of the failure', async () => {
    const { gear, clock, heard } = await testBoard(services)
    const fallback = [{ name: 'template', run: () => 'sorry' }]
    const never = () => new Promise<string>(() => undefined)
    await gear.execute('perplexity', fails(httpError(500)), { fallback })
    const late = gear.execute('perplexity', never, { timeout: 50, fallback })
    await clock.advanceAsync(50)
    expect(await late).toBe('sorry')
    expect(await gear.execute('perplexity', () => new Response(null, { status: 503 }), { fallback })).toBe('sorry')
    await gear.execute('perplexity', () => 'never', { fallback })
    trip(gear, 'openai')
    await gear.execute('cache', () => gear.execute('openai', () => 1), { fallback })
    const whys = ofType(heard, 'decision').map(({ service, why }) => `${service} ${why}`)
    expect(whys).toEqual([
      'perplexity http_error',
      'perplexity timeout',
      'perplexity service_unavailable',
      'perplexity ERR_SWITCHGEAR_OPEN',
      'cache ERR_SWITCHGEAR_OPEN',
    ])
  })

  it('leaves the caller with the original error, untouched, when no step answers', async () => {
    const { gear, heard } = await testBoard(services)
    const fallback = [
      { service: 'openai', run: fails(httpError(500)) },
      { name: 'template', run: fails(Object.assign(new Error('no template'), { code: 'ENOENT' })) },
    ]
    await expect(gear.execute('perplexity', fails(down), { fallback })).rejects.toBe(down)
    expect(down.cause).toBeUndefined()
    expect(ofType(heard, 'decision')).toMatchObject([
      { result: 'failed', steps: [{ code: 'http_error' }, { name: 'template', result: 'failed', code: 'ENOENT' }] },
    ])
  })

  it('leaves the caller with what came back when that counts as a failure and no step answers', async () => {
    const { gear } = await testBoard(services)
    const response = new Response(null, { status: 503 })
    const got = await gear.execute('perplexity', () => response, { fallback: [{ service: 'openai', run: fails() }] })
    expect(got).toBe(response)
  })

  it('passes on from a step whose answer counts as a failure, and is content with one that is the fault of the caller', async () => {
    const { gear, heard } = await testBoard(services)
    const got = await gear.execute('cache', fails(), {
      fallback: [
        { service: 'perplexity', run: () => new Response(null, { status: 500 }) },
        { service: 'openai', run: () => new Response(null, { status: 404 }) },
      ],
    })
    expect(got).toHaveProperty('status', 404)
    expect(ofType(heard, 'decision')[0]?.steps).toEqual([
      { name: 'perplexity', result: 'failed', code: 'http_error' },
      { name: 'openai', result: 'answered' },
    ])
  })

  it('gives each step its own timeout, and else that of its service', async () => {
    const { gear, clock, heard } = await testBoard({ ...services, openai: { ...policy, timeout: 100 } })
    const never = () => new Promise<string>(() => undefined)
    const answer = watch(
      gear.execute('perplexity', fails(), {
        fallback: [
          { service: 'openai', run: never },
          { service: 'cache', run: never, timeout: 30 },
          { name: 'template', run: () => 'sorry' },
        ],
      }),
    )
    await clock.advanceAsync(129)
    expect(answer.settled).toBe(false)
    await clock.advanceAsync(1)
    expect(answer.value).toBe('sorry')
    expect(ofType(heard, 'decision')).toMatchObject([
      { duration: 130, steps: [{ code: 'timeout' }, { code: 'timeout' }, { result: 'answered' }] },
    ])
  })

  it('may ask the same service twice, and the one that missed again', async () => {
    const { gear } = await testBoard(services)
    const large = fails()
    const small = () => 'small'
    const fallback = [
      { service: 'perplexity', run: large },
      { service: 'perplexity', run: small },
    ]
    expect(await gear.execute('perplexity', large, { fallback })).toBe('small')
  })

  it('is asked when time ran out, even of a kind that makes nothing of that', async () => {
    const kind = registerKind({ name: 'patient', profile: { classifyError: () => 'ignored' } })
    const { gear, clock, heard } = await testBoard({ slow: { kind } })
    const never = () => new Promise<string>(() => undefined)
    const late = gear.execute('slow', never, { timeout: 10, fallback: [{ name: 'template', run: () => 'sorry' }] })
    await clock.advanceAsync(10)
    expect(await late).toBe('sorry')
    expect(ofType(heard, 'decision')[0]?.why).toBe('timeout')
  })

  it('is not asked for what is the fault of the caller, nor when all is well', async () => {
    const { gear, heard } = await testBoard(services)
    const run = vi.fn()
    const fallback = [{ service: 'openai', run }]
    expect(await gear.execute('perplexity', () => 1, { fallback })).toBe(1)
    await expect(gear.execute('perplexity', fails(httpError(400)), { fallback })).rejects.toHaveProperty('status', 400)
    expect(await gear.execute('perplexity', () => new Response(null, { status: 404 }), { fallback })).toHaveProperty(
      'status',
      404,
    )
    expect(run).not.toHaveBeenCalled()
    expect(ofType(heard, 'decision')).toEqual([])
  })

  it('comes to the original error when it is empty, and nothing is told', async () => {
    const { gear, heard } = await testBoard(services)
    await expect(gear.execute('perplexity', fails(down), { fallback: [] })).rejects.toBe(down)
    expect(ofType(heard, 'decision')).toEqual([])
  })

  it('tells errors by a word of theirs, never by a sentence', async () => {
    const { gear, heard } = await testBoard(services)
    const hostile = {
      get code() {
        throw new Error('look away')
      },
    }
    const errors = [new TypeError('x'), { code: 'my prompt was: secret' }, 'thrown', null, undefined, hostile]
    for (const error of errors) {
      const fallback = [{ name: 'template', run: () => Promise.reject(error) }]
      await expect(gear.execute('cache', fails(httpError(429)), { fallback })).rejects.toHaveProperty('status')
      gear.signal('cache', { kind: 'limitCleared' })
    }
    const codes = ofType(heard, 'decision').map(({ steps }) => steps[0]?.code)
    expect(codes).toEqual(['TypeError', undefined, undefined, undefined, undefined, undefined])
  })

  it('tells nothing once the board is closed', async () => {
    const { gear, journal } = await testBoard(services)
    const { promise, reject } = open<string>()
    const call = gear.execute('perplexity', () => promise, { fallback: [{ service: 'openai', run: () => 'hello' }] })
    await gear.close()
    reject(down)
    await expect(call).rejects.toBe(down)
    expect(ofType(journal.records, 'decision')).toEqual([])
  })
})

describe('a record of answers by name', () => {
  it('is tried in the order the service is configured with; names that are services pass their breakers', async () => {
    const { gear, heard } = await testBoard(services)
    trip(gear, 'openai')
    const answer = await gear.execute('perplexity', fails(), {
      fallback: { template: () => 'sorry', openai: () => 'hello', cache: fails() },
    })
    expect(answer).toBe('sorry')
    expect(ofType(heard, 'decision')[0]?.steps).toEqual([
      { name: 'openai', result: 'rejected', code: 'ERR_SWITCHGEAR_OPEN' },
      { name: 'cache', result: 'failed', code: 'unknown_error' },
      { name: 'template', result: 'answered' },
    ])
  })

  it('passes over a configured name that it has no answer for', async () => {
    const { gear, heard } = await testBoard(services)
    expect(await gear.execute('perplexity', fails(), { fallback: { template: () => 'sorry' } })).toBe('sorry')
    expect(ofType(heard, 'decision')[0]?.steps).toHaveLength(1)
  })

  it('is tried as written where the service is configured with none', async () => {
    const { gear, heard } = await testBoard(services)
    expect(await gear.execute('openai', fails(), { fallback: { cache: fails(), template: () => 'sorry' } })).toBe('sorry')
    expect(ofType(heard, 'decision')[0]?.steps.map(({ name }) => name)).toEqual(['cache', 'template'])
  })

  it('serves the keys of a service in the same order', async () => {
    const { gear, heard } = await testBoard(services)
    const answer = await gear.services.perplexity.for('tenant').execute(fails(), {
      fallback: { template: () => 'sorry', cache: () => 'cached' },
    })
    expect(answer).toBe('cached')
    expect(ofType(heard, 'decision')[0]).toMatchObject({ service: 'perplexity/tenant', steps: [{ name: 'cache' }] })
  })
})

describe('a function', () => {
  it('is told as a step named fallback, and speaks for itself when it throws', async () => {
    const { gear, heard } = await testBoard(services)
    const worse = new Error('worse')
    expect(await gear.execute('perplexity', fails(down), { fallback: (error) => [error] })).toEqual([down])
    await expect(gear.execute('perplexity', fails(down), { fallback: fails(worse) })).rejects.toBe(worse)
    await expect(gear.execute('perplexity', fails(down), { fallback: fails(null) })).rejects.toBe(null)
    expect(ofType(heard, 'decision').map(({ result, steps }) => [result, ...steps])).toEqual([
      ['answered', { name: 'fallback', result: 'answered' }],
      ['failed', { name: 'fallback', result: 'failed', code: 'Error' }],
      ['failed', { name: 'fallback', result: 'failed' }],
    ])
  })
})

describe('what cannot be used is refused at the call, before anything is run', () => {
  const run = () => 1
  it.each<[unknown, string]>([
    [[{ service: 'opnai', run }], 'there is no service "opnai" on this board; did you mean openai?'],
    [[{ service: 'weather', run }], 'there is no service "weather" on this board; there are perplexity, openai, cache'],
    [[{ service: 7, run }], 'fallback.0.service: got 7; allowed: the name of a service'],
    [[{ name: 'a', run }, { run }], 'fallback.1.name: got nothing; allowed: a name, where there is no service'],
    [[{ name: '', run }], 'fallback.0.name: got ""; allowed: a name, where there is no service'],
    [[{ name: 'a' }], 'fallback.0.run: got nothing; allowed: a function'],
    [[{ service: 'cache', run, timeout: 0 }], 'fallback.0.timeout: got 0; allowed: a number of ms above 0'],
    [['openai'], 'fallback.0: got "openai"; allowed: { service, run } or { name, run }'],
    [[null], 'fallback.0: got null; allowed: { service, run } or { name, run }'],
    [{ tempalte: run }, 'fallback.tempalte: not in services.perplexity.fallback; did you mean template?'],
    [
      { weather: run },
      'fallback.weather: not in services.perplexity.fallback; allowed: the names in services.perplexity.fallback: openai, cache, template',
    ],
    [{ template: 'sorry' }, 'fallback.template: got "sorry"; allowed: a function'],
    ['openai', 'fallback: got "openai"; allowed: a function, a list of steps, or an object of functions by name'],
  ])('%j', async (fallback, message) => {
    const { gear, heard } = await testBoard(services)
    await gear.services.cache.for('a key').execute(run)
    const called = vi.fn()
    const error: unknown = await gear.execute('perplexity', called, { fallback: fallback as [] }).catch((thrown) => thrown)
    expect(error).toHaveProperty('message', message)
    expect(error instanceof ConfigError || error instanceof UnknownServiceError).toBe(true)
    expect(called).not.toHaveBeenCalled()
    expect(ofType(heard, 'outcome').filter(({ service }) => service === 'perplexity')).toEqual([])
  })
})

describe('the signal of the caller', () => {
  const never = () => new Promise<string>(() => undefined)

  it.each([
    ['of a service', { service: 'openai', run: never }],
    ['without a breaker', { name: 'slow', run: never }],
  ])('ends the chain in the midst of a step %s', async (_, step) => {
    const { gear, heard } = await testBoard(services)
    const controller = new AbortController()
    const next = vi.fn()
    const call = gear.execute('perplexity', fails(), {
      signal: controller.signal,
      fallback: [step, { name: 'next', run: next }],
    })
    await settle()
    controller.abort(new Error('the user left'))
    await expect(call).rejects.toThrow('the user left')
    expect(next).not.toHaveBeenCalled()
    expect(gear.services.openai.stats.failures).toBe(0)
    expect(ofType(heard, 'decision')).toMatchObject([{ result: 'failed', steps: [{ result: 'failed' }] }])
  })

  it('that aborts as a step fails ends the chain before the next', async () => {
    const { gear } = await testBoard(services)
    const controller = new AbortController()
    const next = vi.fn()
    const abort = (): never => {
      controller.abort(new Error('the user left'))
      throw down
    }
    for (const rest of [[{ name: 'next', run: next }], []]) {
      const fallback = [{ name: 'first', run: abort }, ...rest]
      await expect(gear.execute('perplexity', fails(), { signal: controller.signal, fallback })).rejects.toThrow('the user left')
    }
    expect(next).not.toHaveBeenCalled()
  })

  it('is given to each step, and leaves no listener behind', async () => {
    const { gear } = await testBoard(services)
    const controller = new AbortController()
    const { signal } = controller
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    const seen: AbortSignal[] = []
    const see = (call: { signal: AbortSignal }): never => {
      seen.push(call.signal)
      throw down
    }
    const fallback = [
      { service: 'openai', run: see },
      { name: 'template', run: see },
    ]
    await expect(gear.execute('perplexity', fails(down), { signal, fallback })).rejects.toBe(down)
    expect(seen).toEqual([signal, signal])
    expect(removed.mock.calls.length).toBe(added.mock.calls.length)
  })

  it('is there for a plain step even where the caller has none', async () => {
    const { gear } = await testBoard(services)
    const fallback = [{ name: 'template', run: (call: { signal: AbortSignal }) => call.signal.aborted }]
    expect(await gear.execute('perplexity', fails(), { fallback })).toBe(false)
  })
})

describe('services that fall back to each other', () => {
  const tick = () => Promise.resolve()

  it.each([
    ['at once', () => undefined],
    ['after a while', tick],
  ])('come to an end when each asks the other %s, even if neither trips', async (_, first) => {
    const { gear, heard } = await testBoard(services)
    for (const name of ['openai', 'cache'] as const) gear.command(name, { name: 'disable', ...by })
    let calls = 0
    const call = (): never => {
      calls++
      throw down
    }
    const askOpenai = async (): Promise<never> => {
      await first()
      return gear.execute('openai', call, { fallback: [{ service: 'cache', run: askCache }] })
    }
    const askCache = async (): Promise<never> => {
      await first()
      return gear.execute('cache', call, { fallback: [{ service: 'openai', run: askOpenai }] })
    }
    await expect(askOpenai()).rejects.toBe(down)
    expect(calls).toBe(2)
    expect(ofType(heard, 'decision').map(({ service, steps }) => [service, ...steps])).toEqual([
      ['cache', { name: 'openai', result: 'rejected', code: 'ERR_SWITCHGEAR_FALLBACK_CYCLE' }],
      ['openai', { name: 'cache', result: 'failed', code: 'unknown_error' }],
    ])
  })

  it('come to an end when they do so by functions, though both are refused', async () => {
    const { gear } = await testBoard(services)
    trip(gear, 'openai', 'cache')
    let asked = 0
    const askOpenai = (): Promise<string> => {
      asked++
      return gear.execute('openai', () => 'never', { fallback: askCache })
    }
    const askCache = (): Promise<string> => gear.execute('cache', () => 'never', { fallback: askOpenai })
    await expect(askOpenai()).rejects.toHaveProperty('code', 'ERR_SWITCHGEAR_OPEN')
    expect(asked).toBe(6)
  })

  it('do not use the fallback configured for a step', async () => {
    const { gear, heard } = await testBoard({
      a: { fallback: ['b'] },
      b: { fallback: ['a'] },
    })
    await expect(gear.execute('a', fails(down), { fallback: { b: fails() } })).rejects.toBe(down)
    expect(ofType(heard, 'decision')).toHaveLength(1)
  })

  it('may be asked again within a chain, with a fallback of their own', async () => {
    const { gear } = await testBoard(services)
    const less = () => gear.execute('perplexity', fails(), { fallback: () => 'sorry' })
    expect(await gear.execute('perplexity', fails(), { fallback: less })).toBe('sorry')
  })

  it('are not taken for a cycle because a timer of another chain told of the timeout', async () => {
    const { gear, clock } = await testBoard(services)
    const never = () => new Promise<string>(() => undefined)
    const bystander = gear.execute('cache', never, { timeout: 10, fallback: [{ service: 'openai', run: () => 'hello' }] })
    const pass = async () => {
      clock.advance(10)
      return bystander
    }
    expect(await gear.execute('openai', fails(), { fallback: [{ name: 'pass', run: pass }] })).toBe('hello')
  })
})

describe('the journal', () => {
  it('keeps decisions, and a replay passes over them', async () => {
    const { gear, journal, clock } = await testBoard(services)
    for (let i = 0; i < 12; i++) {
      await gear
        .execute('perplexity', fails(httpError(503)), {
          fallback: [
            { service: 'openai', run: i % 2 ? fails(httpError(500)) : () => 'hello' },
            { service: 'cache', run: i % 3 ? fails() : () => 'cached' },
          ],
        })
        .catch(() => undefined)
      await clock.advanceAsync(5_000)
    }
    const decisions = ofType(journal.records, 'decision')
    expect(new Set(decisions.map(({ result }) => result))).toEqual(new Set(['answered', 'failed']))
    expect(ofType(journal.records, 'transition').length).toBeGreaterThan(2)
    const replay = replayed(journal.records)
    expect(replay.first).toBeUndefined()
    const without = replayed(journal.records.filter(({ type }) => type !== 'decision'))
    expect({ ...without, first: undefined }).toEqual(replay)
  })
})

describe('an adapter', () => {
  it('can run a chain of its own way of trying services', async () => {
    const { origin, decisions } = bareBoard()
    const attempt = vi.fn(async (): Promise<Attempted<Response>> => ({ result: 'answered', value: new Response('from there') }))
    const outcome = await runChain<Response>({
      origin,
      miss: { how: 'refused', error: down, why: 'ERR_SWITCHGEAR_OPEN' },
      steps: [
        { service: 'gone', run: () => new Response() },
        { service: 'openai', run: () => new Response() },
      ],
      attempt,
    })
    expect(outcome.answered && (await outcome.value.text())).toBe('from there')
    expect(attempt).toHaveBeenCalledTimes(1)
    expect(decisions).toMatchObject([
      {
        steps: [
          { name: 'gone', result: 'rejected', code: 'ERR_SWITCHGEAR_UNKNOWN_SERVICE' },
          { name: 'openai', result: 'answered' },
        ],
      },
    ])
  })
})

it('promises what its steps can answer', async () => {
  const { gear } = await testBoard(services)
  const list = gear.execute('perplexity', () => true, {
    fallback: [
      { service: 'openai', run: async (call) => call.degradation.level },
      { name: 'template', run: (_, error) => String(error) },
    ],
  })
  expectTypeOf(list).toEqualTypeOf<Promise<boolean | string | 0 | 1 | 2 | 3>>()
  const record = gear.execute('perplexity', () => true, { fallback: { openai: async () => 1, template: (call) => call.service } })
  expectTypeOf(record).toEqualTypeOf<Promise<boolean | string | number>>()
  expectTypeOf(gear.execute('perplexity', () => true, { fallback: (error) => [error] })).toEqualTypeOf<
    Promise<boolean | unknown[]>
  >()
  expectTypeOf(gear.execute('perplexity', () => true, { timeout: 5 })).toEqualTypeOf<Promise<boolean>>()
  expectTypeOf(gear.execute<boolean>('perplexity', () => true, { timeout: 5 })).toEqualTypeOf<Promise<boolean>>()
  expectTypeOf(gear.execute('perplexity', () => true)).toEqualTypeOf<Promise<boolean>>()
  await Promise.all([list, record])
})

/** The breaker of perplexity on a board with openai, and the decisions told there. */
function bareBoard() {
  const bus = new MemoryBus()
  const decisions: DecisionRecord[] = []
  bus.subscribe('decision', (event) => event.type === 'decision' && decisions.push(event))
  const board = new Board({ clock: new VirtualClock(), bus, profileFor: (kind) => profileFor(kind), seed: 1, software: 'test' })
  const { policy } = parseConfig({ services: { any: {} } }).services.any ?? {}
  if (!policy) throw new Error('there is no policy')
  board.add('openai', 'custom', policy, board.now())
  return { origin: board.add('perplexity', 'custom', policy, board.now()), decisions }
}
