// What a fleet has spent, by service: the sum of what its nodes have written down for the present day and month.
import type { LedgerEntry } from '../../model/fleet/entries.ts'

export interface Spend {
  readonly service: string
  /** Dollars. */
  readonly day: number
  readonly month: number
}

/** Of nodes that stand in an older day or month, what they spent then is not counted now. */
export function spendOf(entries: readonly LedgerEntry[]): readonly Spend[] {
  const latestDay = Math.max(0, ...entries.map(({ day }) => day))
  const latestMonth = Math.max(0, ...entries.map(({ month }) => month))
  const sums = new Map<string, { day: number; month: number }>()
  for (const { day, month, services } of entries) {
    for (const [service, spent] of Object.entries(services)) {
      const sum = sums.get(service) ?? { day: 0, month: 0 }
      if (day === latestDay) sum.day += spent.day
      if (month === latestMonth) sum.month += spent.month
      sums.set(service, sum)
    }
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, { day, month }]) => ({ service, day: day / 1e9, month: month / 1e9 }))
}
