// What a node tells its fleet: outcomes, what happens on its board, and how it is.
import { describe, expect, test } from 'vitest'
import type { NodeEntry } from '../../../src/model/fleet/entries.ts'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { httpError, ofType, testBoard } from '../testBoard.ts'
import { type Node, node, overheard } from './nodeStories.ts'

interface Story {
  readonly fleet: MemoryFleet
  readonly one: Node
  readonly said: WireMessage[]
  readonly pass: (ms: number) => Promise<void>
}

async function story(options: Parameters<typeof node>[2] = {}): Promise<Story> {
  const fleet = new MemoryFleet()
  const said = overheard(fleet)
  const one = await node(fleet, 'one', options)
  const pass = (ms: number): Promise<void> => fleet.clock.advanceAsync(ms)
  await pass(1100)
  said.length = 0
  return { fleet, one, said, pass }
}

/** A call that takes `ms`. */
async function call({ gear }: Node, fleet: MemoryFleet, ms: number, key?: string): Promise<void> {
  const { search } = gear.services
  let finish: () => void = () => undefined
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const ended = (key === undefined ? search : search.for(key)).execute(() => done)
  await fleet.clock.advanceAsync(ms)
  finish()
  await ended
}

const fail = ({ gear }: Node, status = 500): Promise<unknown> =>
  gear.execute('search', () => Promise.reject(httpError(status))).catch((error) => error)

const outcomes = (said: readonly WireMessage[]) => said.filter((message) => message.type === 'outcome')

describe('outcomes', () => {
  test('successes come as one summary a second for each service, keys among them, with their mean latency', async () => {
    const { fleet, one, said, pass } = await story()
    for (const ms of [10, 20]) await call(one, fleet, ms)
    await call(one, fleet, 30, 'tenant')
    await one.gear.execute('database', () => 1)
    await pass(1000)
    const [search, database] = outcomes(said)
    expect(search).toMatchObject({ node: 'one', service: 'search', result: 'success', count: 3 })
    expect(search?.latency).toBeGreaterThan(18)
    expect(search?.latency).toBeLessThan(22)
    expect(database).toMatchObject({ service: 'database', count: 1, latency: expect.closeTo(0, 2) })
    await pass(5000)
    expect(outcomes(said)).toHaveLength(2)
  })

  test('slow ones among them are counted', async () => {
    const { fleet, one, said, pass } = await story()
    one.gear.reconfigure('search', { trip: { slowCallRate: { threshold: 1, slowerThanMs: 100, minimumCalls: 100 } } })
    await call(one, fleet, 400)
    await call(one, fleet, 10)
    await pass(1000)
    expect(outcomes(said).reduce((sum, { slow = 0 }) => sum + slow, 0)).toBe(1)
  })

  test('a failure is told as it happens, with what is known of it', async () => {
    const { one, said, pass } = await story()
    await fail(one, 503)
    await pass(5)
    expect(outcomes(said)).toEqual([
      {
        v: 1,
        type: 'outcome',
        at: expect.any(Number),
        node: 'one',
        service: 'search',
        result: 'failure',
        failure: 'service_unavailable',
        status: 503,
        latency: 0,
      },
    ])
  })

  test('those of no consequence, and refusals, are counted in summaries', async () => {
    const { one, said, pass } = await story()
    await fail(one, 404)
    one.gear.command('search', { name: 'trip', by: 'ada', why: 'a test' })
    for (let calls = 0; calls < 3; calls++) await fail(one)
    await pass(1000)
    expect(outcomes(said).map(({ result, count }) => [result, count])).toEqual([
      ['ignored', 1],
      ['rejected', 3],
    ])
  })

  test('keys that come and go between two summaries are counted in them', async () => {
    const { one, said, pass } = await story({ services: { search: { maxKeys: 2 } } })
    for (let key = 0; key < 20; key++) await one.gear.services.search.for(`${key}`).execute(() => key)
    await pass(1000)
    expect(outcomes(said).map(({ service, result, count }) => [service, result, count])).toEqual([['search', 'success', 20]])
    await pass(5000)
    expect(outcomes(said)).toHaveLength(1)
  })

  test('while there is no connection nothing is told, only counted', async () => {
    const { fleet, one, said, pass } = await story()
    fleet.partition('one')
    await one.gear.execute('search', () => 1)
    await fail(one)
    await pass(1000)
    fleet.heal('one')
    await pass(3000)
    expect(outcomes(said)).toEqual([])
    expect(one.gear.fleet?.counters.unreported).toBeGreaterThanOrEqual(2)
    await one.gear.execute('search', () => 1)
    await pass(1000)
    expect(outcomes(said).map(({ count }) => count)).toEqual([1])
  })
})

describe('what happens on the board', () => {
  test('transitions, alerts and signals are told; an operator’s commands to one node are not', async () => {
    const { one, said, pass } = await story()
    one.gear.signal('search', { kind: 'health', level: 1, reason: 'poor answers' })
    for (let calls = 0; calls < 5; calls++) await fail(one)
    one.gear.command('database', { name: 'trip', by: 'ada', why: 'a test' })
    await one.gear.execute('database', () => 1, { fallback: () => 2 })
    await pass(50)
    const types = said.map(({ type, service }) => `${type} ${service}`)
    expect(types).toEqual(
      expect.arrayContaining(['signal search', 'transition search', 'alert search', 'transition database', 'decision database']),
    )
    expect(said.filter(({ type }) => type === 'command')).toEqual([])
    expect(said.find(({ type }) => type === 'transition')).toMatchObject({
      v: 1,
      node: 'one',
      from: 'closed.watching',
      to: 'degraded.level1',
    })
  })

  test('the breaker of a key is not the service’s: where it goes is not told as the service’s', async () => {
    const { one, said, pass } = await story()
    const tenant = one.gear.services.search.for('tenant')
    for (let calls = 0; calls < 5; calls++) await tenant.execute(() => Promise.reject(httpError(500))).catch(() => undefined)
    await pass(50)
    expect(tenant.state).toBe('open')
    expect(said.filter(({ type }) => type === 'transition')).toEqual([])
    expect(outcomes(said).map(({ service }) => service)).toEqual(Array(5).fill('search'))
  })
})

describe('the heartbeat', () => {
  test('comes every second, and within 50 ms when a breaker has moved', async () => {
    const { fleet, one, pass } = await story()
    const entry = () => fleet.stored<NodeEntry>('nodes').get('one')
    const before = entry()?.at ?? 0
    await pass(1000)
    expect((entry()?.at ?? 0) - before).toBe(1000)
    await one.gear.services.search.for('tenant').execute(() => 1)
    await pass(1000)
    expect(entry()?.services.search?.calls).toBe(1)
    await pass(500)
    one.gear.command('search', { name: 'trip', by: 'ada', why: 'a test' })
    await pass(50)
    expect(entry()).toMatchObject({
      v: 1,
      node: 'one',
      leads: false,
      dropped: 0,
      services: { search: { kind: 'http', path: 'open.forced', failures: 0 }, database: { path: 'closed.watching' } },
    })
  })

  test('goes when the node closes', async () => {
    const { fleet, one, pass } = await story()
    expect([...fleet.stored('nodes').keys()]).toEqual(['one'])
    const closed = one.gear.close()
    await pass(100)
    await closed
    expect([...fleet.stored('nodes').keys()]).toEqual([])
  })

  test('of another process of the same name stays when one closes that came second', async () => {
    const { fleet, one, pass } = await story()
    await pass(1000)
    const stored = () => fleet.stored<NodeEntry>('nodes').get('one')
    const { session } = stored() ?? {}
    const second = await node(fleet, 'one')
    // One link has the name, the other is beside it.
    fleet.links.set('one beside', one.link)
    await pass(100)
    const closed = second.gear.close()
    await pass(50)
    expect(stored()?.session).toBe(session)
    await pass(2000)
    await closed
    expect(stored()?.session).toBe(session)
  })
})

describe('the connection', () => {
  const codes = ({ heard }: Node) => ofType(heard, 'alert').flatMap(({ code, by }) => (by === 'fleet' ? [code] : []))

  test('a node without one works alone and says so once, and says when it has joined', async () => {
    const fleet = new MemoryFleet()
    fleet.stopServer()
    const one = await node(fleet, 'one')
    await fleet.clock.advanceAsync(5000)
    await expect(one.gear.execute('search', () => 1)).resolves.toBe(1)
    expect([codes(one), one.gear.fleet?.connected]).toEqual([['fleet_alone'], false])
    fleet.startServer()
    await fleet.clock.advanceAsync(1000)
    expect([codes(one), one.gear.fleet?.connected]).toEqual([['fleet_alone', 'fleet_joined'], true])
    fleet.stopServer()
    await fleet.clock.advanceAsync(500)
    fleet.startServer()
    await fleet.clock.advanceAsync(1000)
    expect(codes(one)).toHaveLength(2)
    fleet.stopServer()
    await fleet.clock.advanceAsync(5000)
    expect(codes(one)).toEqual(['fleet_alone', 'fleet_joined', 'fleet_alone'])
  })

  test('what the server refuses, and other trouble, is an alert, each refusal once', async () => {
    const { one, pass } = await story()
    for (const what of ['to publish to a', 'to publish to a', 'to publish to b']) one.link.report({ type: 'refused', what })
    one.link.report({ type: 'trouble', code: 'too_long', message: 'an entry is too long' })
    await pass(1)
    expect(codes(one)).toEqual(['fleet_joined', 'fleet_refused', 'fleet_refused', 'fleet_too_long'])
  })

  test('a board that is in no fleet has none', async () => {
    expect((await testBoard({ search: {} })).gear.fleet).toBeUndefined()
  })
})

test('three nodes elect a leader, which hands over when it closes', async () => {
  const fleet = new MemoryFleet()
  const nodes = [
    await node(fleet, 'one', { lead: true }),
    await node(fleet, 'two', { lead: true }),
    await node(fleet, 'three', { lead: true }),
  ]
  await fleet.clock.advanceAsync(5000)
  const leader = nodes.find(({ gear }) => gear.fleet?.leads) as Node
  expect(nodes.map(({ gear }) => gear.fleet?.leader)).toEqual(Array(3).fill(leader.link.node))
  expect([...(leader.gear.fleet?.nodes.keys() ?? [])].sort()).toEqual(['one', 'three', 'two'])
  const closed = leader.gear.close()
  await fleet.clock.advanceAsync(500)
  await closed
  const next = nodes.filter(({ gear }) => gear.fleet?.leads && gear !== leader.gear)
  expect(next).toHaveLength(1)
})
