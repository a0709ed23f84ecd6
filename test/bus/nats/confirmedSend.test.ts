// A message that must not be lost in silence: it arrives, or its sender is told that it has not, or may not have.
import { expect, test } from 'vitest'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import { describeWithNats, freePort, natsServer } from '../../fleet/natsServer.ts'
import { fastClock } from './fastClock.ts'
import { connected, linkTo, until } from './natsLink.ts'

const command = (why = 'a drill'): WireMessage => ({
  v: 1,
  type: 'command',
  at: Date.now(),
  node: 'a',
  service: 'search',
  command: { name: 'trip', by: 'ada', why },
})

describeWithNats('what is sent past the buffer', () => {
  test('is heard by the others, and known to be with the server', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    const heard: WireMessage[] = []
    b.subscribe('command', (message) => heard.push(message))
    await connected(a, b)
    const sent = command()
    await a.send(sent)
    await until(() => heard.length === 1, 'the command')
    expect(heard[0]).toEqual(sent)
    await expect(a.send(command('x'.repeat(70_000)))).rejects.toThrow('the fleet was not told: it is too long for a message')
  })

  test('is refused by a server that forbids it, which is told by the link too', async () => {
    const deny = 'publish: { allow: ">", deny: "sg.v1.test.command.>" }'
    const { url } = await natsServer({ config: `authorization { users = [{ user: a, password: a, permissions: { ${deny} } }] }` })
    const link = linkTo(url, 'a', { user: 'a', password: 'a' })
    await connected(link)
    const forbidden = { name: 'FleetError', problem: expect.stringContaining('publish to sg.v1.test.command.search.a') }
    await expect(link.send(command())).rejects.toMatchObject(forbidden)
    await expect(link.send(command())).rejects.toMatchObject(forbidden)
    await link.send({ v: 1, type: 'outcome', at: Date.now(), node: 'a', service: 'search', result: 'success', latency: 1 })
  })

  test('may have arrived or not at a server that stands still', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a', {}, { clock: fastClock(20) })
    await connected(link)
    server.pause()
    await expect(link.send(command())).rejects.toThrow('may have it or not')
    server.resume()
    await connected(link)
  })
})

test('cannot be sent without a connection', async () => {
  const link = linkTo(`127.0.0.1:${await freePort()}`, 'a')
  await expect(link.send(command())).rejects.toMatchObject({
    code: 'ERR_SWITCHGEAR_FLEET',
    problem: 'there is no connection to its server',
  })
})
