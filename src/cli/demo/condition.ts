// The conditions a demo upstream can be put in: the script of the incident sets them, and the upstream acts them out.

export type Condition =
  | { readonly kind: 'healthy' }
  /** Right answers, `ms` late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** 429 with `Retry-After`. */
  | { readonly kind: 'rateLimited'; readonly retryAfterSeconds: number }
  /** Every request is answered with this HTTP status, 400 to 599. */
  | { readonly kind: 'outage'; readonly status: number }
  /** Requests are taken and never answered. */
  | { readonly kind: 'hang' }
  /** The account's money is spent. */
  | { readonly kind: 'quotaExhausted' }

/** A cache has neither statuses nor quotas: its server is there, slow, silent or gone. */
export type CacheCondition =
  | Extract<Condition, { kind: 'healthy' | 'slow' | 'hang' }>
  /** Every operation fails as if the connection were refused. */
  | { readonly kind: 'unreachable' }

export const HEALTHY = { kind: 'healthy' } as const
