// Leave for one call: stalled calls are looked for, the budget sets aside what it may cost, and the gate has its word.
import { BudgetExceededError, CallRejectedError } from '../model/errors.ts'
import type { Exemption } from '../model/records.ts'
import { stateOf } from '../model/states.ts'
import type { Breaker } from './breaker.ts'
import { Call, UNBUDGETED } from './call.ts'
import type { BudgetRefusal, BudgetRequest, Reservation } from './callFollower.ts'

export interface CallOptions extends Omit<BudgetRequest, 'override' | 'bypass'> {
  readonly exemption?: Exemption | undefined
  /** Who claims an emergency override, and why. */
  readonly claim?: { readonly by: string; readonly why: string } | undefined
  /** Part of a call that a budget has had its word on already. */
  readonly unbudgeted?: boolean | undefined
  /** Epoch ms. */
  readonly deadline?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A call that has begun at `startedAt` (epoch ms), or the error of one that may not. */
export function admitCall(breaker: Breaker, startedAt: number, options: CallOptions): Call | CallRejectedError {
  if (startedAt >= breaker.stalls.nextLook) breaker.lookForStalls(startedAt)
  const at = Math.floor(startedAt)
  const { exemption, claim, deadline, signal } = options
  const { gate } = breaker
  const reserved = options.unbudgeted
    ? UNBUDGETED
    : breaker.budgets?.reserve(at, {
        operation: options.operation,
        estimate: options.estimate,
        override: exemption === 'emergency_override',
        bypass: gate.path === 'closed.bypassed',
      })
  if (reserved && 'rule' in reserved) {
    // A gate that refuses for graver reasons is heard first.
    if (gate.peek(at, exemption) === undefined) return overBudget(breaker, at, reserved)
  }
  const reservation: Reservation | undefined = reserved && 'settle' in reserved ? reserved : undefined
  if (gate.plain && exemption === undefined)
    return new Call(breaker, startedAt, gate.generation, undefined, deadline, signal, reservation)
  const admission = breaker.admit(at, exemption, claim)
  if (admission instanceof CallRejectedError) {
    reservation?.release(at)
    return admission
  }
  return new Call(breaker, startedAt, admission.generation, admission.probe, deadline, signal, reservation)
}

function overBudget(breaker: Breaker, at: number, { rule, retryAfterMs }: BudgetRefusal): CallRejectedError {
  breaker.refuse(at, { budget: rule })
  const { service, path } = breaker
  const details = { service, state: stateOf(path), reason: `budget.${rule}`, retryAfterMs }
  return new BudgetExceededError(`${service}: the call does not fit under the budget rule ${rule}`, details)
}
