// Remembers which messages came, in bounded memory: ids, so that one which comes twice is heard once, and numbers, so that those
// which never came are counted.
import type { WireMessage } from '../../model/fleet/wire.ts'

/** Ids are remembered for at least as many messages. */
const GENERATION = 32_768
const MOST_SENDERS = 10_000
/** A gap that is larger is another count that has begun. */
const LARGEST_GAP = 1_000_000

export class SeenIds {
  /** Messages that never came. */
  missed = 0
  #young = new Set<string>()
  #old = new Set<string>()
  readonly #last = new Map<string, number>()

  /** True for one that has come before. */
  take({ node, type, id, seq }: WireMessage): boolean {
    // Each node's ids are its own: nobody can use up another's.
    if (id !== undefined && this.#remember(`${node} ${id}`)) return true
    if (seq !== undefined) this.#count(`${node} ${type}`, seq)
    return false
  }

  #remember(key: string): boolean {
    if (this.#young.has(key) || this.#old.has(key)) return true
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(key)
    return false
  }

  #count(sender: string, seq: number): void {
    const last = this.#last.get(sender)
    if (last === undefined && this.#last.size >= MOST_SENDERS) this.#last.clear()
    this.#last.set(sender, seq)
    if (last === undefined || seq <= last + 1 || seq - last > LARGEST_GAP) return
    this.missed += seq - last - 1
  }
}
