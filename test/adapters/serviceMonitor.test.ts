import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import type { MonitorFetch } from '../../src/adapters/monitor/monitorRequest.ts'
import { type MonitorOptions, monitorService, type ServiceMonitor } from '../../src/adapters/monitor/serviceMonitor.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { parseConfig, type ServiceInput } from '../../src/model/config.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { profileFor, registerKind } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { lightragWire, pipelineOf, wellLightrag } from './lightragWire.ts'

const GIB = 1024 ** 3

interface Watched {
  readonly breaker: Breaker
  readonly clock: VirtualClock
  readonly heard: GearEvent[]
  readonly monitor: ServiceMonitor
}

/** A breaker on a board in virtual time, with its monitor. */
function watched(options: MonitorOptions, service: ServiceInput = { kind: 'lightrag' }): Watched {
  const clock = new VirtualClock()
  const { services } = parseConfig({ services: { rag: service } })
  const rag = services.rag
  if (!rag) throw new Error('no service')
  const bus = new MemoryBus()
  const heard: GearEvent[] = []
  bus.subscribe('*', (event) => heard.push(event))
  const board = new Board({ clock, bus, profileFor: (kind) => profileFor(kind, rag.settings), seed: 7, software: 'test' })
  const breaker = board.add('rag', rag.kind, rag.policy, clock.now())
  const monitor = monitorService(breaker, options)
  onTestFinished(() => {
    monitor.stop()
    board.stop()
  })
  return { breaker, clock, heard, monitor }
}

/** Lets the first round begin, and waits for its end. */
async function round(
  { clock, monitor }: Pick<Watched, 'clock' | 'monitor'>,
  after = 0,
): Promise<NonNullable<ServiceMonitor['last']>> {
  const before = monitor.last
  clock.advance(after)
  while (monitor.last === before) await new Promise((resolve) => setImmediate(resolve))
  return monitor.last as NonNullable<ServiceMonitor['last']>
}

/** Answers by path, at once; a number is a status, an Error is thrown. */
function answering(answers: Record<string, unknown>, asked: string[] = []): MonitorFetch {
  return async (url) => {
    const { pathname } = new URL(url)
    asked.push(pathname)
    const answer = answers[pathname]
    if (answer instanceof Error) throw answer
    return typeof answer === 'number' || answer === undefined
      ? new Response('{}', { status: (answer as number) ?? 404 })
      : Response.json(answer)
  }
}

const url = 'http://rag.test:9621'
const well = () => {
  const { health, pipeline, counts } = wellLightrag()
  return { '/health': health, '/documents/pipeline_status': pipeline, '/documents/status_counts': counts } as Record<
    string,
    unknown
  >
}

describe('over loopback', () => {
  test('a server is asked at once and at the interval, with the caller’s headers, and none of it is a call', async () => {
    const wire = await lightragWire()
    wire.state = { ...wire.state, apiKey: 'secret' }
    const rag = watched({ url: wire.url, intervalMs: 10_000, headers: { 'x-api-key': 'secret' }, memory: () => GIB })
    const first = await round(rag)
    expect(first).toMatchObject({ reached: true, unreached: 0, problems: [], facts: { busy: false, processed: 12 } })
    expect(wire.seen.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'GET /documents/pipeline_status',
      'GET /documents/status_counts',
      'GET /health',
    ])
    expect(wire.seen.every(({ headers }) => headers['x-api-key'] === 'secret')).toBe(true)
    const second = await round(rag, 10_000)
    expect(second.at - first.at).toBe(10_000)
    expect(wire.seen).toHaveLength(6)
    expect(rag.heard).toEqual([])
    expect([rag.breaker.successes, rag.breaker.failures, rag.breaker.inFlight]).toEqual([0, 0, 0])
  })

  test('an index that is lost degrades the service, and one that is back ends it', async () => {
    const wire = await lightragWire()
    const rag = watched({ url: wire.url })
    await round(rag)
    wire.state = { ...wire.state, counts: { status_counts: { processed: 0, failed: 0 } } }
    await round(rag, 30_000)
    expect(rag.breaker.path).toBe('degraded.level2')
    wire.state = wellLightrag()
    await round(rag, 30_000)
    expect(rag.breaker.path).toBe('closed.watching')
  })

  test('credentials that are wrong are told, and are no condition', async () => {
    const wire = await lightragWire()
    wire.state = { ...wire.state, apiKey: 'secret' }
    const rag = watched({ url: wire.url })
    const { problems, conditions } = await round(rag)
    expect(problems).toEqual(['GET /documents/pipeline_status: answered 403', 'GET /documents/status_counts: answered 403'])
    expect(conditions.every(({ level }) => level === 0)).toBe(true)
  })

  test('a server that is gone is degraded after 3 rounds, not opened', async () => {
    const wire = await lightragWire()
    await wire.close()
    const rag = watched({ url: wire.url })
    expect((await round(rag)).problems[0]).toMatch(/^GET \/health: fetch failed \(ECONNREFUSED\)$/)
    await round(rag, 30_000)
    expect(rag.breaker.path).toBe('closed.watching')
    const third = await round(rag, 30_000)
    expect(third).toMatchObject({ reached: false, unreached: 3 })
    expect(rag.breaker.path).toBe('degraded.level2')
  })

  test('a redirection is not followed, so that credentials stay where they belong', async () => {
    const elsewhere = await lightragWire()
    const server = createServer((_, response) => response.writeHead(302, { location: elsewhere.url }).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const rag = watched({ url: `http://127.0.0.1:${port}`, headers: { 'x-api-key': 'secret' } })
    expect((await round(rag)).problems[0]).toBe('GET /health: answered 302')
    expect(elsewhere.seen).toEqual([])
  })

  test('a body without an end is read no further than its bound', async () => {
    let sent = 0
    const server = createServer((_, response) => {
      response.on('error', () => {})
      const more = (): void => {
        sent += 65_536
        if (!response.destroyed) response.write(Buffer.alloc(65_536, 97), more)
      }
      more()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const rag = watched({ url: `http://127.0.0.1:${port}`, path: '/endless' })
    const last = await round(rag)
    expect(last).toMatchObject({ reached: true, problems: [] })
    expect(sent).toBeLessThan(64 * 1024 ** 2)
  })
})

describe('a round', () => {
  test('never begins before the last one is over', async () => {
    const asked: string[] = []
    let release: (() => void) | undefined
    const fetch: MonitorFetch = async (address) => {
      asked.push(address)
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return Response.json({})
    }
    const rag = watched({ url, path: '/x', fetch, intervalMs: 1000, timeoutMs: 60_000 }, { kind: 'http' })
    await rag.clock.advanceAsync(5500)
    expect(asked).toEqual([`${url}/x`])
    release?.()
    await round(rag)
    await rag.clock.advanceAsync(0)
    expect(asked).toHaveLength(2)
  })

  test('takes no longer than the timeout, even where a request does not heed its abortion', async () => {
    const signals: AbortSignal[] = []
    const fetch: MonitorFetch = (_, init) => {
      signals.push(init.signal)
      return new Promise(() => {})
    }
    const rag = watched({ url, fetch, memory: () => new Promise(() => {}) })
    await rag.clock.advanceAsync(4999)
    expect(rag.monitor.last).toBeUndefined()
    const last = await round(rag, 1)
    expect(last.problems).toEqual([
      'GET /health: no answer within 5000 ms',
      'GET /documents/pipeline_status: no answer within 5000 ms',
      'GET /documents/status_counts: no answer within 5000 ms',
      'memory: no answer within 5000 ms',
    ])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
    expect(rag.clock.pending).toBe(2)
  })

  test.each<[string, Record<string, unknown>, boolean]>([
    ['a 2xx', { '/health': 201 }, true],
    ['a 401', { '/health': 401 }, true],
    ['a 404', { '/health': 404 }, true],
    ['a 500', { '/health': 500 }, false],
    ['a 503', { '/health': 503 }, false],
    ['a lost connection', { '/health': new Error('socket hang up') }, false],
  ])('with %s reaches the service: %s', async (_, answers, reached) => {
    const rag = watched({ url, fetch: answering(answers) })
    expect((await round(rag)).reached).toBe(reached)
  })

  test.each<[string, MonitorOptions['memory'], string[]]>([
    ['is not told', () => undefined, []],
    ['is no number', (() => '9') as unknown as MonitorOptions['memory'], ['memory: no number']],
    ['is absurd', () => -1, []],
    ['cannot be had', () => Promise.reject(new Error('no cgroup')), ['memory: no cgroup']],
    [
      'is thrown',
      () => {
        throw 'x'
      },
      ['memory: not told'],
    ],
  ])('where memory %s judges none', async (_, memory, problems) => {
    const rag = watched({ url, fetch: answering(well()), memory })
    const last = await round(rag)
    expect(last.problems).toEqual(problems)
    expect(last.conditions.map(({ name }) => name)).not.toContain('memory')
  })

  test.each<[string, unknown]>([
    ['throws an error without a cause', new Error('x'.repeat(10_000))],
    ['throws no error', 'gone'],
  ])('whose fetch %s is a round without an answer', async (_, thrown) => {
    const rag = watched({ url, fetch: () => Promise.reject(thrown) })
    const { problems, reached } = await round(rag)
    expect(reached).toBe(false)
    expect(problems[0]?.length).toBeLessThan(300)
  })
})

describe('what is told to the breaker', () => {
  test.each<[string, Record<string, unknown>, number, string, string]>([
    ['memory of 90%', {}, 7.2 * GIB, 'degraded.level1', 'memory'],
    ['memory of 100%', {}, 8 * GIB, 'degraded.level2', 'memory'],
    ['a storage that is not accessible', { '/documents/status_counts': 500 }, 0, 'degraded.level2', 'index'],
    [
      'a pipeline that failed',
      { '/documents/pipeline_status': { ...pipelineOf('Failed to extract document'), busy: true } },
      0,
      'degraded.level1',
      'index',
    ],
    [
      'an embedding service that failed',
      { '/documents/pipeline_status': { ...pipelineOf('Failed: embedding timeout'), busy: true } },
      0,
      'degraded.level1',
      'embedding',
    ],
  ])('is %s', async (_, answers, memory, path, condition) => {
    const rag = watched({ url, fetch: answering({ ...well(), ...answers }), memory: () => memory })
    await round(rag)
    expect(rag.breaker.path).toBe(path)
    expect([...rag.breaker.health.standing.keys()]).toEqual([condition])
  })

  test('stands for as long as it stands, and is taken back by the round that says so', async () => {
    const answers: Record<string, unknown> = { ...well(), '/documents/status_counts': 500 }
    const rag = watched({ url, fetch: answering(answers), intervalMs: 600_000 })
    await round(rag)
    for (let i = 0; i < 59; i++) {
      await rag.clock.advanceAsync(10_000)
      expect(rag.breaker.path).toBe('degraded.level2')
    }
    Object.assign(answers, well())
    await round(rag, 10_000)
    expect(rag.breaker.path).toBe('closed.watching')
  })

  test('is not taken back by a round without an answer', async () => {
    const answers: Record<string, unknown> = { ...well(), '/documents/status_counts': 500 }
    const rag = watched({ url, fetch: answering(answers) })
    await round(rag)
    for (const path of Object.keys(answers)) answers[path] = new Error('gone')
    await round(rag, 30_000)
    expect(rag.breaker.path).toBe('degraded.level2')
    expect(rag.breaker.health.standing.get('index')?.level).toBe(2)
  })

  test.each<[string, (rag: { memory: number | undefined; answers: Record<string, unknown> }) => void, string, number]>([
    ['memory', (rag) => (rag.memory = undefined), 'memory', 90_000],
    ['index', (rag) => (rag.answers['/documents/status_counts'] = rag.answers['/health'] = 401), 'index', 90_000],
  ])('lapses when nobody tells of it any more: %s', async (_, silence, name, after) => {
    const told = {
      memory: (9 * GIB) as number | undefined,
      answers: { ...well(), '/documents/status_counts': 500 } as Record<string, unknown>,
    }
    const rag = watched({ url, fetch: (...asked) => answering(told.answers)(...asked), memory: () => told.memory })
    await round(rag)
    expect(rag.breaker.health.standing.get(name)?.level).toBe(2)
    told.answers['/documents/pipeline_status'] = 401
    silence(told)
    for (let passed = 30_000; passed < after; passed += 30_000) {
      await round(rag, 30_000)
      expect(rag.breaker.health.standing.get(name)?.level).toBe(2)
    }
    const { conditions } = await round(rag, 30_000)
    expect(rag.breaker.health.standing.has(name)).toBe(false)
    expect(conditions).toContainEqual({ name, level: 0, reason: `${name} was not confirmed for 90 s` })
  })

  test('lapses after three rounds where these take longer than a recovery', async () => {
    let memory: number | undefined = 9 * GIB
    const rag = watched({ url, fetch: answering(well()), memory: () => memory, intervalMs: 600_000 })
    await round(rag)
    memory = undefined
    await round(rag, 600_000)
    await round(rag, 600_000)
    expect(rag.breaker.path).toBe('degraded.level2')
    await round(rag, 600_000)
    expect(rag.breaker.path).toBe('closed.watching')
  })

  test('does not mend what failing calls have said', async () => {
    const rag = watched({ url, fetch: answering(well()) }, { kind: 'lightrag', adaptiveRecovery: false })
    for (let i = 0; i < 3; i++) rag.breaker.fail(rag.clock.now(), 1000, 0, undefined, { type: 'http_error' })
    expect(rag.breaker.path).toBe('degraded.level1')
    await round(rag)
    expect(rag.breaker.path).toBe('degraded.level1')
    for (let i = 0; i < 2; i++)
      rag.breaker.fail(rag.clock.now(), 1000, rag.breaker.gate.generation, undefined, { type: 'http_error' })
    expect(rag.breaker.path).toBe('open.cooling')
    await round(rag, 30_000)
    expect(rag.breaker.path).toBe('open.cooling')
  })

  test('takes back nothing of a condition that others speak of', async () => {
    const rag = watched({ url, fetch: answering(well()), memory: () => GIB })
    rag.breaker.health.set('memory', 1, 'somebody else says so')
    await round(rag)
    expect(rag.breaker.path).toBe('degraded.level1')
  })
})

describe('a monitor that is stopped', () => {
  test('asks no more, takes back what it told, and leaves no timer', async () => {
    const asked: string[] = []
    const rag = watched({ url, fetch: answering({ ...well(), '/documents/status_counts': 500 }, asked) })
    await round(rag)
    expect(rag.breaker.path).toBe('degraded.level2')
    rag.monitor.stop()
    rag.monitor.stop()
    expect(rag.breaker.path).toBe('closed.watching')
    expect(rag.clock.pending).toBe(0)
    await rag.clock.advanceAsync(60_000)
    expect(asked).toHaveLength(3)
  })

  test('gives up what it is asking, and hears none of it', async () => {
    let signal: AbortSignal | undefined
    let answer: ((response: Response) => void) | undefined
    const fetch: MonitorFetch = (_, init) => {
      signal = init.signal
      return new Promise((resolve) => {
        answer = resolve
      })
    }
    const rag = watched({ url, path: '', fetch })
    await rag.clock.advanceAsync(0)
    rag.monitor[Symbol.dispose]()
    expect(signal?.aborted).toBe(true)
    answer?.(Response.json({}))
    await rag.clock.advanceAsync(0)
    expect(rag.monitor.last).toBeUndefined()
  })

  test('is stopped with its breaker', async () => {
    const asked: string[] = []
    const rag = watched({ url, fetch: answering(well(), asked) })
    await round(rag)
    rag.breaker.dispose()
    await rag.clock.advanceAsync(90_000)
    expect(rag.clock.pending).toBe(0)
    expect(asked.length).toBeLessThanOrEqual(6)
  })
})

describe('a service of which only its address is known', () => {
  test.each(['http', 'custom', 'embedding', 'knowledge-base', 'openai'] as const)('%s is asked for just that', async (kind) => {
    const asked: string[] = []
    const rag = watched({ url: `${url}/status`, fetch: answering({ '/status': 200 }, asked) }, { kind })
    expect(await round(rag)).toMatchObject({ reached: true, facts: {} })
    expect(asked).toEqual(['/status'])
  })

  test('is judged by its memory too, against its own limit', async () => {
    const rag = watched({ url, fetch: answering({ '/': 200 }), memory: () => 1000 }, { kind: 'http', memoryLimit: 1000 })
    await round(rag)
    expect(rag.breaker.path).toBe('degraded.level2')
  })

  test('of a kind of the user’s own is monitored as that says', async () => {
    const kind = registerKind({
      name: 'monitored-kind',
      profile: {
        monitoring: {
          paths: ['/depth'],
          read: ({ answers }) => ({
            conditions: [{ name: 'depth', level: answers['/depth']?.status === 200 ? 1 : 0, reason: 'deep' }],
            facts: { depth: 9 },
          }),
        },
      },
    })
    const rag = watched({ url, fetch: answering({ '/depth': 200 }) }, { kind })
    expect((await round(rag)).facts).toEqual({ depth: 9 })
    expect(rag.breaker.path).toBe('degraded.level1')
  })

  test('of a kind of the user’s own that errs is only asked whether it answers', async () => {
    const read = (): never => {
      throw new Error('oops')
    }
    const kind = registerKind({ name: 'erring-kind', profile: { monitoring: { paths: ['/depth'], read } } })
    const rag = watched({ url, fetch: answering({ '/depth': 200 }) }, { kind })
    expect(await round(rag)).toMatchObject({ reached: true, problems: ['the monitoring of erring-kind: oops'] })
  })
})

describe('an address', () => {
  test.each<[string, string | undefined, string]>([
    ['http://h/site01/', '/health', 'http://h/site01/health'],
    ['http://h/site01', 'health', 'http://h/site01/health'],
    ['http://h/?key=1#x', '/health', 'http://h/health'],
    ['http://h/status?deep=1', '', 'http://h/status?deep=1'],
  ])('%s with the path %s is asked as %s', async (base, path, expected) => {
    const asked: string[] = []
    const fetch: MonitorFetch = async (address) => {
      asked.push(address)
      return Response.json({})
    }
    await round(watched({ url: new URL(base), path, fetch }))
    expect(asked).toEqual([expected])
  })

  test.each<[string, Partial<MonitorOptions>, string]>([
    ['that is none', { url: 'rag' }, 'url: got nothing; allowed: an absolute URL'],
    ['of another kind', { url: 'ftp://h/' }, 'url: got "ftp:"; allowed: http: or https:'],
    ['with credentials', { url: 'http://me:secret@h/' }, 'url: got nothing; allowed: a URL without credentials: use headers'],
    ['at no interval', { intervalMs: 0 }, 'intervalMs: got 0; allowed: 1 to 86400000 ms'],
    ['at an interval that is no number', { intervalMs: Number.NaN }, 'intervalMs: got NaN; allowed: 1 to 86400000 ms'],
    ['with an absurd timeout', { timeoutMs: 1e300 }, 'timeoutMs: got 1e+300; allowed: 1 to 86400000 ms'],
  ])('%s is refused', (_, options, message) => {
    expect(() => watched({ url, fetch: answering({}), ...options })).toThrow(message)
  })
})
