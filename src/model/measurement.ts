// What a finished call is known to have used and come to, beyond succeeding or failing: tokens, dollars, quality. Read from
// answers by the profiles, carried by outcomes, and folded into budgets, models' health and the impact of degradation.

/** Tokens of one call, as its service counts them. */
export interface TokenUsage {
  readonly input: number
  readonly output: number
  /** Of the input, those read from the service's cache. */
  readonly cached?: number
  /** Of the output, those spent on reasoning. */
  readonly reasoning?: number
}

export interface Measurement {
  /** The model that answered. */
  readonly model?: string
  /** What was asked for, in the kind's own words: `chat`, `embeddings`, `query`. */
  readonly operation?: string
  readonly usage?: TokenUsage
  /** Dollars. */
  readonly cost?: number
  /** True for a cost that nobody stated: an estimate stands for it. */
  readonly costEstimated?: boolean
  /** How good the answer was, 0–1. */
  readonly quality?: number
}

/** What a call is expected to cost before it is made. */
export interface Estimate {
  /** Dollars. */
  readonly cost: number
  /** How much the figure is to be trusted, 0–1: 0.9 from tokens and prices, 0.3 for a default. */
  readonly confidence: number
}
