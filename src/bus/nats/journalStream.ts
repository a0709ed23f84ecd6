// The stream of a fleet's journal, and what its messages say of themselves beside the lines of records that they hold.
import { type JetStreamClient, type JetStreamManager, jetstream, type PubAck, RetentionPolicy } from '@nats-io/jetstream'
import { headers, type MsgHdrs, type NatsConnection, nanos } from '@nats-io/transport-node'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { journalStream, journalSubject } from '../../model/fleet/subjects.ts'
import { isMissing } from './bucket.ts'
import type { WhileUp } from './connection.ts'
import { StreamFit } from './streamFit.ts'

/** Set on the first message of a header: its time by the writer's clock, epoch ms. */
export const HEADER_AT = 'Switchgear-At'
/** Set on the first message of a header: the crc of the line before, so that reading can begin here. */
export const HEADER_CRC = 'Switchgear-Crc'
/** Set on all others: where in the stream the header is that they go on from. */
export const HEADER_SEQUENCE = 'Switchgear-Header'
/** The session and the number of the message in it: the server takes each once. */
const MESSAGE_ID = 'Nats-Msg-Id'

export interface JournalMessageId {
  readonly session: string
  /** From 1, without gaps. */
  readonly number: number
}

export function messageId({ session, number }: JournalMessageId): string {
  return `${session}-${number}`
}

/** Undefined for a message that no journal wrote. */
export function idOf(told: MsgHdrs | undefined): JournalMessageId | undefined {
  const [, session, number] = /^([a-z0-9]{1,32})-([1-9]\d{0,14})$/.exec(told?.get(MESSAGE_ID) ?? '') ?? []
  return session === undefined ? undefined : { session, number: Number(number) }
}

/** Tells by a warning of the process, as a journal tells of its troubles. */
export function journalFit({ lead }: BusConfig): StreamFit {
  const tell = (words: string): void => process.emitWarning(words, { type: 'SwitchgearWarning', code: 'SWITCHGEAR_JOURNAL' })
  return new StreamFit({ mends: lead, tell })
}

export interface JournalStreamOptions {
  readonly fleet: string
  readonly maxBytes: number
  /** ms */
  readonly maxAge: number
  readonly replicas: number
  readonly whileUp: WhileUp
  readonly fit: StreamFit
}

/** Retries of a write are known by their id for so long, ms. */
const DUPLICATES = 120_000
const TIMEOUT = 2000

export class JournalStream {
  readonly #client: NatsConnection
  readonly #js: JetStreamClient
  readonly #manager: JetStreamManager
  readonly #name: string
  readonly #whileUp: WhileUp

  private constructor(client: NatsConnection, js: JetStreamClient, manager: JetStreamManager, name: string, whileUp: WhileUp) {
    this.#client = client
    this.#js = js
    this.#manager = manager
    this.#name = name
    this.#whileUp = whileUp
  }

  /** Makes the stream where there is none. Rejects when the server cannot do that now. */
  static open(client: NatsConnection, options: JournalStreamOptions): Promise<JournalStream> {
    return options.whileUp(JournalStream.#open(client, options))
  }

  static async #open(client: NatsConnection, options: JournalStreamOptions): Promise<JournalStream> {
    const js = jetstream(client, { timeout: TIMEOUT, checkAPI: false })
    const manager = await js.jetstreamManager(false)
    const name = journalStream(options.fleet)
    const { maxAge, maxBytes, replicas } = options
    try {
      const { config } = await manager.streams.info(name)
      await options.fit.fit(client, config, { name, maxAge, maxBytes, replicas })
    } catch (error) {
      if (!isMissing(error)) throw error
      await manager.streams.add({
        name,
        subjects: [journalSubject(options.fleet)],
        retention: RetentionPolicy.Limits,
        max_bytes: maxBytes,
        max_age: nanos(maxAge),
        num_replicas: replicas,
        duplicate_window: nanos(Math.min(DUPLICATES, maxAge)),
      })
    }
    return new JournalStream(client, js, manager, name, options.whileUp)
  }

  /** The longest body of a message, bytes; what the server allows, less what headers take. */
  get maxBody(): number {
    return (this.#client.info?.max_payload ?? 1_048_576) - 1024
  }

  /** Rejects when it is not known to be stored; `after`: the sequence of the subject's last message, if it is known. */
  append(
    subject: string,
    bytes: Uint8Array,
    id: string,
    told: Readonly<Record<string, string>>,
    after: number | undefined,
  ): Promise<PubAck> {
    const marked = headers()
    for (const [name, value] of Object.entries(told)) marked.set(name, value)
    const expect = { streamName: this.#name, ...(after === undefined ? undefined : { lastSubjectSequence: after }) }
    return this.#whileUp(this.#js.publish(subject, bytes, { msgID: id, headers: marked, timeout: TIMEOUT, expect }))
  }

  /** The last message of a subject. */
  async last(subject: string): Promise<{ readonly sequence: number; readonly id: string | undefined } | undefined> {
    const message = await this.#whileUp(this.#manager.streams.getMessage(this.#name, { last_by_subj: subject }))
    if (message === null) return undefined
    const id = idOf(message.header)
    return { sequence: message.seq, id: id && messageId(id) }
  }
}
