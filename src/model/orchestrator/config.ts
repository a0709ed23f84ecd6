// What may be set for the orchestrator, and its resolved form, in which every value is settled. The resolved form goes into a
// journal's header, so that a replay coordinates as the board did.
import { z } from 'zod'
import { FINDING_PATTERNS } from '../findings.ts'
import type { Kind } from '../kinds.ts'

const ms = z.number().finite().min(0).max(2_592_000_000).meta({ unit: 'ms' })
const share = z.number().min(0).max(1)
const positiveShare = z.number().gt(0).max(1)
const count = z.number().int().min(1).max(10_000)
const level = z.union([z.literal(1), z.literal(2), z.literal(3)])
const name = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const names = z.array(name).max(1000).meta({ allowed: 'a list of services' })

export const SYSTEM_STATES = ['healthy', 'degraded', 'critical', 'emergency'] as const
export type SystemState = (typeof SYSTEM_STATES)[number]

const latching = { enabled: z.boolean().optional(), hold: ms.optional(), clear: ms.optional() }

const cascadeSchema = z.strictObject({ ...latching, services: count.optional() })
const overloadSchema = z.strictObject({
  ...latching,
  errorRate: positiveShare.optional(),
  clearRate: share.optional(),
  minimumCalls: count.optional(),
  share: share.optional(),
})
const chainSchema = z.strictObject({ ...latching, level: level.optional() })
const recoverySchema = z.strictObject({ enabled: z.boolean().optional() })

/** What has to be the case; of several, all. */
const conditionSchema = z.strictObject({
  failingServices: count.optional(),
  openShare: positiveShare.optional(),
  errorRate: positiveShare.optional(),
  healthBelow: positiveShare.optional(),
  down: name.optional(),
  finding: z.enum(FINDING_PATTERNS).optional(),
  system: z.enum(SYSTEM_STATES).optional(),
})
export type RuleCondition = Readonly<z.infer<typeof conditionSchema>>

/** What a rule wants while it stands. Without `services` it is meant for all that are not down. */
const actionSchema = z.strictObject({
  degradeOthersBy: level.optional(),
  degradeTo: level.optional(),
  admit: share.optional(),
  hold: z.boolean().optional(),
  services: names.optional(),
})
export type RuleAction = Readonly<z.infer<typeof actionSchema>>

/** What stands is kept by name: a name that objects have anyway would stand from the start. */
const ruleName = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/)
  .refine((rule) => !(rule in Object.prototype))
  .meta({ allowed: '1 to 64 small letters, digits, _ and -, and no name objects have anyway, such as "constructor"' })

const ownRuleSchema = z.strictObject({
  name: ruleName,
  priority: z.number().finite().min(0).max(1000).optional(),
  when: conditionSchema,
  then: actionSchema,
  hold: ms.optional(),
  clear: ms.optional(),
})

/** What a rule whose condition is code has beside it. */
export const codeRuleSchema = ownRuleSchema.omit({ when: true })

export const orchestratorSchema = z.strictObject({
  rules: z
    .strictObject({
      cascade_failure_prevention: cascadeSchema.optional(),
      system_overload_protection: overloadSchema.optional(),
      dependency_chain_protection: chainSchema.optional(),
      recovery_coordination: recoverySchema.optional(),
    })
    .optional(),
  ownRules: z.array(ownRuleSchema).max(100).meta({ allowed: 'a list of at most 100 rules' }).optional(),
  maxConcurrentRecoveries: count.optional(),
  recoveryLease: ms.optional(),
  healthFloor: share.optional(),
  healthReturn: share.optional(),
  criticalServices: count.optional(),
  emergencyReview: ms.optional(),
  directiveLifetime: z.number().finite().min(5000).max(3_600_000).meta({ unit: 'ms' }).optional(),
  alertCooldown: ms.optional(),
  correlation: z.boolean().optional(),
})
export type OrchestratorInput = z.input<typeof orchestratorSchema>

/** What may be set for one service as others see it. */
export const placeShape = {
  dependsOn: z.array(name).max(100).meta({ allowed: 'a list of at most 100 services' }).optional(),
  critical: z.boolean().optional(),
  recoveryPriority: z.number().finite().min(0).max(1000).optional(),
} as const
const placeSchema = z.strictObject(placeShape)
export type PlaceInput = z.input<typeof placeSchema>
export const PLACE_KEYS: ReadonlySet<string> = new Set(Object.keys(placeShape))

const settled = z.strictObject({ enabled: z.boolean(), hold: z.number(), clear: z.number() })
const placeSettled = z.strictObject({ dependsOn: z.array(z.string()), critical: z.boolean(), recoveryPriority: z.number() })
const ruleSettled = z.strictObject({
  name: z.string(),
  priority: z.number(),
  /** Absent: a condition in code, whose verdict comes with each review. */
  when: conditionSchema.exactOptional(),
  then: actionSchema,
  hold: z.number(),
  clear: z.number(),
})

/** As it stands in a journal's header. */
export const orchestratorConfigSchema = z.strictObject({
  rules: z.strictObject({
    cascade_failure_prevention: settled.extend({ services: z.number() }),
    system_overload_protection: settled.extend({
      errorRate: z.number(),
      clearRate: z.number(),
      minimumCalls: z.number(),
      share: z.number(),
    }),
    dependency_chain_protection: settled.extend({ level }),
    recovery_coordination: z.strictObject({ enabled: z.boolean() }),
  }),
  ownRules: z.array(ruleSettled),
  maxConcurrentRecoveries: z.number(),
  recoveryLease: z.number(),
  healthFloor: z.number(),
  healthReturn: z.number(),
  criticalServices: z.number(),
  emergencyReview: z.number(),
  directiveLifetime: z.number(),
  alertCooldown: z.number(),
  correlation: z.boolean(),
  /** By service. */
  places: z.record(z.string(), placeSettled),
})
/** How the services of a board hang together, and what the orchestrator does about it. Plain JSON. */
export type OrchestratorConfig = z.infer<typeof orchestratorConfigSchema>
/** A service as others see it. */
export type Place = OrchestratorConfig['places'][string]

export function resolveOrchestrator(
  input: OrchestratorInput,
  services: Readonly<Record<string, { readonly kind: Kind; readonly place: PlaceInput }>>,
): OrchestratorConfig {
  const { cascade_failure_prevention: cascade, system_overload_protection: overload, ...rest } = input.rules ?? {}
  const { dependency_chain_protection: chain, recovery_coordination: recovery } = rest
  // Where one of two is given, the default of the other makes room.
  const healthFloor = input.healthFloor ?? Math.min(0.3, input.healthReturn ?? 1)
  const errorRate = overload?.errorRate ?? Math.max(0.3, overload?.clearRate ?? 0)
  return {
    rules: {
      cascade_failure_prevention: { ...latch(cascade, 10_000, 5000), services: cascade?.services ?? 2 },
      system_overload_protection: {
        ...latch(overload, 10_000, 10_000),
        errorRate,
        clearRate: overload?.clearRate ?? errorRate / 2,
        minimumCalls: overload?.minimumCalls ?? 20,
        share: overload?.share ?? 0.5,
      },
      dependency_chain_protection: { ...latch(chain, 0, 5000), level: chain?.level ?? 1 },
      recovery_coordination: { enabled: recovery?.enabled ?? true },
    },
    ownRules: (input.ownRules ?? []).map(settledRule),
    maxConcurrentRecoveries: input.maxConcurrentRecoveries ?? 5,
    recoveryLease: input.recoveryLease ?? 30_000,
    healthFloor,
    healthReturn: input.healthReturn ?? Math.min(1, healthFloor + 0.2),
    criticalServices: input.criticalServices ?? 3,
    emergencyReview: input.emergencyReview ?? 1_800_000,
    directiveLifetime: input.directiveLifetime ?? 30_000,
    alertCooldown: input.alertCooldown ?? 300_000,
    correlation: input.correlation ?? true,
    places: Object.fromEntries(Object.entries(services).map(([name, { kind, place }]) => [name, placeOf(kind, place)])),
  }
}

/** A rule with its defaults filled in; `when` where its condition is not code. */
export function settledRule({
  priority = 1,
  hold = 10_000,
  clear = 5000,
  ...rule
}: z.infer<typeof ownRuleSchema> | z.infer<typeof codeRuleSchema>): OrchestratorConfig['ownRules'][number] {
  return { ...rule, priority, hold, clear }
}

/** What all else stands on comes back first. */
const FIRST: readonly Kind[] = ['cache', 'lightrag', 'openai', 'perplexity']

/** A place with its defaults filled in. */
export function placeOf(kind: Kind, { dependsOn = [], critical = false, recoveryPriority }: PlaceInput): Place {
  const rank = FIRST.indexOf(kind)
  return { dependsOn: [...dependsOn], critical, recoveryPriority: recoveryPriority ?? (rank < 0 ? FIRST.length : rank) + 1 }
}

function latch(
  input: { enabled?: boolean | undefined; hold?: number | undefined; clear?: number | undefined } = {},
  hold: number,
  clear: number,
): { enabled: boolean; hold: number; clear: number } {
  return { enabled: input.enabled ?? true, hold: input.hold ?? hold, clear: input.clear ?? clear }
}
