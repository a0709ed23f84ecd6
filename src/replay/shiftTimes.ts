// A journal written while the clock was ahead tells of times to come. What breakers waited for is waited for from now on.

/** What operators and rules have set by the calendar stays where it was set. */
const BY_THE_CALENDAR = new Set(['maintenance', 'directive', 'budget', 'budgets', 'force', 'told'])
/** Numbers that users choose: many take the time, and it is none. */
const NO_TIMES = new Set(['epoch', 'directiveEpoch'])
/** The only other numbers of this size in a saved breaker are times, epoch ms. */
const EARLIEST = 100_000_000_000

/** `saved` with every time in it moved by `ms`. */
export function shiftTimes<T>(saved: T, ms: number): T
export function shiftTimes(saved: unknown, ms: number): unknown {
  if (typeof saved === 'number') return saved > EARLIEST ? saved + ms : saved
  if (Array.isArray(saved)) return saved.map((part) => shiftTimes(part, ms))
  if (typeof saved !== 'object' || saved === null) return saved
  return Object.fromEntries(
    Object.entries(saved).map(([key, value]) => [
      key,
      BY_THE_CALENDAR.has(key) || NO_TIMES.has(key) ? value : shiftTimes(value, ms),
    ]),
  )
}
