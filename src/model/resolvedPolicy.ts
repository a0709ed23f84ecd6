// What a resolved policy must look like when it comes from a file: the bounds are those of what a user may write, so that a
// journal cannot ask for more than a configuration can. Unknown keys are let pass: a newer release may have written them.
import { z } from 'zod'
import { type BreakerPolicy, policySchema } from './policy.ts'

const { shape } = policySchema
const trip = shape.trip.unwrap().shape
const degrade = shape.degrade.unwrap().options[0].shape
const [timeWindow, countWindow] = shape.window.unwrap().options
const jitter = shape.recoveryJitter.unwrap().shape
const ms = shape.recoveryTimeout.unwrap()

const rateRule = ruleOf(trip.failureRate.unwrap().options[0].shape)
const slowCalls = trip.slowCallRate.unwrap().options[0].shape
const stalledCalls = trip.stalledCalls.unwrap().options[0].shape
const level = z.looseObject({
  admit: z.enum(['all', 'fallback-only']),
  overrides: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).exactOptional(),
})

/** Keys with a default are absent in journals of releases that did not know them. */
export const resolvedPolicySchema = z.looseObject({
  trip: z.looseObject({
    consecutiveFailures: trip.consecutiveFailures.unwrap(),
    failureRate: rateRule.or(z.literal(false)),
    slowCallRate: ruleOf(slowCalls).extend({ slowerThanMs: slowCalls.slowerThanMs.unwrap() }).or(z.literal(false)),
    consecutiveTimeouts: trip.consecutiveTimeouts.unwrap(),
    streakSignificance: trip.streakSignificance.unwrap().default(false),
    stalledCalls: z.looseObject({ patience: stalledCalls.patience.unwrap() }).or(z.literal(false)).default(false),
  }),
  window: z.discriminatedUnion('type', [z.looseObject(timeWindow.shape), z.looseObject(countWindow.shape)]),
  recoveryTimeout: ms,
  recoveryMultiplier: shape.recoveryMultiplier.unwrap(),
  maxRecoveryTimeout: shape.maxRecoveryTimeout.unwrap(),
  recoveryJitter: z.looseObject({ from: jitter.from, to: jitter.to }),
  adaptiveRecovery: shape.adaptiveRecovery.unwrap(),
  permitTimeout: shape.permitTimeout.unwrap(),
  maxProbes: shape.maxProbes.unwrap(),
  successesToClose: shape.successesToClose.unwrap(),
  probeTimeout: shape.probeTimeout.unwrap(),
  probePatience: shape.probePatience.unwrap().default(false),
  // Where it is not given, it is twice a probe's.
  halfOpenTimeout: z
    .number()
    .positive()
    .max(2 * (ms.maxValue ?? 0)),
  rampDuration: shape.rampDuration.unwrap(),
  rampInitialShare: shape.rampInitialShare.unwrap(),
  stableAfter: shape.stableAfter.unwrap(),
  degrade: z
    .looseObject({
      consecutiveFailures: degrade.consecutiveFailures.unwrap(),
      failureRate: rateRule.or(z.literal(false)),
      p95Ratio: degrade.p95Ratio.unwrap(),
    })
    .or(z.literal(false)),
  degradeBeforeOpen: shape.degradeBeforeOpen.unwrap(),
  recoverAfter: shape.recoverAfter.unwrap(),
  levels: z.tuple([level, level, level]),
  rateLimitCooldown: shape.rateLimitCooldown.unwrap(),
  quotaCooldown: shape.quotaCooldown.unwrap(),
  maxRetryAfter: ms.default(ms.maxValue ?? 0),
  // The transform makes of a key that may be absent one that may be undefined.
  timeout: ms.optional().transform((timeout) => timeout),
  maxKeys: shape.maxKeys.unwrap(),
}) satisfies z.ZodType<BreakerPolicy>

type Rule =
  typeof trip.failureRate extends z.ZodOptional<z.ZodUnion<readonly [z.ZodObject<infer Shape>, z.ZodLiteral<false>]>>
    ? Shape
    : never

function ruleOf({ threshold, minimumCalls }: Pick<Rule, 'threshold' | 'minimumCalls'>) {
  return z.looseObject({ threshold: threshold.unwrap(), minimumCalls: minimumCalls.unwrap() })
}
