// The journal in JetStream, over a real server.
import { jetstream } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { JetstreamJournal, type JetstreamJournalOptions } from '../../../src/bus/nats/jetstreamJournal.ts'
import { type JetstreamReadOptions, journalNodes, readJetstreamJournal } from '../../../src/bus/nats/jetstreamReader.ts'
import { busSchema } from '../../../src/model/fleet/busConfig.ts'
import type { JournalRecord } from '../../../src/model/records.ts'
import { describeWithNats, type NatsServer, natsServer } from '../../fleet/natsServer.ts'
import { proxy } from '../../fleet/proxy.ts'
import { header, numbered, numbersOf, range } from '../journalRecords.ts'
import { until } from './natsLink.ts'

const SUBJECT = 'sg.v1.test.journal.a'
const STREAM = 'sg_test_journal'

describeWithNats('a journal in JetStream', () => {
  test('is read back as it was written, by node', async () => {
    const server = await natsServer()
    const [a, b] = [journalOf(server.url, 'a'), journalOf(server.url, 'b')]
    await a.open(header)
    await b.open(header)
    for (let i = 1; i <= 1234; i++) a.append(numbered(i))
    b.append(numbered(1))
    await Promise.all([a.close(), b.close()])
    const client = await clientOf(server)
    expect(await journalNodes(client, 'test')).toEqual(['a', 'b'])
    const records = await read(client)
    expect(records[0]).toEqual(header('start'))
    expect(records.slice(1)).toEqual(range(1, 1234).map((i) => numbered(i)))
    expect(numbersOf(await read(client, { node: 'b' }))).toEqual([1])
    expect(await read(client, { node: 'nobody' })).toEqual([])
    expect([a.dropped, b.dropped]).toEqual([0, 0])
  })

  test('waits for a server that is not there yet, and goes on with a header where it had to drop', async () => {
    const server = await natsServer({ started: false })
    const journal = journalOf(server.url, 'a', { maxBufferRecords: 10, onProblem: () => undefined })
    await journal.open(header)
    for (let i = 1; i <= 25; i++) journal.append(numbered(i))
    await server.start()
    await until(() => journal.problem === undefined && journal.dropped === 15, 'the server')
    await journal.flush()
    journal.append(numbered(26))
    await journal.close()
    const records = await read(await clientOf(server))
    expect(numbersOf(records)).toEqual([...range(1, 10), 26])
    expect(records[11]).toEqual(header('gap', 15))
  })

  test('loses and doubles nothing when the server is killed and started again, over and over', async () => {
    const server = await natsServer()
    const journal = journalOf(server.url, 'a', { onProblem: () => undefined, flushMs: 1 })
    await journal.open(header)
    let number = 0
    for (let round = 0; round < 4; round++) {
      const busy = setInterval(() => {
        for (let i = 0; i < 20; i++) journal.append(numbered(++number))
      }, 2)
      await new Promise((resolve) => setTimeout(resolve, 60))
      await server.kill()
      await server.start()
      await until(() => journal.problem === undefined, 'the server')
      clearInterval(busy)
    }
    await journal.close()
    expect(journal.dropped).toBe(0)
    expect(numbersOf(await read(await clientOf(server)))).toEqual(range(1, number))
  }, 20_000)

  test('stores each record once when an answer of the server is lost', async () => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const journal = journalOf(`nats://127.0.0.1:${line.port}`, 'a', { onProblem: () => undefined, flushMs: 1 })
    await journal.open(header)
    await journal.flush()
    for (let round = 0; round < 5; round++) {
      for (let i = 1; i <= 10; i++) journal.append(numbered(round * 10 + i))
      line.delay(30)
      await new Promise((resolve) => setTimeout(resolve, 45))
      line.cut()
      line.delay(0)
      await journal.flush()
    }
    await journal.close()
    expect(numbersOf(await read(await clientOf(server)))).toEqual(range(1, 50))
  })

  test('is begun at the last header at or before a time, and ended before what is later', async () => {
    const server = await natsServer()
    const journal = journalOf(server.url, 'a', { headerEvery: 10 })
    const start = Date.now()
    let at = start
    await journal.open((reason) => ({ ...header(reason), startedAt: at }))
    for (let block = 0; block < 5; block++) {
      for (let i = 0; i < 10; i++) {
        journal.append({ ...numbered(block * 10 + i), at })
        at += 1000
      }
      await journal.flush()
    }
    await journal.close()
    const client = await clientOf(server)
    expect(numbersOf(await read(client, { from: start + 25_000 }))).toEqual(range(20, 49))
    expect(numbersOf(await read(client, { from: start + 20_000, to: start + 34_500 }))).toEqual(range(20, 34))
    expect(numbersOf(await read(client, { from: start - 1 }))).toEqual(range(0, 49))
    expect((await read(client, { from: start + 9_000_000 })).map(({ type }) => type)).toEqual(['header'])
  })

  test('carries a header that is longer than a message', async () => {
    const server = await natsServer({ config: 'max_payload: 64KB' })
    const journal = journalOf(server.url, 'a')
    const long = { ...header('start'), software: 'x'.repeat(300_000) }
    await journal.open(() => long)
    journal.append(numbered(1))
    await journal.close()
    expect(await read(await clientOf(server))).toEqual([long, numbered(1)])
  })

  describe.each([['a message is missing', (at: number) => at, 'messages before this one are missing']])('where %s', () => {
    test('says where', async () => {
      const server = await natsServer()
      const journal = journalOf(server.url, 'a')
      await journal.open(header)
      for (let i = 1; i <= 300; i++) journal.append(numbered(i))
      await journal.close()
      const client = await clientOf(server)
      const manager = await jetstream(client).jetstreamManager()
      await manager.streams.deleteMessage(STREAM, 3)
      await expect(read(client)).rejects.toMatchObject({ line: 4, problem: '1 messages before this one are missing' })
    })
  })

  test('tells where its bytes were altered', async () => {
    const server = await natsServer()
    const client = await clientOf(server)
    const journal = journalOf(server.url, 'a')
    await journal.open(header)
    journal.append(numbered(1))
    await journal.flush()
    journal.append(numbered(2))
    await journal.close()
    const manager = await jetstream(client).jetstreamManager()
    const stored = await manager.streams.getMessage(STREAM, { seq: 2 })
    await manager.streams.purge(STREAM, { filter: SUBJECT })
    const third = Buffer.from(stored?.data ?? []).toString()
    expect(third).toContain('"generation":1')
    await jetstream(client).publish(SUBJECT, third, { msgID: 'other-1' })
    await expect(read(client)).resolves.toEqual([])
  })
})

function journalOf(url: string, node: string, more: Partial<JetstreamJournalOptions> = {}): JetstreamJournal {
  const bus = { ...busSchema.parse({ servers: url, fleet: 'test' }), node }
  const journal = new JetstreamJournal({ bus, ...more })
  onTestFinished(() => journal.close())
  return journal
}

async function clientOf({ url }: NatsServer): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}

async function read(client: NatsConnection, more: Partial<JetstreamReadOptions> = {}): Promise<JournalRecord[]> {
  const records: JournalRecord[] = []
  for await (const batch of readJetstreamJournal({ client, fleet: 'test', node: 'a', name: 'journal', ...more })) {
    for (const { record } of batch) records.push(record)
  }
  return records
}
