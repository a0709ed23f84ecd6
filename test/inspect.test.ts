// The inspector's relay, heard by real WebSocket clients.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createInspector, type Inspector, type InspectorOptions } from '../src/inspect.ts'
import { STATES } from '../src/model/states.ts'
import { VirtualClock } from '../src/model/virtualClock.ts'
import { createSwitchgear, type Switchgear } from '../src/switchgear.ts'
import { SERVICES, visitAllStates } from './allStates.ts'

interface Heard {
  readonly type: string
  readonly name?: string
  readonly sessionId: string
  readonly definition?: string
  readonly event?: { readonly type: string }
  readonly snapshot?: { readonly status: string; readonly value?: unknown; readonly context?: unknown }
}

let clock: VirtualClock
let inspector: Inspector
let gear: Switchgear<typeof SERVICES>
const sockets: WebSocket[] = []

async function start(options: InspectorOptions = {}): Promise<void> {
  inspector = await createInspector({ port: 0, ...options })
  gear = await createSwitchgear({ services: SERVICES, clock, inspect: inspector.inspect })
}

/** Connects, and collects what is heard from then on. */
async function listen(): Promise<Heard[]> {
  const heard: Heard[] = []
  const socket = new WebSocket(inspector.url.replace('http:', 'ws:'))
  sockets.push(socket)
  socket.on('message', (data) => heard.push(JSON.parse(String(data))))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return heard
}

/** Resolves once `ready` holds: messages cross a real socket. */
async function until(ready: () => boolean): Promise<void> {
  while (!ready()) await new Promise((resolve) => setImmediate(resolve))
}

function statesIn(heard: readonly Heard[]): Set<string> {
  const values = heard.flatMap(({ snapshot }) => (snapshot?.value === undefined ? [] : [snapshot.value]))
  return new Set(values.map((value) => (typeof value === 'string' ? value : (Object.keys(value ?? {})[0] ?? ''))))
}

beforeEach(() => {
  clock = new VirtualClock()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await gear?.close()
  await inspector?.close()
})

describe('the inspector', () => {
  test('tells of each actor with its statechart, and of all seven states live', async () => {
    await start()
    const heard = await listen()
    await visitAllStates(gear, clock)
    await until(() => STATES.every((state) => statesIn(heard).has(state)))
    const actors = heard.filter(({ type }) => type === '@xstate.actor')
    expect(actors.map(({ name }) => name)).toEqual(['switchgear', '*correlator', 'search'])
    expect(Object.keys(JSON.parse(actors[2]?.definition ?? '{}').states).sort()).toEqual([...STATES].sort())
    expect(heard.some(({ type, event }) => type === '@xstate.event' && event?.type === 'command.beginMaintenance')).toBe(true)
  })

  test('shows no policy, no words of an operator, and no free text', async () => {
    await start()
    const heard = await listen()
    await visitAllStates(gear, clock)
    await until(() => statesIn(heard).size > STATES.length)
    const text = JSON.stringify(heard.map(({ definition: _, ...rest }) => rest))
    for (const secret of ['jane.doe', 'moving house', 'slow and secret', 'policy', 'recoveryTimeout']) {
      expect(text).not.toContain(secret)
    }
    expect(text).toContain('probes_failed')
  })

  test('shows the key of a keyed breaker as a hash, the same everywhere', async () => {
    await start()
    const heard = await listen()
    const keyed = gear.services.search.for('tenant-4711')
    await keyed.execute(() => 1)
    keyed.command({ name: 'trip', by: 'me', why: 'so' })
    await until(() => heard.some(({ event }) => event?.type === 'command.trip'))
    expect(JSON.stringify(heard)).not.toContain('4711')
    const names = new Set(JSON.stringify(heard).match(/search\/#[0-9a-f]{8}/g))
    expect(names.size).toBe(1)
  })

  test('shows everything to those who ask for it', async () => {
    await start({ sanitize: false })
    const heard = await listen()
    await visitAllStates(gear, clock)
    await until(() => statesIn(heard).size > STATES.length)
    expect(JSON.stringify(heard)).toContain('jane.doe')
    expect(JSON.stringify(heard)).toContain('moving house')
    expect(JSON.stringify(heard)).toContain('"recoveryTimeout":1000')
  })

  test('tells a page that comes late of every actor and of its present state', async () => {
    await start()
    const early = await listen()
    for (let round = 0; round < 60; round++) {
      gear.command('search', { name: 'trip', by: 'me', why: 'so' })
      gear.command('search', { name: 'reset', by: 'me', why: 'so' })
    }
    gear.command('search', { name: 'trip', by: 'me', why: 'so' })
    // An event, and the snapshot that it led to, for each command.
    await until(() => early.filter(({ event }) => event?.type === 'command.trip').length >= 122)
    const late = await listen()
    await until(() => JSON.stringify(late.at(-1)) === JSON.stringify(early.at(-1)))
    expect(late.filter(({ type }) => type === '@xstate.actor').map(({ name }) => name)).toEqual([
      'switchgear',
      '*correlator',
      'search',
    ])
    const [, , search] = late.filter(({ type }) => type === '@xstate.actor')
    const snapshots = late.filter(({ sessionId, snapshot }) => sessionId === search?.sessionId && snapshot)
    expect(snapshots.at(-1)?.snapshot?.value).toEqual({ open: 'forced' })
    expect(late.length).toBeLessThan(210)
  })

  test('forgets breakers that were taken off', async () => {
    await start()
    const early = await listen()
    gear.reconfigure('search', { maxKeys: 1 })
    for (let i = 0; i < 100; i++) gear.services.search.for(`k${i}`).admit().ignore()
    await until(() => early.filter(({ snapshot }) => snapshot?.status === 'stopped').length >= 99)
    const late = await listen()
    await until(() => JSON.stringify(late.at(-1)) === JSON.stringify(early.at(-1)))
    expect(late.filter(({ type }) => type === '@xstate.actor').length).toBeLessThan(60)
  })
})

describe('strangers', () => {
  const connect = (url: string, origin?: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, origin === undefined ? {} : { origin })
      sockets.push(socket)
      socket.once('open', () => resolve('open')).once('error', (error) => resolve(error.message))
    })

  test.each([
    ['https://example.org', 'Unexpected server response: 401'],
    ['http://127.0.0.1.example.org', 'Unexpected server response: 401'],
    ['null', 'Unexpected server response: 401'],
    ['http://localhost:3000', 'open'],
    [undefined, 'open'],
  ])('a page of origin %s: %s', async (origin, expected) => {
    await start()
    expect(await connect(inspector.url.replace('http:', 'ws:'), origin)).toBe(expected)
  })

  test('of other machines find nobody: only loopback is listened on', async () => {
    await start()
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, address }) => family === 'IPv4' && address !== '127.0.0.1')
    const { port } = new URL(inspector.url)
    for (const { address } of [...others, { address: '127.0.0.2' }]) {
      expect(await connect(`ws://${address}:${port}`)).toContain('ECONNREFUSED')
    }
  })

  test('get a page that frames the inspector and may do nothing else', async () => {
    await start({ page: 'http://localhost:1/inspector?a=1&b="2"' })
    const response = await fetch(inspector.url)
    const html = await response.text()
    expect(html).toContain('src="http://localhost:1/inspector?a=1&amp;b=%222%22"')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain('frame-src http://localhost:1;')
    expect((await fetch(`${inspector.url}/other`)).status).toBe(404)
  })
})

test('a port that is taken is told at once', async () => {
  await start()
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  await expect(createInspector({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  taken.close()
})

test('closing disconnects every page', async () => {
  await start()
  await listen()
  expect(inspector.pages).toBe(1)
  const closed = new Promise((resolve) => sockets[0]?.once('close', resolve))
  await inspector.close()
  await closed
  await expect(fetch(inspector.url)).rejects.toThrow()
})
