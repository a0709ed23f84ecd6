// What was counted of one service in each second of the last five minutes. Used by serviceHistory.ts; each slot knows its own
// second, so that nothing has to be cleared as time goes by and an old slot is never read as a new one.
import { FAILURE_TYPES, type FailureType } from '../model/failures.ts'

/** How far back seconds are kept. */
export const SECONDS_KEPT = 300
/** How far ahead of the present a second may be. */
export const SECONDS_AHEAD = 60
const SLOTS = 384
const NEVER = 0xffff_ffff

export class SecondBuckets {
  readonly #second = new Uint32Array(SLOTS).fill(NEVER)
  readonly #calls = new Uint32Array(SLOTS)
  readonly #failures = new Uint32Array(SLOTS)
  /** ms from the start of the second to its first failure. The first, not the last told: order must not matter. */
  readonly #first = new Uint16Array(SLOTS)
  /** By place in FAILURE_TYPES; made when the first failure of the type comes. */
  readonly #types: (Uint32Array | undefined)[] = []
  #ids: (string | undefined)[] | undefined

  /** At most a minute late or ahead, so that no slot is a later second's. */
  add(at: number, failure: FailureType | undefined, count: number, id: string | undefined): void {
    const second = Math.floor(at / 1000)
    const slot = second % SLOTS
    if (this.#second[slot] !== second) this.#reset(slot, second)
    this.#calls[slot]! += count
    if (failure === undefined) return
    this.#noteFirst(slot, Math.floor(at - second * 1000), id)
    this.#failures[slot]! += count
    const place = FAILURE_TYPES.indexOf(failure)
    const counts = this.#types[place] ?? new Uint32Array(SLOTS)
    this.#types[place] = counts
    counts[slot]! += count
  }

  calls(second: number): number {
    return this.#holds(second) ? this.#calls[second % SLOTS]! : 0
  }

  failures(second: number): number {
    return this.#holds(second) ? this.#failures[second % SLOTS]! : 0
  }

  /** When the first failure of a second was; only for seconds that have one. Epoch ms. */
  firstFailureAt(second: number): number {
    return second * 1000 + this.#first[second % SLOTS]!
  }

  firstFailureId(second: number): string | undefined {
    return this.#ids?.[second % SLOTS]
  }

  /** Adds the failures of a second to `into`, which has a place for each type. */
  addTypes(second: number, into: Uint32Array): void {
    if (!this.#holds(second)) return
    for (let place = 0; place < FAILURE_TYPES.length; place++) into[place]! += this.#types[place]?.[second % SLOTS] ?? 0
  }

  #holds(second: number): boolean {
    return this.#second[second % SLOTS] === second
  }

  #reset(slot: number, second: number): void {
    this.#second[slot] = second
    this.#calls[slot] = 0
    this.#failures[slot] = 0
    for (const counts of this.#types) if (counts) counts[slot] = 0
    if (this.#ids) this.#ids[slot] = undefined
  }

  #noteFirst(slot: number, offset: number, id: string | undefined): void {
    const first = this.#failures[slot] === 0
    const before = this.#first[slot]!
    if (first || offset < before) {
      this.#first[slot] = offset
      if (this.#ids) this.#ids[slot] = undefined
    } else if (offset > before) return
    if (id === undefined) return
    this.#ids ??= new Array(SLOTS).fill(undefined)
    // Of two in the same millisecond the lesser id is taken, whichever came first.
    const held = this.#ids[slot]
    if (held === undefined || id < held) this.#ids[slot] = id
  }
}
