// Reading a journal back from JetStream: from a time to a time, and what is told of one that was tampered with.
import { jetstream } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { readJetstreamJournal } from '../../../src/bus/nats/jetstreamReader.ts'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { header, numbered, numbersOf, range } from '../journalRecords.ts'
import { change, clientOf, journalOf, type Message, read, STREAM, store, stored } from './journals.ts'

describeWithNats('a journal read back from JetStream', () => {
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

  test.each([
    ['one is missing', ([first, , ...rest]: Message[]) => [first, ...rest], 2, /1 messages before this one are missing/],
    ['one is doubled', ([first, second, ...rest]: Message[]) => [first, second, second, ...rest], 3, /doubled, or was moved/],
    ['two are exchanged', ([a, b, c, ...rest]: Message[]) => [a, c, b, ...rest], 2, /1 messages before this one are missing/],
    ['the beginning is missing', (messages: Message[]) => messages.slice(1), undefined, undefined],
    ['bytes of one were altered', change(2, (text) => text.replace('12.345', '12.346')), 3, /crc does not fit/],
    [
      'bytes of the last one were altered',
      change(-1, (text) => text.replace('on":350', 'on":351')),
      5,
      /its last line was altered/,
    ],
    ['one is no journal', change(1, () => 'garbage\n'), 2, /no line of a journal/],
    ['one comes from elsewhere', ([a, ...rest]: Message[]) => [a, { ...rest[0], id: undefined }], 2, /not written by a journal/],
    ['another session cuts in', ([a, ...rest]: Message[]) => [a, { ...rest[0], id: 'other-7' }], 2, /beginning of this session/],
    ['the end of a session was cut short', change(-1, (text) => text.slice(0, -20)), 'torn', undefined],
  ] as const)('where %s it says so', async (_, forge, line, problem) => {
    const server = await natsServer()
    const client = await clientOf(server)
    const journal = journalOf(server.url, 'a')
    await journal.open(header)
    for (let i = 1; i <= 350; i++) journal.append(numbered(i))
    await journal.close()
    const messages = await stored(client)
    expect(messages.length).toBe(5)
    await (await jetstream(client).jetstreamManager()).streams.delete(STREAM)
    await store(client, forge(messages) as Message[])
    const torn: unknown[] = []
    const reading = read(client, { onTorn: (place) => torn.push(place) })
    if (problem !== undefined) await expect(reading).rejects.toMatchObject({ line, problem: expect.stringMatching(problem) })
    else if (line === undefined) expect(await reading).toEqual([])
    else expect(numbersOf(await reading)).toEqual(range(1, 349))
    expect(torn).toEqual(line === 'torn' ? [{ sequence: 5, bytes: expect.any(Number) }] : [])
  })

  test('two sessions follow each other, and one that was written by two at once is refused', async () => {
    const server = await natsServer()
    const problems: string[] = []
    const onProblem = ({ message }: Error): unknown => problems.push(message)
    const [first, second] = [journalOf(server.url, 'a', { onProblem }), journalOf(server.url, 'a', { onProblem })]
    for (const journal of [first, second]) {
      await journal.open(header)
      journal.append(numbered(1))
      await journal.flush()
    }
    const client = await clientOf(server)
    expect((await read(client)).length).toBe(4)
    first.append(numbered(2))
    await first.flush()
    expect(problems.join()).toContain('another process writes the journal of this node too')
    await expect(read(client)).rejects.toThrow('the beginning of this session is missing')
  })

  test('a record that cannot be written is left out, with what its service says until the next header', async () => {
    const server = await natsServer()
    const problems: Error[] = []
    const journal = journalOf(server.url, 'a', { onProblem: (problem) => problems.push(problem) })
    await journal.open(header)
    journal.append({ ...numbered(1), model: 'x'.repeat(2_000_000) })
    journal.append(numbered(2))
    journal.append(numbered(3, 'other'))
    await journal.flush()
    journal.append(numbered(4))
    await journal.close()
    const records = await read(await clientOf(server))
    expect(numbersOf(records)).toEqual([3, 4])
    expect(records[2]).toEqual(header('gap', 2))
    expect([journal.dropped, problems.length]).toEqual([2, 1])
  })

  test('reading goes on where it stopped when the server restarts', async () => {
    const server = await natsServer()
    const journal = journalOf(server.url, 'a')
    await journal.open(header)
    for (let i = 1; i <= 20_500; i++) journal.append(numbered(i))
    await journal.close()
    const client = await clientOf(server)
    const numbers: number[] = []
    for await (const batch of readJetstreamJournal({ client, fleet: 'test', node: 'a', name: 'journal' })) {
      numbers.push(...numbersOf(batch.map(({ record }) => record)))
      if (numbers.length !== 5000) continue
      await server.kill()
      await server.start()
    }
    expect(numbers).toEqual(range(1, 20_500))
  })
})
