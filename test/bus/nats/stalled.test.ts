// A server that stands still, with its connections open. Noticing it takes the client some seconds.
import { test } from 'vitest'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { connected, linkTo, outcome, until } from './natsLink.ts'

describeWithNats('a server that stands still', () => {
  test('is noticed, and what was published meanwhile is heard when it goes on', async () => {
    const server = await natsServer()
    const [a, b] = [linkTo(server.url, 'a'), linkTo(server.url, 'b')]
    let heard = 0
    b.subscribe('outcome', () => heard++)
    await connected(a, b)
    a.publish(outcome('a'))
    await until(() => heard === 1, 'the first')
    server.pause()
    for (let i = 0; i < 10; i++) a.publish(outcome('a'))
    await until(() => !a.connected && !b.connected, 'the loss')
    for (let i = 0; i < 10; i++) a.publish(outcome('a'))
    server.resume()
    await connected(b)
    a.publish(outcome('a'))
    await until(() => heard > 1 && heard + b.counters.missed === 22, 'all of them, or word of them')
  })
})
