// Reads a node's journal back from the fleet's stream: for replay, from a header at or before a time.
import { jetstream, type StoredMsg } from '@nats-io/jetstream'
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../../model/clock.ts'
import { JournalError } from '../../model/errors.ts'
import { journalStream, journalSubject } from '../../model/fleet/subjects.ts'
import type { JournalEntry } from '../journalDecoder.ts'
import { isMissing } from './bucket.ts'
import { pull } from './journalPull.ts'
import { JournalSession } from './journalSession.ts'
import { HEADER_AT, HEADER_CRC, HEADER_SEQUENCE, idOf } from './journalStream.ts'

export interface JetstreamReadOptions {
  readonly client: NatsConnection
  readonly fleet: string
  readonly node: string
  /** How the journal is called in errors. */
  readonly name: string
  /** Begins with the last header at or before this time, epoch ms; with the first one there is where none is so old. */
  readonly from?: number
  /** Ends before the first record that is later, epoch ms. */
  readonly to?: number
  /** Told of a session's last record that was stored in part only; it is left out. */
  readonly onTorn?: (torn: { readonly sequence: number; readonly bytes: number }) => void
  readonly clock?: Clock
}

/** Clocks of nodes and server may be apart by this much, ms. */
const SKEW = 60_000
const TIMEOUT = 2000

/** The nodes that have a journal, by name. Throws when the server cannot be asked; a fleet without a journal has none. */
export async function journalNodes(client: NatsConnection, fleet: string): Promise<string[]> {
  const manager = await jetstream(client, { timeout: TIMEOUT, checkAPI: false }).jetstreamManager(false)
  try {
    const { state } = await manager.streams.info(journalStream(fleet), { subjects_filter: journalSubject(fleet) })
    return Object.keys(state.subjects ?? {})
      .map((subject) => subject.slice(subject.lastIndexOf('.') + 1))
      .sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/**
 * The records, in batches, each with its place in the stream as its line. Throws a JournalError that names the place where the
 * journal is not what was written, and the client's error where it cannot be read.
 */
export async function* readJetstreamJournal(options: JetstreamReadOptions): AsyncGenerator<readonly JournalEntry[], void> {
  const { client, clock = systemClock, fleet, node, name, to = Number.POSITIVE_INFINITY, onTorn } = options
  const reading = { client, clock, stream: journalStream(fleet), subject: journalSubject(fleet, node) }
  const last = await lastOf(reading)
  if (last === undefined) return
  let session: JournalSession | undefined
  const end = (): void => {
    const torn = session?.end()
    if (torn !== undefined) onTorn?.(torn)
  }
  const first = await start(reading, last, options.from)
  for await (const { data, headers, seq } of pull({ ...reading, from: { sequence: first }, last: last.seq })) {
    const id = idOf(headers)
    if (id === undefined) throw new JournalError(name, seq, 'this message was not written by a journal')
    if (session?.id !== id.session) {
      end()
      const crc = headers?.get(HEADER_CRC) ?? ''
      if (crc === '') {
        // What was before the first header that is left has been discarded by the stream's limits.
        if (session === undefined) continue
        throw new JournalError(name, seq, 'the beginning of this session is missing')
      }
      session = new JournalSession(name, id, Number(crc))
    }
    const entries = session.take(id.number, data, seq)
    const beyond = entries.findIndex(({ record }) => record.type !== 'header' && record.at > to)
    if (beyond >= 0) {
      if (beyond > 0) yield entries.slice(0, beyond)
      return
    }
    if (entries.length > 0) yield entries
  }
  end()
}

interface Reading {
  readonly client: NatsConnection
  readonly clock: Clock
  readonly stream: string
  readonly subject: string
}

async function lastOf({ client, stream, subject }: Reading): Promise<StoredMsg | undefined> {
  const manager = await jetstream(client, { timeout: TIMEOUT, checkAPI: false }).jetstreamManager(false)
  try {
    return (await manager.streams.getMessage(stream, { last_by_subj: subject })) ?? undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The sequence to begin at. */
async function start(reading: Reading, last: StoredMsg, from: number | undefined): Promise<number> {
  if (from === undefined) return 1
  // Each message names the header it goes on from: one stored shortly before that time leads there.
  let header = headerOf(last.header, last.seq)
  if (last.time.getTime() >= from - SKEW) {
    for await (const { headers, seq } of pull({ ...reading, from: { time: from - SKEW }, last: last.seq, headersOnly: true })) {
      header = headerOf(headers, seq)
      break
    }
  }
  let found = header
  for await (const { headers, seq, time } of pull({
    ...reading,
    from: { sequence: header },
    last: last.seq,
    headersOnly: true,
  })) {
    if (headers?.has(HEADER_AT) === true && Number(headers.get(HEADER_AT)) <= from) found = seq
    if (time.getTime() > from + SKEW) break
  }
  return found
}

/** Where the header is that this message goes on from; the beginning where it does not say. */
function headerOf(told: MsgHdrs | undefined, sequence: number): number {
  if (told?.has(HEADER_AT) === true) return sequence
  const named = Number(told?.get(HEADER_SEQUENCE))
  return Number.isSafeInteger(named) && named >= 1 ? named : 1
}
