// The rounds of half-open: who is in flight, and when a round is won or lost.
import { NO_STATS, type WindowStats } from '../stats.ts'
import { type After, bearable, exhausted, opened, paced, stand, told, unchanged } from './conditions.ts'
import type { BreakerContext, Probe, Spell } from './context.ts'
import type { CallFailed, CallIgnored, CallSucceeded, ProbeAdmitted, TimerOfRound } from './events.ts'

type Round = Extract<Spell, { in: 'halfOpen' }>

/** A probe set out; the round's own deadline runs from its first. */
export function afterAdmission(context: BreakerContext, event: ProbeAdmitted): After {
  const { policy } = context
  return withRound(context, event.type, (round) => ({
    ...round,
    until: round.until ?? event.at + policy.halfOpenTimeout,
    admitted: round.admitted + 1,
    inFlight: [...round.inFlight, { probe: event.probe, until: event.at + event.timeout }],
  }))
}

/** A probe its caller gave up: as if it had never been admitted. */
export function afterIgnored(context: BreakerContext, event: CallIgnored): After {
  return withRound(context, event.type, (round) => {
    const left = without(round, event.probe, { admitted: round.admitted - 1 })
    return left.admitted === 0 ? { ...left, until: undefined } : left
  })
}

/** A probe came back. */
export function afterProbe(context: BreakerContext, event: CallSucceeded | CallFailed): After {
  const { spell } = context
  if (spell.in !== 'halfOpen' || !spell.inFlight.some(({ probe }) => probe === event.probe)) return unchanged(context, event.type)
  if (event.type === 'call.succeeded') return answered(context, event)
  switch (event.failure) {
    case 'authentication':
      return opened(context, event, event.failure)
    case 'rate_limit':
    case 'quota_exceeded':
      return toldToWait(context, event)
    // It answered: what it costs and how good it is are conditions of their own, which its calls will show once it is closed.
    case 'budget_exceeded':
    case 'quality_degradation':
      return answered(context, event)
    default:
      return judged(context, event, (round) => without(round, event.probe, { failures: round.failures + 1 }))
  }
}

/** Probes that ran too long count as failed and free their places. */
export function afterOverdueProbes(context: BreakerContext, event: TimerOfRound): After {
  return judged(context, event, (round) => {
    const inFlight = round.inFlight.filter((probe) => probe.until > event.at)
    return { ...round, inFlight, failures: round.failures + round.inFlight.length - inFlight.length }
  })
}

/** A round that only ever heard good answers is won by them, however few the calls; any other re-opens. */
export function afterOverdueRound(context: BreakerContext, event: TimerOfRound): After {
  if (context.spell.in !== 'halfOpen') return unchanged(context, event.type)
  const { successes, failures, inFlight } = context.spell
  return successes > 0 && failures === 0 && inFlight.length === 0 ? won(context) : opened(context, event, 'round_overdue')
}

function answered(context: BreakerContext, event: CallSucceeded | CallFailed): After {
  return judged(context, event, (round) => without(round, event.probe, { successes: round.successes + 1 }))
}

/** It answers, but wants to be left alone: probing on would only be refused. This does not count as another opening. */
function toldToWait(context: BreakerContext, event: CallFailed): After {
  const { at, failure, retryAfterMs, stats } = event
  const next =
    failure === 'quota_exceeded'
      ? exhausted(context, at, told(retryAfterMs), failure)
      : paced(context, at, {}, bearable(retryAfterMs, context.policy), failure, stats)
  const { open, quota, pace } = next.standing
  const until = Math.max(quota?.until ?? 0, pace?.until ?? 0)
  return { ...next, standing: { ...next.standing, open: open && { ...open, until } } }
}

function judged(
  context: BreakerContext,
  event: { readonly type: string; readonly at: number; readonly stats?: WindowStats },
  change: (round: Round) => Round,
): After {
  const { policy } = context
  const next = withRound(context, event.type, change)
  if (next.spell.in !== 'halfOpen') return next
  const { successes, admitted, inFlight } = next.spell
  if (successes >= policy.successesToClose) return won(context)
  const canStillSucceed = successes + inFlight.length + (policy.maxProbes - admitted)
  // Where probes go one by one, a round that begins with a failure has told enough.
  const hopeless = policy.adaptiveRecovery && successes === 0 && next.spell.failures > 0
  if (!hopeless && canStillSucceed >= policy.successesToClose) return next
  return opened(context, { at: event.at, stats: event.stats ?? NO_STATS }, 'probes_failed')
}

function won(context: BreakerContext): After {
  return stand(context, 'probes_succeeded', { open: undefined })
}

function withRound(context: BreakerContext, reason: string, change: (round: Round) => Round): After {
  const { spell } = context
  return { ...unchanged(context, reason), spell: spell.in === 'halfOpen' ? change(spell) : spell }
}

function without(round: Round, probe: Probe['probe'] | undefined, change: Partial<Round>): Round {
  const inFlight = round.inFlight.filter((other) => other.probe !== probe)
  return inFlight.length === round.inFlight.length ? round : { ...round, ...change, inFlight }
}
