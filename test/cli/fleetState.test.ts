// `switchgear state` against a real server: what it keeps of a fleet, read without leaving a trace.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { NatsLink } from '../../src/bus/nats/natsLink.ts'
import { runProgram } from '../../src/cli/program.ts'
import { fleetLines } from '../../src/cli/state/fleetLines.ts'
import { spendOf } from '../../src/cli/state/spend.ts'
import { styleFor } from '../../src/cli/terminal/style.ts'
import { busSchema } from '../../src/model/fleet/busConfig.ts'
import { patienceWithLeases } from '../bus/nats/patience.ts'
import { describeWithNats, freePort, type NatsServer, natsServer } from '../fleet/natsServer.ts'
import { DIRECTIVE, LEDGER, NODE } from '../model/fleet/samples.ts'
import { heard, runHere } from './runHere.ts'

patienceWithLeases()
beforeEach(() => {
  vi.stubEnv('NO_COLOR', '1')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

describeWithNats('state', () => {
  test('shows the leader, the nodes, what is asked of services, and what is spent', async () => {
    const server = await natsServer()
    const link = await fleetOn(server)
    await link.lease.take()
    // Neither it nor the lease is to lapse while a busy machine looks.
    const asked = { ...DIRECTIVE, lifetime: 60_000 }
    link.directives.put('openai', asked)
    link.nodes.put('web-1', NODE)
    link.ledger.put('web-1', LEDGER)
    await vi.waitFor(
      () => expect(link.ledger.entries.size + link.nodes.entries.size + link.directives.entries.size).toBe(3),
      20_000,
    )
    const { code, stdout, stderr } = await runHere('state', '--server', server.url, '--fleet', 'shop')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^fleet shop on ${server.url}\nled by web-1, epoch 12\n`))
    expect(stdout).toMatch(/^web-1 +openai +open\.cooling +20 +12 +\d\.\d s ago +s1 +switchgear 0\.1\.0$/m)
    expect(stdout).toMatch(/^openai: open, probes on web-1 only, tripped by quorum/m)
    expect(stdout).toMatch(/^openai +\$1\.50 +\$40\.00$/m)
    const asJson = JSON.parse((await runHere('state', '--server', server.url, '--fleet', 'shop', '--json')).stdout)
    expect(asJson).toMatchObject({
      ...{ fleet: 'shop', exists: true, leader: 'web-1', epoch: 12, unreadable: [] },
      nodes: [{ ...NODE, age: expect.any(Number) }],
      directives: [{ ...asked, lapsed: false }],
      spend: [{ service: 'openai', day: 1.5, month: 40 }],
    })
    link.directives.remove('openai')
    await link.lease.release()
    await vi.waitFor(() => expect(link.directives.entries.size).toBe(0), 20_000)
    const later = await runHere('state', '--server', server.url, '--fleet', 'shop')
    expect(later.stdout).toContain('\nno leader\n')
    expect(later.stdout).toContain('nothing is asked of any service')
  })

  test('says plainly that there is no fleet, and makes none by looking', async () => {
    const server = await natsServer()
    const words = `switchgear: there is no fleet shop on ${server.url}: no node has ever joined it there\n`
    expect(await runHere('state', '--server', server.url, '--fleet', 'shop')).toEqual({ code: 1, stdout: '', stderr: words })
    const asJson = await runHere('state', '--server', server.url, '--fleet', 'shop', '--json')
    expect(asJson.code).toBe(1)
    expect(JSON.parse(asJson.stdout)).toMatchObject({ exists: false, leader: null, epoch: null, nodes: [] })
    const client = await connect({ servers: server.url })
    const { streams } = await (await jetstreamManager(client)).getAccountInfo()
    expect(streams).toBe(0)
    await client.close()
  })

  test('tells entries that cannot be read', async () => {
    const server = await natsServer()
    const link = await fleetOn(server)
    link.nodes.put('web-1', NODE)
    await vi.waitFor(() => expect(link.nodes.entries.size).toBe(1), 20_000)
    const client = await connect({ servers: server.url })
    client.publish('$KV.sg_shop_nodes.web-2', JSON.stringify(NODE))
    client.publish('$KV.sg_shop_nodes.a.b', 'x')
    client.publish('$KV.sg_shop_nodes.constructor', 'x')
    await client.flush()
    await client.close()
    const { stdout } = await runHere('state', '--server', server.url, '--fleet', 'shop')
    expect(stdout).toContain('cannot be read: nodes "web-2": node: got "web-1"')
    expect(stdout).toContain('cannot be read: nodes "constructor": its key names nothing')
  })

  test('says what is missing: JetStream, a permission, the server', async () => {
    const without = await natsServer({ jetstream: false })
    expect(await runHere('state', '--server', without.url)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no JetStream'),
    })
    const strict = await natsServer({
      config: 'authorization { users = [{ user: a, permissions: { publish: "x", subscribe: "_INBOX.>" } }] }',
    })
    const refused = await runHere('state', '--server', strict.url, '--user', 'a')
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('does not allow us to publish to $JS.API') })
    const nowhere = await runHere('state', '--server', `127.0.0.1:${await freePort()}`)
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('no connection to 127.0.0.1') })
  })

  test('looks again and again until it is told to end, whether the server is there or not', { timeout: 60_000 }, async () => {
    const server = await natsServer()
    const link = await fleetOn(server)
    link.nodes.put('web-1', NODE)
    await vi.waitFor(() => expect(link.nodes.entries.size).toBe(1), 20_000)
    const shown = (words: string): boolean => vi.mocked(console.log).mock.calls.some(([text]) => String(text).includes(words))
    const { code, stdout } = await heard(async () => {
      const watching = runProgram(['node', 'switchgear', 'state', '--watch', '--json', '--server', server.url, '--fleet', 'shop'])
      const inWords = runProgram(['node', 'switchgear', 'state', '--watch', '--server', server.url, '--fleet', 'nobody'])
      await vi.waitFor(() => expect(shown('"nodes":[{') && shown('there is no fleet nobody')).toBe(true), 20_000)
      await server.kill()
      await vi.waitFor(() => expect(shown('"exists":null') && shown('does not answer')).toBe(true), 20_000)
      process.emit('SIGINT')
      await Promise.all([watching, inWords])
    })
    expect(code).toBe(130)
    expect(stdout.split('\n')[0]).not.toBe('')
  })
})

describe('the sum of what is spent', () => {
  test('leaves out what nodes spent in an older day or month', () => {
    const dollar = { day: 1e9, month: 10e9 }
    const entry = { ...LEDGER, day: 2000, month: 1000, services: { b: dollar, a: dollar, c: dollar } }
    const yesterday = { ...entry, day: 1000, services: { a: dollar } }
    const lastMonth = { ...entry, day: 500, month: 500, services: { a: dollar } }
    expect(spendOf([entry, yesterday, lastMonth])).toEqual([
      { service: 'a', day: 1, month: 20 },
      { service: 'b', day: 1, month: 10 },
      { service: 'c', day: 1, month: 10 },
    ])
    expect(spendOf([])).toEqual([])
  })
})

describe('a picture of the fleet', () => {
  test('shows several services of one node, in one place', () => {
    const { openai } = NODE.services
    const entry = { ...NODE, services: { openai, search: { ...openai, path: 'closed.watching' as const } } } as typeof NODE
    const text = lines({ ...none, leader: 'web-1', nodes: [{ key: 'web-1', entry, age: 10 }] })
    expect(text).toContain('\nled by web-1\n')
    expect(text).toMatch(/^web-1 +openai .*s1/m)
    expect(text).toMatch(/^ +search +closed\.watching +20 +12 *$/m)
  })

  const none = { exists: true, leader: undefined, directives: [], nodes: [], ledger: [], unreadable: [] }
  const lines = (view: Parameters<typeof fleetLines>[2]): string =>
    fleetLines('shop', 'x', view, 120, styleFor({}, {})).join('\n')

  test('says what is not there', () => {
    expect(lines(none)).toBe('fleet shop on x\nno leader\n\nno node has been heard of lately\n\nnothing is asked of any service')
  })

  test('tells a directive that has lapsed, a leader that is silent, nodes without services', () => {
    const idle = { ...NODE, node: 'web-2', services: {}, leads: false }
    const text = lines({
      ...none,
      leader: 'web-9',
      unreadable: ['nodes "web-3": x'],
      directives: [{ key: 'openai', entry: { ...DIRECTIVE, reason: 'x' }, age: 6000 }],
      nodes: [{ key: 'web-2', entry: idle, age: 120_000 }],
      ledger: [
        { key: 'web-1', entry: { ...LEDGER, services: { a: { day: 1e6, month: 1e9 }, b: { day: 0, month: 0 } } }, age: 0 },
      ],
    })
    expect(text).toContain('led by web-9, epoch 12, which has not been heard of lately')
    expect(text).toContain('(lapsed)')
    expect(text).toMatch(/^web-2 +- +- +2 min ago/m)
    expect(text).toMatch(/^in all +\$0\.0010 +\$1\.00$/m)
  })
})

/** A node that has joined. */
async function fleetOn(server: NatsServer): Promise<NatsLink> {
  const link = new NatsLink({ ...busSchema.parse({ servers: server.url, fleet: 'shop', lease: 600_000 }), node: 'web-1' })
  onTestFinished(() => link.close())
  await vi.waitFor(() => expect(link.connected).toBe(true), 20_000)
  return link
}
