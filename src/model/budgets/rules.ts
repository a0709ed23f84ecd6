// Budgets: how many dollars may be spent on what, and what happens when they are gone. The keeper (src/actors/) counts; the
// breakers hear of it as signals.
import { z } from 'zod'

const dollars = z.number().finite().positive().max(1e9).meta({ unit: 'dollars' })
const name = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/)
  .meta({ allowed: '1 to 64 letters, digits, ., _ and -' })
const names = z.array(name).min(1).max(100).meta({ allowed: 'a list of 1 to 100 names' })

const BUDGET_TYPES = [
  'absolute_daily',
  'absolute_monthly',
  'percentage_daily',
  'percentage_monthly',
  'rate',
  'operation',
] as const
export type BudgetType = (typeof BUDGET_TYPES)[number]

const budgetRuleSchema = z.strictObject({
  id: name,
  /** What it counts; absent: every call of every service. */
  scope: z.strictObject({ services: names.optional(), operations: names.optional() }).optional(),
  type: z.enum(BUDGET_TYPES),
  threshold: z.number().finite().positive().max(1e9),
  action: z.enum(['block', 'throttle', 'alert_only']),
  throttleFactor: z.number().gt(0).lt(1).optional(),
  priority: z.number().int().min(0).max(1000).optional(),
  cooldown: z.number().finite().min(0).max(2_592_000_000).meta({ unit: 'ms' }).optional(),
  recoverBelow: z.number().gt(0).max(1).optional(),
  allowEmergencyOverride: z.boolean().optional(),
  per: z.number().finite().min(1000).max(86_400_000).meta({ unit: 'ms' }).optional(),
})

export const budgetsSchema = z.strictObject({
  daily: dollars.optional(),
  monthly: dollars.optional(),
  timeZone: z.string().refine(isTimeZone).meta({ allowed: 'an IANA time zone, such as "Europe/Berlin"' }).optional(),
  rules: z.array(budgetRuleSchema).max(100).meta({ allowed: 'a list of at most 100 rules' }).optional(),
  defaultRules: z.boolean().optional(),
})
export type BudgetsInput = z.input<typeof budgetsSchema>

export interface BudgetRule {
  readonly id: string
  /** Calls it counts; undefined: all. */
  readonly services: readonly string[] | undefined
  readonly operations: readonly string[] | undefined
  readonly type: BudgetType
  /** Dollars; for the percentage types a share of the day's or month's budget; for `operation` dollars of a single call. */
  readonly threshold: number
  /** What the threshold comes to, dollars. */
  readonly limit: number
  readonly action: 'block' | 'throttle' | 'alert_only'
  /** The share of calls still admitted while throttled, 0–1. */
  readonly throttleFactor: number
  /** Of rules that stand at once, the one told of first; the gravest is obeyed whatever its priority. */
  readonly priority: number
  /** Alerts of one rule are at least this far apart, ms. */
  readonly cooldown: number
  /** The share of the limit, 0–1, below which a rule that has taken hold lets go before its period is over. */
  readonly recoverBelow: number
  readonly allowEmergencyOverride: boolean
  /** For `rate`: the span the threshold is meant for, ms. */
  readonly per: number
}

export interface Budgets {
  readonly rules: readonly BudgetRule[]
  readonly timeZone: string
}

const TYPES_OF_DAY: readonly BudgetType[] = ['percentage_daily']
const TYPES_OF_MONTH: readonly BudgetType[] = ['percentage_monthly']

/** Fills `input` up; undefined where there is no rule at all. */
export function resolveBudgets(input: BudgetsInput): Budgets | undefined {
  const given = input.rules ?? []
  const standard = input.defaultRules === false ? [] : defaultRules(input, new Set(given.map(({ id }) => id)))
  const rules = [...given, ...standard].map((rule) => resolveRule(rule, input))
  return rules.length === 0 ? undefined : { rules, timeZone: input.timeZone ?? 'UTC' }
}

/** Rules that a percentage of nothing, or of more than everything, makes no sense of; with what is allowed. */
export function budgetConflicts(input: BudgetsInput): { readonly path: (string | number)[]; readonly allowed: string }[] {
  const conflicts: { readonly path: (string | number)[]; readonly allowed: string }[] = []
  const seen = new Set<string>()
  for (const [index, { id, type, threshold }] of (input.rules ?? []).entries()) {
    const at = (key: string): (string | number)[] => ['rules', index, key]
    if (seen.has(id)) conflicts.push({ path: at('id'), allowed: 'a name that no other rule has' })
    seen.add(id)
    if (TYPES_OF_DAY.includes(type) && input.daily === undefined) conflicts.push({ path: at('type'), allowed: NEEDS_DAILY })
    if (TYPES_OF_MONTH.includes(type) && input.monthly === undefined) conflicts.push({ path: at('type'), allowed: NEEDS_MONTHLY })
    if (type.startsWith('percentage') && threshold > 1) conflicts.push({ path: at('threshold'), allowed: A_SHARE })
  }
  return conflicts
}

const NEEDS_DAILY = 'percentage_daily only with budgets.daily, which it is a share of'
const NEEDS_MONTHLY = 'percentage_monthly only with budgets.monthly, which it is a share of'
const A_SHARE = 'a share of the budget, above 0 and at most 1'

type RuleInput = NonNullable<BudgetsInput['rules']>[number]

/** Throttle by half at 90% of the day and to 0.3 at 95% of the month, block at 100% of either, tell of a call over a dollar. */
function defaultRules({ daily, monthly }: BudgetsInput, taken: ReadonlySet<string>): RuleInput[] {
  const rules: RuleInput[] = []
  if (daily !== undefined) {
    rules.push({ id: 'daily_throttle', type: 'percentage_daily', threshold: 0.9, action: 'throttle', throttleFactor: 0.5 })
    rules.push({ id: 'daily_block', type: 'percentage_daily', threshold: 1, action: 'block' })
  }
  if (monthly !== undefined) {
    rules.push({ id: 'monthly_throttle', type: 'percentage_monthly', threshold: 0.95, action: 'throttle', throttleFactor: 0.3 })
    rules.push({ id: 'monthly_block', type: 'percentage_monthly', threshold: 1, action: 'block' })
  }
  if (rules.length > 0) rules.push({ id: 'costly_operation', type: 'operation', threshold: 1, action: 'alert_only' })
  return rules.filter(({ id }) => !taken.has(id))
}

function resolveRule(rule: RuleInput, { daily = 0, monthly = 0 }: BudgetsInput): BudgetRule {
  const { id, scope, type, threshold, action } = rule
  const base = type === 'percentage_daily' ? daily : type === 'percentage_monthly' ? monthly : 1
  return {
    id,
    services: scope?.services,
    operations: scope?.operations,
    type,
    threshold,
    limit: base * threshold,
    action,
    throttleFactor: rule.throttleFactor ?? 0.5,
    priority: rule.priority ?? (action === 'block' ? 10 : action === 'throttle' ? 5 : 1),
    cooldown: rule.cooldown ?? 300_000,
    recoverBelow: rule.recoverBelow ?? 1,
    allowEmergencyOverride: rule.allowEmergencyOverride ?? false,
    per: rule.per ?? 3_600_000,
  }
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
