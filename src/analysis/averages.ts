// Middles and spreads of a few numbers: lags, intervals. Used by the patterns.

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Of one or more values. The variance is the estimate from a sample, 0 for a single value. */
export function meanAndVariance(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, values.length - 1)
  return { mean, variance }
}
