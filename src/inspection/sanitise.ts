// What an inspector may see by default: states, numbers and rules; never a policy, an operator's words, or the name of a key.
import { createHash, randomBytes } from 'node:crypto'

/** Left out wherever they stand: policies and saved contexts, seeds, and who did something. */
const HIDDEN_KEYS: ReadonlySet<string> = new Set(['policy', 'saved', 'seed', 'random', 'by'])
/** Written by people, or by Switchgear where they are single words such as `failure_rate`. */
const WORDED_KEYS: ReadonlySet<string> = new Set(['why', 'reason', 'rule', 'message'])
/** Hold a breaker's name; the types of XState's own events end with that of their actor. */
const NAMING_KEYS: ReadonlySet<string> = new Set(['service', 'actorId', 'type'])
const SINGLE_WORD = /^[A-Za-z][\w.]{0,63}$/

export interface Sanitiser {
  /** A copy of a context or event, without what is not to be shown. */
  value(value: unknown): unknown
  /** A breaker's name; what follows the service's own name is a key (a tenant, say) and is shown as a hash. */
  name(name: string): string
}

/** Hashes of one sanitiser agree with each other, and with those of no other. */
export function createSanitiser(): Sanitiser {
  const salt = randomBytes(16)
  const name = (text: string): string => {
    const slash = text.indexOf('/')
    if (slash < 0) return text
    const hash = createHash('sha256').update(salt).update(text).digest('hex').slice(0, 8)
    return `${text.slice(0, slash)}/#${hash}`
  }
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean)
    if (typeof value !== 'object' || value === null) return value
    const worded = 'by' in value
    const kept: [string, unknown][] = []
    for (const [key, inner] of Object.entries(value)) {
      if (HIDDEN_KEYS.has(key)) continue
      // Where an operator is named, the words are the operator's.
      if (WORDED_KEYS.has(key) && typeof inner === 'string') kept.push([key, worded || !SINGLE_WORD.test(inner) ? '…' : inner])
      else if (NAMING_KEYS.has(key) && typeof inner === 'string') kept.push([key, name(inner)])
      else kept.push([key, clean(inner)])
    }
    return Object.fromEntries(kept)
  }
  return { value: clean, name }
}
