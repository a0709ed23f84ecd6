// Journals in a real server's stream for tests: written, read, and tampered with.
import { jetstream } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { JetstreamJournal, type JetstreamJournalOptions } from '../../../src/bus/nats/jetstreamJournal.ts'
import { type JetstreamReadOptions, readJetstreamJournal } from '../../../src/bus/nats/jetstreamReader.ts'
import { type BusInput, busSchema } from '../../../src/model/fleet/busConfig.ts'
import type { JournalRecord } from '../../../src/model/records.ts'
import type { NatsServer } from '../../fleet/natsServer.ts'

export const SUBJECT = 'sg.v1.test.journal.a'
export const STREAM = 'sg_test_journal'

export function journalOf(
  servers: string | string[],
  node: string,
  more: Partial<JetstreamJournalOptions> = {},
  config: Partial<BusInput> = {},
): JetstreamJournal {
  const bus = { ...busSchema.parse({ servers, fleet: 'test', ...config }), node }
  const journal = new JetstreamJournal({ bus, ...more })
  onTestFinished(() => journal.close())
  return journal
}

export async function clientOf({ url }: NatsServer): Promise<NatsConnection> {
  const client = await connect({ servers: url })
  onTestFinished(() => client.close())
  return client
}

export async function read(client: NatsConnection, more: Partial<JetstreamReadOptions> = {}): Promise<JournalRecord[]> {
  const records: JournalRecord[] = []
  for await (const batch of readJetstreamJournal({ client, fleet: 'test', node: 'a', name: 'journal', ...more })) {
    for (const { record } of batch) records.push(record)
  }
  return records
}

export interface Message {
  readonly text: string
  readonly id: string | undefined
  readonly told: ReadonlyMap<string, string>
}

/** The messages of the stream, as they are stored. */
export async function stored(client: NatsConnection): Promise<Message[]> {
  const manager = await jetstream(client).jetstreamManager()
  const messages: Message[] = []
  for (let seq = 1; ; seq++) {
    const message = await manager.streams.getMessage(STREAM, { seq })
    if (message === null) return messages
    const told = new Map([...message.header].map(([name, [value = '']]) => [name, value]))
    messages.push({ text: Buffer.from(message.data).toString(), id: told.get('Nats-Msg-Id'), told })
  }
}

/** Stores them in a stream of the same name that does not look for doubled ones. */
export async function store(client: NatsConnection, messages: readonly Message[]): Promise<void> {
  const js = jetstream(client)
  const manager = await js.jetstreamManager()
  await manager.streams.add({ name: STREAM, subjects: ['sg.v1.test.journal.*'], duplicate_window: 100_000_000 })
  for (const { text, id, told } of messages) {
    const marked = headers()
    for (const [name, value] of told) if (name.startsWith('Switchgear-')) marked.set(name, value)
    const before = (await manager.streams.info(STREAM)).state.last_seq
    do await js.publish(SUBJECT, text, { headers: marked, ...(id === undefined ? undefined : { msgID: id }) })
    while ((await manager.streams.info(STREAM)).state.last_seq === before)
  }
}

export function change(index: number, text: (text: string) => string): (messages: readonly Message[]) => Message[] {
  return (messages) => {
    const at = index < 0 ? messages.length + index : index
    return messages.map((message, i) => (i === at ? { ...message, text: text(message.text) } : message))
  }
}
