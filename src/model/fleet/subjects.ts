// The subjects of the bus, and the names of what the server keeps: one place that builds them and one that reads them. A subject
// says of a message what its body need not, and what permissions are given by.
import { WIRE_TYPES, type WireType } from './wire.ts'

/** What a message's subject says of it. */
export interface MessageAddress {
  readonly fleet: string
  readonly type: WireType
  /** `*`: the whole system. */
  readonly service: string
  readonly node: string
}

/** The tables, as they are heard of by core subscriptions: `sg.v1.{fleet}.{directive|node|ledger}.{key}`. */
export const TABLE_SUBJECTS = { directives: 'directive', nodes: 'node', ledger: 'ledger' } as const
export type TableName = keyof typeof TABLE_SUBJECTS

/** How the service `*` travels: an asterisk in a subject is a wildcard. No service may have this name. */
export const WHOLE_SYSTEM = '_all'

export const NAMES_ALLOWED = '1 to 64 letters, digits, _ and -, and no name objects have anyway, such as "constructor"'

const PREFIX = 'sg.v1'
const NAME = /^[A-Za-z0-9_-]{1,64}$/
const TYPES: ReadonlySet<string> = new Set(WIRE_TYPES)
const TABLES: ReadonlyMap<string, TableName> = new Map(
  Object.entries(TABLE_SUBJECTS).map(([table, word]) => [word, table as TableName]),
)

/** True for what may name a fleet, a node or a service: the rule that the names of services in a configuration obey too. */
export function isBusName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name) && !(name in Object.prototype)
}

/** True for a service that can be spoken of on the bus; `*` is the whole system. */
export function isBusService(name: unknown): name is string {
  return name === '*' || (isBusName(name) && name !== WHOLE_SYSTEM)
}

/** Throws a RangeError for a name that cannot be part of a subject, as all that follow do. */
export function messageSubject({ fleet, type, service, node }: MessageAddress): string {
  return `${PREFIX}.${named('fleet', fleet)}.${type}.${serviceKey(service)}.${named('node', node)}`
}

/** Undefined for what is no subject of a message. */
export function parseMessageSubject(subject: string): MessageAddress | undefined {
  const [sg, v1, fleet, type, token, node, ...more] = subject.split('.', 7)
  if (`${sg}.${v1}` !== PREFIX || more.length > 0 || type === undefined || !isWireType(type)) return undefined
  const service = serviceOf(token)
  return isBusName(fleet) && service !== undefined && isBusName(node) ? { fleet, type, service, node } : undefined
}

/** What to subscribe to: messages of that type, service and node, each of them any where it is left out. */
export function messageWildcard(fleet: string, only: Partial<Omit<MessageAddress, 'fleet'>> = {}): string {
  const { type, service, node } = only
  const key = service === undefined ? '*' : serviceKey(service)
  return `${PREFIX}.${named('fleet', fleet)}.${type ?? '*'}.${key}.${node === undefined ? '*' : named('node', node)}`
}

/** Where messages go that were refused, each with the reason. */
export function rejectedSubject(fleet: string): string {
  return `${PREFIX}.${named('fleet', fleet)}.rejected`
}

/** Where a key of a table is heard of: the bucket's changes, republished. */
export function tableSubject(fleet: string, table: TableName, name: string): string {
  const key = table === 'directives' ? serviceKey(name) : named('node', name)
  return `${PREFIX}.${named('fleet', fleet)}.${TABLE_SUBJECTS[table]}.${key}`
}

/** What to subscribe to for all keys of a table, and what its bucket republishes to. */
export function tableWildcard(fleet: string, table: TableName): string {
  return `${PREFIX}.${named('fleet', fleet)}.${TABLE_SUBJECTS[table]}.>`
}

/** `key` is the service or node whose entry it is; undefined for what is no subject of a table. */
export function parseTableSubject(subject: string): { fleet: string; table: TableName; key: string } | undefined {
  const [sg, v1, fleet, word = '', token, ...more] = subject.split('.', 6)
  const table = TABLES.get(word)
  if (`${sg}.${v1}` !== PREFIX || more.length > 0 || table === undefined || !isBusName(fleet)) return undefined
  const key = nameOfKey(table, token)
  return key === undefined ? undefined : { fleet, table, key }
}

/** The key of a bucket under which the entry of a service or node stands; undefined where it can have none. */
export function keyOfName(table: TableName, name: string): string | undefined {
  if (table !== 'directives') return isBusName(name) ? name : undefined
  return isBusService(name) ? serviceKey(name) : undefined
}

/** The service or node whose entry stands under a key of a bucket; undefined for what is no such key. */
export function nameOfKey(table: TableName, key: string | undefined): string | undefined {
  if (table === 'directives') return serviceOf(key)
  return isBusName(key) ? key : undefined
}

/** Where a node's part of the fleet's journal goes; without a node, what the journal's stream takes in. */
export function journalSubject(fleet: string, node?: string): string {
  return `${PREFIX}.${named('fleet', fleet)}.journal.${node === undefined ? '*' : named('node', node)}`
}

/** What the lease's bucket republishes to. */
export function leaseWildcard(fleet: string): string {
  return `${PREFIX}.${named('fleet', fleet)}.lease.>`
}

/** The key-value bucket of a table, or of the lease. */
export function bucketName(fleet: string, bucket: TableName | 'lease'): string {
  return `sg_${named('fleet', fleet)}_${bucket}`
}

/** The JetStream stream of the fleet's journal. */
export function journalStream(fleet: string): string {
  return `sg_${named('fleet', fleet)}_journal`
}

/** A service as a part of a subject and as a key of a bucket. */
export function serviceKey(service: string): string {
  if (service === '*') return WHOLE_SYSTEM
  if (service === WHOLE_SYSTEM) throw new RangeError(`no service on the bus can be called ${WHOLE_SYSTEM}`)
  return named('service', service)
}

/** The service that a part of a subject, or a key of a bucket, stands for. */
export function serviceOf(token: string | undefined): string | undefined {
  if (token === WHOLE_SYSTEM) return '*'
  return isBusName(token) ? token : undefined
}

export function isWireType(word: string): word is WireType {
  return TYPES.has(word)
}

function named(what: string, name: string): string {
  if (isBusName(name)) return name
  throw new RangeError(`the ${what} ${JSON.stringify(String(name).slice(0, 80))} cannot be on the bus; allowed: ${NAMES_ALLOWED}`)
}
