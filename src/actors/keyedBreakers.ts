// Breakers of their own for the keys of a service (tenants, models, hosts), bounded: the least recently used goes first, and
// of those, ones that hold nothing worth keeping.
import { ClosedError } from '../model/errors.ts'
import type { Board } from './board.ts'
import type { Breaker } from './breaker.ts'

export class KeyedBreakers {
  readonly #board: Board
  readonly #parent: Breaker
  /** In the order of their last use. */
  readonly #breakers = new Map<string, Breaker>()

  constructor(board: Board, parent: Breaker) {
    this.#board = board
    this.#parent = parent
  }

  get size(): number {
    return this.#breakers.size
  }

  /** The breaker of `key`, hung on the board if it was not there. */
  get(key: string): Breaker {
    const known = this.#breakers.get(key)
    if (known) {
      this.#breakers.delete(key)
      this.#breakers.set(key, known)
      return known
    }
    const { service, kind, policy, disposed } = this.#parent
    if (disposed) throw new ClosedError(service)
    const name = keyedName(service, key)
    // Keys that are written alike (half a surrogate pair and U+FFFD) are one key, or two entries would share one breaker.
    const written = keyOf(name)
    if (written !== key) return this.get(written)
    while (this.#breakers.size >= policy.maxKeys) this.#evict()
    const breaker = this.#board.get(name) ?? this.#board.add(name, kind, policy, this.#board.now(), true)
    this.#breakers.set(key, breaker)
    return breaker
  }

  /** Takes in a breaker that a journal had kept. */
  adopt(breaker: Breaker): void {
    this.#breakers.set(keyOf(breaker.service), breaker)
  }

  [Symbol.iterator](): IterableIterator<Breaker> {
    return this.#breakers.values()
  }

  #evict(): void {
    let oldest: [string, Breaker] | undefined
    for (const entry of this.#breakers) {
      oldest ??= entry
      const [, breaker] = entry
      if (breaker.path !== 'closed.watching' || breaker.inFlight > 0) continue
      oldest = entry
      break
    }
    if (!oldest) return
    this.#breakers.delete(oldest[0])
    this.#board.remove(oldest[1].service, this.#board.now())
  }
}

/** The name of a key's breaker: any key, written so that it is safe in subjects, labels and paths. */
export function keyedName(service: string, key: string): string {
  return `${service}/${[...new TextEncoder().encode(key)].map(encodeByte).join('')}`
}

/** The service a breaker belongs to: itself, or the one whose key it serves. */
export function parentOf(name: string): string {
  const slash = name.indexOf('/')
  return slash < 0 ? name : name.slice(0, slash)
}

function keyOf(name: string): string {
  return decodeURIComponent(name.slice(name.indexOf('/') + 1))
}

function encodeByte(byte: number): string {
  const letter = String.fromCharCode(byte)
  return /[A-Za-z0-9_-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
