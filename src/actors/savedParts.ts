// What a saved breaker must look like before it is trusted: it comes from a file.
import { z } from 'zod'
import type { BreakerContext } from '../model/breaker/context.ts'
import { directiveSchema } from '../model/signals.ts'
import { STATE_PATHS, type StatePath } from '../model/states.ts'

const number = z.number().finite()
const count = z.number().int().nonnegative()
const counts = z.array(count).max(10_000)
const words = z.string()
const claim = z.object({ by: words, why: words })
const optionalNumber = number.optional()

const budget = z.object({
  mode: z.enum(['throttled', 'blocked']),
  share: number.min(0).max(1),
  until: optionalNumber,
  rule: words,
  allowEmergencyOverride: z.boolean(),
})

const standingSchema = z.object({
  maintenance: claim.extend({ until: optionalNumber }).optional(),
  bypass: claim.optional(),
  forced: claim.optional(),
  open: z.object({ openedAt: number, until: number, why: words }).optional(),
  budgets: z.array(budget).min(1).optional(),
  quota: z.object({ until: number, why: words }).optional(),
  pace: z.object({ until: number, perSecond: number.nonnegative(), why: words }).optional(),
  // As older journals have them: one budget whatever the rules, and one limit.
  budget: budget.optional(),
  limit: z
    .object({ mode: z.enum(['paced', 'exhausted']), until: number, perSecond: number.nonnegative(), why: words })
    .optional(),
  health: z
    .object({
      level: z.union([z.literal(1), z.literal(2), z.literal(3)]),
      recoverAt: number,
      cause: z.enum(['calls', 'signal']),
      why: words,
    })
    .optional(),
  directive: directiveSchema.optional(),
})

function asKeptNow({ budget, limit, ...standing }: z.infer<typeof standingSchema>): typeof standing {
  return {
    ...standing,
    ...(budget && { budgets: [budget] }),
    ...(limit?.mode === 'exhausted' && { quota: { until: limit.until, why: limit.why } }),
    ...(limit?.mode === 'paced' && { pace: { until: limit.until, perSecond: limit.perSecond, why: limit.why } }),
  }
}

type PlainPath = Exclude<StatePath, 'closed.ramping' | 'open.awaitingPermit' | 'halfOpen'>
const plainPaths = STATE_PATHS.filter(
  (path): path is PlainPath => path !== 'closed.ramping' && path !== 'open.awaitingPermit' && path !== 'halfOpen',
)

const spellSchema = z.union([
  z.object({ in: z.literal('closed.ramping'), since: number, until: number }),
  z.object({ in: z.literal('open.awaitingPermit'), since: number, until: number }),
  z.object({
    in: z.literal('halfOpen'),
    since: number,
    until: optionalNumber,
    admitted: count,
    successes: count,
    failures: count,
    inFlight: z.array(z.object({ probe: count, until: number })).max(1000),
  }),
  z.object({ in: z.enum(plainPaths), since: number }),
])

const contextSchema = z
  .object({
    random: z.number().int(),
    generation: count,
    countsFrom: count,
    standing: standingSchema,
    spell: spellSchema,
    openings: count,
    closedSince: optionalNumber,
    outageSince: optionalNumber,
    notBefore: optionalNumber,
    // Older journals lack it: then the directive that stands is the last that was heard.
    directiveEpoch: z.number().int().optional(),
    nextProbe: count,
    reason: words,
  })
  // JSON drops what is undefined; the machine's context has every key.
  .transform(
    (context): Omit<BreakerContext, 'service' | 'policy'> => ({
      ...context,
      closedSince: context.closedSince,
      outageSince: context.outageSince,
      notBefore: context.notBefore,
      directiveEpoch: context.directiveEpoch ?? context.standing.directive?.epoch ?? -1,
      standing: asKeptNow(context.standing) as BreakerContext['standing'],
      spell: ('inFlight' in context.spell
        ? { ...context.spell, until: context.spell.until }
        : context.spell) as BreakerContext['spell'],
    }),
  )

export const savedPartsSchema = z.object({
  context: contextSchema,
  window: z.object({
    type: z.enum(['time', 'count']),
    counts: z.object({
      calls: counts,
      failures: counts,
      slow: counts,
      position: number,
      streak: z.tuple([count, count, count]),
      streakUntil: optionalNumber,
    }),
    demand: z.array(number).max(4),
    sinceEntry: z.object({ calls: count, failures: count, slow: count }),
  }),
  gate: z.object({ credit: number, tokens: number, refilledAt: number }),
  latency: z.object({
    recent: z.array(count).max(480),
    baseline: z.array(count).max(480),
    lifetime: z.array(count).max(480),
    reviewAt: number,
    typical: number.nonnegative().optional(),
    risen: z.object({ p95: number, baselineP95: number, calls: count }).optional(),
  }),
})
