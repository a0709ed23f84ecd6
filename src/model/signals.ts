// What is told to a breaker from outside its calls: signals of a service's condition, an orchestrator's directives, and an
// operator's commands. Each arrives as an event, is journalled, and decides by the numbers it carries.
import { z } from 'zod'

const epochMs = z.number().finite().nonnegative()
const words = z.string().max(500)
const count = z.number().int().nonnegative()

export const signalSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('limit'),
    /** `paced`: some calls still pass; `exhausted`: the quota is gone. */
    mode: z.enum(['paced', 'exhausted']),
    /** When the limit resets, epoch ms. */
    until: epochMs.optional(),
    /** Calls a second the service leaves us. */
    perSecond: z.number().finite().nonnegative().optional(),
    reason: words.optional(),
  }),
  z.strictObject({ kind: z.literal('limitCleared') }),
  z.strictObject({
    kind: z.literal('budget'),
    mode: z.enum(['throttled', 'blocked']),
    /** The share of calls still admitted while throttled, 0–1. */
    share: z.number().min(0).max(1).optional(),
    /** When the budget's period rolls over, epoch ms. */
    until: epochMs.optional(),
    rule: words,
    allowEmergencyOverride: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('budgetCleared'),
    /** Only this rule's budget; absent: every rule's. */
    rule: words.optional(),
  }),
  z.strictObject({
    kind: z.literal('stalled'),
    /** Calls in flight that have run longer than they should. */
    calls: z.number().int().min(1),
  }),
  z.strictObject({
    kind: z.literal('fleetTrip'),
    /** Another one for each trip of the fleet's breaker. */
    id: z.string().min(1).max(200),
    why: z.enum(['quorum', 'failure_rate']),
    /** Nodes that call the service, and those of them whose breaker is open. */
    nodes: count,
    open: count,
    /** Of all nodes over the window. */
    calls: count,
    failures: count,
  }),
  z.strictObject({
    kind: z.literal('health'),
    /** The degradation level the service's own condition calls for; 0 says it is well. */
    level: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
    reason: words,
  }),
])
/** An observation of a service's condition. */
export type Signal = z.infer<typeof signalSchema>

export const directiveSchema = z.strictObject({
  /** Fencing: a directive with an older epoch than the one in force is ignored. */
  epoch: z.number().int().nonnegative(),
  level: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
  /** The share of calls to admit, 0–1. */
  admissionRatio: z.number().min(0).max(1).default(1),
  /** While true, an open breaker gets no permit to probe. */
  hold: z.boolean().default(false),
  /** When the directive lapses by itself, epoch ms. */
  expiresAt: epochMs,
  rule: words,
  reason: words,
})
/** What the orchestrator wants of a service. */
export type Directive = z.infer<typeof directiveSchema>
export type DirectiveInput = z.input<typeof directiveSchema>

/** Room for the orchestrator to count on from there: with the largest safe integer its next directive could not be read back. */
const LAST_EPOCH_OF_USERS = 2 ** 52

/** A directive as a user may give it. */
export const userDirectiveSchema = directiveSchema.extend({
  epoch: z
    .number()
    .int()
    .nonnegative()
    .max(LAST_EPOCH_OF_USERS)
    .meta({ allowed: `a whole number from 0 to ${LAST_EPOCH_OF_USERS} (2^52)` }),
})

const who = { by: z.string().min(1).max(200), why: words }

export const commandSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('trip'), ...who }),
  z.strictObject({ name: z.literal('reset'), ...who }),
  z.strictObject({ name: z.literal('disable'), ...who }),
  z.strictObject({ name: z.literal('enable'), ...who }),
  z.strictObject({
    name: z.literal('beginMaintenance'),
    ...who,
    /** When the maintenance ends by itself, epoch ms; absent: by command only. */
    until: epochMs.optional(),
  }),
  z.strictObject({ name: z.literal('endMaintenance'), ...who }),
])
/** What an operator wants of a service, with who and why. */
export type Command = z.infer<typeof commandSchema>

const some = { services: z.array(z.string().max(64)).max(10_000).optional() }

export const systemCommandSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('tripAll'), ...who, ...some }),
  z.strictObject({ name: z.literal('recoverAll'), ...who, ...some }),
  z.strictObject({ name: z.literal('beginMaintenance'), ...who, ...some, until: epochMs.optional() }),
  z.strictObject({ name: z.literal('endMaintenance'), ...who, ...some }),
])
/**
 * What an operator wants of several services, all of them where none are named, with who and why. `recoverAll` passes over those
 * in maintenance.
 */
export type SystemCommand = z.infer<typeof systemCommandSchema>
