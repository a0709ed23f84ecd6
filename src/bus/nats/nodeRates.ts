// Bounds what is heard of one node in a second: a node that floods the bus costs the others' attention only so much.

const MOST_NODES = 4096

interface Bucket {
  left: number
  at: number
}

export class NodeRates {
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  /** As many messages a second, and as many at once. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** True when something of `node` may be read now (epoch ms). */
  allows(node: string, now: number): boolean {
    return this.#bucket(node, now).left > 0
  }

  /** `count` messages of it were read; what was too much is taken from what is allowed next. */
  spend(node: string, now: number, count: number): void {
    this.#bucket(node, now).left -= count
  }

  #bucket(node: string, now: number): Bucket {
    const known = this.#buckets.get(node)
    if (known !== undefined) {
      const gained = (Math.max(0, now - known.at) * this.#perSecond) / 1000
      known.left = Math.min(this.#perSecond, known.left + gained)
      known.at = now
      return known
    }
    // Names may be made up: the store starts over when it is full.
    if (this.#buckets.size >= MOST_NODES) this.#buckets.clear()
    const bucket = { left: this.#perSecond, at: now }
    this.#buckets.set(node, bucket)
    return bucket
  }
}
