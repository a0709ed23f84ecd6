// Keeps the table of directives as the leader wants it: puts what differs, renews what stands at half its lifetime, lets go of what is
// wanted no longer, and rewrites what a deposed leader slipped in. Used by fleetLeader.ts.
import type { FleetTable, TableEntry } from '../../bus/fleetLink.ts'
import { asksTheSame, type DesiredEntry, isNeutral } from '../../model/fleet/desiredEntries.ts'
import type { DirectiveEntry } from '../../model/fleet/entries.ts'

/** For how long an entry holds from its arrival, ms. */
export const ENTRY_LIFETIME = 15_000
/** What was put is in the table by then, or it was lost; ms. */
const STORED_AFTER = 3000

const NOTHING = {
  state: 'closed',
  level: 0,
  admissionRatio: 1,
  hold: false,
  rule: 'released',
  reason: 'its cause has gone',
} as const

interface Written {
  readonly desired: DesiredEntry
  readonly at: number
  /** Something else stands in the table. */
  spoilt: boolean
}

export interface WriterOptions {
  readonly table: FleetTable<DirectiveEntry>
  readonly epoch: number
  /** Asked before each put. */
  readonly mayAct: () => boolean
  /** Something has spoilt what stands for the service. */
  readonly spoilt: (service: string) => void
}

export class DirectiveWriter {
  readonly #options: WriterOptions
  readonly #written = new Map<string, Written>()
  readonly #stopListening: () => void

  constructor(options: WriterOptions) {
    this.#options = options
    // Whatever is in the table was written by others, before.
    for (const [service, { value }] of options.table.entries) this.#written.set(service, { desired: value, at: 0, spoilt: true })
    this.#stopListening = options.table.listen((service, entry) => this.#heard(service, entry))
  }

  /** Services that have an entry. */
  get services(): IterableIterator<string> {
    return this.#written.keys()
  }

  /** What was last written for the service, by whomever. */
  get(service: string): DesiredEntry | undefined {
    return this.#written.get(service)?.desired
  }

  write(desired: DesiredEntry, at: number): void {
    const { service } = desired
    const known = this.#written.get(service)
    const neutral = isNeutral(desired)
    if (!known) {
      if (!neutral) this.#put(desired, at)
      return
    }
    if (known.spoilt || !asksTheSame(known.desired, desired) || this.#isLost(service, known, at)) {
      this.#put(desired, at)
    } else if (neutral) {
      // Every node has heard that it may go, or its entry has lapsed.
      if (at - known.at >= ENTRY_LIFETIME && this.#options.mayAct()) {
        this.#written.delete(service)
        this.#options.table.remove(service)
      }
    } else if (at - known.at >= ENTRY_LIFETIME / 2) this.#put(desired, at)
  }

  /** Nobody knows of the service any more: what stands for it goes. */
  drop(service: string, at: number): void {
    const known = this.#written.get(service)
    if (known) this.write({ ...NOTHING, service }, at)
  }

  stop(): void {
    this.#stopListening()
  }

  #put(desired: DesiredEntry, at: number): void {
    const { table, epoch, mayAct } = this.#options
    if (!mayAct()) return
    this.#written.set(desired.service, { desired, at, spoilt: false })
    table.put(desired.service, { v: 1, epoch, at, lifetime: ENTRY_LIFETIME, ...desired })
  }

  /** Put a while ago, and the table shows something else still. */
  #isLost(service: string, { desired, at: putAt }: Written, at: number): boolean {
    if (at - putAt < STORED_AFTER) return false
    const heard = this.#options.table.entries.get(service)?.value
    return heard === undefined ? !isNeutral(desired) : !asksTheSame(heard, desired)
  }

  #heard(service: string, entry: TableEntry<DirectiveEntry> | undefined): void {
    const known = this.#written.get(service)
    if (entry === undefined || entry.value.epoch >= this.#options.epoch) return
    // Our own is under way, or somebody older has written after us.
    if (known) known.spoilt = true
    else this.#written.set(service, { desired: entry.value, at: 0, spoilt: true })
    this.#options.spoilt(service)
  }
}
