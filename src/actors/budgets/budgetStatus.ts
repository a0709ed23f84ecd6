// How one budget rule stands, for whoever asks.
import { dollarsOf } from '../../model/budgets/money.ts'
import type { Period } from '../../model/budgets/period.ts'
import type { BudgetType } from '../../model/budgets/rules.ts'
import type { BudgetAccount } from './budgetAccount.ts'

/** How one rule stands. Money in dollars. */
export interface BudgetStatus {
  readonly rule: string
  readonly type: BudgetType
  readonly action: 'block' | 'throttle' | 'alert_only'
  /** Spent in the rule's period; 0 for a rule on single calls. */
  readonly spent: number
  /** Set aside for calls in flight. */
  readonly reserved: number
  readonly limit: number
  /** Spent of the limit; 1: all of it. */
  readonly share: number
  readonly standing: 'clear' | 'throttled' | 'blocked' | 'alerting'
  /** When the day or month is over, or when what stands by a rate lapses, epoch ms. */
  readonly periodEndsAt: number | undefined
}

export function budgetStatus(
  { rule, spend, standing, limit, reserved, until }: BudgetAccount,
  { day, month }: { readonly day: Period; readonly month: Period },
  at: number,
): BudgetStatus {
  const spent = spend.at(at)
  const period = spend.span === 'day' ? day : spend.span === 'month' ? month : undefined
  return {
    rule: rule.id,
    type: rule.type,
    action: rule.action,
    spent: dollarsOf(spent),
    reserved: dollarsOf(reserved),
    limit: dollarsOf(limit),
    share: spent / limit,
    standing: standing ? STANDING[rule.action] : 'clear',
    periodEndsAt: period?.until ?? (standing ? until : undefined),
  }
}

const STANDING = { block: 'blocked', throttle: 'throttled', alert_only: 'alerting' } as const
