// Remembers which messages came, in bounded memory: ids, so that one which comes twice is heard once, and numbers, so that those
// which never came are counted.
import type { WireMessage, WireType } from '../../model/fleet/wire.ts'
import { freshSeed } from '../../model/random.ts'
import { hashText, IdTable } from './idTable.ts'

/** Ids are remembered for at least as many messages. */
const GENERATION = 32_768
const MOST_SENDERS = 10_000
/** A gap that is larger is another count that has begun. */
const LARGEST_GAP = 1_000_000

/** A node, as it numbers its messages of one type. */
interface Sender {
  readonly node: string
  readonly type: WireType
  last: number
}

export class SeenIds {
  /** Messages that never came. */
  missed = 0
  readonly #seed = freshSeed()
  // Made when the first id comes: most of those who listen hear none.
  #young = new IdTable(0)
  #old = new IdTable(0)
  readonly #senders = new Map<string, Sender>()
  // Of the last message: all of a batch have the same.
  #node = ''
  #nodeHash = this.#seed
  #sender: Sender | undefined

  /** Those that have not come before. */
  fresh<Message extends WireMessage>(messages: readonly Message[]): readonly Message[] {
    const again = messages.findIndex((message) => this.take(message))
    return again < 0
      ? messages
      : [...messages.slice(0, again), ...messages.slice(again + 1).filter((message) => !this.take(message))]
  }

  /** True for one that has come before. */
  take({ node, type, id, seq }: WireMessage): boolean {
    // Each node's ids are its own: nobody can use up another's.
    if (id !== undefined && this.#remember(node, id)) return true
    if (seq !== undefined) this.#count(node, type, seq)
    return false
  }

  /** The numbers of this type may begin anywhere. */
  forget(type: WireType): void {
    this.#sender = undefined
    for (const [key, sender] of this.#senders) if (sender.type === type) this.#senders.delete(key)
  }

  #remember(node: string, id: string): boolean {
    if (node !== this.#node) {
      this.#node = node
      this.#nodeHash = hashText(node, this.#seed)
    }
    const hash = hashText(id, this.#nodeHash)
    if (this.#old.has(node, id, hash)) return true
    if (this.#young.size < this.#young.capacity) return !this.#young.add(node, id, hash)
    if (this.#young.has(node, id, hash)) return true
    const next = this.#old.capacity === 0 ? new IdTable(GENERATION) : this.#old
    next.clear()
    this.#old = this.#young
    this.#young = next
    return !next.add(node, id, hash)
  }

  #count(node: string, type: WireType, seq: number): void {
    let sender = this.#sender
    if (sender === undefined || sender.node !== node || sender.type !== type) {
      const key = `${node} ${type}`
      sender = this.#senders.get(key)
      if (sender === undefined) {
        if (this.#senders.size >= MOST_SENDERS) this.#senders.clear()
        sender = { node, type, last: seq }
        this.#senders.set(key, sender)
      }
      this.#sender = sender
    }
    const { last } = sender
    sender.last = seq
    if (seq <= last + 1 || seq - last > LARGEST_GAP) return
    this.missed += seq - last - 1
  }
}
