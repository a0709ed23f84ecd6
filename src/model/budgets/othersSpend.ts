// What the other nodes of a fleet have spent this day and this month, by service. It counts under the rules, and is never saved:
// whoever spent it saves it. Used by spendLedger.ts.
import type { Spent } from './spendAccounts.ts'

export class OthersSpend {
  readonly #services = new Map<string, Spent>()

  book(service: string, more: Spent): void {
    const { day, month } = this.#services.get(service) ?? { day: 0, month: 0 }
    this.#services.set(service, { day: day + more.day, month: month + more.month })
  }

  /** Of one service, or of all. */
  spent(service: string | undefined): Spent {
    if (service !== undefined) return this.#services.get(service) ?? { day: 0, month: 0 }
    let [day, month] = [0, 0]
    for (const one of this.#services.values()) {
      day += one.day
      month += one.month
    }
    return { day, month }
  }

  /** A day or a month is over. */
  startAnew(span: 'day' | 'month'): void {
    for (const [service, spent] of this.#services) this.#services.set(service, { ...spent, [span]: 0 })
  }
}
