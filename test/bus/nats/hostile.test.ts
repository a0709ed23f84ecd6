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
    const began = Date.now()
    for (let i = 0; i < 3000; i++) client.publish(SUBJECT, 'garbage')
    client.publish('sg.v1.test.rejected', 'garbage about garbage')
    await client.flush()
    client.publish('sg.v1.test.outcome.search.good', JSON.stringify({ result: 'success', latency: 1 }))
    await until(() => heard.length === 1, 'the good one')
    expect(heard).toEqual(['good'])
    expect(link.counters.rejected).toBe(3000)
    expect(statuses.filter(({ type }) => type === 'trouble').length).toBe(1)
    await client.flush()
    expect(reports).toBeGreaterThan(0)
    // Its own garbage, and ten in each of the seconds that it was on.
    expect(reports).toBeLessThanOrEqual(1 + 10 * secondsSince(began))
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
    const began = Date.now()
    for (let i = 0; i < 200; i++) {
      client.publish(SUBJECT, batch)
      if (i % 2 === 0) client.publish('sg.v1.test.outcome.search.quiet', JSON.stringify({ result: 'success', latency: 1 }))
    }
    await until(() => heard.get('quiet') === 100, 'the quiet one')
    await until(() => link.counters.rejected > 0, 'the refusals')
    expect(heard.get('other')).toBeGreaterThanOrEqual(500)
    // What it may say at once, what it may say in the time this takes, and the batch that went over it.
    expect(heard.get('other')).toBeLessThan(500 * (1 + secondsSince(began)))
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

  test('while the loop is blocked messages wait, and none is lost; they are read a little in each turn', async () => {
    const server = await natsServer()
    const link = linkTo(server.url, 'a', { limits: { messagesPerSecond: 1_000_000 } })
    let heard = 0
    link.subscribe('outcome', () => {
      heard++
      if (heard === 1) block(300)
    })
    await connected(link)
    let mostATurn = 0
    const turn = (before: number): void => {
      mostATurn = Math.max(mostATurn, heard - before)
      if (heard < 60_000) setImmediate(turn, heard)
    }
    turn(0)
    const client = await clientOf(server)
    const batch = `[${Array.from({ length: 200 }, () => '{"result":"success","latency":1}').join(',')}]`
    for (let i = 0; i < 300; i++) client.publish(SUBJECT, batch)
    await until(() => heard === 60_000, 'all of them')
    expect(link.counters.rejected).toBe(0)
    // 128 kB and the rest of a batch are read before others have their turn.
    expect(mostATurn).toBeGreaterThanOrEqual(200)
    expect(mostATurn).toBeLessThanOrEqual(200 * Math.ceil(131_072 / batch.length))
  })
})

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

async function clientOf({ url }: NatsServer): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}

/** How many seconds of the clock have been touched, at most. */
function secondsSince(began: number): number {
  return Math.floor((Date.now() - began) / 1000) + 2
}
