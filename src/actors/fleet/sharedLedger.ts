// One ledger for the fleet: each node tells what it has spent itself, as sums that only grow, and books what the others' sums have
// grown by. So a message that comes twice, late, in another order or not at all changes nothing that the next one does not put
// right. Used by fleetNode.ts.
import type { FleetLink, TableEntry } from '../../bus/fleetLink.ts'
import type { Spent } from '../../model/budgets/spendAccounts.ts'
import type { Clock } from '../../model/clock.ts'
import type { LedgerEntry } from '../../model/fleet/entries.ts'
import type { BudgetKeeper, OwnSpend } from '../budgets/budgetKeeper.ts'
import { Alarm } from './alarm.ts'
import type { NodeName } from './nodeName.ts'

export interface SharedLedgerOptions {
  readonly link: Pick<FleetLink, 'ledger' | 'node' | 'onStatus'>
  readonly keeper: Pick<BudgetKeeper, 'own' | 'bookOthers' | 'onSpend'>
  readonly clock: Clock
  readonly name: NodeName
}

type Sums = Map<string, Spent>

/** ms */
const EVERY = 100
const NOTHING: Spent = { day: 0, month: 0 }
/** More than that no reader takes: nine million dollars. */
const MOST: Spent = { day: Number.MAX_SAFE_INTEGER, month: Number.MAX_SAFE_INTEGER }

export class SharedLedger {
  readonly #options: SharedLedgerOptions
  readonly #alarm: Alarm
  readonly #stops: (() => void)[]
  /** When this day and this month began. */
  #day: number
  #month: number
  /** What this node had spent before this start, by its own journal. */
  readonly #recalled: Sums
  /** What the fleet had heard of it by then: the greater part of the two is what it goes on from. */
  readonly #before: Sums = new Map()
  /** What was heard of the others. */
  readonly #heard = new Map<string, Sums>()
  #told = ''
  /** The table has an entry of this start: what it had before was heard before that. */
  #stored = false

  /** To be made once the journal is read, and before anything is spent. */
  constructor(options: SharedLedgerOptions) {
    this.#options = options
    const { link, keeper, name } = options
    const own = keeper.own()
    this.#day = own.day
    this.#month = own.month
    this.#recalled = new Map(own.services)
    this.#alarm = new Alarm(options.clock, () => this.flush())
    keeper.onSpend = () => this.#alarm.within(EVERY)
    name.onChange(() => this.#alarm.in(0))
    this.#stops = [
      link.onStatus(({ type }) => {
        if (type === 'connected') this.#tellAgain()
      }),
      link.ledger.listen((key, entry) => this.#hear(key, entry)),
    ]
    this.#alarm.in(0)
  }

  /** Tells what has changed. */
  flush(): void {
    const { link, name } = this.#options
    this.#goOn()
    if (!name.settled) return
    const entry = this.#entry()
    const told = JSON.stringify(entry)
    if (told === this.#told) return
    this.#told = told
    link.ledger.put(name.current, entry)
  }

  stop(): void {
    this.flush()
    this.#alarm.off()
    this.#options.keeper.onSpend = undefined
    for (const stop of this.#stops) stop()
  }

  #tellAgain(): void {
    this.#told = ''
    this.#alarm.within(EVERY)
  }

  #hear(key: string, entry: TableEntry<LedgerEntry> | undefined): void {
    const { name, link } = this.#options
    this.#goOn()
    if (entry?.value.session === name.session) {
      this.#stored = true
      return
    }
    if (!entry && key !== name.current) return
    if (key !== link.node || key !== name.current) {
      if (entry) this.#book(key, entry.value)
      return
    }
    // The name may be settled before the ledger was read: what is heard first is what was told before this start.
    if (entry && !(name.settled && this.#stored)) this.#goOnFrom(entry.value)
    // Otherwise it was lost, or overwritten by a process that has taken the name without looking.
    if (name.settled) this.#tellAgain()
  }

  /** What the process told that had the name before. It may live: then this is another node, and that one's spend is not its own. */
  #goOnFrom(entry: LedgerEntry): void {
    for (const [service, spent] of this.#current(entry)) {
      const recalled = this.#recalled.get(service) ?? NOTHING
      const before = this.#before.get(service) ?? NOTHING
      const now = greater(spent, before)
      this.#before.set(service, now)
      const more = less(beyond(now, recalled), beyond(before, recalled))
      if (more.day > 0 || more.month > 0) this.#options.keeper.bookOthers(service, { ...more, rate: 0 })
    }
  }

  #book(key: string, entry: LedgerEntry): void {
    const known = this.#heard.get(key)
    const sums: Sums = known ?? new Map(key === this.#options.link.node ? this.#before : [])
    this.#heard.set(key, sums)
    for (const [service, spent] of this.#current(entry)) {
      const before = sums.get(service) ?? NOTHING
      const more = beyond(spent, before)
      sums.set(service, greater(spent, before))
      if (more.day === 0 && more.month === 0) continue
      // When the first that is heard of a node was spent nobody knows.
      const rate = known === undefined ? 0 : entry.month === this.#month ? more.month : more.day
      this.#options.keeper.bookOthers(service, { ...more, rate })
    }
  }

  /** What an entry says of this day and this month; of another day or month it says nothing. */
  *#current({ day, month, services }: LedgerEntry): Generator<[service: string, spent: Spent]> {
    for (const [service, spent] of Object.entries(services)) {
      yield [service, { day: day === this.#day ? spent.day : 0, month: month === this.#month ? spent.month : 0 }]
    }
  }

  #entry(): LedgerEntry {
    const { keeper, name, link } = this.#options
    const own = keeper.own()
    const isSecond = name.current !== link.node
    const services: Record<string, Spent> = {}
    for (const service of new Set([...own.services.keys(), ...(isSecond ? [] : this.#before.keys())])) {
      const spent = own.services.get(service) ?? NOTHING
      const recalled = this.#recalled.get(service) ?? NOTHING
      const before = this.#before.get(service) ?? NOTHING
      const told = isSecond ? less(spent, lesser(recalled, before)) : plus(spent, beyond(before, recalled))
      if (told.day > 0 || told.month > 0) services[service] = lesser(told, MOST)
    }
    return { v: 1, node: name.current, session: name.session, day: own.day, month: own.month, services }
  }

  /** A day or a month may be over: what was heard of it is, too, and what was heard of the next one counts now. */
  #goOn(): void {
    const { day, month }: OwnSpend = this.#options.keeper.own()
    const [newDay, newMonth] = [day !== this.#day, month !== this.#month]
    if (!newDay && !newMonth) return
    this.#day = day
    this.#month = month
    for (const sums of [this.#recalled, this.#before, ...this.#heard.values()]) {
      for (const [service, spent] of sums) {
        sums.set(service, { day: newDay ? 0 : spent.day, month: newMonth ? 0 : spent.month })
      }
    }
    for (const [key, entry] of this.#options.link.ledger.entries) this.#hear(key, entry)
    this.#alarm.within(EVERY)
  }
}

function plus(one: Spent, other: Spent): Spent {
  return { day: one.day + other.day, month: one.month + other.month }
}

function less(one: Spent, other: Spent): Spent {
  return { day: one.day - other.day, month: one.month - other.month }
}

function greater(one: Spent, other: Spent): Spent {
  return { day: Math.max(one.day, other.day), month: Math.max(one.month, other.month) }
}

function lesser(one: Spent, other: Spent): Spent {
  return { day: Math.min(one.day, other.day), month: Math.min(one.month, other.month) }
}

/** How much of `one` lies above `other`. */
function beyond(one: Spent, other: Spent): Spent {
  return { day: Math.max(0, one.day - other.day), month: Math.max(0, one.month - other.month) }
}
