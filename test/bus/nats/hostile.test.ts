// What others may send: garbage, floods, too much at once. Whoever listens goes on, and says what it refused.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { readRejection } from '../../../src/model/fleet/rejection.ts'
import { describeWithNats, type NatsServer, natsServer } from '../../fleet/natsServer.ts'
import { connected, linkTo, outcome, statusesOf, until } from './natsLink.ts'

const SUBJECT = 'sg.v1.test.outcome.search.other'

describeWithNats('hostile neighbours on the bus', () => {
  test.each([
    ['no JSON', '{"result":'],
    ['no object', '[1,null,"x"]'],
    ['nothing', ''],
    ['not UTF-8', Uint8Array.from([0xff, 0xfe, 0x00])],
    ['nested without end', '['.repeat(20_000)],
    ['of another node', JSON.stringify({ ...outcome('victim') })],
    ['negative', JSON.stringify({ result: 'failure', failure: 'timeout', latency: -1 })],
    ['a prototype', '{"__proto__":{"result":"failure"},"latency":1}'],
    ['too long', JSON.stringify({ result: 'failure', failure: 'timeout', latency: 1, model: 'x'.repeat(70_000) })],
    ['too many in one', `[${'{},'.repeat(1000)}{}]`],
  ])('a message that is %s is refused, reported back, and harms nothing', async (_, body) => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a')
    const statuses = statusesOf(link)
    const heard: string[] = []
    link.subscribe('*', ({ node }) => heard.push(node))
    await connected(link)
    const client = await clientOf(server)
    const rejections: unknown[] = []
    client.subscribe('sg.v1.test.rejected', { callback: (_error, { data }) => void rejections.push(readRejection(data)) })
    await client.flush()
    client.publish(SUBJECT, body)
    client.publish(SUBJECT, JSON.stringify({ result: 'failure', failure: 'timeout', latency: 1 }))
    await until(() => heard.length === 1 && rejections.length > 0, 'both')
    expect(heard).toEqual(['other'])
    expect(link.counters.rejected).toBeGreaterThan(0)
    expect(rejections).toEqual([expect.objectContaining({ by: 'a', subject: SUBJECT, count: link.counters.rejected })])
    expect(statuses).toContainEqual({ type: 'trouble', code: 'rejected', message: expect.stringContaining(SUBJECT) })
  })

  test('a flood of garbage is told once, reported back ten times a second at most, and a good message gets through', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a')
    const statuses = statusesOf(link)
    const heard: string[] = []
    link.subscribe('*', ({ node }) => heard.push(node))
    await connected(link)
    const client = await clientOf(server)
    let reports = 0
    client.subscribe('sg.v1.test.rejected', { callback: () => void reports++ })
    const began = performance.now()
    for (let i = 0; i < 3000; i++) client.publish(SUBJECT, 'garbage')
    client.publish('sg.v1.test.rejected', 'garbage about garbage')
    await client.flush()
    client.publish('sg.v1.test.outcome.search.good', JSON.stringify({ result: 'success', latency: 1 }))
    await until(() => heard.length === 1, 'the good one')
    expect(heard).toEqual(['good'])
    expect(link.counters.rejected).toBe(3000)
    expect(statuses.filter(({ type }) => type === 'trouble').length).toBe(1)
    await client.flush()
    // Ten at once, ten for each second that it took, and the garbage about garbage.
    expect(reports).toBeLessThanOrEqual(10 + (performance.now() - began) / 100 + 1)
  })

  test('of a node that floods only so much is read, and of the others everything', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a', { limits: { messagesPerSecond: 500 } })
    const statuses = statusesOf(link)
    const heard = new Map<string, number>()
    link.subscribe('outcome', ({ node }) => heard.set(node, (heard.get(node) ?? 0) + 1))
    await connected(link)
    const client = await clientOf(server)
    const batch = `[${Array.from({ length: 100 }, () => '{"result":"success","latency":1}').join(',')}]`
    for (let i = 0; i < 200; i++) {
      client.publish(SUBJECT, batch)
      if (i % 2 === 0) client.publish('sg.v1.test.outcome.search.quiet', JSON.stringify({ result: 'success', latency: 1 }))
    }
    await until(() => heard.get('quiet') === 100, 'the quiet one')
    await until(() => link.counters.rejected > 0, 'the refusals')
    expect(heard.get('other')).toBeGreaterThanOrEqual(500)
    // What it may say at once, what it may say in the time this takes, and the batch that went over it.
    expect(heard.get('other')).toBeLessThan(500 + 1500)
    expect(statuses).toContainEqual({ type: 'trouble', code: 'too_many', message: expect.stringContaining('node other') })
  })

  test('a message that comes twice is heard once, and nobody can use up the ids of another', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a')
    const heard: string[] = []
    link.subscribe('outcome', ({ node, id }) => heard.push(`${node} ${id}`))
    await connected(link)
    const client = await clientOf(server)
    const body = JSON.stringify({ id: 'one', result: 'success', latency: 1 })
    for (const node of ['thief', 'honest', 'honest', 'thief']) client.publish(`sg.v1.test.outcome.search.${node}`, body)
    client.publish(SUBJECT, JSON.stringify({ result: 'success', latency: 1 }))
    await until(() => heard.includes('other undefined'), 'the last one')
    expect(heard).toEqual(['thief one', 'honest one', 'other undefined'])
  })

  test('while the loop is blocked messages wait, and none is lost', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a', { limits: { messagesPerSecond: 1_000_000 } })
    let heard = 0
    let turns = 0
    link.subscribe('outcome', () => heard++)
    await connected(link)
    const client = await clientOf(server)
    const batch = `[${Array.from({ length: 200 }, () => '{"result":"success","latency":1}').join(',')}]`
    for (let i = 0; i < 300; i++) client.publish(SUBJECT, batch)
    await client.flush()
    const until300 = performance.now() + 300
    while (performance.now() < until300);
    const count = (): void => {
      turns++
      if (heard < 60_000) setImmediate(count)
    }
    count()
    await until(() => heard === 60_000, 'all of them')
    expect(link.counters.rejected).toBe(0)
    // It was read in many turns of the loop, between which others had theirs.
    expect(turns).toBeGreaterThan(10)
  })
})

async function clientOf({ url }: NatsServer): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}
