// What a board offers beside its breakers: fetch, caches, monitors, routes, budgets, and the healthiest of a service's models.
import { describe, expect, expectTypeOf, it } from 'vitest'
import { ClosedError, ConfigError } from '../src/model/errors.ts'
import { registerKind } from '../src/services/profiles.ts'
import { createSwitchgear } from '../src/switchgear.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { fails, ofType, replayed, settle, testBoard } from './actors/testBoard.ts'

const by = { by: 'ann', why: 'a drill' }
const trip = { name: 'trip', ...by } as const

function answering(status = 200, body: unknown = {}) {
  const urls: string[] = []
  const upstream: typeof fetch = async (input) => {
    urls.push(String(input))
    return Response.json(body, { status })
  }
  return { upstream, urls }
}

const backends = {
  services: { east: { kind: 'http' }, west: { kind: 'http' } },
  routes: {
    api: {
      strategy: 'round-robin',
      backends: [
        { service: 'east', baseUrl: 'http://east.test' },
        { service: 'west', baseUrl: 'http://west.test/v2' },
      ],
    },
  },
} as const

describe('a fetch of the board', () => {
  it('runs requests through the breaker of a service', async () => {
    const { gear, heard } = await testBoard({ search: { kind: 'http' } })
    const { upstream } = answering()
    const guarded = gear.fetch('search', { fetch: upstream })
    expectTypeOf(guarded).toEqualTypeOf<typeof fetch>()
    expect(await (await guarded('http://search.test/a')).json()).toEqual({})
    expect(ofType(heard, 'outcome')).toMatchObject([{ service: 'search', result: 'success' }])
    gear.command('search', trip)
    const refused = await guarded('http://search.test/a')
    expect(refused.status).toBe(503)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(await refused.json()).toMatchObject({ error: { code: 'ERR_SWITCHGEAR_OPEN', service: 'search' } })
  })

  it('is there for services and routes only, and once the board is closed for none', async () => {
    const { gear } = await testBoard({ search: {} })
    // @ts-expect-error: there is no such service
    expect(() => gear.fetch('serach')).toThrow('did you mean search?')
    const guarded = gear.fetch('search', { fetch: answering().upstream })
    await gear.close()
    await expect(guarded('http://search.test')).rejects.toThrow(ClosedError)
    expect(() => gear.fetch('search')).toThrow(ClosedError)
  })
})

describe('a route', () => {
  it('sends requests to its backends in turn, and to none that is open', async () => {
    const clock = new VirtualClock()
    await using gear = await createSwitchgear({ ...backends, clock, seed: 1 })
    const { upstream, urls } = answering()
    const guarded = gear.fetch('api', { fetch: upstream })
    for (let i = 0; i < 4; i++) await (await guarded('http://anything.test/items?n=1')).text()
    expect(urls.sort()).toEqual([
      'http://east.test/items?n=1',
      'http://east.test/items?n=1',
      'http://west.test/v2/items?n=1',
      'http://west.test/v2/items?n=1',
    ])
    gear.command('east', trip)
    urls.length = 0
    for (let i = 0; i < 3; i++) await (await guarded('http://anything.test/items')).text()
    expect(urls).toEqual(Array(3).fill('http://west.test/v2/items'))
    gear.command('west', trip)
    expect((await guarded('http://anything.test/items')).status).toBe(503)
  })

  it('goes on to the next backend where the one it chose refuses after all, for want of money say', async () => {
    const rules = [
      { id: 'small', type: 'absolute_daily', threshold: 0.001, action: 'block', scope: { services: ['east'] } },
    ] as const
    const priced = registerKind({
      name: 'priced',
      like: 'http',
      profile: { estimate: () => ({ cost: 1, confidence: 0.9 }), readRequest: (path) => ({ path, body: undefined }) },
    })
    const services = { east: { kind: priced }, west: { kind: priced } }
    await using gear = await createSwitchgear({ ...backends, services, budgets: { rules }, clock: new VirtualClock(), seed: 1 })
    const { upstream, urls } = answering()
    const guarded = gear.fetch('api', { fetch: upstream })
    for (let i = 0; i < 3; i++) expect((await guarded('http://anything.test/')).status).toBe(200)
    expect(new Set(urls)).toEqual(new Set(['http://west.test/v2/']))
    gear.command('west', trip)
    const refused = await guarded('http://anything.test/')
    expect(await refused.json()).toMatchObject({ error: { code: 'ERR_SWITCHGEAR_BUDGET_EXCEEDED', service: 'east' } })
  })

  it('is called by hand like a service, and knows its backends', async () => {
    await using gear = await createSwitchgear({ ...backends, clock: new VirtualClock(), seed: 1 })
    expectTypeOf(gear.routes).toHaveProperty('api')
    expect(gear.routes.api).toMatchObject({ name: 'api', strategy: 'round-robin', backends: ['east', 'west'] })
    const asked = [1, 2, 3].map(() => gear.routes.api.execute((call, { baseUrl }) => `${call.service} ${baseUrl}`))
    expect(await Promise.all(asked)).toEqual(['east http://east.test', 'west http://west.test/v2', 'east http://east.test'])
    // @ts-expect-error: a route is no service
    await expect(gear.execute('api', () => 1)).rejects.toThrow('it is a route: see gear.routes.api')
  })

  it('learns from what comes of requests how quick its backends are', async () => {
    const clock = new VirtualClock()
    const routes = { api: { ...backends.routes.api, strategy: 'peak-ewma' } } as const
    await using gear = await createSwitchgear({ ...backends, routes, clock, seed: 1 })
    const urls: string[] = []
    const guarded = gear.fetch('api', {
      fetch: async (input) => {
        urls.push(new URL(String(input)).host)
        clock.advance(String(input).includes('east') ? 500 : 5)
        return Response.json({})
      },
    })
    for (let i = 0; i < 20; i++) await (await guarded('http://anything.test/')).text()
    expect(urls.filter((host) => host === 'west.test').length).toBeGreaterThan(17)
  })
})

describe('a cache of the board', () => {
  it('stands behind the breaker of a service until the board is closed', async () => {
    const { gear } = await testBoard({ notes: { kind: 'cache' } })
    const cache = gear.cache('notes', new Map<string, number>())
    expectTypeOf(cache.get('a')).resolves.toEqualTypeOf<number | undefined>()
    expect(await cache.set('a', 1)).toBe(true)
    expect(await cache.get('a')).toBe(1)
    gear.command('notes', trip)
    expect(await cache.get('a')).toBeUndefined()
    // @ts-expect-error: no cache client
    expect(() => gear.cache('notes', { get: () => 1 })).toThrow(ConfigError)
    await gear.close()
    expect(() => gear.cache('notes', new Map<string, number>())).toThrow(ClosedError)
  })
})

describe('a monitor of the board', () => {
  it('asks a service how it is, and stops with the board', async () => {
    const { gear, clock } = await testBoard({ rag: { kind: 'http', recoverAfter: 600_000 } })
    let asked = 0
    const fetch = async (): Promise<Response> => {
      asked++
      throw new TypeError('fetch failed')
    }
    const monitor = gear.monitor('rag', { url: 'http://rag.test', intervalMs: 1000, fetch })
    for (let i = 0; i < 4; i++) {
      await clock.advance(1000)
      await settle()
    }
    expect(gear.services.rag.path).toBe('degraded.level2')
    expect(monitor.last).toMatchObject({ reached: false })
    await gear.close()
    const before = asked
    await clock.advance(10_000)
    await settle()
    expect(asked).toBe(before)
  })
})

describe('what is said of a call', () => {
  it.each([
    [{ operation: 5 }, 'operation'],
    [{ operation: '' }, 'operation'],
    [{ operation: 'x'.repeat(201) }, 'operation'],
    [{ estimate: { cost: Number.NaN } }, 'estimate'],
    [{ estimate: { cost: 1, confidence: 2 } }, 'estimate'],
    [{ estimate: 5 }, 'estimate'],
    [{ emergencyOverride: { by: 42, why: 'x' } }, 'emergencyOverride'],
    [{ emergencyOverride: true }, 'emergencyOverride'],
  ])('is checked, as it is journalled: %j', async (options, path) => {
    const { gear, journal } = await testBoard({ search: { kind: 'http' } })
    await expect(gear.execute('search', () => 1, options as never)).rejects.toMatchObject({ path })
    expect(() => gear.fetch('search', options as never)).toThrow(ConfigError)
    expect(journal.records).toHaveLength(1)
  })

  it('as an emergency is journalled as who and why, and nothing more', async () => {
    const { gear, heard } = await testBoard({ search: { kind: 'http' } })
    gear.signal('search', { kind: 'budget', mode: 'blocked', rule: 'daily', allowEmergencyOverride: true })
    const emergencyOverride = { by: 'ann', why: 'a fire', type: 'timer', at: 0 }
    await gear.execute('search', () => 1, { emergencyOverride })
    const [admission] = ofType(heard, 'admission')
    expect(admission).toMatchObject({ by: 'ann', why: 'a fire', service: 'search', exemption: 'emergency_override' })
    expect(admission?.at).toBeGreaterThan(0)
  })
})

describe('settings', () => {
  it('cannot change while the board runs, and the error says so', async () => {
    const { gear } = await testBoard({ search: { kind: 'http' } })
    expect(() => gear.reconfigure('search', { quota: 5 } as never)).toThrow(
      'services.search.quota: a setting that cannot change; allowed: only before the board is made',
    )
  })
})

describe('the budgets of a board', () => {
  it('are none, and say so, where none are configured', async () => {
    const { gear, journal } = await testBoard({ search: {} })
    expect(gear.budgets.statuses()).toEqual([])
    expect(gear.budgets.spent()).toEqual({ day: 0, month: 0 })
    expect(gear.budgets.estimate('search')).toBeUndefined()
    expect(() => gear.budgets.raise('daily', 5, by)).toThrow('nothing: no budgets are configured')
    expect(journal.records[0]).not.toHaveProperty('spend')
  })

  it('hold calls back when they are spent, tell of it, let go when raised, and replay without them', async () => {
    const { gear, heard, journal } = await testBoard(
      { openai: { kind: 'openai' } },
      {
        budgets: { daily: 1, rules: [{ id: 'daily_throttle', type: 'percentage_daily', threshold: 0.9, action: 'alert_only' }] },
      },
    )
    const call = () =>
      gear.execute('openai', () => ({ model: 'gpt-4o', usage: { prompt_tokens: 100_000, completion_tokens: 0 } }), {
        estimate: { cost: 0.25, confidence: 0.9 },
      })
    for (let i = 0; i < 4; i++) await call()
    expect(gear.state('openai')).toBe('budgetLimited')
    await expect(call()).rejects.toThrow('daily_block')
    expect(ofType(heard, 'alert').map(({ code, by }) => [code, by])).toEqual([
      ['budget_exceeded', 'budgets'],
      ['budget_warning', 'budgets'],
    ])
    expect(gear.budgets.spent('openai').day).toBeCloseTo(1, 3)
    expect(() => gear.budgets.raise('daily_block', 5, undefined as never)).toThrow('who changes the limit, and why')
    gear.budgets.raise('daily_block', 5, by)
    expect(gear.state('openai')).toBe('closed')
    await call()
    expect(gear.budgets.statuses().find(({ rule }) => rule === 'daily_block')).toMatchObject({ limit: 5, standing: 'clear' })
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('the models of a service', () => {
  it('have breakers of their own, by which the healthiest is told', async () => {
    const { gear } = await testBoard({ openai: { kind: 'openai' } })
    const { openai } = gear.services
    expect(openai.healthiestModel(['gpt-4o', 'gpt-4o-mini'])).toBe('gpt-4o')
    const failing = { ...Object.assign(new Error('down'), { status: 500 }) }
    for (let i = 0; i < 3; i++)
      await openai
        .for('gpt-4o')
        .execute(fails(failing))
        .catch(() => undefined)
    expect(openai.for('gpt-4o').state).toBe('open')
    expect(openai.healthiestModel(['gpt-4o', 'gpt-4o-mini'])).toBe('gpt-4o-mini')
    expect(openai.healthiestModel(['gpt-4o'])).toBeUndefined()
    gear.command('openai', { name: 'reset', ...by })
    expect(openai.for('gpt-4o').state).toBe('closed')
    gear.command('openai', { name: 'disable', ...by })
    expect(openai.for('gpt-4o').path).toBe('closed.bypassed')
    gear.command('openai', { name: 'beginMaintenance', ...by })
    expect(openai.for('gpt-4o').path).toBe('maintenance')
    await gear.close()
    expect(() => openai.healthiestModel(['gpt-4o'])).toThrow(ClosedError)
    expect(() => gear.services.openai.healthiestModel([])).toThrow(ClosedError)
  })
})

describe('a fallback chain of fetch', () => {
  const services = { perplexity: { kind: 'http', fallback: ['rag', 'template'] }, rag: { kind: 'http' } } as const
  const down: typeof fetch = async () => new Response('down', { status: 503 })
  const template = (): Response => new Response('a template')

  it('passes the breakers of its steps, is told of the request, and is told as a decision', async () => {
    const { gear, heard, journal } = await testBoard(services)
    const guarded = gear.fetch('perplexity', {
      fetch: down,
      fallback: [
        { service: 'rag', run: (_, __, { url, method }) => new Response(`${method} ${url}`) },
        { name: 'template', run: template },
      ],
    })
    expect(await (await guarded('http://p.test/a', { method: 'POST' })).text()).toBe('POST http://p.test/a')
    gear.command('rag', trip)
    expect(await (await guarded('http://p.test/a')).text()).toBe('a template')
    gear.command('perplexity', trip)
    expect(await (await guarded('http://p.test/a')).text()).toBe('a template')
    const skipped = { name: 'rag', result: 'rejected', code: 'ERR_SWITCHGEAR_OPEN' }
    expect(ofType(heard, 'decision').map(({ service, why, steps, result }) => ({ service, why, steps, result }))).toEqual([
      { service: 'perplexity', why: 'service_unavailable', steps: [{ name: 'rag', result: 'answered' }], result: 'answered' },
      {
        service: 'perplexity',
        why: 'service_unavailable',
        steps: [skipped, { name: 'template', result: 'answered' }],
        result: 'answered',
      },
      {
        service: 'perplexity',
        why: 'ERR_SWITCHGEAR_OPEN',
        steps: [skipped, { name: 'template', result: 'answered' }],
        result: 'answered',
      },
    ])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('by names goes in the order of the configuration', async () => {
    const { gear, heard } = await testBoard(services)
    const failing = (): Response => {
      throw new Error('no index')
    }
    const guarded = gear.fetch('perplexity', { fetch: down, fallback: { template, rag: failing } })
    expect(await (await guarded('http://p.test')).text()).toBe('a template')
    expect(ofType(heard, 'decision')[0]?.steps.map(({ name }) => name)).toEqual(['rag', 'template'])
  })

  it('that comes to nothing leaves what there was: the answer, the error, the refusal', async () => {
    const { gear } = await testBoard(services)
    const fallback = [
      {
        name: 'broken',
        run: () => {
          throw new Error('broken')
        },
      },
    ]
    expect((await gear.fetch('perplexity', { fetch: down, fallback })('http://p.test')).status).toBe(503)
    const gone = gear.fetch('perplexity', { fetch: fails(new TypeError('fetch failed')), fallback })
    await expect(gone('http://p.test')).rejects.toThrow('fetch failed')
    gear.command('perplexity', trip)
    const refused = await gear.fetch('perplexity', { fetch: down, fallback })('http://p.test')
    expect(refused.headers.get('x-should-retry')).toBe('false')
    const thrown = gear.fetch('perplexity', { fetch: down, fallback, onRejected: 'throw' })
    await expect(thrown('http://p.test')).rejects.toMatchObject({ code: 'ERR_SWITCHGEAR_OPEN' })
  })

  it('that cannot be used is an error when it is given', async () => {
    const { gear } = await testBoard(services)
    expect(() => gear.fetch('perplexity', { fallback: [{ service: 'rga', run: template }] })).toThrow('did you mean rag?')
    expect(() => gear.fetch('perplexity', { fallback: { rga: template } })).toThrow(ConfigError)
    expect(() => gear.fetch('perplexity', { fallback: [null as never] })).toThrow(ConfigError)
    expect(() => gear.fetch('perplexity', { fallback: 7 as never })).toThrow(ConfigError)
  })

  it('stands in for a route as well', async () => {
    await using gear = await createSwitchgear({ ...backends, clock: new VirtualClock(), seed: 1 })
    gear.command('east', trip)
    gear.command('west', trip)
    const guarded = gear.fetch('api', { fetch: down, fallback: [{ name: 'template', run: template }] })
    expect(await (await guarded('http://p.test')).text()).toBe('a template')
  })
})
