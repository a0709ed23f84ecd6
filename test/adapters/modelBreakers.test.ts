// Models of one service through a guarded fetch: each trips by itself, and others of a list stand in.
import { describe, expect, test } from 'vitest'
import type { Breaker } from '../../src/actors/breaker.ts'
import { modelKey } from '../../src/actors/modelHealth.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { type FetchBoard, fetchBoard } from './fetchBoard.ts'

const URL = 'http://openai.test/v1/chat/completions'

interface Upstream {
  readonly asked: string[]
  /** The answer for a model; 200 where there is none. */
  answers: Record<string, Response | undefined>
  readonly fetch: typeof fetch
}

function upstream(): Upstream {
  const asked: string[] = []
  const here: Upstream = {
    asked,
    answers: {},
    fetch: async (_input, init) => {
      const { model } = JSON.parse(String(init?.body)) as { model: string }
      asked.push(model)
      return here.answers[model]?.clone() ?? Response.json({ model, usage: { prompt_tokens: 10, completion_tokens: 5 } })
    },
  }
  return here
}

function board(): FetchBoard {
  return fetchBoard({ kind: 'openai', perModel: true, clock: new VirtualClock() })
}

function ofModel({ models }: FetchBoard, model: string): Breaker {
  return models.get(modelKey(model) ?? '')
}

async function ask(guarded: typeof fetch, model: string, more: object = {}): Promise<Response> {
  const response = await guarded(URL, { method: 'POST', body: JSON.stringify({ model, messages: [], ...more }) })
  await response.text()
  return response
}

function broken(status: number, code: string): Response {
  return Response.json({ error: { code } }, { status })
}

function trip(breaker: Breaker): void {
  breaker.command(Math.floor(breaker.clock.now()), { name: 'trip', by: 'ann', why: 'because' })
}

function degrade({ breaker }: FetchBoard): void {
  breaker.signal(Math.floor(breaker.clock.now()), { kind: 'health', level: 1, reason: 'test' })
}

describe('a model', () => {
  test('has a breaker of its own, which trips by itself', async () => {
    const one = board()
    const { asked, answers, fetch } = upstream()
    answers['gpt-4o'] = broken(500, 'server_error')
    const guarded = one.fetch({ fetch })
    for (let i = 0; i < 3; i++) {
      await ask(guarded, 'gpt-4o')
      await ask(guarded, 'gpt-4o-mini')
    }
    for (let i = 0; i < 3; i++) await ask(guarded, 'gpt-4o-mini')
    expect(ofModel(one, 'gpt-4o').path).not.toBe('closed.watching')
    expect(ofModel(one, 'gpt-4o-mini').path).toBe('closed.watching')
    expect(ofModel(one, 'gpt-4o-mini')).toMatchObject({ successes: 6, failures: 0, inFlight: 0 })
    expect(ofModel(one, 'gpt-4o')).toMatchObject({ failures: 3, inFlight: 0 })
    expect(one.breaker.path).toBe('closed.watching')
    trip(ofModel(one, 'gpt-4o'))
    asked.length = 0
    const refused = await ask(guarded, 'gpt-4o')
    expect([refused.status, refused.headers.get('x-switchgear-state')]).toEqual([503, 'open'])
    expect(asked).toEqual([])
    expect(ofModel(one, 'gpt-4o').rejected).toBe(1)
    expect(one.breaker.rejected).toBe(1)
    expect((await ask(guarded, 'gpt-4o-mini')).status).toBe(200)
  })

  test.each([
    ['a rate limit', broken(429, 'rate_limit_exceeded'), 'rate_limit'],
    ['exhausted billing', broken(429, 'insufficient_quota'), 'quota_exceeded'],
    ['a wrong key', broken(401, 'invalid_api_key'), 'authentication'],
  ])('is not blamed for %s, which is the account’s', async (_, answer, expected) => {
    const one = board()
    const { answers, fetch } = upstream()
    answers['gpt-4o'] = answer
    await ask(one.fetch({ fetch }), 'gpt-4o')
    expect(ofModel(one, 'gpt-4o')).toMatchObject({ failures: 0, ignored: 1, inFlight: 0 })
    expect(one.outcomes.map(({ failure }) => failure)).toEqual([expected])
  })

  test('is not blamed for a refusal of the service', async () => {
    const one = board()
    trip(one.breaker)
    await ask(one.fetch(upstream()), 'gpt-4o')
    expect(one.models.peek('gpt-4o')?.rejected ?? 0).toBe(0)
    expect(one.breaker.rejected).toBe(1)
  })

  test('costs once: what it used is told of the service alone', async () => {
    const one = board()
    await ask(one.fetch(upstream()), 'gpt-4o')
    const outcomes = one.heard.filter((event) => event.type === 'outcome')
    expect(outcomes.map(({ service, usage }) => [service, usage])).toEqual([
      ['search/gpt-4o', undefined],
      ['search', { input: 10, output: 5 }],
    ])
  })

  test('ends with the service’s own call when its stream breaks off', async () => {
    const one = board()
    const body = new ReadableStream({ pull: () => Promise.reject(Object.assign(new Error(), { code: 'ECONNRESET' })) })
    const response = await one.fetch({ fetch: async () => new Response(body) })(URL, { method: 'POST', body: '{"model":"m"}' })
    expect(ofModel(one, 'm').inFlight).toBe(1)
    await response.text().catch(() => undefined)
    expect(ofModel(one, 'm')).toMatchObject({ failures: 1, inFlight: 0 })
    expect(one.breaker).toMatchObject({ failures: 1, inFlight: 0 })
  })

  test('whose name is too long for one has none', async () => {
    const one = board()
    const model = 'm'.repeat(600)
    expect((await ask(one.fetch(upstream()), model)).status).toBe(200)
    expect(one.models.size).toBe(0)
  })

  test('is not told apart where the service does not ask for it', async () => {
    const one = fetchBoard({ kind: 'openai' })
    await ask(one.fetch(upstream()), 'gpt-4o')
    expect(one.models.size).toBe(0)
  })
})

describe('models that may stand in for one another', () => {
  const models = ['gpt-4o', 'gpt-4.1', 'gpt-4o-mini']

  test('the healthiest is asked in place of one that is open, and the decision is told', async () => {
    const one = board()
    const { asked, answers, fetch } = upstream()
    const guarded = one.fetch({ fetch, models })
    answers['gpt-4.1'] = broken(500, 'server_error')
    await ask(guarded, 'gpt-4.1')
    trip(ofModel(one, 'gpt-4o'))
    asked.length = 0
    const init = { method: 'POST', body: JSON.stringify({ model: 'gpt-4o', messages: [], n: 2 }) }
    const response = await guarded(URL, init)
    expect(one.decisions).toEqual([])
    expect(await response.json()).toMatchObject({ model: 'gpt-4o-mini' })
    expect(asked).toEqual(['gpt-4o-mini'])
    expect(JSON.parse(init.body)).toMatchObject({ model: 'gpt-4o', n: 2 })
    expect(one.decisions).toMatchObject([
      {
        service: 'search',
        decision: 'model',
        why: 'ERR_SWITCHGEAR_OPEN',
        steps: [
          { name: 'gpt-4o', result: 'rejected', code: 'ERR_SWITCHGEAR_OPEN' },
          { name: 'gpt-4o-mini', result: 'answered' },
        ],
        result: 'answered',
      },
    ])
    expect(one.outcomes.at(-1)).toMatchObject({ result: 'success', model: 'gpt-4o-mini' })
  })

  test('the decision tells of a stand-in that failed', async () => {
    const one = board()
    const { answers, fetch } = upstream()
    answers['gpt-4.1'] = broken(500, 'server_error')
    trip(ofModel(one, 'gpt-4o'))
    await ask(one.fetch({ fetch, models }), 'gpt-4o')
    expect(one.decisions).toMatchObject([
      { steps: [{ result: 'rejected' }, { name: 'gpt-4.1', result: 'failed', code: 'http_error' }], result: 'failed' },
    ])
  })

  test('nothing else of the request changes', async () => {
    const one = board()
    trip(ofModel(one, 'gpt-4o'))
    const bodies: unknown[] = []
    const fetch: typeof globalThis.fetch = async (_input, init) => {
      bodies.push(JSON.parse(String(init?.body)))
      return Response.json({})
    }
    await ask(one.fetch({ fetch, models }), 'gpt-4o', { temperature: 0.5, tools: [] })
    expect(bodies).toEqual([{ model: 'gpt-4.1', messages: [], temperature: 0.5, tools: [] }])
  })

  test('the call is refused where none admits, and for a model that is not in the list', async () => {
    const one = board()
    const guarded = one.fetch({ ...upstream(), models })
    for (const model of models) trip(ofModel(one, model))
    expect((await ask(guarded, 'gpt-4o')).status).toBe(503)
    trip(ofModel(one, 'o3'))
    expect((await ask(guarded, 'o3')).status).toBe(503)
    expect((await ask(guarded, 'o4-mini')).status).toBe(200)
    expect(one.decisions).toEqual([])
  })

  test('a degraded service is asked for less of the stand-in', async () => {
    const one = board()
    const { asked, fetch } = upstream()
    trip(ofModel(one, 'gpt-4o'))
    one.breaker.signal(Math.floor(one.breaker.clock.now()), { kind: 'health', level: 1, reason: 'test' })
    await ask(one.fetch({ fetch, models: ['gpt-4o', 'gpt-4.1'] }), 'gpt-4o')
    expect(asked).toEqual(['gpt-4.1-mini'])
    expect(ofModel(one, 'gpt-4.1-mini')).toMatchObject({ successes: 1 })
    expect(ofModel(one, 'gpt-4.1')).toMatchObject({ successes: 0, inFlight: 0 })
  })

  test('a smaller model that is open leaves the other reductions, asked of the model that was asked for', async () => {
    const one = board()
    const bodies: unknown[] = []
    trip(ofModel(one, 'gpt-4o-mini'))
    degrade(one)
    const fetch: typeof globalThis.fetch = async (_input, init) => {
      bodies.push(JSON.parse(String(init?.body)))
      return Response.json({})
    }
    expect((await ask(one.fetch({ fetch }), 'gpt-4o', { max_tokens: 100 })).status).toBe(200)
    expect(bodies).toEqual([{ model: 'gpt-4o', messages: [], max_tokens: 50 }])
    expect(one.outcomes).toMatchObject([{ result: 'success', model: 'gpt-4o' }])
    expect(ofModel(one, 'gpt-4o')).toMatchObject({ successes: 1, inFlight: 0 })
    expect(ofModel(one, 'gpt-4o-mini')).toMatchObject({ successes: 0, ignored: 0, inFlight: 0 })
  })

  test('a deployment that is open leaves the path of the one that was asked for', async () => {
    const one = fetchBoard({
      kind: 'openai',
      perModel: true,
      clock: new VirtualClock(),
      policy: { levels: [{ overrides: { model: 'small' } }, {}, {}] },
    })
    const asked: string[] = []
    const fetch: typeof globalThis.fetch = async (input, init) => {
      asked.push(`${new globalThis.URL(String(input)).pathname} ${init?.body}`)
      return Response.json({})
    }
    const guarded = one.fetch({ fetch })
    const init = { method: 'POST', body: '{"messages":[],"max_tokens":100}' }
    const address = 'http://azure.test/openai/deployments/large/chat/completions'
    degrade(one)
    await (await guarded(address, init)).text()
    trip(ofModel(one, 'small'))
    await (await guarded(address, init)).text()
    expect(asked).toEqual([
      '/openai/deployments/small/chat/completions {"messages":[],"max_tokens":50}',
      '/openai/deployments/large/chat/completions {"messages":[],"max_tokens":50}',
    ])
  })

  test('a smaller model that is well answers for one that is open', async () => {
    const one = board()
    const { asked, fetch } = upstream()
    trip(ofModel(one, 'gpt-4o'))
    degrade(one)
    expect((await ask(one.fetch({ fetch }), 'gpt-4o')).status).toBe(200)
    expect(asked).toEqual(['gpt-4o-mini'])
    expect(ofModel(one, 'gpt-4o').rejected).toBe(0)
  })

  test('the call is refused where both are open, and nothing is told of a call that was never made', async () => {
    const one = board()
    trip(ofModel(one, 'gpt-4o'))
    trip(ofModel(one, 'gpt-4o-mini'))
    degrade(one)
    expect((await ask(one.fetch(upstream()), 'gpt-4o')).status).toBe(503)
    expect(one.breaker.inFlight).toBe(0)
    expect(one.outcomes).toMatchObject([{ result: 'rejected' }])
  })

  test('are not asked while the service’s own breaker is switched off', async () => {
    const one = board()
    const { asked, fetch } = upstream()
    trip(ofModel(one, 'gpt-4o'))
    one.breaker.command(Math.floor(one.breaker.clock.now()), { name: 'disable', by: 'ann', why: 'because' })
    expect((await ask(one.fetch({ fetch }), 'gpt-4o')).status).toBe(200)
    expect(asked).toEqual(['gpt-4o'])
    expect(ofModel(one, 'gpt-4o')).toMatchObject({ rejected: 0, successes: 0, ignored: 0 })
  })
})

describe('one sick model', () => {
  const sickness: [string, () => Response | Error][] = [
    ['a 500', () => broken(500, 'server_error')],
    ['a 503', () => broken(503, 'server_is_overloaded')],
    ['a lost connection', () => new TypeError('fetch failed')],
    ['a timeout', () => new DOMException('', 'TimeoutError')],
    ['who knows', () => new Error('?')],
  ]

  function answering(sick: (model: string) => boolean, answer: () => Response | Error): typeof fetch {
    return async (_input, init) => {
      const { model } = JSON.parse(String(init?.body)) as { model: string }
      const failure = sick(model) ? answer() : undefined
      if (failure instanceof Error) throw failure
      return failure ?? Response.json({ model })
    }
  }

  test.each(sickness)('does not take away the service of one that stands in: %s', async (_, answer) => {
    const one = board()
    const guarded = one.fetch({ fetch: answering((model) => model === 'sick', answer), models: ['sick', 'well'] })
    for (let i = 0; i < 8; i++) await ask(guarded, 'sick').catch(() => undefined)
    expect(ofModel(one, 'sick')).toMatchObject({ path: 'open.cooling', failures: 3 })
    expect(one.breaker).toMatchObject({ path: 'closed.watching', failures: 0, ignored: 3, successes: 5 })
    expect((await ask(guarded, 'well')).status).toBe(200)
  })

  test('does not take away the service of another that is well', async () => {
    const one = board()
    const guarded = one.fetch({
      fetch: answering(
        (model) => model === 'sick',
        () => broken(500, 'server_error'),
      ),
    })
    await ask(guarded, 'well')
    for (let i = 0; i < 8; i++) await ask(guarded, 'sick')
    expect(ofModel(one, 'sick').path).toBe('open.cooling')
    expect(one.breaker).toMatchObject({ path: 'closed.watching', failures: 0 })
    expect((await ask(guarded, 'well')).status).toBe(200)
  })

  test('is told from an API that is down: with every model failing, the service opens', async () => {
    let down = false
    for (const models of [['a', 'b'], undefined]) {
      const one = board()
      const guarded = one.fetch({
        fetch: answering(
          () => down,
          () => broken(500, 'server_error'),
        ),
        models,
      })
      down = false
      for (const model of ['a', 'b', 'a', 'b']) await ask(guarded, model)
      down = true
      for (let i = 0; i < 6; i++) await ask(guarded, i % 2 === 0 ? 'a' : 'b')
      expect(one.breaker.path).toBe('open.cooling')
    }
  })

  test('by itself is the service', async () => {
    const one = board()
    const guarded = one.fetch({
      fetch: answering(
        () => true,
        () => broken(500, 'server_error'),
      ),
      models: ['only'],
    })
    for (let i = 0; i < 3; i++) await ask(guarded, 'only')
    expect(one.breaker.path).toBe('open.cooling')
  })

  test('is not excused by one that is open, or whose success is out of its window', async () => {
    const clock = new VirtualClock()
    const one = fetchBoard({ kind: 'openai', perModel: true, clock })
    const guarded = one.fetch({
      fetch: answering(
        (model) => model === 'sick',
        () => broken(500, 'server_error'),
      ),
    })
    await ask(guarded, 'open')
    trip(ofModel(one, 'open'))
    await ask(guarded, 'old')
    clock.advance(120_000)
    for (let i = 0; i < 3; i++) await ask(guarded, 'sick')
    expect(one.breaker.path).toBe('open.cooling')
  })

  test('among many: those used last are looked at', async () => {
    const one = board()
    const guarded = one.fetch({
      fetch: answering(
        (model) => model === 'sick',
        () => broken(500, 'server_error'),
      ),
    })
    for (let i = 0; i < 80; i++) ofModel(one, `idle-${i}`)
    await ask(guarded, 'sick')
    expect(one.breaker.failures).toBe(1)
    await ask(guarded, 'well')
    await ask(guarded, 'sick')
    expect(one.breaker).toMatchObject({ failures: 1, ignored: 1 })
  })

  test('frees the place of the service’s probe', async () => {
    const clock = new VirtualClock()
    const one = fetchBoard({ kind: 'openai', perModel: true, clock, policy: { maxProbes: 1 } })
    const fetch = answering(
      (model) => model === 'sick',
      () => broken(500, 'server_error'),
    )
    for (let i = 0; i < 3; i++) await ask(one.fetch({ fetch }), 'sick')
    clock.advance(45_000)
    expect([one.breaker.path, ofModel(one, 'sick').path]).toEqual(['halfOpen', 'halfOpen'])
    const guarded = one.fetch({ fetch, models: ['sick', 'well'] })
    await ask(guarded, 'sick')
    expect(ofModel(one, 'sick').path).toBe('open.cooling')
    expect(one.breaker).toMatchObject({ path: 'halfOpen', ignored: 1 })
    expect((await ask(guarded, 'well')).status).toBe(200)
    expect(one.breaker.successes).toBe(1)
  })
})
