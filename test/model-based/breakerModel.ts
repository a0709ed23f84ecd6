// What a breaker must do, told a second time and more simply: from the meaning of the states, not from the code. It keeps every
// call it has seen in one list, looks everything up when asked, and knows neither XState nor gates nor windows.
import type { StatePath } from '../../src/model/states.ts'

/** The part of a policy that the model knows; without jitter, adaptive recovery, stalled calls and latency watch. All times in ms. */
export interface ModelPolicy {
  readonly window: { readonly type: 'time'; readonly seconds: number } | { readonly type: 'count'; readonly size: number }
  readonly failuresInARow: number
  readonly timeoutsInARow: number
  readonly failureRate: { readonly threshold: number; readonly minimumCalls: number }
  readonly slowRate: { readonly threshold: number; readonly minimumCalls: number; readonly slowerThanMs: number }
  /** Undefined: failures do not degrade. */
  readonly degrade: { readonly failuresInARow: number; readonly threshold: number; readonly minimumCalls: number } | undefined
  readonly recoveryTimeout: number
  readonly maxRecoveryTimeout: number
  readonly maxProbes: number
  readonly successesToClose: number
  readonly probeTimeout: number
  readonly halfOpenTimeout: number
  readonly rampDuration: number
  readonly rampInitialShare: number
  readonly stableAfter: number
  readonly recoverAfter: number
  readonly rateLimitCooldown: number
}

export type ModelFailure = 'timeout' | 'service_unavailable' | 'http_error' | 'authentication' | 'rate_limit'

/** A call in flight. */
export interface ModelCall {
  readonly startedAt: number
  readonly generation: number
  /** Calls of an earlier era are over when they end. */
  readonly era: number
  readonly probe: number | undefined
}

interface Ended {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

interface Round {
  admitted: number
  successes: number
  failures: number
  until: number | undefined
  readonly inFlight: Map<number, number>
}

export class BreakerModel {
  path: StatePath = 'closed.watching'
  generation = 0
  /** Raised when calls that were let in before can no longer decide anything. */
  era = 0
  openings = 0
  #since: number
  #ended: Ended[] = []
  #row = { failures: 0, timeouts: 0, serverErrors: 0, lastAt: 0 }
  #sinceEntry = { calls: 0, failures: 0 }
  #closedSince: number | undefined
  #nextProbe = 1
  #round: Round = newRound()
  // What stands, each with its end.
  #maintenance: { until: number | undefined } | undefined
  #bypassed = false
  #forced = false
  #open: { until: number } | undefined
  #budget: { blocked: boolean; share: number; until: number | undefined } | undefined
  /** The latest time a failure asked us not to come back before. */
  #notBefore = 0
  #quota: { until: number } | undefined
  #pace: { perSecond: number; until: number } | undefined
  #health: { level: 1 | 2 | 3; recoverAt: number; fromCalls: boolean } | undefined
  /** The bucket that paces: its tokens when they were last counted, and how it fills, for how long. */
  #bucket: { readonly tokens: number; readonly at: number; readonly perSecond: number; readonly until: number } | undefined
  /** Shares promised and calls let in since the state was entered. */
  #promised = 0
  #letIn = 0
  /** What was refused for its pace has not used up the share, so that the sum says nothing. */
  #wasPaced = false

  constructor(
    readonly policy: ModelPolicy,
    public now: number,
  ) {
    this.#since = now
    this.#closedSince = now - policy.stableAfter
  }

  // --- calls ------------------------------------------------------------------------------------------------------------

  /** May a call pass now? `either` where only the share over many calls is promised; see {@link shareKept}. */
  get admits(): 'yes' | 'no' | 'either' {
    switch (this.path) {
      case 'closed.bypassed':
        return 'yes'
      case 'halfOpen':
        return this.#round.admitted < this.policy.maxProbes ? 'yes' : 'no'
      case 'open.cooling':
      case 'open.awaitingPermit':
      case 'open.forced':
      case 'rateLimited.exhausted':
      case 'budgetLimited.blocked':
      case 'maintenance':
        return 'no'
      default:
    }
    if (this.#quotaIsGone() || (this.#isPaced() && this.#tokens() < 1)) return 'no'
    return this.#share() < 1 ? 'either' : 'yes'
  }

  /** Takes note of a call that asked. */
  asked(admitted: boolean): ModelCall | undefined {
    const share = this.#share()
    if (share < 1) {
      this.#promised += share
      if (admitted) this.#letIn++
    }
    if (this.#quotaIsGone()) this.#wasPaced = true
    if (this.#bucket && this.#isPaced()) {
      this.#wasPaced = true
      this.#bucket = { ...this.#bucket, tokens: this.#tokens() - (admitted ? 1 : 0), at: this.now }
    }
    if (!admitted) return undefined
    const probe = this.path === 'halfOpen' ? this.#nextProbe++ : undefined
    if (probe !== undefined) {
      this.#round.admitted++
      this.#round.until ??= this.now + this.policy.halfOpenTimeout
      this.#round.inFlight.set(probe, this.now + this.policy.probeTimeout)
    }
    return { startedAt: this.now, generation: this.generation, era: this.era, probe }
  }

  /** Of the calls that asked in this state, as many were let in as its share promises, give or take the first. */
  get shareKept(): boolean {
    return this.#wasPaced || (this.#letIn > this.#promised - 0.001 && this.#letIn < this.#promised + 1.001)
  }

  succeeds(call: ModelCall): void {
    if (call.era !== this.era) return
    this.#count(call, undefined)
    if (this.path === 'halfOpen') {
      if (this.#round.inFlight.delete(call.probe ?? 0)) {
        this.#round.successes++
        this.#judgeRound()
      }
      return
    }
    if (this.#isDeciding() && this.#ratesTrip()) this.#trip()
  }

  fails(call: ModelCall, failure: ModelFailure, retryAfterMs = 0): void {
    if (call.era !== this.era) return
    const wasDeciding = this.#isDeciding()
    this.#dropHiddenHealth()
    const asksForTime = failure !== 'rate_limit' && (wasDeciding || this.path === 'halfOpen')
    if (asksForTime && retryAfterMs > 0) this.#notBefore = Math.max(this.#notBefore, this.now + retryAfterMs)
    if (failure !== 'rate_limit') this.#count(call, failure)
    else if (this.path.startsWith('degraded')) this.#sinceEntry.calls++
    if (this.path === 'halfOpen') {
      this.#probeFails(call, failure, retryAfterMs)
      return
    }
    if (!wasDeciding) return
    if (failure === 'authentication') this.#trip()
    else if (failure === 'rate_limit') this.#meetLimit(retryAfterMs, call.generation < this.generation)
    else if (this.#rowTrips() || this.#ratesTrip()) this.#trip()
    else if (this.#degrades() && !this.#health) {
      this.#health = { level: 1, recoverAt: this.now + this.policy.recoverAfter, fromCalls: true }
      this.#settle()
    }
  }

  /** The caller gave up: a probe's place is free again, and nothing else. */
  aborts(call: ModelCall): void {
    if (call.era === this.era && this.path === 'halfOpen') this.#giveUp(call.probe ?? 0)
  }

  #giveUp(probe: number): void {
    const round = this.#round
    if (!round.inFlight.delete(probe)) return
    round.admitted--
    // As if it had never been: a round without probes has no end either.
    if (round.admitted === 0) round.until = undefined
  }

  #probeFails(call: ModelCall, failure: ModelFailure, retryAfterMs: number): void {
    if (!this.#round.inFlight.has(call.probe ?? 0)) return
    if (failure === 'authentication') this.#trip()
    else if (failure === 'rate_limit') {
      // It is there, and asks to be left alone for so long; that is no new outage.
      this.#meetLimit(retryAfterMs, false)
      this.#open = { until: Math.max(this.#quota?.until ?? 0, this.#pace?.until ?? 0) }
      this.#settle()
    } else {
      this.#round.inFlight.delete(call.probe ?? 0)
      this.#round.failures++
      this.#judgeRound()
    }
  }

  #judgeRound(): void {
    const { successes, inFlight, admitted } = this.#round
    const { successesToClose, maxProbes } = this.policy
    if (successes >= successesToClose) this.#close()
    else if (successes + inFlight.size + maxProbes - admitted < successesToClose) this.#trip()
  }

  #close(): void {
    this.#open = undefined
    this.#settle()
  }

  /** Opens, for longer each time. */
  #trip(): void {
    const stable = this.#closedSince !== undefined && this.now - this.#closedSince >= this.policy.stableAfter
    this.openings = stable ? 1 : this.openings + 1
    const row = this.#inARow()
    let wait = this.policy.recoveryTimeout * 2 ** (this.openings - 1)
    if (row.timeouts >= 3) wait *= 2
    else if (row.serverErrors >= 3) wait *= 1.5
    wait = Math.min(wait, this.policy.maxRecoveryTimeout)
    if (this.#health?.fromCalls) this.#health = undefined
    this.#open = { until: Math.max(this.now + wait, this.#notBefore) }
    this.#settle()
  }

  #meetLimit(retryAfterMs: number, isEcho: boolean): void {
    const earlier = this.#pace && this.#pace.until > this.now ? this.#pace : undefined
    const until = this.now + (retryAfterMs > 0 ? retryAfterMs : this.policy.rateLimitCooldown)
    this.#pace = { perSecond: earlier && isEcho ? earlier.perSecond : 0, until: Math.max(until, earlier?.until ?? 0) }
    this.#settle()
  }

  // --- what is told from outside ----------------------------------------------------------------------------------------

  limit(exhausted: boolean, perSecond: number, ms: number): void {
    this.#dropHiddenHealth()
    const until = this.now + ms
    if (exhausted) this.#quota = { until: Math.max(until, this.#quota?.until ?? 0) }
    else this.#pace = { perSecond, until: Math.max(until, this.#pace?.until ?? 0) }
    this.#settle()
  }

  limitCleared(): void {
    this.#quota = undefined
    this.#pace = undefined
    this.#settle()
  }

  budget(blocked: boolean, share: number, ms: number | undefined): void {
    this.#budget = { blocked, share, until: ms === undefined ? undefined : this.now + ms }
    this.#settle()
  }

  budgetCleared(): void {
    this.#budget = undefined
    this.#settle()
  }

  health(level: 0 | 1 | 2 | 3): void {
    this.#health = level === 0 ? undefined : { level, recoverAt: this.now + this.policy.recoverAfter, fromCalls: false }
    this.#settle()
  }

  operator(command: 'trip' | 'reset' | 'disable' | 'enable'): void {
    this.#dropHiddenHealth()
    this.#forced = command === 'trip' || (command === 'enable' && this.#forced)
    this.#bypassed = command === 'disable'
    if (command === 'reset') {
      this.#open = undefined
      this.#quota = undefined
      this.#pace = undefined
      this.#health = undefined
      this.openings = 0
      this.#notBefore = 0
    }
    this.#settle(command === 'reset')
  }

  beginMaintenance(ms: number | undefined): void {
    this.#maintenance = { until: ms === undefined ? undefined : this.now + ms }
    this.#settle()
  }

  endMaintenance(): void {
    const ended = this.path === 'maintenance'
    this.#maintenance = undefined
    if (!ended) return
    if (this.#bypassed || this.#forced || (this.#open && this.#open.until > this.now)) this.#settle()
    // What was worked on has to prove itself.
    else this.#enter('halfOpen')
  }

  // --- time -------------------------------------------------------------------------------------------------------------

  /** When the present state ends by itself. */
  get until(): number | undefined {
    switch (this.path) {
      case 'closed.ramping':
        return this.#since + this.policy.rampDuration
      case 'open.cooling':
        return this.#open?.until
      case 'halfOpen': {
        const ends = [...this.#round.inFlight.values(), this.#round.until ?? Number.POSITIVE_INFINITY]
        const first = Math.min(...ends)
        return first === Number.POSITIVE_INFINITY ? undefined : first
      }
      case 'degraded.level1':
      case 'degraded.level2':
      case 'degraded.level3':
        return this.#health?.recoverAt
      case 'rateLimited.paced':
        return this.#pace?.until
      case 'rateLimited.exhausted':
        return this.#quota?.until
      case 'budgetLimited.throttled':
      case 'budgetLimited.blocked':
        return this.#budget?.until
      case 'maintenance':
        return this.#maintenance?.until
      default:
        return undefined
    }
  }

  /** Lets what is due happen, in order, up to `to`. */
  passTo(to: number): void {
    for (let due = this.until; due !== undefined && due <= to; due = this.until) {
      this.now = Math.max(this.now, due)
      this.#elapsed()
    }
    this.now = to
  }

  /** The process stops and another goes on `ms` later: calls in flight are gone with it, and what came due meanwhile happens at once. */
  restart(ms: number): void {
    this.now += ms
    for (const probe of this.#round.inFlight.keys()) this.#giveUp(probe)
    this.passTo(this.now)
  }

  #elapsed(): void {
    switch (this.path) {
      case 'open.cooling':
        this.#enter('open.awaitingPermit')
        return
      case 'closed.ramping':
      case 'rateLimited.paced':
      case 'rateLimited.exhausted':
      case 'budgetLimited.throttled':
      case 'budgetLimited.blocked':
        this.#settle()
        return
      case 'halfOpen':
        this.#roundElapsed()
        return
      case 'maintenance':
        this.endMaintenance()
        return
      default:
        this.#lookOver()
    }
  }

  #roundElapsed(): void {
    const round = this.#round
    const overdue = [...round.inFlight].filter(([, until]) => until <= this.now)
    if (overdue.length > 0) {
      for (const [probe] of overdue) round.inFlight.delete(probe)
      round.failures += overdue.length
      this.#judgeRound()
    } else if (round.successes > 0 && round.failures === 0 && round.inFlight.size === 0) this.#close()
    else this.#trip()
  }

  /** Degraded for so long: well since then is one level less. */
  #lookOver(): void {
    const health = this.#health
    if (!health) return
    const { calls, failures } = this.#sinceEntry
    this.#sinceEntry = { calls: 0, failures: 0 }
    const recoverAt = this.now + this.policy.recoverAfter
    if (failures > (calls * (this.policy.degrade?.threshold ?? 0.25)) / 2) this.#health = { ...health, recoverAt }
    else this.#health = health.level === 1 ? undefined : { ...health, level: health.level === 3 ? 2 : 1, recoverAt }
    this.#settle()
  }

  // --- where it stands --------------------------------------------------------------------------------------------------

  /** Goes to the state of the gravest condition that stands. */
  #settle(afterReset = false): void {
    const to = this.#gravest(afterReset)
    if (to !== this.path) this.#enter(to, afterReset)
    else this.#keepPace()
  }

  #gravest(afterReset: boolean): StatePath {
    const { now } = this
    const stands = (until: number | undefined): boolean => until === undefined || until > now
    if (this.#maintenance && stands(this.#maintenance.until)) return 'maintenance'
    if (this.#bypassed) return 'closed.bypassed'
    if (this.#forced) return 'open.forced'
    if (this.#open) {
      if (this.#open.until > now) return 'open.cooling'
      return this.path === 'halfOpen' ? 'halfOpen' : 'open.awaitingPermit'
    }
    if (this.#budget && stands(this.#budget.until))
      return this.#budget.blocked ? 'budgetLimited.blocked' : 'budgetLimited.throttled'
    if (this.#quotaIsGone()) return 'rateLimited.exhausted'
    if (this.#pace && this.#pace.until > now) return 'rateLimited.paced'
    this.#dropHiddenHealth()
    if (this.#health) return `degraded.level${this.#health.level}`
    const ramps = this.path === 'halfOpen' ? this.policy.rampDuration > 0 : this.path === 'closed.ramping' && stands(this.until)
    return ramps && !afterReset ? 'closed.ramping' : 'closed.watching'
  }

  #enter(to: StatePath, afterReset = false): void {
    const from = this.path
    const shut = to === 'halfOpen' || to.startsWith('open')
    if (afterReset || !lets(from) || !lets(to)) {
      this.era++
      this.#ended = []
      this.#notBefore = 0
      if (!shut) this.#row = { failures: 0, timeouts: 0, serverErrors: 0, lastAt: 0 }
    }
    this.path = to
    this.generation++
    this.#since = this.now
    this.#sinceEntry = { calls: 0, failures: 0 }
    this.#closedSince = shut ? undefined : (this.#closedSince ?? this.now)
    this.#promised = 0
    this.#letIn = 0
    this.#wasPaced = false
    this.#round = newRound()
    if (to === 'halfOpen') this.#open ??= { until: this.now }
    this.#keepPace()
    // The permit is granted at once where nobody holds it back.
    if (to === 'open.awaitingPermit') this.#enter('halfOpen')
  }

  /** A bucket stands wherever calls are let in while a limit stands, and starts empty. */
  #keepPace(): void {
    const pace = lets(this.path) && this.#pace && this.#pace.until > this.now ? this.#pace : undefined
    const tokens = this.#isPaced() ? this.#tokens() : 0
    this.#bucket = pace && { tokens, at: this.now, perSecond: pace.perSecond, until: pace.until }
  }

  #quotaIsGone(): boolean {
    return this.#quota !== undefined && this.#quota.until > this.now
  }

  #isPaced(): boolean {
    return this.#bucket !== undefined && this.now < this.#bucket.until
  }

  /** It holds what comes in a second, and at least one. */
  #tokens(): number {
    if (!this.#bucket) return 0
    const { tokens, at, perSecond } = this.#bucket
    return Math.min(tokens + ((this.now - at) / 1000) * perSecond, Math.max(1, perSecond))
  }

  #share(): number {
    if (this.path === 'budgetLimited.throttled') return this.#budget?.share ?? 1
    if (this.path !== 'closed.ramping') return 1
    const { rampDuration, rampInitialShare } = this.policy
    return rampInitialShare + ((1 - rampInitialShare) * (this.now - this.#since)) / rampDuration
  }

  #dropHiddenHealth(): void {
    if (this.#health && this.#health.recoverAt <= this.now && !this.path.startsWith('degraded')) this.#health = undefined
  }

  #isDeciding(): boolean {
    return lets(this.path)
  }

  // --- counting ---------------------------------------------------------------------------------------------------------

  #count(call: ModelCall, failure: ModelFailure | undefined): void {
    const failed = failure !== undefined
    this.#row = failed
      ? { ...addedTo(this.#inARow(), failure), lastAt: this.now }
      : { failures: 0, timeouts: 0, serverErrors: 0, lastAt: 0 }
    this.#ended.push({ at: this.now, failed, slow: this.now - call.startedAt > this.policy.slowRate.slowerThanMs })
    if (!this.path.startsWith('degraded')) return
    this.#sinceEntry.calls++
    if (failed) this.#sinceEntry.failures++
  }

  #inARow(): { failures: number; timeouts: number; serverErrors: number } {
    const { window } = this.policy
    const silent = window.type === 'time' && second(this.now) - second(this.#row.lastAt) >= window.seconds
    return silent ? { failures: 0, timeouts: 0, serverErrors: 0 } : this.#row
  }

  #inWindow(): Ended[] {
    const { window } = this.policy
    if (window.type === 'count') return this.#ended.slice(-window.size)
    return this.#ended.filter(({ at }) => second(at) > second(this.now) - window.seconds)
  }

  #rowTrips(): boolean {
    const { failures, timeouts } = this.#inARow()
    return failures >= this.policy.failuresInARow || timeouts >= this.policy.timeoutsInARow
  }

  #ratesTrip(): boolean {
    const { failureRate, slowRate } = this.policy
    return this.#reaches(failureRate, ({ failed }) => failed) || this.#reaches(slowRate, ({ slow }) => slow)
  }

  #degrades(): boolean {
    const { degrade } = this.policy
    return (
      degrade !== undefined &&
      (this.#inARow().failures >= degrade.failuresInARow || this.#reaches(degrade, ({ failed }) => failed))
    )
  }

  #reaches(rule: { threshold: number; minimumCalls: number }, isBad: (call: Ended) => boolean): boolean {
    const calls = this.#inWindow()
    return calls.length >= rule.minimumCalls && calls.filter(isBad).length / calls.length >= rule.threshold
  }
}

function newRound(): Round {
  return { admitted: 0, successes: 0, failures: 0, until: undefined, inFlight: new Map() }
}

function addedTo(
  row: { failures: number; timeouts: number; serverErrors: number },
  failure: ModelFailure,
): { failures: number; timeouts: number; serverErrors: number } {
  const isServerError = failure === 'service_unavailable' || failure === 'http_error'
  return {
    failures: row.failures + 1,
    timeouts: failure === 'timeout' ? row.timeouts + 1 : 0,
    serverErrors: isServerError ? row.serverErrors + 1 : 0,
  }
}

/** The states in which calls pass in the ordinary way and count. */
function lets(path: StatePath): boolean {
  return (
    path === 'closed.watching' ||
    path === 'closed.ramping' ||
    path === 'rateLimited.paced' ||
    path === 'budgetLimited.throttled' ||
    path.startsWith('degraded')
  )
}

function second(at: number): number {
  return Math.floor(at / 1000)
}
