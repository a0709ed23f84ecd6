// What stands after an event, and so where the breaker goes: the pure heart behind every guard of breakerMachine.
import type { BreakerPolicy } from '../policy.ts'
import { type StatePath, stateOf } from '../states.ts'
import { degradingRule, stallTrips, trippedRule } from '../trip.ts'
import { type After, limited, opened, sicker, stand, told, unchanged, withoutLapsedHealth } from './conditions.ts'
import type { BreakerContext, Standing } from './context.ts'
import type { BreakerEvent, CallFailed, CallSucceeded, LimitHit, TimerRecovered } from './events.ts'
import { gravest } from './gravest.ts'
import { afterAdmission, afterIgnored, afterOverdueProbes, afterOverdueRound, afterProbe } from './halfOpenRound.ts'

/** The state that the conditions standing after `event` call for. */
export function pathAfter(context: BreakerContext, event: BreakerEvent): StatePath {
  const { standing, spell } = after(context, event)
  const path = gravest(standing, spell, event.at)
  // A reset is an operator's word that the service is well: nothing has to be proved, so nothing ramps.
  if (event.type === 'command.reset') return path === 'closed.ramping' ? 'closed.watching' : path
  const recovers = spell.in === 'halfOpen' && path === 'closed.watching' && context.policy.rampDuration > 0
  return recovers ? 'closed.ramping' : path
}

export function after(before: BreakerContext, event: BreakerEvent): After {
  const context = withoutLapsedHealth(before, event.at)
  const { standing, policy } = context
  switch (event.type) {
    case 'call.succeeded':
    case 'call.failed':
      if (event.generation < context.countsFrom) return unchanged(context, event.type)
      return context.spell.in === 'halfOpen' ? afterProbe(context, event) : afterCall(context, event)
    case 'call.ignored':
      return afterIgnored(context, event)
    case 'probe.admitted':
      return afterAdmission(context, event)
    case 'timer.probeOverdue':
      return afterOverdueProbes(context, event)
    case 'timer.roundOverdue':
      return afterOverdueRound(context, event)
    case 'calls.stalled':
      return stallTrips(event.stats, event.stalled, policy)
        ? opened(context, event, 'stalled_calls')
        : unchanged(context, event.type)
    case 'limit.hit':
      return afterLimit(context, event)
    case 'limit.cleared':
    case 'timer.limitReset':
      return stand(context, event.type, { limit: undefined })
    case 'budget.limited': {
      const { mode, share, until, rule, allowEmergencyOverride } = event.budget
      const budget = {
        mode,
        share: mode === 'blocked' ? 0 : (share ?? 0.5),
        until,
        rule,
        allowEmergencyOverride: allowEmergencyOverride ?? false,
      }
      return stand(context, event.type, { budget })
    }
    case 'budget.cleared':
    case 'timer.budgetRolledOver':
      return stand(context, event.type, { budget: undefined })
    case 'health.changed':
      return stand(context, event.type, {
        health:
          event.level === 0
            ? undefined
            : { level: event.level, recoverAt: event.at + policy.recoverAfter, cause: 'signal', why: event.why },
      })
    case 'latency.rose':
      return stand(context, 'latency_p95', { health: sicker(standing, event.at, policy, 'calls', 'latency_p95') })
    case 'timer.recovered':
      return stand(context, event.type, { health: healthReviewed(standing, event, policy) })
    case 'directive.set':
      if (standing.directive && event.directive.epoch < standing.directive.epoch) return unchanged(context, event.type)
      return stand(context, `directive.${event.directive.rule}`, { directive: event.directive })
    case 'timer.directiveExpired':
      return stand(context, event.type, { directive: undefined })
    case 'command.trip':
      return stand(context, event.type, { forced: { by: event.by, why: event.why }, bypass: undefined })
    case 'command.disable':
      return stand(context, event.type, { bypass: { by: event.by, why: event.why }, forced: undefined })
    case 'command.enable':
      return stand(context, event.type, { bypass: undefined })
    case 'command.reset':
      return {
        ...stand(context, event.type, {
          forced: undefined,
          bypass: undefined,
          open: undefined,
          limit: undefined,
          health: undefined,
        }),
        openings: 0,
        outageSince: undefined,
        startsAnew: true,
      }
    case 'command.beginMaintenance':
      return stand(context, event.type, { maintenance: { until: event.until, by: event.by, why: event.why } })
    case 'command.endMaintenance':
    case 'timer.maintenanceEnded':
      return stand(context, event.type, { maintenance: undefined })
    default:
      return unchanged(context, event.type)
  }
}

/** A call that ended while the breaker admitted calls in the ordinary way. */
function afterCall(context: BreakerContext, event: CallSucceeded | CallFailed): After {
  const { policy, standing, spell } = context
  const { stats, at } = event
  if (event.type === 'call.failed') {
    const retryAfter = event.retryAfterMs
    switch (event.failure) {
      case 'rate_limit':
        return limited(
          context,
          at,
          { kind: 'limit', mode: 'paced' },
          told(retryAfter),
          event.failure,
          stats,
          isEcho(context, event),
        )
      case 'quota_exceeded':
        return limited(context, at, { kind: 'limit', mode: 'exhausted' }, told(retryAfter), event.failure, stats)
      case 'budget_exceeded':
        return stand(context, event.failure, {
          budget: {
            mode: 'blocked',
            share: 0,
            until: at + (told(retryAfter) ?? policy.quotaCooldown),
            rule: 'refused by the service',
            allowEmergencyOverride: false,
          },
        })
      case 'quality_degradation':
        return stand(context, event.failure, { health: sicker(standing, at, policy, 'signal', event.failure) })
      case 'authentication':
        return opened(context, event, event.failure)
      case 'memory_error':
        if (standing.health) return opened(context, event, event.failure)
        return stand(context, event.failure, { health: sicker(standing, at, policy, 'signal', event.failure) })
      default:
    }
  }
  const rule = trippedRule(stats, policy)
  if (rule !== undefined) {
    // Only where bending shows: a service that is degraded or held back already has nothing left but to open.
    const bends = policy.degradeBeforeOpen && event.healthyOtherwise && stateOf(spell.in) === 'closed'
    if (!bends) return opened(context, event, rule)
    return { ...stand(context, rule, { health: sicker(standing, at, policy, 'calls', rule) }), startsAnew: true }
  }
  const degrading = event.type === 'call.failed' ? degradingRule(stats, policy) : undefined
  if (degrading === undefined || standing.health) return unchanged(context, event.type)
  return stand(context, degrading, { health: sicker(standing, at, policy, 'calls', degrading) })
}

/** Well since the last look: one level down. Not well: look again later. */
function healthReviewed(standing: Standing, event: TimerRecovered, policy: BreakerPolicy): Standing['health'] {
  const { health } = standing
  if (!health) return undefined
  const recoverAt = event.at + policy.recoverAfter
  const { calls, failures } = event.stats.sinceEntry
  // Half the rate that degrades, so that a rate just at the threshold cannot flap.
  const threshold = policy.degrade !== false && policy.degrade.failureRate !== false ? policy.degrade.failureRate.threshold : 0.25
  const well = failures <= calls * (threshold / 2) && event.latency === undefined
  if (!well) return { ...health, recoverAt }
  return health.level === 1 ? undefined : { ...health, level: health.level === 3 ? 2 : 1, recoverAt }
}

function afterLimit(context: BreakerContext, event: LimitHit): After {
  const { limit, at, stats } = event
  const retryAfter = limit.until === undefined ? undefined : Math.max(0, limit.until - at)
  return limited(context, at, limit, retryAfter, limit.reason ?? event.type, stats)
}

/** One of the calls that were already out when the limit was met; it says nothing of the pace kept since. */
function isEcho(context: BreakerContext, event: CallFailed): boolean {
  return event.generation < context.generation
}
