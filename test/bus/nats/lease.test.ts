// The lease of the leader over a real server.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import type { LeaseAnswer } from '../../../src/bus/fleetLink.ts'
import { NatsLease } from '../../../src/bus/nats/natsLease.ts'
import type { NatsLink } from '../../../src/bus/nats/natsLink.ts'
import { StreamFit } from '../../../src/bus/nats/streamFit.ts'
import { describeWithNats, type NatsServer, natsServer } from '../../fleet/natsServer.ts'
import { proxy } from '../../fleet/proxy.ts'
import { connected, directive, linkTo, ready, statusesOf, until } from './natsLink.ts'
import { patienceWithLeases } from './patience.ts'

/** No lease of these lapses because the machine was busy with other things. */
const LONG = { lease: 600_000 }
/** A later epoch than any that a bucket of today gives. */
const AHEAD = 9_000_000_000_000

const loseAnswers = patienceWithLeases()

describeWithNats('the lease over NATS', () => {
  test('one holds it, renews it under the same epoch, and hands it over at once under a higher one', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a', LONG), linkTo(url, 'b', LONG)]
    await connected(a, b)
    const first = epochOf(await a.lease.take())
    expect(await b.lease.take()).toEqual({ held: false, holder: 'a' })
    for (let i = 0; i < 3; i++) expect(epochOf(await a.lease.take())).toBe(first)
    await a.lease.release()
    expect(epochOf(await b.lease.take())).toBeGreaterThan(first)
    expect(await a.lease.take()).toEqual({ held: false, holder: 'b' })
  })

  test('of many who want it at once one gets it, over and over, each under a higher epoch', async () => {
    const { url } = await natsServer()
    const links = Array.from({ length: 5 }, (_, i) => linkTo(url, `n${i}`, LONG))
    await connected(...links)
    await links[0]?.lease.take()
    await links[0]?.lease.release()
    let last = 0
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(links.map((link) => link.lease.take()))
      const holders = links.filter((_, i) => answers[i]?.held)
      expect(holders.length).toBe(1)
      const epoch = epochOf(answers.find(({ held }) => held) as LeaseAnswer)
      expect(epoch).toBeGreaterThan(last)
      last = epoch
      await holders[0]?.lease.release()
    }
  })

  test('it is free when its holder has not renewed it for its lifetime, and the old holder is told', async () => {
    const server = await natsServer()
    const [a, b] = [linkTo(server.url, 'a', { lease: 1000 }), linkTo(server.url, 'b', { lease: 1000 })]
    await connected(a, b)
    const first = epochOf(await a.lease.take())
    const kv = await new Kvm(await clientOf(server)).open('sg_test_lease')
    while ((await kv.get('leader')) !== null) await new Promise((resolve) => setTimeout(resolve, 20))
    // That it lapses has been seen; from here on it is not to.
    await lives(server, LONG.lease)
    const second = epochOf(await b.lease.take())
    expect(second).toBeGreaterThan(first)
    expect(await a.lease.take()).toEqual({ held: false, holder: 'b' })
    // A release of what is not held any more takes nothing away.
    await a.lease.release()
    expect(epochOf(await b.lease.take())).toBe(second)
  })

  test('a renewal whose answer is lost is an error, and the lease stays ours if it was stored', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const [a, b] = [linkTo(`127.0.0.1:${line.port}`, 'a', LONG), linkTo(server.url, 'b', LONG)]
    await connected(a, b)
    const epoch = epochOf(await a.lease.take())
    line.partition('answers')
    loseAnswers()
    await expect(a.lease.take()).rejects.toThrow()
    line.heal()
    expect(epochOf(await untilTaken(a))).toBe(epoch)
    expect(await b.lease.take()).toEqual({ held: false, holder: 'a' })
  })

  test('a renewal that is long on its way, and comes between the next question and the next renewal, deposes nobody', async () => {
    const { url } = await natsServer()
    const client = await clientOf({ url })
    const kv = await new Kvm(client).create('sg_test_lease')
    // What the server has for us in between, if anything.
    let between: (() => Promise<unknown>) | undefined
    const lease = new NatsLease({
      fleet: 'test',
      node: 'a',
      session: 's',
      lifetime: LONG.lease,
      replicas: 1,
      client: () => client,
      whileUp: async (request) => {
        const answer = await request
        const then = between
        between = undefined
        await then?.()
        return answer
      },
      seen: () => 0,
      fit: new StreamFit({ mends: false, tell: () => undefined }),
      trouble: () => undefined,
    })
    const epoch = epochOf(await lease.take())
    between = () => Promise.reject(new Error('timeout'))
    await expect(lease.take()).rejects.toThrow('timeout')
    const late = async (): Promise<void> => {
      await kv.put('leader', JSON.stringify({ v: 1, node: 'a', session: 's', epoch }))
    }
    between = late
    await expect(lease.take()).rejects.toThrow()
    expect(epochOf(await lease.take())).toBe(epoch)
    // Somebody else's is seen all the same, at the next question.
    between = () => Promise.reject(new Error('timeout'))
    await expect(lease.take()).rejects.toThrow('timeout')
    between = () => kv.put('leader', JSON.stringify({ v: 1, node: 'b', session: 't', epoch: epoch + 1 }))
    await expect(lease.take()).rejects.toThrow()
    expect(await lease.take()).toEqual({ held: false, holder: 'b' })
  })

  test('what was taken without our hearing of it is ours, under the epoch it was taken with, or is given up', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const [a, b] = [linkTo(`127.0.0.1:${line.port}`, 'a', LONG), linkTo(server.url, 'b', LONG)]
    await connected(a, b)
    await b.lease.take()
    await a.lease.take()
    await b.lease.release()
    const kv = await new Kvm(await clientOf(server)).open('sg_test_lease')
    for (const then of ['take', 'release'] as const) {
      // The request gets there, its answer does not come back.
      line.loseAnswersFrom('$KV.sg_test_lease.leader ')
      const taken = expect(a.lease.take()).rejects.toThrow()
      const epoch = await takenBy('a', kv)
      const again = new Promise<void>((resolve) => a.onStatus(({ type }) => type === 'connected' && resolve()))
      line.heal()
      await taken
      await again
      if (then === 'take') expect(epochOf(await untilTaken(a))).toBe(epoch)
      await released(a, b)
    }
  })

  test('a process that was started anew does not hold what its predecessor of the same name took', async () => {
    const server = await natsServer()
    const [before, after] = [linkTo(server.url, 'a', LONG), linkTo(server.url, 'a', LONG)]
    await connected(before, after)
    const first = epochOf(await before.lease.take())
    expect(await after.lease.take()).toEqual({ held: false, holder: 'a' })
    await after.lease.release()
    expect(epochOf(await before.lease.take())).toBe(first)
    // Now it may lapse.
    await lives(server, 1000)
    expect(epochOf(await untilTaken(after))).toBeGreaterThan(first)
  })

  test('without a connection it cannot be taken, and can be released', async () => {
    const server = await natsServer({ started: false })
    const link = linkTo(server.url, 'a')
    await expect(link.lease.take()).rejects.toThrow('no connection')
    await link.lease.release()
  })

  test('a restart of the server leaves it with its holder', async () => {
    const server = await natsServer()
    const a = linkTo(server.url, 'a', LONG)
    await connected(a)
    const epoch = epochOf(await a.lease.take())
    await server.kill()
    await expect(a.lease.take()).rejects.toThrow()
    await server.start()
    expect(epochOf(await untilTaken(a))).toBe(epoch)
  })

  test('epochs grow even when the bucket is made anew, as far as anybody has seen any', async () => {
    const server = await natsServer()
    const [a, b] = [linkTo(server.url, 'a', LONG), linkTo(server.url, 'b', LONG)]
    const statuses = statusesOf(b)
    await ready(a, b)
    for (let i = 0; i < 20; i++) await a.lease.take()
    await a.lease.release()
    const before = epochOf(await a.lease.take())
    b.directives.put('search', directive('search', { epoch: AHEAD }))
    await until(() => b.directives.entries.has('search'), 'a directive')
    await (await jetstream(await clientOf(server)).jetstreamManager()).streams.delete('KV_sg_test_lease')
    const after = epochOf(await untilTaken(b))
    expect(after).toBeGreaterThan(before)
    expect(after).toBe(AHEAD + 1)
    expect(epochOf(await b.lease.take())).toBe(AHEAD + 1)
    expect(statuses).toContainEqual({
      type: 'trouble',
      code: 'lease_recreated',
      message: expect.stringContaining(`${AHEAD + 1}`),
    })
    expect(await untilAnswered(a)).toEqual({ held: false, holder: 'b' })
    await b.lease.release()
    expect(epochOf(await a.lease.take())).toBe(AHEAD + 2)
  })

  test('they grow over the loss of all that the server kept, though nobody is left who has seen any', async () => {
    const server = await natsServer()
    const a = linkTo(server.url, 'a', LONG)
    await connected(a)
    let before = 0
    for (let i = 0; i < 20; i++) {
      before = epochOf(await a.lease.take())
      await a.lease.release()
    }
    await a.close()
    await server.kill()
    rmSync(join(server.directory, 'store'), { recursive: true })
    await server.start()
    const b = linkTo(server.url, 'b', LONG)
    await connected(b)
    expect(epochOf(await b.lease.take())).toBeGreaterThan(before)
  })

  test.each(['garbage', '[]', '{"v":1,"node":"a.b","session":"s"}', '{"v":1,"node":"a"}', 'null'])(
    'what nobody of the fleet wrote (%s) is told and written over',
    async (text) => {
      const server = await natsServer()
      const link = linkTo(server.url, 'a')
      const statuses = statusesOf(link)
      await connected(link)
      await link.lease.take()
      await (await new Kvm(await clientOf(server)).open('sg_test_lease')).put('leader', text)
      expect((await link.lease.take()).held).toBe(true)
      expect(statuses).toContainEqual({ type: 'trouble', code: 'bad_lease', message: expect.anything() })
    },
  )

  test('its lifetime is what the bucket was made with', async () => {
    const { url } = await natsServer()
    const [a, b] = [linkTo(url, 'a', { lease: 5000 }), linkTo(url, 'b', { lease: 3000 })]
    const statuses = statusesOf(b)
    await connected(a, b)
    await a.lease.take()
    expect([a.lease.lifetime, b.lease.lifetime]).toEqual([5000, 3000])
    await b.lease.take()
    expect(b.lease.lifetime).toBe(5000)
    expect(statuses).toContainEqual({
      type: 'trouble',
      code: 'bucket_options',
      message: expect.stringContaining('5000 ms, not 3000'),
    })
  })
})

function epochOf(answer: LeaseAnswer): number {
  if (!answer.held) throw new Error(`held by ${answer.holder}`)
  return answer.epoch
}

async function untilAnswered(link: NatsLink): Promise<LeaseAnswer> {
  for (;;) {
    const answer = await link.lease.take().catch(() => undefined)
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function untilTaken(link: NatsLink): Promise<LeaseAnswer> {
  for (;;) {
    const answer = await untilAnswered(link)
    if (answer.held) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The epoch that it was taken with. */
async function takenBy(node: string, kv: KV): Promise<number> {
  for (;;) {
    const entry = await kv.get('leader')
    if (entry?.operation === 'PUT' && entry.string().includes(`"${node}"`))
      return entry.json<{ born: number }>().born + entry.revision
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Gives it up, for the other to take it at once, who gives it up too. */
async function released(link: NatsLink, other: NatsLink): Promise<void> {
  await link.lease.release()
  expect((await other.lease.take()).held).toBe(true)
  await other.lease.release()
}

/** From now on entries of the bucket live so long, ms. */
async function lives(server: NatsServer, ms: number): Promise<void> {
  const { streams } = await jetstream(await clientOf(server)).jetstreamManager()
  const settings = { max_age: ms * 1e6, duplicate_window: Math.min(ms, 120_000) * 1e6 }
  await streams.update('KV_sg_test_lease', settings)
}

async function clientOf({ url }: Pick<NatsServer, 'url'>): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}
