// The last inputs of every service, kept while replaying, so that a difference can show what led to it.
import type { GearEvent } from '../model/records.ts'

const KEPT = 8

interface Ring {
  readonly lines: number[]
  readonly records: GearEvent[]
  next: number
}

export class Trail {
  readonly #rings = new Map<string, Ring>()

  add(record: GearEvent, line: number): void {
    let ring = this.#rings.get(record.service)
    if (!ring) {
      ring = { lines: [], records: [], next: 0 }
      this.#rings.set(record.service, ring)
    }
    ring.lines[ring.next] = line
    ring.records[ring.next] = record
    ring.next = ring.next + 1 === KEPT ? 0 : ring.next + 1
  }

  /** A service, or a key of one, has left the board: keys come and go by the thousand. */
  drop(service: string): void {
    this.#rings.delete(service)
  }

  of(service: string): { line: number; record: GearEvent }[] {
    // What concerned the whole board concerned it too.
    const rings = new Set([this.#rings.get(service), this.#rings.get('*')])
    const entries = [...rings].flatMap((ring) => ring?.records.map((record, i) => ({ line: ring.lines[i]!, record })) ?? [])
    return entries.sort((a, b) => a.line - b.line).slice(-KEPT)
  }
}
