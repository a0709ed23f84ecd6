// Streams that are there already, and a configuration that wants them otherwise: what is raised, what is left, and what is told.
import { type JetStreamManager, jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { StreamFit, type WantedStream } from '../../../src/bus/nats/streamFit.ts'
import type { BusInput } from '../../../src/model/fleet/busConfig.ts'
import { describeWithNats, type NatsServer, natsServer } from '../../fleet/natsServer.ts'
import { header } from '../journalRecords.ts'
import { clientOf, journalOf, STREAM } from './journals.ts'
import { directive, linkTo, ready, statusesOf, until } from './natsLink.ts'
import { patienceWithLeases } from './patience.ts'

patienceWithLeases()

const TABLES = ['directives', 'nodes', 'ledger'].map((table) => `KV_sg_test_${table}`)
const LEASE = 'KV_sg_test_lease'
const LITTLE = { lease: 1000, limits: { entryBytes: 2048, journalBytes: 1_048_576, journalAge: 60_000 } }
const MUCH = { lease: 5000, limits: { entryBytes: 8192, journalBytes: 2_097_152, journalAge: 90_000 } }

async function managerOf(server: NatsServer): Promise<JetStreamManager> {
  return jetstreamManager(await clientOf(server))
}

/** All that a node of this configuration opens. */
async function opened(server: NatsServer, node: string, config: Partial<BusInput>) {
  const link = linkTo(server.url, node, config)
  const statuses = statusesOf(link)
  await ready(link)
  await link.lease.take()
  const told: string[] = []
  const fit = new StreamFit({ mends: config.lead !== false, tell: (words) => told.push(words) })
  const journal = journalOf(server.url, node, { fit }, config)
  await journal.open(header)
  await journal.flush()
  await journal.close()
  const differing = (): string[] =>
    statuses.flatMap((status) => (status.type === 'trouble' && status.code === 'bucket_options' ? [status.message] : []))
  return { link, differing, told }
}

async function limits(server: NatsServer) {
  const manager = await managerOf(server)
  const configOf = async (name: string): Promise<StreamConfig> => (await manager.streams.info(name)).config
  const tables = await Promise.all(TABLES.map(configOf))
  const [lease, journal] = [await configOf(LEASE), await configOf(STREAM)]
  return {
    entryBytes: [...new Set(tables.map(({ max_msg_size }) => max_msg_size))],
    lease: lease.max_age / 1e6,
    journal: [journal.max_bytes, journal.max_age / 1e6],
  }
}

const OF_LITTLE = { entryBytes: [2048], lease: 1000, journal: [1_048_576, 60_000] }
const OF_MUCH = { entryBytes: [8192], lease: 5000, journal: [2_097_152, 90_000] }

describeWithNats('streams that are there already', () => {
  test('get more room and a longer life, where a later configuration says so', async () => {
    const server = await natsServer()
    await opened(server, 'a', LITTLE)
    expect(await limits(server)).toEqual(OF_LITTLE)
    const { link, differing, told } = await opened(server, 'b', MUCH)
    expect(await limits(server)).toEqual(OF_MUCH)
    expect([differing(), told, link.lease.lifetime]).toEqual([[], [], 5000])
    link.directives.put('big', directive('big', { reason: 'x'.repeat(400), rule: 'y'.repeat(60) }))
    await until(() => link.directives.entries.has('big'), 'the entry')
  })

  test.each([
    ['lose nothing to one that wants less', MUCH, LITTLE, OF_MUCH],
    ['are left alone by one that may not lead', LITTLE, { ...MUCH, lead: false }, OF_LITTLE],
  ])('%s: it is told what differs, and how to change it', async (_, first, second, expected) => {
    const server = await natsServer()
    await opened(server, 'a', first)
    const { differing, told } = await opened(server, 'b', second)
    expect(await limits(server)).toEqual(expected)
    const { entryBytes, journalBytes, journalAge } = second.limits
    const of = (name: string): string | undefined => differing().find((words) => words.startsWith(name))
    for (const name of TABLES) expect(of(name)).toContain(`nats stream edit ${name} --max-msg-size=${entryBytes}`)
    expect(of(LEASE)).toContain(`${first.lease} ms, not ${second.lease} ms; `)
    expect(of(LEASE)).toContain(`nats stream edit ${LEASE} --max-age=${second.lease}ms --dupe-window=${second.lease}ms`)
    expect([differing().length, told.length]).toEqual([4, 1])
    expect(told[0]).toContain(`it holds ${first.limits.journalBytes} bytes, not ${journalBytes} bytes`)
    expect(told[0]).toContain(`--max-age=${journalAge}ms`)
  })

  test('that cannot be changed stay as they are, and what the server says to that is told', async () => {
    const server = await natsServer()
    await opened(server, 'a', LITTLE)
    const { told } = await opened(server, 'b', { limits: { ...LITTLE.limits, journalBytes: 2 ** 50 } })
    expect(told).toEqual([expect.stringMatching(/it cannot be changed by us: .*storage.*; make the configurations agree/)])
    expect((await limits(server)).journal).toEqual(OF_LITTLE.journal)
  })

  test('get no copies from a server that is alone', async () => {
    const server = await natsServer()
    await opened(server, 'a', LITTLE)
    const { differing } = await opened(server, 'b', { ...LITTLE, replicas: 3 })
    expect(differing()).toEqual(
      Array(4).fill(expect.stringMatching(/has other settings than ours: it has 1 copy, not 3; .*--replicas=3/)),
    )
    const manager = await managerOf(server)
    expect((await manager.streams.info(LEASE)).config.num_replicas).toBe(1)
  })

  test('that this user may not change are used as they are', async () => {
    const mayNot = 'permissions: { publish: { allow: ">", deny: "$JS.API.STREAM.UPDATE.>" } }'
    const config = `authorization { users = [{ user: a, password: a }, { user: b, password: b, ${mayNot} }] }`
    const server = await natsServer({ config })
    const a = linkTo(server.url, 'a', { ...LITTLE, user: 'a', password: 'a' })
    await ready(a)
    const b = linkTo(server.url, 'b', { ...MUCH, user: 'b', password: 'b' })
    const statuses = statusesOf(b)
    await ready(b)
    for (const name of TABLES) {
      const differs = expect.stringMatching(new RegExp(`^${name} .*it cannot be changed by us`))
      expect(statuses).toContainEqual({ type: 'trouble', code: 'bucket_options', message: differs })
      expect(statuses).toContainEqual({ type: 'refused', what: `publish to $JS.API.STREAM.UPDATE.${name}` })
    }
  })

  test('are changed once by a process, and told of once, however often it opens them', async () => {
    const server = await natsServer()
    const client = await clientOf(server)
    const manager = await managerOf(server)
    const { config } = await manager.streams.add({ name: 'x', subjects: ['x'], max_bytes: 1000, num_replicas: 1 })
    const told: [string, string][] = []
    const fit = new StreamFit({ mends: true, tell: (words, stream) => told.push([stream, words]) })
    const wanted: WantedStream = { name: 'x', replicas: 1, maxBytes: 2000 }
    expect((await fit.fit(client, config, wanted)).max_bytes).toBe(2000)
    const lowered = (await manager.streams.update('x', { max_bytes: 500 })).config
    for (let i = 0; i < 3; i++) expect((await fit.fit(client, lowered, wanted)).max_bytes).toBe(500)
    const words = 'x has other settings than ours: it holds 500 bytes, not 2000 bytes; make the configurations agree, or: '
    expect(told).toEqual([['x', `${words}nats stream edit x --max-bytes=2000`]])
    await fit.fit(client, { ...config, max_bytes: 2000 }, wanted)
    await fit.fit(client, lowered, wanted)
    expect(told.length).toBe(2)
    // Whoever wants no bound and no end.
    await fit.fit(client, { ...config, max_age: 5e9 }, { name: 'x', replicas: 1 })
    expect(told[2]?.[1]).toContain('lives 5000 ms, not without end; it holds 1000 bytes, not without end')
  })

  test('that a journal keeps are told of by a warning of the process', async () => {
    const server = await natsServer()
    await opened(server, 'a', MUCH)
    const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
    const journal = journalOf(server.url, 'b', {}, LITTLE)
    await journal.open(header)
    await journal.flush()
    expect(await warning).toMatchObject({ code: 'SWITCHGEAR_JOURNAL', message: expect.stringContaining(STREAM) })
    expect(journal.problem).toBeUndefined()
  })
})
