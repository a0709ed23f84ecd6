// Reads what INFO of Redis tells of memory, evictions and hits (https://redis.io/docs/latest/commands/info/). The text comes
// from somebody else's server: what is not there, or is no number, is unknown and never zero.

export interface RedisInfo {
  /** Bytes that Redis has allocated. */
  readonly usedMemory?: number
  /** Bytes it may use; absent also where it has no limit. */
  readonly maxMemory?: number
  /** What it does when it is full: `noeviction`, `allkeys-lru`. */
  readonly policy?: string
  /** Keys removed to make room, since the server started. */
  readonly evictedKeys?: number
  /** Lookups of all clients since the server started. */
  readonly keyspaceHits?: number
  readonly keyspaceMisses?: number
  /** Keys in all databases. */
  readonly keys?: number
}

/** More than this is not read; a whole INFO has some 6,000 characters. */
const LONGEST = 262_144

export function parseRedisInfo(answer: unknown): RedisInfo {
  const text = textOf(answer)
  if (text === undefined) return {}
  const fields = new Map<string, string>()
  let keys: number | undefined
  for (const line of text.slice(0, LONGEST).split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon < 1 || line.startsWith('#')) continue
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1)
    if (NUMBERS.has(name) || name === 'maxmemory_policy') fields.set(name, value)
    else if (/^db\d{1,6}$/.test(name)) keys = (keys ?? 0) + (count(/^keys=(\d+)(?:,|$)/.exec(value)?.[1]) ?? 0)
  }
  // A database without keys has no line of its own: with the section's heading and no line, there are none.
  if (keys === undefined && /^# Keyspace\s*$/m.test(text)) keys = 0
  const policy = fields.get('maxmemory_policy')
  return {
    ...entry('usedMemory', count(fields.get('used_memory'))),
    ...entry('maxMemory', count(fields.get('maxmemory')) || undefined),
    ...(policy !== undefined && /^[a-z-]{1,40}$/.test(policy) ? { policy } : undefined),
    ...entry('evictedKeys', count(fields.get('evicted_keys'))),
    ...entry('keyspaceHits', count(fields.get('keyspace_hits'))),
    ...entry('keyspaceMisses', count(fields.get('keyspace_misses'))),
    ...entry('keys', keys),
  }
}

const NUMBERS: ReadonlySet<string> = new Set(['used_memory', 'maxmemory', 'evicted_keys', 'keyspace_hits', 'keyspace_misses'])

function textOf(answer: unknown): string | undefined {
  if (typeof answer === 'string') return answer
  return answer instanceof Uint8Array ? Buffer.from(answer.subarray(0, LONGEST)).toString('utf8') : undefined
}

/** Whole numbers that a double holds exactly; anything else is unknown. */
function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function entry<Name extends string>(name: Name, value: number | undefined): { [K in Name]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [K in Name]: number })
}
