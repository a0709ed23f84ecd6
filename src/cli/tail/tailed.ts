// What can be listened to on a fleet's bus, and the subjects of a choice among it.
import {
  isWireType,
  messageWildcard,
  rejectedSubject,
  TABLE_SUBJECTS,
  type TableName,
  tableSubject,
  tableWildcard,
} from '../../model/fleet/subjects.ts'
import { WIRE_TYPES } from '../../model/fleet/wire.ts'
import type { ConnectionFlags } from '../fleet/connectionFlags.ts'

export const TAILED = [...WIRE_TYPES, 'directive', 'node', 'ledger', 'rejected']

export interface TailFlags extends ConnectionFlags {
  readonly type?: readonly string[]
  readonly service?: string
  readonly node?: string
  /** s */
  readonly for?: number
  readonly json?: boolean
}

/** No more than is asked for, as a user may be allowed no more. */
export function subjectsOf({ fleet, type, service, node }: TailFlags): string[] {
  const only = { ...(service === undefined ? undefined : { service }), ...(node === undefined ? undefined : { node }) }
  // What concerns one service is not in the entries of nodes; what one node says is not in those of services.
  const wanted = (word: string): boolean =>
    type?.includes(word) ?? (word === 'directive' ? node === undefined : word === 'node' ? service === undefined : false)
  const types = WIRE_TYPES.filter((one) => type?.includes(one) ?? true)
  const messages = types.length === WIRE_TYPES.length ? [messageWildcard(fleet, only)] : []
  const some = messages.length > 0 ? messages : types.map((one) => messageWildcard(fleet, { ...only, type: one }))
  const tables = (Object.keys(TABLE_SUBJECTS) as TableName[])
    .filter((table) => wanted(TABLE_SUBJECTS[table]))
    .map((table) => {
      const key = table === 'directives' ? service : node
      return key === undefined ? tableWildcard(fleet, table) : tableSubject(fleet, table, key)
    })
  const nobody = service === undefined && node === undefined
  return [...some, ...tables, ...((type?.includes('rejected') ?? nobody) ? [rejectedSubject(fleet)] : [])]
}

/** True when no message of a sender is left out, so that gaps in their numbers are messages that never came. */
export function hearsAll({ type, service }: TailFlags): boolean {
  return service === undefined && (type === undefined || type.some(isWireType))
}
