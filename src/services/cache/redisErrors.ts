// What the errors of Redis and of its clients say. Redis puts a code in front of each error it answers with, in capitals
// (https://redis.io/docs/latest/develop/reference/errors/); the clients pass that on as the message, and have classes and a few
// fixed sentences of their own for connections that are not there. Used by the profile of caches.
import type { Classification, FailureType } from '../../model/failures.ts'
import { readField, readString } from '../foreignValue.ts'

/** The codes of https://redis.io/docs/latest/develop/reference/errors/all/redis/ that plain reads and writes can meet. */
const BY_CODE: ReadonlyMap<string, FailureType | 'ignored'> = meanings({
  // Full, and told not to make room.
  memory_error: ['OOM'],
  authentication: ['NOAUTH', 'WRONGPASS', 'DENIED'],
  service_unavailable: [
    // Starting, or at work for somebody else.
    ...['LOADING', 'BUSY', 'UNKILLABLE'],
    // A replica, where a primary is wanted; a replica or a primary that is cut off; snapshots that fail.
    ...['READONLY', 'MASTERDOWN', 'NOREPLICAS', 'NOREPL', 'MISCONF'],
    // A cluster that is down or moving its slots. A cluster client follows MOVED and ASK, and lets them out when it gives up.
    ...['CLUSTERDOWN', 'TRYAGAIN', 'MOVED', 'ASK', 'NOTREADY'],
  ],
  // The caller's own: a key of another type, keys that do not go together.
  ignored: ['WRONGTYPE', 'CROSSSLOT'],
  // One command or key may be forbidden and the rest allowed (FLUSHDB often is): it counts, and does not open at once.
  unknown_error: ['NOPERM', 'IOERR'],
})

/** What is behind the code that stands for everything else. Proxies use it for their own troubles, so the rest of it counts. */
const ERR: readonly (readonly [FailureType | 'ignored', RegExp])[] = [
  ['service_unavailable', /^max number of clients/],
  ['authentication', /^(?:invalid password|invalid username|Client sent AUTH|operation not permitted)/],
  [
    'ignored',
    /^(?:unknown command|unknown subcommand|wrong number of arguments|syntax error|value is not an integer|invalid expire time|string exceeds maximum allowed size)/,
  ],
]

/** Classes of ioredis and node-redis that say that there is no connection. */
const DISCONNECTED: ReadonlySet<string> = new Set([
  ...['MaxRetriesPerRequestError', 'ClusterAllFailedError'],
  ...['ClientOfflineError', 'ClientClosedError', 'SocketClosedUnexpectedlyError', 'DisconnectsClientError'],
  ...['RootNodesUnavailableError', 'ReconnectStrategyError'],
])

/** Whole sentences of ioredis, which has no class for these. */
const SENTENCES: ReadonlyMap<string, FailureType> = new Map([
  ["Stream isn't writeable and enableOfflineQueue options is false", 'service_unavailable'],
  ['Connection is closed.', 'service_unavailable'],
  ['Command timed out', 'timeout'],
])

/** Longer messages are cut here before they are looked at. */
const READ_AT_MOST = 200

/** What `error` says if it is one of Redis or a Redis client; undefined: it is not, as far as one can tell. */
export function classifyRedisError(error: unknown): Classification | undefined {
  for (const name of [readString(error, 'name', 100), readString(readField(error, 'constructor'), 'name', 100)]) {
    if (name !== undefined && DISCONNECTED.has(name)) return { type: 'service_unavailable' }
  }
  const message = readField(error, 'message')
  if (typeof message !== 'string') return undefined
  const text = message.slice(0, READ_AT_MOST)
  const meaning = SENTENCES.get(text) ?? inReply(text)
  return meaning === undefined || meaning === 'ignored' ? meaning : { type: meaning }
}

/** True for the reply of a Redis that is full. */
export function isOutOfMemory(error: unknown): boolean {
  const said = classifyRedisError(error)
  return said !== undefined && said !== 'ignored' && said.type === 'memory_error'
}

function inReply(text: string): FailureType | 'ignored' | undefined {
  const [, code, rest = ''] = /^([A-Z]{3,16})(?: (.*))?$/s.exec(text) ?? []
  if (code === undefined) return undefined
  if (code !== 'ERR') return BY_CODE.get(code)
  return ERR.find(([, pattern]) => pattern.test(rest))?.[0]
}

function meanings(
  table: Partial<Record<FailureType | 'ignored', readonly string[]>>,
): ReadonlyMap<string, FailureType | 'ignored'> {
  const entries = Object.entries(table) as [FailureType | 'ignored', readonly string[]][]
  return new Map(entries.flatMap(([meaning, codes]) => codes.map((code) => [code, meaning] as const)))
}
