// The names of breakers that serve one key of a service: `search/tenant-17`, written so that any key is safe in subjects,
// labels and paths.
import { ConfigError } from '../model/errors.ts'

/** Keys come from users of users; a longer one is no name but a load. */
const LONGEST_KEY = 512

/** Throws a ConfigError for a key of more than 512 bytes. */
export function keyedName(service: string, key: string): string {
  const bytes = new TextEncoder().encode(key)
  if (bytes.length > LONGEST_KEY) {
    throw new ConfigError(`services.${service}.for`, `${key.slice(0, 40)}…`, `a key of at most ${LONGEST_KEY} bytes`)
  }
  return `${service}/${[...bytes].map(encodeByte).join('')}`
}

export function isKeyed(name: string): boolean {
  return name.includes('/')
}

/** The service a breaker belongs to: itself, or the one whose key it serves. */
export function parentOf(name: string): string {
  const slash = name.indexOf('/')
  return slash < 0 ? name : name.slice(0, slash)
}

/** The key a name was made of. */
export function keyOf(name: string): string {
  return decodeURIComponent(name.slice(name.indexOf('/') + 1))
}

function encodeByte(byte: number): string {
  const letter = String.fromCharCode(byte)
  return /[A-Za-z0-9_-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
