// Money as budgets add it up: whole billionths of a dollar. Sums of such integers are exact and the same in any order, where
// sums of dollars as floats drift; up to nine million dollars a sum, above that they are rounded to a few billionths.

/** No single call costs more, dollars; what is told beyond it is a mistake. */
const MOST_A_CALL = 100_000

/** `dollars` of one call in billionths; undefined for what is no price: NaN, below zero, absurdly much, not a number at all. */
export function nanosOf(dollars: unknown): number | undefined {
  if (typeof dollars !== 'number' || !(dollars >= 0 && dollars <= MOST_A_CALL)) return undefined
  return toNanos(dollars)
}

export function toNanos(dollars: number): number {
  // Adding 0 makes a negative zero a plain one.
  return Math.round(dollars * 1e9) + 0
}

export function dollarsOf(nanos: number): number {
  return nanos / 1e9
}

/** For people: `$9.50`, `$0.00042`. */
export function inDollars(nanos: number): string {
  const dollars = dollarsOf(nanos)
  return dollars === 0 || dollars >= 0.1
    ? `$${dollars.toFixed(2)}`
    : `$${Number(dollars.toPrecision(2)).toFixed(decimals(dollars))}`
}

function decimals(dollars: number): number {
  return Math.min(9, 1 - Math.floor(Math.log10(dollars)))
}
