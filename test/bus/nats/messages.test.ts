// Messages between links over a real server.
import { expect, test } from 'vitest'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { connected, linkTo, outcome, until } from './natsLink.ts'

describeWithNats('messages over NATS', () => {
  test('what one node publishes, every node hears, itself included', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    const heard: WireMessage[] = []
    for (const link of [a, b]) link.subscribe('outcome', (message) => heard.push(message))
    await connected(a, b)
    a.publish(outcome('a', { status: 503 }))
    await until(() => heard.length === 2, 'two outcomes')
    expect(heard[0]).toEqual(heard[1])
    expect(heard[0]).toMatchObject({ type: 'outcome', node: 'a', service: 'search', status: 503, seq: 1 })
    expect(a.counters).toMatchObject({ published: 1, dropped: 0 })
  })

  test('what was published before the server was there is heard once it is', async () => {
    const server = await natsServer({ started: false })
    const [a, b] = [linkTo(server.url, 'a'), linkTo(server.url, 'b')]
    const heard: number[] = []
    b.subscribe('*', ({ seq }) => heard.push(seq ?? 0))
    await server.start()
    await connected(b)
    for (let i = 0; i < 500; i++) a.publish(outcome('a'))
    await until(() => heard.length === 500, '500 outcomes')
    expect(heard).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  })
})
