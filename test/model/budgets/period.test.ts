import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Calendar } from '../../../src/model/budgets/period.ts'

const HOUR = 3_600_000
const at = (iso: string): number => Date.parse(iso)
const hours = ({ from, until }: { from: number; until: number }): number => (until - from) / HOUR

describe('a day', () => {
  it.each([
    ['UTC', '2026-05-05T00:00:00.000Z', '2026-05-05T00:00:00Z', 24],
    ['UTC', '2026-05-05T23:59:59.999Z', '2026-05-05T00:00:00Z', 24],
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00Z', 25],
    ['Europe/Berlin', '2026-06-30T22:00:00Z', '2026-06-30T22:00:00Z', 24],
    ['Asia/Kathmandu', '2026-05-05T18:14:59.999Z', '2026-05-04T18:15:00Z', 24],
    ['Asia/Kathmandu', '2026-05-05T18:15:00Z', '2026-05-05T18:15:00Z', 24],
    ['Asia/Kolkata', '2026-05-05T18:30:00Z', '2026-05-05T18:30:00Z', 24],
    // Clocks there are put on by half an hour.
    ['Australia/Lord_Howe', '2026-10-04T06:00:00Z', '2026-10-03T13:30:00Z', 23.5],
    // Midnight itself is skipped: the day begins at one.
    ['America/Havana', '2026-03-08T12:00:00Z', '2026-03-08T05:00:00Z', 23],
    ['America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25],
    // Samoa went from the 29th to the 31st.
    ['Pacific/Apia', '2011-12-30T09:59:00Z', '2011-12-29T10:00:00Z', 24],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-30T10:00:00Z', 24],
    // Clocks were set back from a minute past midnight: that date came twice.
    ['America/St_Johns', '2010-11-07T03:00:00Z', '2010-11-06T02:30:00Z', 25],
  ])('of %s that %s is in begins at %s and lasts %s h', (zone, instant, from, length) => {
    const day = new Calendar(zone).day(at(instant))
    expect([new Date(day.from).toISOString(), hours(day)]).toEqual([new Date(at(from)).toISOString(), length])
  })
})

describe('a month', () => {
  it.each([
    ['UTC', '2026-02-28T23:59:59.999Z', '2026-02-01T00:00:00Z', 28 * 24],
    ['UTC', '2028-02-29T12:00:00Z', '2028-02-01T00:00:00Z', 29 * 24],
    ['UTC', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00Z', 31 * 24],
    ['Europe/Berlin', '2026-03-31T21:59:59.999Z', '2026-02-28T23:00:00Z', 31 * 24 - 1],
    ['Europe/Berlin', '2026-10-31T22:59:59Z', '2026-09-30T22:00:00Z', 31 * 24 + 1],
    ['Asia/Kathmandu', '2026-12-31T18:15:00Z', '2026-12-31T18:15:00Z', 31 * 24],
  ])('of %s that %s is in begins at %s and lasts %s h', (zone, instant, from, length) => {
    const month = new Calendar(zone).month(at(instant))
    expect([new Date(month.from).toISOString(), hours(month)]).toEqual([new Date(at(from)).toISOString(), length])
  })
})

it('follows the one before without a gap, whatever the zone and the time', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'America/Havana',
    'America/St_Johns',
    'Africa/Cairo',
  ]
  const calendars = new Map(zones.map((zone) => [zone, new Calendar(zone)]))
  const instant = fc.integer({ min: at('2007-01-01T00:00:00Z'), max: at('2037-01-01T00:00:00Z') })
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.constantFrom('day', 'month'), instant, (zone, unit, now) => {
      const calendar = calendars.get(zone) as Calendar
      const period = calendar[unit as 'day'](now)
      expect(period.from).toBeLessThanOrEqual(now)
      expect(period.until).toBeGreaterThan(now)
      expect(calendar[unit as 'day'](period.until).from).toBe(period.until)
    }),
    { numRuns: 60 },
  )
})

it('is not made of a zone that there is not', () => {
  expect(() => new Calendar('Mars/Olympus')).toThrow(RangeError)
})
