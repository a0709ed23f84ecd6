// What stands after an event, and so where the breaker goes: the pure heart behind every guard of breakerMachine.
import { countsAsFailure } from '../failures.ts'
import type { BreakerPolicy } from '../policy.ts'
import { type StatePath, stateOf } from '../states.ts'
import { degradingRule, stallTrips, trippedRule } from '../trip.ts'
import {
  type After,
  bearable,
  budgetsLeft,
  exhausted,
  longestBearable,
  opened,
  paced,
  sicker,
  stand,
  told,
  unchanged,
  withBudget,
  withoutBudget,
  withoutLapsed,
} from './conditions.ts'
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

/** Every guard of a step asks the same; it is worked out once. */
let last: { readonly context: BreakerContext; readonly event: BreakerEvent; readonly after: After } | undefined

/** What stands once `event` has been taken in. */
export function after(context: BreakerContext, event: BreakerEvent): After {
  if (last?.context !== context || last.event !== event) last = { context, event, after: workedOut(context, event) }
  return last.after
}

function workedOut(before: BreakerContext, event: BreakerEvent): After {
  const context = withoutLapsed(remembering(before, event), event.at)
  const { standing, spell, policy } = context
  switch (event.type) {
    case 'call.succeeded':
    case 'call.failed':
      if (event.generation < context.countsFrom) return unchanged(context, event.type)
      return spell.in === 'halfOpen' ? afterProbe(context, event) : afterCall(context, event)
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
    case 'fleet.tripped':
      return opened(context, event, `fleet_${event.trip.why}`)
    case 'limit.hit':
      return afterLimit(context, event)
    case 'limit.cleared':
      return stand(context, event.type, { quota: undefined, pace: undefined })
    case 'timer.limitReset':
      // What outlasts it stands on its own.
      return stand(context, event.type, spell.in === 'rateLimited.exhausted' ? { quota: undefined } : { pace: undefined })
    case 'budget.limited': {
      const { mode, share, until, rule, allowEmergencyOverride } = event.budget
      const budget = {
        mode,
        share: mode === 'blocked' ? 0 : (share ?? 0.5),
        until,
        rule,
        allowEmergencyOverride: allowEmergencyOverride ?? false,
      }
      return stand(context, event.type, { budgets: withBudget(standing.budgets, budget) })
    }
    case 'budget.cleared': {
      const budgets = event.rule === undefined ? undefined : withoutBudget(standing.budgets, event.rule)
      return stand(context, event.type, { budgets })
    }
    case 'timer.budgetRolledOver':
      return stand(context, event.type, { budgets: budgetsLeft(standing.budgets, event.at) })
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
      // The fence outlives the directive: one that comes late is not obeyed because what replaced it has lapsed.
      if (event.directive.epoch < context.directiveEpoch) return unchanged(context, event.type)
      return {
        ...stand(context, `directive.${event.directive.rule}`, { directive: event.directive }),
        directiveEpoch: event.directive.epoch,
      }
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
          quota: undefined,
          pace: undefined,
          health: undefined,
        }),
        openings: 0,
        outageSince: undefined,
        notBefore: undefined,
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
        return paced(context, at, {}, bearable(retryAfter, policy), event.failure, stats, isEcho(context, event))
      case 'quota_exceeded':
        return exhausted(context, at, told(retryAfter), event.failure)
      case 'budget_exceeded':
        return stand(context, event.failure, {
          budgets: withBudget(standing.budgets, {
            mode: 'blocked',
            share: 0,
            until: at + (told(retryAfter) ?? policy.quotaCooldown),
            rule: 'refused by the service',
            allowEmergencyOverride: false,
          }),
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
  const why = limit.reason ?? event.type
  const left = limit.until === undefined ? undefined : Math.max(0, limit.until - at)
  if (limit.mode === 'exhausted') return exhausted(context, at, left, why)
  // A pace of nothing keeps all calls away, and so no longer than a refusal may.
  const forMs = limit.perSecond || left === undefined ? left : Math.min(left, longestBearable(context.policy))
  return paced(context, at, limit, forMs, why, stats)
}

/** What one failure asked for binds the trip that a later one completes. */
function remembering(context: BreakerContext, event: BreakerEvent): BreakerContext {
  if (event.type !== 'call.failed' || event.generation < context.countsFrom || !countsAsFailure(event.failure)) return context
  const wait = bearable(event.retryAfterMs, context.policy)
  if (wait === undefined) return context
  return { ...context, notBefore: Math.max(context.notBefore ?? 0, event.at + wait) }
}

/** One of the calls that were already out when the limit was met; it says nothing of the pace kept since. */
function isEcho(context: BreakerContext, event: CallFailed): boolean {
  return event.generation < context.generation
}
