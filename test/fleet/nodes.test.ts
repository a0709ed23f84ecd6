// Boards as nodes of one fleet over a real server: what one of them suffers the others learn, money is spent once, and a server
// that comes and goes costs no call anything.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { journalStream } from '../../src/model/fleet/subjects.ts'
import type { AlertRecord } from '../../src/model/records.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { createSwitchgear, type SwitchgearOptions } from '../../src/switchgear.ts'
import { runHere } from '../cli/runHere.ts'
import { describeWithNats, type NatsServer, natsServer, unboundServer } from './natsServer.ts'

const services = {
  search: {
    kind: 'http',
    recoveryTimeout: 1000,
    recoveryJitter: { from: 1, to: 1 },
    permitTimeout: 200,
    degradeBeforeOpen: false,
  },
} as const

type Options = Partial<Omit<SwitchgearOptions<typeof services>, 'services' | 'bus'>>

/** So long, in ms, that no term ends and no prober is given up because the machine was busy with other things. */
const LONG = 10_000

async function nodeAt(url: string, fleet: string, node: string, options: Options & { readonly lease?: number } = {}) {
  const { lease = LONG, ...more } = options
  const bus = { servers: url, fleet, node, lease }
  const gear = await createSwitchgear({ services, ...more, bus })
  onTestFinished(() => gear.close())
  return gear
}
type Gear = Awaited<ReturnType<typeof nodeAt>>

const until = (what: () => unknown, timeout = 20_000): Promise<unknown> => vi.waitUntil(what, { timeout, interval: 20 })

const fail = (gear: Gear): Promise<unknown> =>
  gear.execute('search', () => Promise.reject(Object.assign(new Error('503'), { status: 503 }))).catch((error) => error)

async function allMet(gears: readonly Gear[]): Promise<void> {
  await until(() => gears.every(({ fleet }) => fleet?.nodes.size === gears.length && fleet.leader !== undefined))
}

describeWithNats('nodes of one fleet', () => {
  let server: NatsServer
  let stop: () => Promise<void>
  let fleets = 0

  beforeAll(async () => {
    ;[server, stop] = await unboundServer()
    await server.start()
  })
  afterAll(() => stop())

  const fleetOf = (...names: string[]): Promise<Gear[]> => {
    const fleet = `f${++fleets}`
    return Promise.all(names.map((name) => nodeAt(server.url, fleet, name)))
  }

  test('what opens on most nodes opens on all, one node probes for all, and one who comes late is told', async () => {
    const gears = await fleetOf('one', 'two', 'three')
    const [one, two, three] = gears as [Gear, Gear, Gear]
    await allMet(gears)
    const alerts: AlertRecord[] = []
    three.events$.subscribe((event) => event.type === 'alert' && alerts.push(event))
    for (let calls = 0; calls < 30; calls++) await three.execute('search', () => 1)
    for (let calls = 0; calls < 12; calls++) await Promise.all([fail(one), fail(two)])
    await until(() => three.state('search') === 'open')
    await until(() => alerts.some(({ code }) => code === 'fleet_tripped'))
    const late = await nodeAt(server.url, one.fleet?.fleet ?? '', 'late')
    await until(() => late.fleet?.directives.has('search'))
    // Each calls all the time; only who is let may find out that the service is back.
    const probing = new Set<string>()
    let recovered = false
    await until(async () => {
      for (const gear of gears) {
        if (gear.services.search.path === 'halfOpen' && !recovered) probing.add(gear.fleet?.node ?? '')
        await gear.execute('search', () => 1).catch(() => undefined)
        recovered ||= gear.state('search') === 'closed'
      }
      return gears.every((gear) => gear.state('search') === 'closed')
    })
    expect(probing.size).toBe(1)
  }, 60_000)

  test('what one spends the others cannot spend again', async () => {
    const budgets = { rules: [{ id: 'day', type: 'absolute_daily', threshold: 1, action: 'block' }] } as const
    const fleet = `f${++fleets}`
    const measured = { services: { search: { kind: 'openai' } } } as const
    const open = (node: string) =>
      createSwitchgear({ ...measured, budgets, bus: { servers: server.url, fleet, node, lease: 1000 } })
    const [one, two] = [await open('one'), await open('two')]
    onTestFinished(async () => void (await Promise.all([one.close(), two.close()])))
    await until(() => one.fleet?.nodes.size === 2 && two.fleet?.nodes.size === 2)
    const usage = { prompt_tokens: 100_000, completion_tokens: 50_000, total_tokens: 150_000 }
    const answer = { object: 'chat.completion', model: 'gpt-4o', choices: [], usage }
    await one.execute('search', async () => answer)
    const spent = one.budgets.spent('search').day
    expect(spent).toBeGreaterThan(0)
    await until(() => two.budgets.spent('search').day === spent)
    await two.execute('search', async () => answer)
    await until(() => one.budgets.spent('search').day === 2 * spent)
  })

  test('the journal of a node goes into the fleet’s stream, where it is asked for', async () => {
    const fleet = `f${++fleets}`
    const gear = await createSwitchgear({
      services,
      bus: { servers: server.url, fleet, node: 'one', lease: 1000, journal: true, limits: { journalBytes: 16_777_216 } },
    })
    onTestFinished(() => gear.close())
    await until(() => gear.fleet?.leads)
    gear.command('search', { name: 'trip', by: 'ada', why: 'a test' })
    await gear.flush()
    const client = await connect({ servers: server.url })
    onTestFinished(() => client.close())
    const manager = await jetstreamManager(client)
    await until(async () => {
      const { state } = await manager.streams.info(journalStream(fleet), { subjects_filter: '>' })
      return Object.keys(state.subjects ?? {}).length === 2
    })
  })

  test('a node with a journal in a file keeps both, and after a restart both replay alike', async () => {
    const fleet = `f${++fleets}`
    const directory = mkdtempSync(join(tmpdir(), 'switchgear-nodes-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const file = join(directory, 'one.jsonl')
    const bus = { fleet, node: 'one', lease: 1000, journal: true, limits: { journalBytes: 16_777_216 } } as const
    for (const name of ['trip', 'reset'] as const) {
      const gear = await createSwitchgear({ services, journal: file, bus: { ...bus, servers: server.url } })
      onTestFinished(() => gear.close())
      if (name === 'reset') expect(gear.services.search.path).toBe('open.forced')
      await until(() => gear.fleet?.leads)
      for (let calls = 0; calls < 5; calls++) await fail(gear)
      gear.command('search', { name, by: 'ada', why: 'a test' })
      await gear.flush()
      await gear.close()
    }
    const inFile = JSON.parse((await runHere('replay', file, '--json')).stdout)
    const inStream = JSON.parse((await runHere('replay', `${server.url}/${fleet}`, '--json')).stdout)
    const own = inStream.nodes.find(({ node }: { node: string }) => node === 'one')
    expect([inFile.result, inStream.result]).toEqual(['identical', 'identical'])
    expect([own.inputs, own.transitions, own.sessions]).toEqual([inFile.inputs, inFile.transitions, inFile.sessions])
    expect(inFile.inputs).toBeGreaterThan(6)
    // Those of the terms too.
    expect(inStream.nodes.length).toBeGreaterThan(1)
  })

  test('what an operator tells one node of the fleet, all do; what is told to a node’s own board stays there', async () => {
    const gears = await fleetOf('one', 'two', 'three')
    const [one, two, three] = gears as [Gear, Gear, Gear]
    await allMet(gears)
    // Said again where a term ended on a busy machine.
    const told = (say: () => Promise<void> | undefined, holds: () => boolean) =>
      until(async () => {
        await say()?.catch(() => undefined)
        await until(holds, 1000).catch(() => undefined)
        return holds()
      })
    const away = () => gears.every((gear) => gear.peek('search') !== undefined)
    const by = { by: 'ada', why: 'a drill' }
    await told(() => two.fleet?.command('search', { name: 'trip', ...by }), away)
    expect(one.fleet?.directives.get('search')).toMatchObject({ rule: 'command.trip', reason: 'ada: a drill' })
    const held = () => gears.some(({ fleet }) => fleet?.directives.get('search')?.hold === true)
    await told(
      () => two.fleet?.command('search', { name: 'reset', ...by }),
      () => !held(),
    )
    await until(async () => {
      for (const gear of gears) await gear.execute('search', () => 1).catch(() => undefined)
      return gears.every((gear) => gear.state('search') === 'closed')
    })
    await told(() => one.fleet?.command({ name: 'beginMaintenance', ...by, services: ['search'] }), away)
    expect(two.fleet?.directives.get('search')?.state).toBe('maintenance')
    const over = () => gears.every(({ fleet }) => fleet?.directives.get('search')?.state !== 'maintenance')
    await told(() => three.fleet?.command({ name: 'endMaintenance', ...by }), over)
    three.command('search', { name: 'trip', ...by })
    await until(() => one.fleet?.nodes.get('three')?.services.search?.path === 'open.forced')
    expect([one, two, three].map(({ services: { search } }) => search.path === 'open.forced')).toEqual([false, false, true])
  }, 60_000)

  test('a leader that closes hands over at once', async () => {
    const gears = await fleetOf('one', 'two')
    await allMet(gears)
    await until(() => gears.some(({ fleet }) => fleet?.leads))
    const leader = gears.find(({ fleet }) => fleet?.leads) as Gear
    const other = gears.find((gear) => gear !== leader) as Gear
    const client = await connect({ servers: server.url })
    onTestFinished(() => client.close())
    const changes: string[] = []
    client.subscribe(`sg.v1.${leader.fleet?.fleet}.lease.>`, {
      callback: (_, message) => {
        changes.push(message.headers?.get('KV-Operation') || message.json<{ node: string }>().node)
      },
    })
    await client.flush()
    await leader.close()
    await until(() => other.fleet?.leads && changes.includes(other.fleet.node))
    // It was given up, and has not lapsed: of that nothing is heard.
    expect(changes.slice(changes.indexOf('DEL'))).toEqual(['DEL', other.fleet?.node])
  })
})

describeWithNats('a server that is away', () => {
  test('at the start, or later, costs no call anything; the fleet is joined when it comes', async () => {
    const server = await natsServer({ started: false })
    // Where no time passes, whoever waited for it would wait for ever.
    await nodeAt(server.url, 'timeless', 'one', { clock: new VirtualClock() })
    const gear = await nodeAt(server.url, 'away', 'one', { lease: 1000 })
    const codes: string[] = []
    gear.events$.subscribe((event) => event.type === 'alert' && event.by === 'fleet' && codes.push(event.code))
    let ended = false
    const calls = (async () => {
      while (!ended) {
        // Neither a timer nor anything of the network has its turn before this.
        const turn = new Promise((resolve) => setImmediate(resolve, 'too late'))
        expect(await Promise.race([gear.execute('search', () => 1), turn])).toBe(1)
        await turn
      }
    })()
    await until(() => codes.includes('fleet_alone'))
    await server.start()
    await until(() => codes.includes('fleet_joined') && gear.fleet?.leads)
    await server.kill('SIGKILL')
    await until(() => codes.filter((code) => code === 'fleet_alone').length === 2)
    await server.start()
    await until(() => codes.filter((code) => code === 'fleet_joined').length === 2 && gear.fleet?.leads)
    ended = true
    await calls
  }, 90_000)
})
