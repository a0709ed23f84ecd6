// Days and months as people have them: between two midnights of a time zone, so that a day may last 23 or 25 hours. The zone's
// rules are asked of Intl, a few dozen times a day; whoever counts keeps the period and compares with its end.

export interface Period {
  /** The first instant of it, epoch ms. */
  readonly from: number
  /** The first instant after it, epoch ms. */
  readonly until: number
}

const DAY = 86_400_000
/** Further than this, no zone's clock is from UTC. */
const FURTHEST = 18 * 3_600_000

export class Calendar {
  /** Undefined for UTC, which needs no rules. */
  readonly #format: Intl.DateTimeFormat | undefined

  /** Throws a RangeError for a time zone that Intl does not know. */
  constructor(timeZone: string) {
    this.#format =
      timeZone === 'UTC'
        ? undefined
        : new Intl.DateTimeFormat('en-US', { timeZone, calendar: 'gregory', year: 'numeric', month: 'numeric', day: 'numeric' })
  }

  /** The day that `at` (epoch ms) is in. */
  day(at: number): Period {
    const [year, month, day] = this.#dateAt(at)
    return this.#between(at, [year, month, day], (days) => [year, month, day + days])
  }

  /** The month that `at` (epoch ms) is in. */
  month(at: number): Period {
    const [year, month] = this.#dateAt(at)
    return this.#between(at, [year, month, 1], (months) => [year, month + months, 1])
  }

  #between(at: number, first: LocalDate, later: (steps: number) => LocalDate): Period {
    // Where clocks are set back across midnight a date comes twice: its end is the one that is still to come.
    let steps = 1
    let until = this.#startOf(later(steps))
    while (until <= at && steps < 3) until = this.#startOf(later(++steps))
    return { from: Math.min(this.#startOf(first), at), until }
  }

  /** The first instant at which calendars show `date` or a later one. A date that a zone has skipped begins with the next. */
  #startOf(date: LocalDate): number {
    const utc = Date.UTC(...date)
    if (this.#format === undefined) return utc
    let before = utc - FURTHEST
    let from = utc + FURTHEST
    while (from - before > 1) {
      const between = Math.floor((before + from) / 2)
      if (Date.UTC(...this.#dateAt(between)) >= utc) from = between
      else before = between
    }
    return from
  }

  #dateAt(at: number): LocalDate {
    if (this.#format === undefined) {
      const date = new Date(Math.floor(at / DAY) * DAY)
      return [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
    }
    let [year, month, day] = [1970, 1, 1]
    for (const { type, value } of this.#format.formatToParts(at)) {
      if (type === 'year') year = Number(value)
      else if (type === 'month') month = Number(value)
      else if (type === 'day') day = Number(value)
    }
    return [year, month - 1, day]
  }
}

/** Year, month from 0, day: what Date.UTC takes, days and months beyond their range included. */
type LocalDate = [year: number, month: number, day: number]
