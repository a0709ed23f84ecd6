// A set of ids, each of a node. A Set of texts costs more for a message than all else that is done for it, as it compares texts all over
// the memory; this one compares numbers, and a text only where it is most likely the same. Used by seenIds.ts.

export class IdTable {
  size = 0
  /** 65,535 at most. */
  readonly capacity: number
  /** Open addressing, at most half full: the number of an entry, or 0. */
  readonly #slots: Uint16Array
  // Entries are numbered from 1.
  readonly #hashes: Int32Array
  readonly #nodes: string[]
  readonly #ids: string[]

  constructor(capacity: number) {
    this.capacity = capacity
    this.#slots = new Uint16Array(2 ** Math.ceil(Math.log2(2 * capacity + 1)))
    this.#hashes = new Int32Array(capacity + 1)
    this.#nodes = Array(capacity + 1).fill('')
    this.#ids = Array(capacity + 1).fill('')
  }

  /** `hash`: by {@link hashText}, of both. */
  has(node: string, id: string, hash: number): boolean {
    return this.#slots[this.#slotOf(node, id, hash)] !== 0
  }

  /** False where it is there already, or there is no room. */
  add(node: string, id: string, hash: number): boolean {
    const slot = this.#slotOf(node, id, hash)
    if (this.#slots[slot] !== 0 || this.size >= this.capacity) return false
    const entry = ++this.size
    this.#slots[slot] = entry
    this.#hashes[entry] = hash
    this.#nodes[entry] = node
    this.#ids[entry] = id
    return true
  }

  clear(): void {
    this.size = 0
    this.#slots.fill(0)
  }

  /** Where it is, or would be. */
  #slotOf(node: string, id: string, hash: number): number {
    const slots = this.#slots
    const last = slots.length - 1
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const entry = slots[slot]!
      if (entry === 0) return slot
      if (this.#hashes[entry] === hash && this.#ids[entry] === id && this.#nodes[entry] === node) return slot
    }
  }
}

/** `seed`: one that nobody else knows, or ids could be made that all have the same hash; or the hash of what comes before. */
export function hashText(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) {
    // The golden ratio's share of 2^32: Knuth, The Art of Computer Programming 3, 6.4.
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}
