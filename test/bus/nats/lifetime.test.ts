// What a link leaves behind when it is closed: nothing that would keep its process alive, whatever state it was in.
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { JetstreamJournal } from '../../../src/bus/nats/jetstreamJournal.ts'
import { busSchema } from '../../../src/model/fleet/busConfig.ts'
import { describeWithNats, freePort, natsServer } from '../../fleet/natsServer.ts'
import { proxy } from '../../fleet/proxy.ts'
import { header, numbered } from '../journalRecords.ts'
import { fastClock } from './fastClock.ts'
import { connected, linkTo, nodeEntry, outcome, ready, statusesOf, until } from './natsLink.ts'
import { pushedClock } from './pushedClock.ts'

/** Of the client: what waits for the network, and timers that hold the process. */
function held(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|TLSWrap|ConnectWrap|TCPConnectWrap/.test(name)).length
}

describeWithNats('a link that is closed', () => {
  test('leaves nothing behind when it was connected', async () => {
    const { url } = await natsServer()
    const before = held()
    const link = linkTo(url, 'a')
    await ready(link)
    await link.close()
    await until(() => held() <= before, 'its sockets to go')
    expect(link.connected).toBe(false)
    link.publish(outcome('a'))
    link.nodes.put('a', nodeEntry('a'))
    await link.close()
  })

  test('leaves nothing behind when there never was a server', async () => {
    const before = held()
    const link = linkTo(`127.0.0.1:${await freePort()}`, 'a')
    const statuses = statusesOf(link)
    link.publish(outcome('a'))
    await until(() => statuses.length > 0, 'a try')
    await link.close()
    expect(link.counters).toMatchObject({ published: 0, dropped: 1 })
    await until(() => held() <= before, 'its sockets to go')
  })

  test('leaves nothing behind when the server takes the connection and says nothing', async () => {
    const silent = createServer((socket) => socket.resume())
    onTestFinished(() => void silent.close())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const before = held()
    const link = linkTo(`127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, 'a')
    await until(() => held() > before, 'the connection')
    await link.close()
    await until(() => held() <= before, 'its sockets to go')
  })

  test('leaves nothing behind when it was dialling anew and nobody answered', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const before = held()
    const link = linkTo(`127.0.0.1:${line.port}`, 'a')
    await connected(link)
    line.cut()
    line.partition()
    await until(() => !link.connected && line.waiting > 0, 'another try')
    await link.close()
    await until(() => held() <= before, 'its sockets to go')
  })

  test('tries again and again without leaving sockets behind when nobody answers', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    line.partition()
    const link = linkTo(`127.0.0.1:${line.port}`, 'a', {}, { clock: fastClock(20) })
    for (let i = 0; i < 4; i++) {
      await until(() => line.waiting > 0, 'a try')
      // One that was left behind would never end.
      await until(() => line.waiting === 0, 'its end')
    }
    line.heal()
    await connected(link)
  })

  test('leaves nothing behind when the server went away, or the line is dead', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const before = held()
    const clock = pushedClock()
    const [a, b] = [linkTo(server.url, 'a'), linkTo(`127.0.0.1:${line.port}`, 'b', {}, { clock })]
    await ready(a, b)
    line.partition()
    await server.kill()
    for (const link of [b, a]) {
      link.publish(outcome(link.node))
      link.nodes.put(link.node, nodeEntry(link.node))
      let closed = false
      void link.close().then(() => {
        closed = true
      })
      await until(() => {
        // That its line is dead it would learn much later: it ends when its own time is over.
        if (link === b) clock.push(500)
        return closed
      }, 'the end of its time')
      expect(link.counters.dropped).toBe(1)
    }
    line.cut()
    await until(() => held() <= before, 'its sockets to go')
  })

  test('a journal too is closed within bounds, and counts what it lost', async () => {
    const bus = { ...busSchema.parse({ servers: `127.0.0.1:${await freePort()}` }), node: 'a' }
    const journal = new JetstreamJournal({ bus, onProblem: () => undefined })
    await journal.open(header)
    for (let i = 0; i < 10; i++) journal.append(numbered(i))
    await until(() => journal.problem !== undefined, 'a try')
    expect(journal.problem?.message).toMatch(/refused/i)
    await journal.close()
    expect(journal.dropped).toBe(10)
    journal.append(numbered(11))
    await journal.flush()
    await journal.close()
    expect(journal.dropped).toBe(10)
  })
})
