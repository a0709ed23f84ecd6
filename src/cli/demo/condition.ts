// The conditions a demo upstream can be put in: the script of the incident sets them, and the upstream acts them out.

export type Healthy = { readonly kind: 'healthy' }
/** Right answers, `ms` late. */
export type Slow = { readonly kind: 'slow'; readonly ms: number }
/** Requests are taken and never answered. */
export type Hang = { readonly kind: 'hang' }
/** 429 with `Retry-After`. */
export type RateLimited = { readonly kind: 'rateLimited'; readonly retryAfterSeconds: number }
/** Every request is answered with this HTTP status, 400 to 599. */
export type Outage = { readonly kind: 'outage'; readonly status: number }

/** What any server on loopback can be. */
export type ServerCondition = Healthy | Slow | Hang | Outage

export type OpenaiCondition =
  | ServerCondition
  | RateLimited
  /** The account's money is spent. */
  | { readonly kind: 'quotaExhausted' }

export type PerplexityCondition =
  | ServerCondition
  | RateLimited
  /** Searches find one page, and what is cited is not among the results. */
  | { readonly kind: 'poor' }

export type LightragCondition =
  | ServerCondition
  /** The documents and the graph made of them are gone; the vectors are still there. */
  | { readonly kind: 'indexLost' }

/** A cache has neither statuses nor quotas. */
export type CacheCondition =
  | Healthy
  | Slow
  /** Every operation fails as if the connection were refused. */
  | { readonly kind: 'unreachable' }
  /** Nearly all the memory it may use is in use. */
  | { readonly kind: 'full' }

export type Condition = OpenaiCondition | PerplexityCondition | LightragCondition | CacheCondition

export const HEALTHY = { kind: 'healthy' } as const
