// What is counted of all services while something may be the matter, once a second: an input, recorded with its numbers.

/** What a review counted. */
export interface Numbers {
  /** In the windows of all services that admit calls in the ordinary way. */
  readonly calls: number
  /** Those services whose windows hold failures. */
  readonly services: Readonly<Record<string, { readonly calls: number; readonly failures: number }>>
}

export interface Review {
  readonly type: 'review'
  readonly at: number
  readonly calls: number
  readonly services: Numbers['services']
  /** Failures since the last review, by service. */
  readonly failed: Readonly<Record<string, number>>
  /** Half-open services without a call since the last review. */
  readonly idle: readonly string[]
  readonly verdicts: readonly string[]
}
