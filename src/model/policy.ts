// A breaker's policy: what a user may write, the defaults of each kind, and the resolved form that machine, gate and window
// read. All durations are in ms unless the name says otherwise.
import { z } from 'zod'
import { kindDefaults as defaultsOf, type Kind, type KindDefaults } from './kinds.ts'

export { KINDS, type Kind } from './kinds.ts'

const ms = z.number().finite().positive().max(2_592_000_000).meta({ unit: 'ms' })
const positiveShare = z.number().gt(0).max(1)
const count = z.number().int().min(1).max(1_000_000)

/** A multiple of the typical latency. */
const patience = z.number().min(1).max(1000)

const tripSchema = z.strictObject({
  consecutiveFailures: count.or(z.literal(false)).optional(),
  failureRate: z
    .strictObject({ threshold: positiveShare.optional(), minimumCalls: count.optional() })
    .or(z.literal(false))
    .optional(),
  slowCallRate: z
    .strictObject({ threshold: positiveShare.optional(), slowerThanMs: ms.optional(), minimumCalls: count.optional() })
    .or(z.literal(false))
    .optional(),
  consecutiveTimeouts: count.or(z.literal(false)).optional(),
  streakSignificance: z.number().gt(0).lt(1).or(z.literal(false)).optional(),
  stalledCalls: z.strictObject({ patience: patience.optional() }).or(z.literal(false)).optional(),
})

const windowSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('time'), seconds: z.number().int().min(1).max(3600) }),
  z.strictObject({ type: z.literal('count'), size: z.number().int().min(1).max(10_000) }),
])

const degradeSchema = z.strictObject({
  consecutiveFailures: count.or(z.literal(false)).optional(),
  failureRate: z
    .strictObject({ threshold: positiveShare.optional(), minimumCalls: count.optional() })
    .or(z.literal(false))
    .optional(),
  /** Degrade when the 95th percentile of latency exceeds this many times its baseline. */
  p95Ratio: z.number().gt(1).max(1000).or(z.literal(false)).optional(),
})

const levelSchema = z.strictObject({
  /** `fallback-only` rejects calls with DegradedToFallbackError so that fallbacks answer. */
  admit: z.enum(['all', 'fallback-only']).optional(),
  /** Laid over what the kind's ladder asks for at this level. */
  overrides: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
    .meta({ allowed: "an object of the ladder's own keys" })
    .optional(),
})

/** What a user may set for one service. Everything is optional; the defaults are those of its kind. */
export const policySchema = z.strictObject({
  trip: tripSchema.optional(),
  window: windowSchema.optional(),
  recoveryTimeout: ms.optional(),
  recoveryMultiplier: z.number().min(1).max(10).optional(),
  maxRecoveryTimeout: ms.optional(),
  recoveryJitter: z.strictObject({ from: z.number().gt(0).max(1), to: z.number().min(1).max(10) }).optional(),
  adaptiveRecovery: z.boolean().optional(),
  permitTimeout: ms.optional(),
  maxProbes: z.number().int().min(1).max(1000).optional(),
  successesToClose: z.number().int().min(1).max(1000).optional(),
  probeTimeout: ms.optional(),
  probePatience: patience.or(z.literal(false)).optional(),
  halfOpenTimeout: ms.optional(),
  rampDuration: z.number().finite().min(0).max(86_400_000).meta({ unit: 'ms' }).optional(),
  rampInitialShare: positiveShare.optional(),
  stableAfter: ms.optional(),
  degrade: degradeSchema.or(z.literal(false)).optional(),
  degradeBeforeOpen: z.boolean().optional(),
  recoverAfter: ms.optional(),
  levels: z.tuple([levelSchema, levelSchema, levelSchema]).optional(),
  rateLimitCooldown: ms.optional(),
  quotaCooldown: ms.optional(),
  maxRetryAfter: ms.optional(),
  timeout: ms.optional(),
  maxKeys: z.number().int().min(1).max(1_000_000).optional(),
})
export type PolicyInput = DeepReadonly<z.input<typeof policySchema>>

/** What is only read may be given frozen or `as const`. */
export type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T

export interface RateRule {
  /** Trips when the rate reaches this share, 0–1. */
  readonly threshold: number
  /** No decision below this many calls in the window. */
  readonly minimumCalls: number
}

/** What to ask less of, in the terms of the kind's ladder: `{ maxTokensFactor: 0.5 }`, say. */
export type Overrides = Readonly<Record<string, number | string | boolean>>

export interface LevelPolicy {
  readonly admit: 'all' | 'fallback-only'
  /** Laid over what the kind's ladder asks for at this level (see docs/services/). */
  readonly overrides?: Overrides
}

/** A policy with every value settled. */
export interface BreakerPolicy {
  readonly trip: {
    readonly consecutiveFailures: number | false
    readonly failureRate: RateRule | false
    readonly slowCallRate: (RateRule & { readonly slowerThanMs: number }) | false
    readonly consecutiveTimeouts: number | false
    /**
     * A streak trips only if, at the failure rate of the calls before it, its chance is below this (0–1): a service that
     * always fails now and then does not trip by bad luck. `false`: the counts alone decide.
     */
    readonly streakSignificance: number | false
    /**
     * Calls that have run for `patience` times the typical latency (and at least 300 ms) while none succeeded count into
     * the streak before they end. `false`: a call counts when it ends.
     */
    readonly stalledCalls: { readonly patience: number } | false
  }
  readonly window: { readonly type: 'time'; readonly seconds: number } | { readonly type: 'count'; readonly size: number }
  /** How long an opened breaker waits before it asks for a permit to probe. */
  readonly recoveryTimeout: number
  /** The wait grows by this factor with each opening that was not followed by a stable close. */
  readonly recoveryMultiplier: number
  readonly maxRecoveryTimeout: number
  /** The wait is multiplied by a seeded random factor from this interval, so that a fleet does not probe in step. */
  readonly recoveryJitter: { readonly from: number; readonly to: number }
  /**
   * Probe sooner where waiting costs more calls than a probe does (`recoveryTimeout` stays the longest first wait), one probe
   * at a time until one succeeds, and take a close for stable when it has lasted a tenth of the outage.
   */
  readonly adaptiveRecovery: boolean
  /** With no permit for this long, the breaker goes half-open by itself. */
  readonly permitTimeout: number
  /** Probes in flight at once, and probes in a round. */
  readonly maxProbes: number
  readonly successesToClose: number
  /** A probe that runs longer counts as failed and frees its place. */
  readonly probeTimeout: number
  /**
   * A probe's time is this many times the typical latency, at least 300 ms and at most `probeTimeout`, and grows with each
   * opening. `false`: always `probeTimeout`.
   */
  readonly probePatience: number | false
  /** A half-open round that lasts longer re-opens, unless every answer in it was good. */
  readonly halfOpenTimeout: number
  /** How long after a recovery the admitted share grows to all; 0: at once. */
  readonly rampDuration: number
  readonly rampInitialShare: number
  /** A breaker closed for this long forgets how often it had opened. */
  readonly stableAfter: number
  readonly degrade:
    | {
        readonly consecutiveFailures: number | false
        readonly failureRate: RateRule | false
        readonly p95Ratio: number | false
      }
    | false
  /** The first trip of a service that is healthy otherwise leads to `degraded`, the next one opens. */
  readonly degradeBeforeOpen: boolean
  /** A degraded service that was well for this long goes one level down. */
  readonly recoverAfter: number
  readonly levels: readonly [LevelPolicy, LevelPolicy, LevelPolicy]
  /** How long a rate limit stands when the service does not say. */
  readonly rateLimitCooldown: number
  /** How long an exhausted quota stands when the service does not say. */
  readonly quotaCooldown: number
  /** No failure and no rate limit keeps calls away for longer by its `Retry-After`; an exhausted quota does. */
  readonly maxRetryAfter: number
  /** The default timeout of a call; undefined: none. */
  readonly timeout: number | undefined
  /** Breakers kept for keys of this service (`for(key)`); the least recently used goes first. */
  readonly maxKeys: number
}

/**
 * Fills a user's policy up with the defaults of `kind`. A default that would collide with a value the user gave makes room
 * for it; two given values that collide are told by {@link policyConflicts}.
 */
export function resolvePolicy(kind: Kind, input: PolicyInput = {}): BreakerPolicy {
  const kindDefaults = defaultsOf(kind)
  const trip = input.trip ?? {}
  const degrade = input.degrade === false ? false : (input.degrade ?? {})
  const adaptiveRecovery = input.adaptiveRecovery ?? input.recoveryTimeout === undefined
  return {
    trip: {
      consecutiveFailures: trip.consecutiveFailures ?? kindDefaults.failuresToTrip,
      failureRate: rate(trip.failureRate, 0.5),
      slowCallRate:
        trip.slowCallRate === false
          ? false
          : {
              threshold: trip.slowCallRate?.threshold ?? 0.8,
              slowerThanMs: trip.slowCallRate?.slowerThanMs ?? kindDefaults.slowCallSeconds * 1000,
              minimumCalls: trip.slowCallRate?.minimumCalls ?? 20,
            },
      consecutiveTimeouts: trip.consecutiveTimeouts ?? 3,
      streakSignificance: trip.streakSignificance ?? (trip.consecutiveFailures === undefined ? 1e-6 : false),
      stalledCalls:
        trip.stalledCalls === false || (trip.stalledCalls === undefined && !kindDefaults.steadyLatency)
          ? false
          : { patience: trip.stalledCalls?.patience ?? 3 },
    },
    window: input.window ?? { type: 'time', seconds: kindDefaults.windowSeconds },
    recoveryTimeout: input.recoveryTimeout ?? Math.min(kindDefaults.recoverySeconds * 1000, input.maxRecoveryTimeout ?? 600_000),
    recoveryMultiplier: input.recoveryMultiplier ?? 2,
    maxRecoveryTimeout: input.maxRecoveryTimeout ?? Math.max(600_000, input.recoveryTimeout ?? 0),
    recoveryJitter: input.recoveryJitter ?? { from: 0.8, to: 1.2 },
    adaptiveRecovery,
    permitTimeout: input.permitTimeout ?? 10_000,
    maxProbes: input.maxProbes ?? Math.max(3, input.successesToClose ?? 0),
    successesToClose: input.successesToClose ?? Math.min(2, input.maxProbes ?? 3),
    probeTimeout: input.probeTimeout ?? Math.min(30_000, input.halfOpenTimeout ?? 30_000),
    probePatience:
      input.probePatience ?? (adaptiveRecovery && kindDefaults.steadyLatency && input.probeTimeout === undefined ? 3 : false),
    halfOpenTimeout: input.halfOpenTimeout ?? Math.max(60_000, 2 * (input.probeTimeout ?? 0)),
    rampDuration: input.rampDuration ?? 0,
    rampInitialShare: input.rampInitialShare ?? 0.25,
    stableAfter: input.stableAfter ?? 60_000,
    degrade: degrade && {
      consecutiveFailures: degrade.consecutiveFailures ?? 3,
      failureRate: rate(degrade.failureRate, 0.25),
      p95Ratio: degrade.p95Ratio ?? 3,
    },
    degradeBeforeOpen: input.degradeBeforeOpen ?? false,
    recoverAfter: input.recoverAfter ?? 30_000,
    levels: [level(1, input, kindDefaults), level(2, input, kindDefaults), level(3, input, kindDefaults)],
    rateLimitCooldown: input.rateLimitCooldown ?? 10_000,
    quotaCooldown: input.quotaCooldown ?? 900_000,
    maxRetryAfter: input.maxRetryAfter ?? 3_600_000,
    timeout: input.timeout,
    maxKeys: input.maxKeys ?? 1000,
  }
}

/** A key of a policy whose value contradicts another's, and what that other leaves it. */
export interface PolicyConflict {
  readonly key: keyof BreakerPolicy
  readonly allowed: string
}

/** The values of `policy` that contradict each other; none for a policy of defaults. */
export function policyConflicts(policy: BreakerPolicy): PolicyConflict[] {
  const conflicts: PolicyConflict[] = []
  const { maxProbes, recoveryTimeout, halfOpenTimeout } = policy
  if (policy.successesToClose > maxProbes) {
    conflicts.push({ key: 'successesToClose', allowed: `at most maxProbes, which is ${maxProbes}` })
  }
  if (policy.maxRecoveryTimeout < recoveryTimeout) {
    conflicts.push({ key: 'maxRecoveryTimeout', allowed: `at least recoveryTimeout, which is ${recoveryTimeout} ms` })
  }
  if (policy.probeTimeout > halfOpenTimeout) {
    conflicts.push({ key: 'probeTimeout', allowed: `at most halfOpenTimeout, which is ${halfOpenTimeout} ms` })
  }
  return conflicts
}

function rate(
  rule: { threshold?: number | undefined; minimumCalls?: number | undefined } | false | undefined,
  threshold: number,
): RateRule | false {
  return rule !== false && { threshold: rule?.threshold ?? threshold, minimumCalls: rule?.minimumCalls ?? 20 }
}

function level(number: 1 | 2 | 3, { levels }: PolicyInput, { fallbackOnlyFrom }: KindDefaults): LevelPolicy {
  const given = levels?.[(number - 1) as 0 | 1 | 2]
  const admit = given?.admit ?? (fallbackOnlyFrom !== undefined && number >= fallbackOnlyFrom ? 'fallback-only' : 'all')
  return given?.overrides === undefined ? { admit } : { admit, overrides: given.overrides }
}
