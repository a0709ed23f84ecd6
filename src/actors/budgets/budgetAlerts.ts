// What people are told of budgets: the alerts of the budget keeper, in words.
import { inDollars, toNanos } from '../../model/budgets/money.ts'
import type { AlertLevel, AlertRecord } from '../../model/records.ts'
import type { BudgetAccount } from './budgetAccount.ts'

/** The rule's limit has been met. */
export function limitAlert(account: BudgetAccount, service: string, at: number): AlertRecord {
  const { rule, limit, spend } = account
  const blocks = rule.action === 'block'
  const then = blocks ? 'calls are blocked' : rule.action === 'throttle' ? `${percent(rule.throttleFactor)} of calls pass` : ''
  const message = `${rule.id}: ${inDollars(spend.at(at))} ${span(account)} meet the limit of ${inDollars(limit)}`
  const level = !blocks ? 'warning' : spend.span === 'month' ? 'critical' : 'error'
  const code = blocks ? 'budget_exceeded' : 'budget_warning'
  return alert(service, at, level, code, then === '' ? message : `${message}; ${then}`, rule.id)
}

/** A call was refused because what is left does not cover it. */
export function refusalAlert(account: BudgetAccount, service: string, at: number, expected: number): AlertRecord {
  const { rule, limit, spend } = account
  const left = inDollars(Math.max(0, limit - spend.at(at)))
  const message = `${rule.id}: of ${inDollars(limit)} ${left} are left, too little for a call expected to cost ${inDollars(expected)}`
  return alert(service, at, spend.span === 'month' ? 'critical' : 'error', 'budget_exceeded', message, rule.id)
}

/** A single call costs more than a rule of the type `operation` says. */
export function costlyAlert(
  account: BudgetAccount,
  call: { readonly service: string; readonly operation: string | undefined },
  at: number,
  nanos: number,
  ended: boolean,
): AlertRecord {
  const { rule, limit } = account
  const cost = `${ended ? 'cost' : 'is expected to cost'} ${inDollars(nanos)}`
  const what = call.operation === undefined ? '' : ` (${call.operation})`
  const message = `${rule.id}: a call of ${call.service}${what} ${cost}, above ${inDollars(limit)}`
  return alert(call.service, at, rule.action === 'block' ? 'error' : 'warning', 'costly_operation', message, rule.id)
}

export function quotaAlert(service: string, at: number, calls: number, quota: number): AlertRecord {
  const message = `${service}: ${calls} of the ${quota} calls of this month are used`
  return alert(service, at, 'warning', 'quota_warning', message)
}

/** The limit of a rule is another from now on. */
export function raiseAlert(
  account: BudgetAccount,
  service: string,
  at: number,
  limit: number,
  { by, why }: { readonly by: string; readonly why: string },
): AlertRecord {
  const message = `${account.rule.id}: ${by} sets the limit from ${inDollars(account.limit)} to ${inDollars(toNanos(limit))}: ${why}`
  return { ...alert(service, at, 'info', 'budget_raised', message, account.rule.id), limit, over: account.rule.limit }
}

function alert(
  service: string,
  at: number,
  level: AlertLevel,
  code: string,
  message: string,
  rule?: string,
): AlertRecord & { readonly by: 'budgets' } {
  return { type: 'alert', at, service, level, code, message, by: 'budgets', ...(rule === undefined ? undefined : { rule }) }
}

function span({ spend, rule }: BudgetAccount): string {
  if (spend.span === 'rate') return `within ${rule.per / 1000} s`
  return `of this ${spend.span}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}
