// A server that takes the connection and says nothing, or nothing more: each command ends in time, says so, and lets go of it.
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openBus } from '../../src/cli/fleet/openBus.ts'
import { runServe } from '../../src/cli/serve/serveAction.ts'
import { systemClock } from '../../src/model/clock.ts'
import { busSchema } from '../../src/model/fleet/busConfig.ts'
import { Due } from '../../src/model/timer.ts'
import { until } from '../bus/nats/natsLink.ts'
import { describeWithNats, natsServer } from '../fleet/natsServer.ts'
import { proxy } from '../fleet/proxy.ts'
import { heard, runHere } from './runHere.ts'

interface Silent {
  readonly url: string
  /** Connections that were made. */
  readonly made: number
  readonly open: number
}

async function silentServer(greeting?: string): Promise<Silent> {
  const sockets = new Set<Socket>()
  let made = 0
  const server = createServer((socket) => {
    made++
    sockets.add(socket)
    socket.resume()
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    if (greeting !== undefined) socket.write(greeting)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `nats://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    get made() {
      return made
    },
    get open() {
      return sockets.size
    },
  }
}

const arm = systemClock.arm.bind(systemClock)

const configOf = (...servers: string[]) => busSchema.parse({ servers })

describe('where nobody speaks', () => {
  // Whoever waits two seconds or more for a server waits a tenth of one here.
  beforeEach(() => {
    vi.spyOn(systemClock, 'arm').mockImplementation((timer, dueAt) => {
      const now = systemClock.now()
      arm(timer, timer instanceof Due && dueAt >= now + 1990 ? now + 100 : dueAt)
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test.each([
    ['state', (url: string) => ['state', '--server', url]],
    ['state --watch', (url: string) => ['state', '--watch', '--server', url]],
    ['tail', (url: string) => ['tail', '--server', url]],
    ['publish', (url: string) => ['publish', 'search', '--result', 'failure', '--latency', '1', '--server', url]],
    ['replay', (url: string) => ['replay', `${url}/shop`]],
  ])('%s ends with 2, says why, and hangs up', async (_, args) => {
    const silent = await silentServer()
    const { code, stdout, stderr } = await runHere(...args(silent.url))
    const words = `switchgear: no connection to ${silent.url}: it does not answer\n`
    // After a while it says what it waits for.
    const said = stderr.replace(`switchgear: waiting for ${silent.url}\n`, '')
    expect({ code, stdout, said }).toEqual({ code: 2, stdout: '', said: words })
    expect(silent.made).toBe(1)
    await until(() => silent.open === 0, 'the connection to end')
  })

  test('serve says why, tries on, and ends when it is told to', async () => {
    const silent = await silentServer()
    const controller = new AbortController()
    const { code, stdout } = await heard(async () => {
      const flags = { server: silent.url, fleet: 'shop', node: 'brain', json: true }
      const served = runServe(flags, () => true, controller.signal)
      await until(() => silent.made > 1 && vi.mocked(console.log).mock.calls.length > 0, 'a second try')
      controller.abort()
      await served
    })
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${silent.url}: it does not answer`)])
    await until(() => silent.open === 0, 'the connections to end')
  })

  test('is not waited for any more once the command is to end', async () => {
    const silent = await silentServer()
    const stop = new AbortController()
    const opened = openBus(configOf(silent.url), { name: 'test', signal: stop.signal })
    const refused = expect(opened).rejects.toMatchObject({ exitCode: 130, message: 'interrupted' })
    await until(() => silent.made > 0, 'the connection')
    stop.abort()
    await refused
    await until(() => silent.open === 0, 'the connection to end')
  })

  test('each of several servers is told of', async () => {
    const [one, two] = [await silentServer(), await silentServer('SSH-2.0\r\n')]
    const reasons = `no connection to ${one.url},${two.url}: ${one.url}: it does not answer; ${two.url}: it is no NATS server`
    const waits: Due[] = []
    vi.mocked(systemClock.arm).mockImplementation((timer, dueAt) => {
      if (timer instanceof Due) waits.push(timer)
      else arm(timer, dueAt)
    })
    const refused = expect(openBus(configOf(one.url, two.url), { name: 'test' })).rejects.toThrow(reasons)
    // The one that speaks is heard before the patience with the other is over.
    await until(() => one.made > 0 && two.made > 0 && two.open === 0, 'the other to be heard')
    for (const wait of waits) wait.fire(systemClock.now())
    await refused
  })
})

test('a server that says what it is and no more is given up in time', async () => {
  const info = { server_id: 'x', version: '2.9.10', max_payload: 1_048_576, headers: true, proto: 1 }
  const silent = await silentServer(`INFO ${JSON.stringify(info)}\r\n`)
  // For what it says it has all the time it needs.
  const patient = vi.spyOn(systemClock, 'arm').mockImplementation((timer, dueAt) => {
    arm(timer, timer instanceof Due ? dueAt + 20_000 : dueAt)
  })
  onTestFinished(() => patient.mockRestore())
  await expect(openBus(configOf(silent.url), { name: 'test', patience: 50 })).rejects.toThrow(/^no connection to .*timeout/i)
  await until(() => silent.open === 0, 'the connections to end')
})

describeWithNats('where one of several speaks', () => {
  test('it is the one that is used, at once', async () => {
    const [silent, server] = [await silentServer(), await natsServer({ jetstream: false })]
    const bus = await openBus(configOf(silent.url, server.url), { name: 'test' })
    expect(bus.client.getServer()).toBe(new URL(server.url).host)
    await bus.close()
    await until(() => silent.open === 0, 'the other connection to end')
  })

  test('and one that falls silent later leaves nothing behind when the command ends while it dials anew', async () => {
    const server = await natsServer({ jetstream: false })
    const line = await proxy(server.port)
    const bus = await openBus(configOf(`127.0.0.1:${line.port}`), { name: 'test', persistent: true })
    line.partition()
    line.cut()
    await until(() => line.waiting > 0, 'another try')
    await bus.close()
    await until(() => line.waiting === 0, 'the connection to end')
  })
})
