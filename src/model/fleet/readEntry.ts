// Reads an entry of one of the fleet's tables. Never throws: whoever may write to the table may have written anything.
import { describeValue } from '../describeValue.ts'
import { entrySchemas, type TableEntries } from './entrySchemas.ts'
import type { TableName } from './subjects.ts'
import { MAX_ENTRY } from './wireFields.ts'
import { LONGEST_REASON, printable, reasonOf } from './wireReason.ts'

export type ReadEntry<Entry> =
  | { readonly entry: Entry; readonly reason?: undefined }
  | { readonly entry?: undefined; readonly reason: string }

const utf8 = new TextDecoder()

/**
 * The entry in `bytes`, which stands under `key` (the service of a directive, the node of all else) and must be about that. Fields
 * that nobody knows are left out. A table's entry may be larger than a message: it names every service.
 */
export function readEntry<Table extends TableName>(
  table: Table,
  key: string,
  bytes: Uint8Array,
  maxBytes: number = MAX_ENTRY,
): ReadEntry<TableEntries[Table]> {
  if (bytes.length > maxBytes) return refused(`the entry: got ${bytes.length} bytes; allowed: at most ${maxBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    return refused(`the entry is no JSON: ${(error as SyntaxError).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused(`the entry: got ${describeValue(value)}; allowed: an object`)
  }
  const about = table === 'directives' ? 'service' : 'node'
  const said = (value as Readonly<Record<string, unknown>>)[about]
  if (said !== key) return refused(`${about}: got ${describeValue(said)}; allowed: ${describeValue(key)}, as the key has it`)
  const schema = entrySchemas[table]
  const { success, data } = schema.safeParse(value)
  return success ? { entry: data as TableEntries[Table] } : refused(reasonOf(schema, value))
}

function refused(reason: string): { readonly reason: string } {
  return { reason: printable(reason, LONGEST_REASON) }
}
