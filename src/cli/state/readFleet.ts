// Reads what the server keeps of a fleet, and changes nothing: a look at a fleet that is not there leaves none behind.
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import { isMissing, isRemoval, isWithoutJetstream } from '../../bus/nats/bucket.ts'
import type { TableEntries } from '../../model/fleet/entrySchemas.ts'
import { readEntry } from '../../model/fleet/readEntry.ts'
import { bucketName, isBusName, nameOfKey, type TableName } from '../../model/fleet/subjects.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { type Bus, REFUSED, UNREACHABLE } from '../fleet/openBus.ts'

export interface Seen<Entry> {
  readonly key: string
  readonly entry: Entry
  /** How long ago it was written, ms, by the server's clock and ours. */
  readonly age: number
}

export interface FleetView {
  /** False: the server has no tables of such a fleet. */
  readonly exists: boolean
  /** Who has the lease. */
  readonly leader: string | undefined
  readonly directives: readonly Seen<TableEntries['directives']>[]
  readonly nodes: readonly Seen<TableEntries['nodes']>[]
  readonly ledger: readonly Seen<TableEntries['ledger']>[]
  /** Entries that cannot be read, with the reason. */
  readonly unreadable: readonly string[]
}

/** How long each answer may take, ms. */
const TIMEOUT = 2000
/** Entries of one table that are looked at. */
const MOST = 10_000

/** Throws a CommandFailure where the server does not let us see it, or does not answer. */
export async function readFleet(bus: Bus, fleet: string, now: number): Promise<FleetView> {
  const unreadable: string[] = []
  try {
    const manager = await jetstreamManager(bus.client, { timeout: TIMEOUT, checkAPI: false })
    const read = async <Table extends TableName>(table: Table): Promise<Seen<TableEntries[Table]>[] | undefined> => {
      const stored = await entriesOf(manager, bucketName(fleet, table))
      const found = stored?.flatMap((one) => seen(table, one, now, unreadable))
      return found?.sort((a, b) => (a.key < b.key ? -1 : 1))
    }
    const nodes = await read('nodes')
    const directives = await read('directives')
    const ledger = await read('ledger')
    const [lease] = (await entriesOf(manager, bucketName(fleet, 'lease'))) ?? []
    const exists = (nodes ?? directives ?? ledger) !== undefined
    const leader = lease === undefined ? undefined : holderOf(lease)
    return { exists, leader, directives: directives ?? [], nodes: nodes ?? [], ledger: ledger ?? [], unreadable }
  } catch (error) {
    throw failure(bus, error)
  }
}

/** What a bucket holds, in the order of the last changes; undefined where there is no such bucket. */
async function entriesOf(manager: JetStreamManager, bucket: string): Promise<StoredMsg[] | undefined> {
  const stream = `KV_${bucket}`
  try {
    const { state } = await manager.streams.info(stream)
    const found: StoredMsg[] = []
    let next = state.first_seq
    while (state.messages > 0 && next <= state.last_seq && found.length < MOST) {
      // From that number on, the first change of any key; the client's types know one or the other only.
      const query = { seq: next, next_by_subj: `$KV.${bucket}.>` }
      const stored = await manager.streams.getMessage(stream, query)
      if (stored === null) break
      next = stored.seq + 1
      if (!isRemoval(stored.header)) found.push(stored)
    }
    return found
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function seen<Table extends TableName>(
  table: Table,
  { subject, data, time }: StoredMsg,
  now: number,
  unreadable: string[],
): Seen<TableEntries[Table]>[] {
  const token = subject.slice(subject.lastIndexOf('.') + 1)
  const key = nameOfKey(table, token)
  const { entry, reason } = key === undefined ? { reason: 'its key names nothing' } : readEntry(table, key, data)
  if (entry !== undefined && key !== undefined) return [{ key, entry, age: Math.max(0, Math.round(now - time.getTime())) }]
  unreadable.push(`${table} ${JSON.stringify(token.slice(0, 80))}: ${reason}`)
  return []
}

function holderOf({ data }: StoredMsg): string | undefined {
  try {
    const { node } = JSON.parse(new TextDecoder().decode(data))
    return isBusName(node) ? node : undefined
  } catch {
    return undefined
  }
}

function failure({ server, refused }: Bus, error: unknown): CommandFailure {
  const options = { cause: error }
  if (refused.length > 0) return new CommandFailure(`${server} does not allow us ${refused.join(', nor ')}`, REFUSED, options)
  if (isWithoutJetstream(error) || (error instanceof Error && error.name === 'NoRespondersError')) {
    return new CommandFailure(`${server} has no JetStream, or none for us: it keeps no fleet`, REFUSED, options)
  }
  return new CommandFailure(`${server} does not answer: ${inOneLine(error)}`, UNREACHABLE, options)
}
