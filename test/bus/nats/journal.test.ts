// The journal in JetStream over a real server, whatever the server does meanwhile.
import { jetstream } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { journalNodes } from '../../../src/bus/nats/jetstreamReader.ts'
import { describeWithNats, freePort, natsServer } from '../../fleet/natsServer.ts'
import { proxy } from '../../fleet/proxy.ts'
import { header, numbered, numbersOf, range } from '../journalRecords.ts'
import { clientOf, journalOf, read, STREAM, SUBJECT } from './journals.ts'
import { until } from './natsLink.ts'

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
      let left = 500
      const busy = setInterval(() => {
        // No more than the journal holds, however long the server takes to be back.
        for (let i = 0; i < 20 && left > 0; i++, left--) journal.append(numbered(++number))
      }, 2)
      await until(() => left <= 250, 'half of them')
      await server.kill()
      await server.start()
      await until(() => journal.problem === undefined, 'the server')
      clearInterval(busy)
    }
    await journal.close()
    expect(journal.dropped).toBe(0)
    expect(numbersOf(await read(await clientOf(server)))).toEqual(range(1, number))
  })

  test.each([
    ['knows our ids', 120_000],
    ['has forgotten our ids', 100],
  ])('stores each record once when an answer is lost of a server that %s', async (_, remembers) => {
    const server = await natsServer()
    const line = await proxy(server.port)
    const streams = (await jetstream(await clientOf(server)).jetstreamManager()).streams
    await streams.add({ name: STREAM, subjects: ['sg.v1.test.journal.*'], duplicate_window: remembers * 1e6 })
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

  test('an onProblem that throws harms nothing, and without one the process is warned', async () => {
    const warnings: string[] = []
    const note = (warning: Error): unknown => warnings.push(warning.message)
    process.on('warning', note)
    const thrower = (): never => {
      throw new Error('of the listener')
    }
    const away = `127.0.0.1:${await freePort()}`
    const journals = [journalOf(away, 'a', { onProblem: thrower }), journalOf(away, 'a')]
    for (const journal of journals) await journal.open(header)
    await expect(journals[0]?.open(header)).rejects.toThrow('opened before')
    await until(() => warnings.length === 2, 'two warnings')
    process.off('warning', note)
    await Promise.all(journals.map((journal) => journal.close()))
    expect(warnings.sort()).toEqual([
      expect.stringContaining(`${SUBJECT} is in trouble`),
      expect.stringContaining('onProblem threw'),
    ])
  })

  test('a stream that is deleted while it is written is made again, and begun with a header', async () => {
    const server = await natsServer()
    const journal = journalOf(server.url, 'a', { onProblem: () => undefined })
    await journal.open(header)
    await journal.flush()
    const client = await clientOf(server)
    await (await jetstream(client).jetstreamManager()).streams.delete(STREAM)
    for (let i = 1; i <= 10; i++) {
      journal.append(numbered(i))
      await journal.flush()
    }
    await journal.close()
    expect(numbersOf(await read(client))).toEqual(range(3, 10))
  })
})
