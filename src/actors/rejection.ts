// From a refusal of the gate to the error its caller gets.
import type { BreakerContext } from '../model/breaker/context.ts'
import { ownDeadline } from '../model/breaker/deadline.ts'
import { gravestBudget } from '../model/breaker/gravest.ts'
import {
  BreakerOpenError,
  BudgetExceededError,
  type CallRejectedError,
  DegradedToFallbackError,
  LoadShedError,
  MaintenanceError,
  ProbeLimitError,
  RateLimitedError,
} from '../model/errors.ts'
import { stateOf } from '../model/states.ts'
import type { Gate, Refusal } from './gate.ts'

/** The error for a call refused at `at`, epoch ms. */
export function rejectionFor(refusal: Refusal, gate: Gate, context: BreakerContext, at: number): CallRejectedError {
  const { service, reason } = context
  const details = { service, state: stateOf(context.spell.in), reason, retryAfterMs: retryAfter(refusal, gate, context, at) }
  switch (refusal) {
    case 'open':
      return new BreakerOpenError(`${service} is open (${reason})`, details)
    case 'probes':
      return new ProbeLimitError(`${service} is half-open and all its probes are out`, details)
    case 'shed':
      return new LoadShedError(`${service} admits a share of the calls (${reason}), and this one is not in it`, details)
    case 'fallback':
      return new DegradedToFallbackError(`${service} is degraded to level ${gate.level} and answers from fallbacks only`, details)
    case 'rate':
      return new RateLimitedError(`${service} limits our rate (${limitFor(context, at)?.why ?? reason})`, details)
    case 'budget':
      return new BudgetExceededError(
        `${service} is held back by the budget rule ${gravestBudget(context.standing.budgets)?.rule ?? reason}`,
        details,
      )
    case 'maintenance':
      return new MaintenanceError(`${service} is in maintenance: ${context.standing.maintenance?.why ?? reason}`, details)
  }
}

function limitFor({ standing: { quota, pace } }: BreakerContext, at: number): { readonly why: string } | undefined {
  return quota && (!pace || quota.until > at) ? quota : pace
}

function retryAfter(refusal: Refusal, gate: Gate, context: BreakerContext, at: number): number | undefined {
  if (refusal === 'rate') return gate.nextTokenIn(at) ?? remaining(context, at)
  // These may let the very next call through; no time can be promised.
  if (refusal === 'probes' || refusal === 'shed' || (refusal === 'budget' && gate.path === 'budgetLimited.throttled'))
    return undefined
  return remaining(context, at)
}

function remaining(context: BreakerContext, at: number): number | undefined {
  const deadline = ownDeadline(context)
  return deadline && Math.max(0, deadline.at - at)
}
