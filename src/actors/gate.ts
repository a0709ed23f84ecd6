// The gate is what a call meets: a projection of the machine's snapshot into a few fields, recomputed when the snapshot
// changes and never before. It obeys; it decides nothing that the snapshot does not say.

import { budgetsLeft } from '../model/breaker/conditions.ts'
import type { BreakerContext, BudgetCondition } from '../model/breaker/context.ts'
import { degradationLevel, gravestBudget } from '../model/breaker/gravest.ts'
import type { Exemption } from '../model/records.ts'
import type { DegradationLevel, StatePath } from '../model/states.ts'

/** Why a call was refused; each has its own error. */
export type Refusal = 'open' | 'probes' | 'shed' | 'fallback' | 'rate' | 'budget' | 'maintenance'

/** Counters a gate keeps between asks: the share's credit, the token bucket. */
export interface SavedGate {
  readonly credit: number
  readonly tokens: number
  readonly refilledAt: number
}

export class Gate {
  /** True when every call passes and nothing is used up by passing: the whole hot path. */
  plain = true
  generation = 0
  countsFrom = 0
  path: StatePath = 'closed.watching'
  level: DegradationLevel = 0
  #shut: Refusal | undefined
  #exemption: Exemption | undefined
  /** The share of emergencies that rules which allow no override leave beneath one that does; undefined where they have no say. */
  #emergencyShare: number | undefined
  /** Probes that may still set out in this round; undefined outside half-open. */
  #places: number | undefined
  #share = 1
  #shareRefusal: Refusal = 'shed'
  #ramp: { readonly since: number; readonly until: number; readonly from: number } | undefined
  /** Until when an exhausted quota beneath a budget lets nothing pass, epoch ms. */
  #noneBefore = 0
  #pace: { readonly perSecond: number; readonly until: number } | undefined
  #credit = 0
  #tokens = 0
  #refilledAt = 0

  /** Takes over what the machine says now. */
  project(context: BreakerContext, at: number): void {
    const { standing, spell, policy } = context
    const { quota, pace, directive } = standing
    const budget = gravestBudget(standing.budgets)
    const path = spell.in
    if (path !== this.path) this.#credit = 1
    this.path = path
    this.generation = context.generation
    this.countsFrom = context.countsFrom
    this.level = path.startsWith('degraded') ? degradationLevel(standing, spell, at) : 0
    this.#places = spell.in === 'halfOpen' ? placesIn(spell, policy) : undefined
    this.#ramp =
      spell.in === 'closed.ramping' ? { since: spell.since, until: spell.until, from: policy.rampInitialShare } : undefined
    this.#shut = this.#places === undefined ? shutBy(path, this.level, policy.levels) : undefined
    const obeysBudget = path.startsWith('budgetLimited')
    const strictest = obeysBudget && budget?.allowEmergencyOverride ? strictestOf(standing.budgets, at) : undefined
    const overrides = obeysBudget && budget?.allowEmergencyOverride && strictest === undefined
    this.#exemption = path === 'maintenance' ? 'health_probe' : overrides ? 'emergency_override' : undefined
    this.#emergencyShare = strictest?.mode === 'throttled' ? strictest.share : undefined
    const admits = this.#shut === undefined && this.#places === undefined && path !== 'closed.bypassed'
    const budgetShare = admits && path === 'budgetLimited.throttled' ? (budget?.share ?? 1) : 1
    const directed = admits && directive && directive.expiresAt > at ? directive.admissionRatio : 1
    this.#share = Math.min(budgetShare, directed)
    this.#shareRefusal = budgetShare < directed ? 'budget' : 'shed'
    this.#noneBefore = admits && quota && quota.until > at ? quota.until : 0
    const paced = admits && pace && pace.until > at ? { perSecond: pace.perSecond, until: pace.until } : undefined
    if (paced && !this.#isPaced(at)) {
      this.#tokens = 0
      this.#refilledAt = at
    } else if (paced) {
      // What has gathered at the old pace is not lost to the new one: a service that names its rate in each answer changes it often.
      this.#refill(at)
    }
    this.#pace = paced
    this.plain = admits ? this.#share === 1 && !this.#ramp && !paced && this.#noneBefore === 0 : path === 'closed.bypassed'
  }

  /** Asks leave for one call at `at` (epoch ms) and, if given, uses it up. Returns why not, or undefined. */
  ask(at: number, exemption?: Exemption): Refusal | undefined {
    const refusal = this.peek(at, exemption)
    if (this.#isExempt(exemption)) return refusal
    const emergencyShare = this.#emergencyShare
    if (emergencyShare !== undefined && (this.#shut !== undefined || (exemption === 'emergency_override' && !refusal))) {
      // A journal has no exemption of a call that was refused: those must use up what any other would.
      this.#credit = Math.min(this.#credit + emergencyShare, 2) - (refusal === undefined ? 1 : 0)
      return refusal
    }
    if (this.#shut !== undefined) return refusal
    if (this.#places !== undefined) {
      if (refusal === undefined) this.#places--
      return refusal
    }
    const share = this.#shareAt(at)
    if (share < 1) this.#credit = Math.min(this.#credit + share, 2) - (refusal === undefined ? 1 : 0)
    if (this.#isPaced(at)) {
      this.#refill(at)
      if (refusal === undefined) this.#tokens--
    }
    return refusal
  }

  /** Says what {@link ask} would say, and uses nothing up. */
  peek(at: number, exemption?: Exemption): Refusal | undefined {
    if (this.plain || this.#isExempt(exemption)) return undefined
    const emergencyShare = this.#emergencyShare
    if (exemption === 'emergency_override' && emergencyShare !== undefined)
      return emergencyShare === 0 || this.#credit + emergencyShare < 1 ? 'budget' : undefined
    if (this.#shut !== undefined) return this.#shut
    if (this.#places !== undefined) return this.#places > 0 ? undefined : 'probes'
    const share = this.#shareAt(at)
    // A share of nothing is nothing, whatever credit there is.
    if (share < 1 && (share === 0 || this.#credit + share < 1)) return this.#shareRefusal
    if (at < this.#noneBefore || (this.#isPaced(at) && this.#tokensAt(at) < 1)) return 'rate'
    return undefined
  }

  /** How long until one more call may pass at the present pace, ms; undefined when no pace is kept. */
  nextTokenIn(at: number): number | undefined {
    if (at < this.#noneBefore) return this.#noneBefore - at
    if (!this.#pace) return undefined
    // Past its end for as long as the timer that ends it is late.
    const left = Math.max(0, this.#pace.until - at)
    if (this.#pace.perSecond === 0) return left
    return Math.ceil(Math.min(left, ((1 - this.#tokensAt(at)) / this.#pace.perSecond) * 1000))
  }

  save(): SavedGate {
    return { credit: this.#credit, tokens: this.#tokens, refilledAt: this.#refilledAt }
  }

  restore(saved: SavedGate): void {
    this.#credit = saved.credit
    this.#tokens = saved.tokens
    this.#refilledAt = saved.refilledAt
  }

  #isExempt(exemption: Exemption | undefined): boolean {
    return exemption !== undefined && exemption === this.#exemption
  }

  /** A limit that lapses beneath a budget ends no state, so nobody projects its end. */
  #isPaced(at: number): boolean {
    return this.#pace !== undefined && at < this.#pace.until
  }

  #shareAt(at: number): number {
    const ramp = this.#ramp
    if (!ramp) return this.#share
    const lived = (at - ramp.since) / (ramp.until - ramp.since)
    return Math.min(this.#share, ramp.from + (1 - ramp.from) * Math.min(1, Math.max(0, lived)))
  }

  /** A bucket holds one second's worth of calls, and at least one. */
  #tokensAt(at: number): number {
    const perSecond = this.#pace?.perSecond ?? 0
    const refilled = this.#tokens + ((at - this.#refilledAt) / 1000) * perSecond
    return Math.min(refilled, Math.max(1, perSecond))
  }

  #refill(at: number): void {
    this.#tokens = this.#tokensAt(at)
    this.#refilledAt = at
  }
}

/** Until one probe has succeeded, adaptive recovery sends them one at a time: each would only let one more failure through. */
function placesIn(round: Extract<BreakerContext['spell'], { in: 'halfOpen' }>, policy: BreakerContext['policy']): number {
  const left = policy.maxProbes - round.admitted
  if (!policy.adaptiveRecovery || round.successes > 0) return left
  return round.inFlight.length === 0 ? Math.min(left, 1) : 0
}

/** Of the rules that no override passes, the one that is obeyed. */
function strictestOf(budgets: BreakerContext['standing']['budgets'], at: number): BudgetCondition | undefined {
  return gravestBudget(
    budgetsLeft(
      budgets?.filter(({ allowEmergencyOverride }) => !allowEmergencyOverride),
      at,
    ),
  )
}

function shutBy(path: StatePath, level: DegradationLevel, levels: BreakerContext['policy']['levels']): Refusal | undefined {
  if (path.startsWith('open')) return 'open'
  if (path === 'maintenance') return 'maintenance'
  if (path === 'rateLimited.exhausted') return 'rate'
  if (path === 'budgetLimited.blocked') return 'budget'
  if (level > 0 && levels[(level - 1) as 0 | 1 | 2].admit === 'fallback-only') return 'fallback'
  return undefined
}
