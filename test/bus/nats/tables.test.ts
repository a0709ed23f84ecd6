// The fleet's tables over a real server, when all goes well and when it does not.
import { jetstream } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { describeWithNats, type NatsServer, natsServer } from '../../fleet/natsServer.ts'
import { proxy } from '../../fleet/proxy.ts'
import { bareTable } from './bareTable.ts'
import { fastClock } from './fastClock.ts'
import { connected, directive, linkTo, nodeEntry, ready, statusesOf, until } from './natsLink.ts'
import { type PushedClock, pushedClock } from './pushedClock.ts'

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

  test('one who comes late finds what is there, the whole system among it, and tells who listens', async () => {
    const { url } = await natsServer()
    const a = linkTo(url, 'a')
    for (let i = 0; i < 20; i++) a.directives.put(`s${i}`, directive(`s${i}`, { epoch: i }))
    a.directives.put('*', directive('*'))
    await until(() => a.directives.entries.size === 21, 'the entries')
    const b = linkTo(url, 'b')
    const heard = new Map<string, unknown>()
    const whileBehind: boolean[] = []
    b.directives.listen((key, entry) => {
      heard.set(key, entry)
      whileBehind.push(b.directives.behind)
    })
    expect(b.directives.behind).toBe(false)
    await until(() => b.directives.entries.size === 21 && !b.directives.behind, 'the entries')
    // Until it had read them all it said so, to whom might have led without them.
    expect(new Set(whileBehind)).toEqual(new Set([true]))
    expect(new Map(b.directives.entries)).toEqual(new Map(a.directives.entries))
    expect(heard).toEqual(new Map(a.directives.entries))
  })

  test('of many values in a moment the last one is stored, and revisions grow', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    await ready(a, b)
    const heard: number[] = []
    const revisions: number[] = []
    b.directives.listen((_key, entry) => {
      heard.push(entry?.value.epoch ?? -1)
      revisions.push(entry?.revision ?? -1)
    })
    for (let epoch = 1; epoch <= 1000; epoch++) a.directives.put('search', directive('search', { epoch }))
    await until(() => heard.at(-1) === 1000, 'the last one')
    a.directives.put('search', directive('search', { epoch: 1001 }))
    await until(() => heard.at(-1) === 1001, 'one more')
    expect(heard).toEqual([1000, 1001])
    expect(revisions).toEqual([...revisions].sort((x, y) => x - y))
  })

  test('what is put while there is no connection is stored once there is', async () => {
    const server = await natsServer({ started: false })
    const a = linkTo(server.url, 'a')
    a.ledger.put('a', { v: 1, node: 'a', session: 's', day: 1, month: 1, services: {} })
    await server.start()
    const b = linkTo(server.url, 'b')
    await until(() => b.ledger.entries.has('a'), 'the entry')
    await server.kill()
    a.ledger.put('a', { v: 1, node: 'a', session: 's', day: 2, month: 1, services: {} })
    await server.start()
    await until(() => b.ledger.entries.get('a')?.value.day === 2, 'the new one')
  })

  test('an entry of before a partition does not overwrite what another wrote in the meantime', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const [a, b] = [linkTo(`127.0.0.1:${line.port}`, 'a'), linkTo(server.url, 'b')]
    await ready(a, b)
    b.directives.put('search', directive('search', { epoch: 1 }))
    await until(() => a.directives.entries.has('search'), 'the first')
    line.partition()
    a.directives.put('search', directive('search', { epoch: 1, level: 3 }))
    b.directives.put('search', directive('search', { epoch: 2 }))
    await until(() => b.directives.entries.get('search')?.value.epoch === 2, 'the second')
    const heard: unknown[] = []
    a.directives.listen((key, entry) => {
      if (key === 'search') heard.push(entry?.value.epoch)
    })
    line.heal()
    await until(() => a.directives.entries.get('search')?.value.epoch === 2, 'the second')
    a.directives.put('other', directive('other'))
    await until(() => b.directives.entries.has('other'), 'another one')
    expect(b.directives.entries.get('search')?.value).toMatchObject({ epoch: 2, level: 0 })
    expect(heard).toEqual([1, 2])
  })

  test('what a deposed leader wrote at the last moment does not keep its successor from writing', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const [a, b] = [linkTo(server.url, 'a'), linkTo(`127.0.0.1:${line.port}`, 'b')]
    await ready(a, b)
    // What the first writes the second hears of later than it writes itself.
    line.delay(50)
    a.directives.put('search', directive('search', { epoch: 1, state: 'closed' }))
    await until(() => a.directives.entries.has('search'), 'the last word of the first')
    b.directives.put('search', directive('search', { epoch: 2, state: 'open' }))
    await until(() => a.directives.entries.get('search')?.value.epoch === 2, 'the word of the second')
    expect(a.directives.entries.get('search')?.value.state).toBe('open')
  })

  test('puts are neither lost nor reordered when the server is killed in the middle of them', async () => {
    const server = await natsServer()
    const [a, b] = [linkTo(server.url, 'a'), linkTo(server.url, 'b')]
    await ready(a, b)
    const heard = new Map<string, number[]>()
    b.directives.listen((key, entry) => {
      if (entry !== undefined) heard.set(key, [...(heard.get(key) ?? []), entry.value.epoch])
    })
    let epoch = 0
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 30; i++) {
        epoch++
        for (let key = 0; key < 5; key++) a.directives.put(`s${key}`, directive(`s${key}`, { epoch }))
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (i === 15) await server.kill()
      }
      await server.start()
      await connected(a, b)
    }
    await until(() => [...b.directives.entries.values()].filter(({ value }) => value.epoch === epoch).length === 5, 'the last')
    for (const epochs of heard.values()) expect(epochs).toEqual([...epochs].sort((x, y) => x - y))
    expect(heard.size).toBe(5)
  })

  test('each writer keeps its own key when several write at once, and all agree in the end', async () => {
    const { url } = await natsServer()
    const links = ['a', 'b', 'c'].map((node) => linkTo(url, node))
    await ready(...links)
    for (let i = 1; i <= 30; i++) {
      for (const link of links) link.nodes.put(link.node, nodeEntry(link.node, { dropped: i }))
      for (const link of links) link.directives.put('fought-over', directive('fought-over', { epoch: i, rule: link.node }))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const settled = (): boolean =>
      links.every((link) => ['a', 'b', 'c'].every((node) => link.nodes.entries.get(node)?.value.dropped === 30))
    await until(settled, 'their own')
    const views = (): Set<string> => new Set(links.map((link) => JSON.stringify(link.directives.entries.get('fought-over'))))
    await until(() => views().size === 1, 'one view')
  })

  test('garbage in the bucket is told and ignored, and can be written over', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a')
    const statuses = statusesOf(link)
    await ready(link)
    link.directives.put('search', directive('search'))
    await until(() => link.directives.entries.has('search'), 'the good one')
    const kv = await new Kvm(await clientOf(server)).open('sg_test_directives')
    await kv.put('search', '{"v":1,"service":"search"}')
    await kv.put('a.b', '{}')
    await kv.put('fresh', 'garbage')
    await until(() => statuses.some((status) => 'code' in status && status.code === 'bad_entry'), 'a word about it')
    expect(link.directives.entries.get('search')?.value.level).toBe(0)
    link.directives.put('search', directive('search', { level: 1 }))
    link.directives.put('fresh', directive('fresh'))
    await until(() => link.directives.entries.get('search')?.value.level === 1, 'the new one')
    await until(() => link.directives.entries.has('fresh'), 'the fresh one')
    expect([...link.directives.entries.keys()].sort()).toEqual(['fresh', 'search'])
  })

  test('a node that is not heard of for ten seconds is gone', async () => {
    const { url } = await natsServer()
    const a = linkTo(url, 'a')
    const clock = pushedClock()
    const b = linkTo(url, 'b', {}, { clock })
    await ready(a, b)
    const heard: unknown[] = []
    b.nodes.listen((key, entry) => heard.push([key, entry?.value.session]))
    a.nodes.put('a', nodeEntry('a'))
    await until(() => heard.length === 1, 'the node')
    clock.push(10_000)
    await until(() => heard.length === 2, 'its end')
    expect(heard).toEqual([
      ['a', 's'],
      ['a', undefined],
    ])
    expect(b.nodes.entries.size).toBe(0)
    a.nodes.put('a', nodeEntry('a', { session: 't' }))
    await until(() => b.nodes.entries.get('a')?.value.session === 't', 'its return')
    expect(heard[2]).toEqual(['a', 't'])
    b.nodes.put('b', nodeEntry('b'))
    await until(() => a.nodes.entries.has('b'), 'the other')
  })

  test('a directive that nobody has renewed for a minute is gone, and is not found by those who come later', async () => {
    const server = await natsServer()
    const a = linkTo(server.url, 'a')
    const clock = pushedClock()
    const b = linkTo(server.url, 'b', {}, { clock })
    await ready(a, b)
    const heard: unknown[] = []
    b.directives.listen((key, entry) => heard.push([key, entry?.value.state]))
    a.directives.put('search', directive('search', { state: 'open' }))
    await until(() => heard.length === 1, 'the directive')
    clock.push(60_000)
    await until(() => heard.length === 2, 'its end')
    expect(heard).toEqual([
      ['search', 'open'],
      ['search', undefined],
    ])
    const { streams } = await jetstream(await clientOf(server)).jetstreamManager()
    // The server lets go of it just as well; nobody waits for that here.
    expect((await streams.info('KV_sg_test_directives')).config.max_age).toBe(60e9)
  })

  test('what has lapsed here, and not yet at the server, is put anew at once', async () => {
    const server = await natsServer()
    const clock = pushedClock()
    const a = linkTo(server.url, 'a', {}, { clock })
    await ready(a)
    const heard: unknown[] = []
    a.directives.listen((_, entry) => heard.push(entry?.value.level))
    for (const level of [1, 2] as const) {
      a.directives.put('search', directive('search', { level }))
      await until(() => a.directives.entries.has('search'), 'the directive')
      clock.push(60_000)
      await until(() => !a.directives.entries.has('search'), 'its end')
    }
    expect(heard).toEqual([1, undefined, 2, undefined])
  })

  test('a look that is overtaken by a change takes the bucket for no other', async () => {
    const server = await natsServer()
    const clock = pushedClock()
    const a = linkTo(server.url, 'a', {}, { clock })
    await ready(a)
    const heard: number[] = []
    a.directives.listen((_, entry) => heard.push(entry?.value.epoch ?? 0))
    const epochs = Array.from({ length: 30 }, (_, i) => i + 1)
    for (const epoch of epochs) {
      // A look is due now, and asks before the change is sent.
      clock.push(5000)
      a.directives.put('search', directive('search', { epoch }))
      await until(() => a.directives.entries.get('search')?.value.epoch === epoch, 'the directive')
    }
    expect(heard).toEqual(epochs)
  })

  test('of an entry that changes without end only so much is heard, and the last of it', async () => {
    const server = await natsServer()
    const clock = pushedClock()
    const [a, b] = [linkTo(server.url, 'a'), linkTo(server.url, 'b', {}, { clock })]
    await ready(a, b)
    const statuses = statusesOf(b)
    let heard = 0
    b.nodes.listen((key) => {
      if (key === 'flood') heard++
    })
    const client = await clientOf(server)
    for (let i = 1; i <= 5000; i++) {
      client.publish('$KV.sg_test_nodes.flood', JSON.stringify(nodeEntry('flood', { dropped: i })))
    }
    await client.flush()
    await until(() => statuses.length > 0, 'a word about it')
    await untilLooked(clock, () => b.nodes.entries.get('flood')?.value.dropped === 5000, 'the last')
    expect(heard).toBeLessThan(4000)
    const message = 'flood of sg_test_nodes changes more than 100 times a second; not all of it is heard'
    expect(statuses).toContainEqual({ type: 'trouble', code: 'too_many', message })
  })

  test('changes of which no message came are found by looking', async () => {
    const server = await natsServer()
    const client = await clientOf(server)
    // Made by hand, without republishing.
    const kv = await new Kvm(client).create('sg_test_directives')
    const clock = pushedClock()
    const link = linkTo(server.url, 'a', {}, { clock })
    const statuses = statusesOf(link)
    await ready(link)
    for (let i = 0; i < 3; i++) await kv.put(`s${i}`, JSON.stringify(directive(`s${i}`)))
    await untilLooked(clock, () => link.directives.entries.size === 3, 'the entries')
    await kv.delete('s1')
    await untilLooked(clock, () => link.directives.entries.size === 2, 'the removal')
    expect(statuses).toContainEqual({ type: 'trouble', code: 'bucket_options', message: expect.stringContaining('nowhere') })
  })

  test('a bucket that is made anew is read anew, and revisions grow all the same', async () => {
    const server = await natsServer()
    const clock = pushedClock()
    const link = linkTo(server.url, 'a', {}, { clock })
    await ready(link)
    for (const key of ['kept', 'lost']) link.directives.put(key, directive(key))
    await until(() => link.directives.entries.size === 2, 'the entries')
    const before = link.directives.entries.get('kept')?.revision ?? 0
    const heard: unknown[] = []
    link.directives.listen((key, entry) => heard.push([key, entry?.value.level]))
    const client = await clientOf(server)
    await (await jetstream(client).jetstreamManager()).streams.delete('KV_sg_test_directives')
    const kv = await new Kvm(client).create('sg_test_directives')
    await kv.put('kept', JSON.stringify(directive('kept', { level: 3 })))
    await untilLooked(clock, () => !link.directives.entries.has('lost'), 'the news')
    expect(link.directives.entries.get('kept')?.value.level).toBe(3)
    expect(link.directives.entries.get('kept')?.revision).toBeGreaterThan(before)
    expect(heard.slice(2)).toEqual([
      ['kept', 3],
      ['lost', undefined],
    ])
    link.directives.put('kept', directive('kept', { level: 1 }))
    await until(() => link.directives.entries.get('kept')?.value.level === 1, 'a put')
  })

  test('what a bucket that is made anew does not have goes, though the connection is lost while it is read', async () => {
    const server = await natsServer()
    const client = await clientOf(server)
    const troubles: string[] = []
    let isLost = false
    const table = bareTable(client, {
      clock: fastClock(20),
      whileUp: (request) => {
        if (!isLost) return request
        isLost = false
        return request.then(() => Promise.reject(new Error('the connection to the server was lost')))
      },
      trouble: (code) => void troubles.push(code),
    })
    table.connected(client, true)
    for (const key of ['kept', 'lost']) table.put(key, directive(key))
    await until(() => table.entries.size === 2, 'the entries')
    table.listen((_, entry) => {
      if (entry?.value.level === 3) isLost = true
    })
    await (await jetstream(client).jetstreamManager()).streams.delete('KV_sg_test_directives')
    // Without republishing: what it has is read, and not heard of.
    const kv = await new Kvm(client).create('sg_test_directives')
    await kv.put('kept', JSON.stringify(directive('kept', { level: 3 })))
    await kv.put('new', JSON.stringify(directive('new')))
    await until(() => table.entries.has('new') && !table.entries.has('lost'), 'the news')
    expect(troubles).toContain('table')
    expect(table.entries.get('kept')?.value.level).toBe(3)
  })

  test('without JetStream tables stay empty and messages flow; when it comes they fill', async () => {
    const server = await natsServer({ jetstream: false })
    const link = linkTo(server.url, 'a', {}, { clock: fastClock(10) })
    const statuses = statusesOf(link)
    link.directives.put('search', directive('search'))
    await until(() => statuses.some((status) => 'code' in status && status.code === 'no_jetstream'), 'a word about it')
    expect(link.connected).toBe(true)
    expect(link.directives.entries.size).toBe(0)
    await expect(link.lease.take()).rejects.toThrow()
    await server.kill()
    await server.start({ jetstream: true })
    await until(() => link.directives.entries.has('search'), 'the entry')
  })

  test('entries that are too big, keys that are none and keys that are too many are told and left out', async () => {
    const { url } = await natsServer()
    const a = linkTo(url, 'a', { limits: { entryBytes: 2048, tableKeys: 3 } })
    const statuses = statusesOf(a)
    await connected(a)
    a.nodes.put('a', nodeEntry('a', { software: 'x'.repeat(3000) }))
    a.nodes.put('a b', nodeEntry('a b'))
    a.directives.put('_all', directive('_all'))
    await until(() => statuses.filter(({ type }) => type === 'trouble').length === 2, 'two words about it')
    for (let i = 0; i < 5; i++) a.directives.put(`s${i}`, directive(`s${i}`))
    await until(() => a.directives.entries.size === 3, 'three')
    const codes = statuses.flatMap((status) => ('code' in status ? [status.code] : []))
    expect(codes.sort()).toEqual(['entry_too_big', 'table_full', 'unsendable'])
    expect(a.nodes.entries.size).toBe(0)
  })

  test('closing stores what was just put', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a'), linkTo(url, 'b')]
    await ready(a, b)
    a.nodes.put('a', nodeEntry('a'))
    a.nodes.remove('a')
    a.directives.put('search', directive('search'))
    await a.close()
    await until(() => b.directives.entries.has('search'), 'the directive')
    expect(b.nodes.entries.has('a')).toBe(false)
  })
})

/** Waits for what is found by looking, which is done every five seconds. */
function untilLooked(clock: PushedClock, holds: () => boolean, what: string): Promise<void> {
  return until(() => {
    if (holds()) return true
    clock.push(100)
    return false
  }, what)
}

async function clientOf({ url }: NatsServer): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}
