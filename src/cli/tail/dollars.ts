// Money as people write it.

/** Cents, or as many decimals as small amounts need to be seen. */
export function dollars(amount: number): string {
  return `$${amount.toFixed(amount !== 0 && Math.abs(amount) < 1 ? 4 : 2)}`
}
