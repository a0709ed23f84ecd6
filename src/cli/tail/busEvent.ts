// What came to a subject of the bus, whatever it is, as one thing to show.
import type { DirectiveEntry, LedgerEntry, NodeEntry } from '../../model/fleet/entries.ts'
import { readEntry } from '../../model/fleet/readEntry.ts'
import { readMessages } from '../../model/fleet/readMessages.ts'
import { type Rejection, readRejection } from '../../model/fleet/rejection.ts'
import { parseTableSubject } from '../../model/fleet/subjects.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import { printable } from '../../model/fleet/wireReason.ts'

export type BusEvent =
  | WireMessage
  | ({ readonly type: 'directive' } & DirectiveEntry)
  | ({ readonly type: 'node' } & NodeEntry)
  | ({ readonly type: 'ledger' } & LedgerEntry)
  /** A key of a table is gone. */
  | { readonly type: 'removed'; readonly table: string; readonly key: string; readonly at: number }
  | ({ readonly type: 'rejected' } & Rejection)
  | { readonly type: 'unreadable'; readonly subject: string; readonly reason: string; readonly at: number }

/** `removed`: the server says that it is a removal. */
export function busEvents(subject: string, bytes: Uint8Array, removed: boolean, now: number): readonly BusEvent[] {
  const at = Math.round(now)
  const place = parseTableSubject(subject)
  if (place === undefined) {
    if (!subject.endsWith('.rejected')) {
      const { messages, problems } = readMessages(subject, bytes, now)
      return [...messages, ...problems.map((problem) => unreadable(problem.subject, problem.reason, at))]
    }
    const rejection = readRejection(bytes)
    return [rejection === undefined ? unreadable(subject, 'it is no rejection', at) : { type: 'rejected', ...rejection }]
  }
  const { table, key } = place
  if (removed) return [{ type: 'removed', table, key, at }]
  const { entry, reason = '' } = readEntry(table, key, bytes)
  if (entry === undefined) return [unreadable(subject, reason, at)]
  const type = { directives: 'directive', nodes: 'node', ledger: 'ledger' }[table]
  return [{ type, ...entry } as BusEvent]
}

function unreadable(subject: string, reason: string, at: number): BusEvent {
  return { type: 'unreadable', subject: printable(subject, 300), reason, at }
}
