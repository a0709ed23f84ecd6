// The fleet's tables over a real server.
import { expect, test } from 'vitest'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { connected, directive, linkTo, ready, until } from './natsLink.ts'

describeWithNats('tables over NATS', () => {
  test('what one node puts, every node has, and hears of its removal', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    await ready(a, b)
    const heard: unknown[] = []
    b.directives.listen((key, entry) => heard.push([key, entry?.value.level]))
    a.directives.put('search', directive('search', { level: 2 }))
    await until(() => b.directives.entries.has('search'), 'the directive')
    a.directives.remove('search')
    await until(() => !b.directives.entries.has('search'), 'its removal')
    expect(heard).toEqual([
      ['search', 2],
      ['search', undefined],
    ])
  })

  test('one who comes late finds what is there', async () => {
    const { url } = await natsServer()
    const a = linkTo(url, 'a')
    for (let i = 0; i < 20; i++) a.directives.put(`s${i}`, directive(`s${i}`, { epoch: i }))
    await until(() => a.directives.entries.size === 20, 'twenty entries')
    const b = linkTo(url, 'b')
    await connected(b)
    await until(() => b.directives.entries.size === 20, 'twenty entries')
    expect([...b.directives.entries]).toEqual(expect.arrayContaining([...a.directives.entries]))
  })
})
