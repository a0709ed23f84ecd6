// Whose word stands where a put finds that its key was written since: a leader's over that of any before it, and a process's over what
// it wrote itself. Used by natsTable.ts.
import type { TableEntries } from '../../model/fleet/entrySchemas.ts'
import { readEntry } from '../../model/fleet/readEntry.ts'
import type { TableName } from '../../model/fleet/subjects.ts'
import type { Stored } from './bucket.ts'

/** What is put under one key of a table, and what is stored there; `name`: what the key stands for. */
export interface Rivals<Table extends TableName> {
  readonly table: Table
  readonly name: string
  readonly own: TableEntries[Table]
  readonly stored: Stored
  readonly entryBytes: number
}

/** False for what is not known to be older. */
export function prevails<Table extends TableName>({ table, name, own, stored, entryBytes }: Rivals<Table>): boolean {
  // A removal does not say whose it was: perhaps of a later leader. A node's own key only processes of its name take back.
  if (stored.bytes === undefined) return table !== 'directives'
  const { entry } = readEntry(table, name, stored.bytes, entryBytes)
  if (entry === undefined) return false
  // Those of one epoch are of one process, which is asked for the last of them.
  if ('epoch' in own && 'epoch' in entry) return own.epoch >= entry.epoch
  return 'session' in own && 'session' in entry && own.session === entry.session
}
