// Many numbers in three: the middle, what one in twenty exceeds, and the worst.

export interface Distribution {
  readonly count: number
  readonly median: number
  readonly p95: number
  readonly max: number
}

export function distribution(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
  return { count: sorted.length, median: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? Number.NaN }
}

/** ms, with as many digits as say something. */
export function inMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`
}

export function triple({ median, p95, max }: Distribution): string {
  return `${inMs(median)} / ${inMs(p95)} / ${inMs(max)}`
}
