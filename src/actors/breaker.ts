// One breaker: the gate its calls meet, the window their outcomes fill, and the machine that decides. Outcomes reach the
// machine only when they can matter, with the numbers it needs; its snapshot comes back as the gate's projection.
import type { ActorRefFrom } from 'xstate'
import type { breakerMachine } from '../machines/breakerMachine.ts'
import type { BreakerContext } from '../model/breaker/context.ts'
import { type Deadline, nextDeadline } from '../model/breaker/deadline.ts'
import { countsOutcomes } from '../model/breaker/enter.ts'
import type { BreakerEvent } from '../model/breaker/events.ts'
import { checked } from '../model/checked.ts'
import type { CallRejectedError } from '../model/errors.ts'
import { countsAsFailure, type Failure } from '../model/failures.ts'
import type { BreakerPolicy, Kind } from '../model/policy.ts'
import type { AlertRecord, DecisionRecord, Exemption, SavedBreaker, TimerId, TransitionRecord } from '../model/records.ts'
import type { Command, Directive, Signal } from '../model/signals.ts'
import { type StatePath, stateOf } from '../model/states.ts'
import type { WindowStats } from '../model/stats.ts'
import { Timer } from '../model/timerWheel.ts'
import { stallTrips } from '../model/trip.ts'
import type { ServiceProfile } from '../services/serviceProfile.ts'
import { alertsFor } from './alerts.ts'
import type { BreakerHost } from './breakerHost.ts'
import type { BudgetDesk, CallFollower } from './callFollower.ts'
import type { WindowCounts } from './callWindow.ts'
import { Gate, type Refusal } from './gate.ts'
import { HealthWatch } from './healthWatch.ts'
import { Meters } from './meters.ts'
import { type CallFacts, outcomeRecord } from './outcomeRecord.ts'
import { rejectionFor } from './rejection.ts'
import { savedPartsSchema } from './savedParts.ts'
import { signalEvent } from './signalEvent.ts'
import { patience, StallWatch } from './stallWatch.ts'

export type BreakerRef = ActorRefFrom<typeof breakerMachine>

/** Leave for one call, as it is kept while the call runs. */
export interface Admission {
  readonly generation: number
  /** The half-open probe this is. */
  readonly probe: number | undefined
}

/** Calls that all came to the same: successes, or failures of one type. */
export interface Tally {
  readonly calls: number
  /** How many of them were slow. */
  readonly slow: number
  /** Their mean latency, whole microseconds. */
  readonly microseconds: number
  readonly failure?: Failure['type'] | undefined
}

/** The breakers of one board as they know each other: any of them can be asked in another's place. */
export interface Peers {
  get(service: string): Breaker | undefined
  readonly breakers: Iterable<Breaker>
}

/** Admitted by a health probe's exemption: of no generation that counts. */
const NO_GENERATION = -1
const NOBODY: readonly string[] = []
const FORGOTTEN: CallFacts = { level: 0, measured: undefined, unbudgeted: true }

export class Breaker {
  readonly gate = new Gate()
  successes = 0
  failures = 0
  ignored = 0
  rejected = 0
  inFlight = 0
  /**
   * Taken off the board. A call that outlives its breaker is nobody's: the journal may know another of that name by now, and
   * the last header, written as a board closes, must not tell of what the journal did not hear.
   */
  disposed = false
  /** Told of every call's end; a live service's. */
  follower: CallFollower | undefined
  /** What calls have to fit under; undefined: nothing. */
  budgets: BudgetDesk | undefined
  /** Who answers in its place, in this order, as configured; a live service's. */
  standIns: readonly string[] = NOBODY
  readonly #host: BreakerHost & Peers
  readonly #profile: ServiceProfile
  readonly #ref: BreakerRef
  readonly #timer: DeadlineTimer
  readonly #meters: Meters
  readonly stalls = new StallWatch()
  /** What the service's own condition calls for. */
  readonly health = new HealthWatch(this)
  readonly #subscription: { unsubscribe(): void }
  #context: BreakerContext
  #deadline: Deadline | undefined
  /** True where a call's outcome can lead somewhere: the states that admit in the ordinary way. */
  #decides = true
  /** Slower than this is slow; in microseconds. */
  #slowFrom = Number.POSITIVE_INFINITY
  /** The time of the input being worked off, epoch ms. */
  #at: number
  /** The numbers it carries. */
  #evidence: TransitionRecord['stats'] | undefined
  #restoring = false

  constructor(
    readonly service: string,
    readonly kind: Kind,
    profile: ServiceProfile,
    ref: BreakerRef,
    host: BreakerHost & Peers,
  ) {
    this.#host = host
    this.#profile = profile
    this.#ref = ref
    this.#timer = new DeadlineTimer(this)
    this.#context = ref.getSnapshot().context
    this.#meters = new Meters(this.#context.policy)
    this.#at = this.#context.spell.since
    this.#adopt(this.#context, this.#at)
    this.#subscription = ref.subscribe(({ context }) => this.#follow(context))
  }

  get context(): BreakerContext {
    return this.#context
  }

  get path(): StatePath {
    return this.#context.spell.in
  }

  get policy(): BreakerPolicy {
    return this.#context.policy
  }

  get profile(): ServiceProfile {
    return this.#profile
  }

  get clock(): BreakerHost['clock'] {
    return this.#host.clock
  }

  get peers(): Peers {
    return this.#host
  }

  /** A latency percentile over the breaker's life, ms. */
  latency(quantile: number): number {
    return this.#meters.latency.quantile(quantile)
  }

  /** Of all successes so far: what they took together, in microseconds, and how many were slow; of slow ones a few may lack. */
  get took(): { readonly microseconds: number; readonly slow: number } {
    return this.#meters.latency.tally(this.#slowFrom)
  }

  // --- calls ------------------------------------------------------------------------------------------------------------

  /** Asks the gate where it is not plainly open; a refusal is counted and comes back as its error. */
  admit(at: number, exemption?: Exemption, claim?: { readonly by: string; readonly why: string }): Admission | CallRejectedError {
    // Before listeners hear of it: what they do to the breaker is not this call's.
    const generation = this.#generationFor(exemption)
    const probe = this.#probeToCome()
    const refusal = this.#decide(at, exemption, claim)
    const answer = refusal === undefined ? { generation, probe } : rejectionFor(refusal, this.gate, this.#context, at)
    this.#host.deliver()
    return answer
  }

  /** A call the gate would let pass does not fit under a budget's rule, or the breaker of its model refuses it. */
  refuse(at: number, by: { readonly budget: string } | { readonly model: string }): void {
    this.rejected++
    this.#meters.demand.add(at)
    if (this.#host.wantsOutcomes) {
      const { generation, path } = this.gate
      const { service } = this
      this.#host.emit({ type: 'outcome', at, service, result: 'rejected', latency: 0, generation, state: stateOf(path), ...by })
    }
    this.#host.deliver()
  }

  /** The gate's word on one call at `at`, journalled, as it uses something up. */
  ask(at: number, exemption?: Exemption): Refusal | undefined {
    const refusal = this.#decide(at, exemption)
    this.#host.deliver()
    return refusal
  }

  #decide(at: number, exemption?: Exemption, claim?: { readonly by: string; readonly why: string }): Refusal | undefined {
    const { gate, service } = this
    const { generation } = gate
    const refusal = gate.ask(at, exemption)
    if (refusal !== undefined) {
      this.rejected++
      this.#meters.demand.add(at)
      if (this.#host.wantsOutcomes) {
        const state = stateOf(gate.path)
        this.#host.emit({ type: 'outcome', at, service, result: 'rejected', latency: 0, generation, state })
      }
      return refusal
    }
    const probe = this.#probeToCome()
    this.#host.emit({
      type: 'admission',
      at,
      service,
      generation,
      ...(probe === undefined ? undefined : { probe }),
      ...(exemption === undefined ? undefined : { exemption }),
      ...(claim === undefined ? undefined : { by: claim.by, why: claim.why }),
    })
    if (probe !== undefined) this.#send({ type: 'probe.admitted', at, probe, timeout: this.#probeTimeout() })
    return undefined
  }

  /**
   * Looks for calls that stall. What it finds is journalled as a signal, as a replay sees calls only when they end; a look that
   * finds nothing must leave no trace.
   */
  lookForStalls(now: number): void {
    const { stalledCalls } = this.policy.trip
    const { typical } = this.#meters.latency
    if (!stalledCalls || this.disposed) {
      this.stalls.stop()
      return
    }
    const { successes, inFlight } = this
    const ended = successes + this.failures + this.ignored
    const stalled = this.stalls.look(now, { successes, ended, inFlight }, patience(typical, stalledCalls.patience))
    if (stalled === 0 || typical === 0 || !this.#decides) return
    const at = Math.floor(now)
    if (stallTrips(this.#meters.counts(at), stalled, this.policy)) this.signal(at, { kind: 'stalled', calls: stalled })
  }

  /** Its time grows by a tenth with each opening, so that a service that comes back slow still can come back. */
  #probeTimeout(): number {
    const { probePatience, probeTimeout } = this.policy
    const { typical } = this.#meters.latency
    if (!probePatience || typical === 0) return probeTimeout
    const growth = 1.1 ** Math.min(Math.max(0, this.#context.openings - 1), 100)
    return Math.min(probeTimeout, Math.ceil(patience(typical, probePatience) * growth))
  }

  /** What {@link admit} would say now; nothing is used up or counted. */
  peek(at: number): CallRejectedError | undefined {
    const refusal = this.gate.peek(at)
    return refusal === undefined ? undefined : rejectionFor(refusal, this.gate, this.#context, at)
  }

  /** A call came back well. `at`: epoch ms, whole; `microseconds`: how long it took. */
  succeed(at: number, microseconds: number, generation: number, probe: number | undefined, facts?: CallFacts): void {
    this.successes++
    if (this.disposed) return
    const meters = this.#meters
    meters.demand.add(at)
    const review = meters.latency.add(at, microseconds)
    const host = this.#host
    if (host.wantsOutcomes)
      host.emit(outcomeRecord(this.service, 'success', at, microseconds, generation, probe, undefined, facts))
    if (generation >= this.gate.countsFrom) {
      const slow = microseconds > this.#slowFrom ? 1 : 0
      const { window } = meters
      window.success(at, slow)
      if (this.gate.level !== 0) meters.countSinceEntry(0, slow)
      if (this.#decides ? (window.failures !== 0 || window.slow !== 0) && meters.meetsRate(this.policy) : probe !== undefined) {
        this.#settled({ type: 'call.succeeded', at, generation, probe })
      }
    }
    if (review) this.#reviewLatency(at)
    host.deliver()
  }

  /** A call failed. */
  fail(
    at: number,
    microseconds: number,
    generation: number,
    probe: number | undefined,
    failure: Failure,
    facts?: CallFacts,
  ): void {
    this.failures++
    if (this.disposed) return
    const meters = this.#meters
    meters.demand.add(at)
    const { type, retryAfterMs } = failure
    this.#host.failed(this.service, at, failure, microseconds, probe, facts)
    if (this.#host.wantsOutcomes)
      this.#host.emit(outcomeRecord(this.service, 'failure', at, microseconds, generation, probe, failure, facts))
    if (generation >= this.gate.countsFrom) {
      const slow = microseconds > this.#slowFrom ? 1 : 0
      if (countsAsFailure(type)) meters.window.failure(at, type, slow)
      else if (type === 'quality_degradation') meters.window.success(at, slow)
      if (this.gate.level !== 0) meters.countSinceEntry(countsAsFailure(type) ? 1 : 0, slow)
      if (this.#decides ? this.#matters(failure) : probe !== undefined) {
        this.#settled({ type: 'call.failed', at, generation, probe, failure: type, retryAfterMs })
      }
    }
    this.#host.deliver()
  }

  /** Calls of other processes, told together: one look for all of them, however many. */
  tally(at: number, { calls, slow, microseconds, failure }: Tally): void {
    if (failure === undefined) this.successes += calls
    else this.failures += calls
    if (this.disposed) return
    const { service } = this
    const meters = this.#meters
    meters.demand.addMany(at, calls)
    const review = meters.latency.add(at, microseconds)
    const host = this.#host
    // Failures pay for being noted one by one; beyond a hundred the next look learns nothing from more.
    if (failure !== undefined) {
      const one = { type: failure }
      for (let i = Math.min(calls, 100); i > 0; i--) host.failed(service, at, one, microseconds, undefined, undefined)
    }
    const { generation } = this.gate
    if (host.wantsOutcomes) {
      const result = failure === undefined ? 'success' : 'failure'
      const record = { type: 'outcome', at, service, result, latency: microseconds / 1000, generation, calls, slow } as const
      host.emit(failure === undefined ? record : { ...record, failure })
    }
    const failed = failure !== undefined && countsAsFailure(failure)
    if (failure === undefined || failed || failure === 'quality_degradation') {
      meters.window.tally(at, calls, slow, failed ? failure : undefined)
    }
    if (this.gate.level !== 0) meters.countSinceEntry(failed ? calls : 0, slow, calls)
    if (this.#decides) {
      if (failure !== undefined) {
        if (this.#matters({ type: failure }))
          this.#settled({ type: 'call.failed', at, generation, probe: undefined, failure, retryAfterMs: undefined })
      } else if (meters.meetsRate(this.policy)) this.#settled({ type: 'call.succeeded', at, generation, probe: undefined })
    }
    if (review) this.#reviewLatency(at)
    host.deliver()
  }

  /** The caller gave up, or the fault was the caller's. */
  ignore(at: number, microseconds: number, generation: number, probe: number | undefined, facts?: CallFacts): void {
    this.ignored++
    if (this.disposed) return
    if (this.#host.wantsOutcomes)
      this.#host.emit(outcomeRecord(this.service, 'ignored', at, microseconds, generation, probe, undefined, facts))
    if (probe !== undefined && generation >= this.gate.countsFrom) this.#send({ type: 'call.ignored', at, generation, probe })
    this.#host.deliver()
  }

  // --- what is told from outside ----------------------------------------------------------------------------------------

  signal(at: number, signal: Signal): void {
    if (this.disposed) return
    this.#host.emit({ type: 'signal', at, service: this.service, signal })
    this.#send(signalEvent(signal, at, this.stats(at)))
    this.#host.deliver()
  }

  direct(at: number, directive: Directive): void {
    this.#host.emit({ type: 'directive', at, service: this.service, directive })
    // The orchestrator first: what it makes of this and its own wishes together outdates this alone.
    this.#host.directed(this.service, at, directive)
    this.#send({ type: 'directive.set', at, directive })
    this.#host.deliver()
  }

  command(at: number, command: Command): void {
    this.#host.emit({ type: 'command', at, service: this.service, command })
    this.#commanded(at, command)
    this.#host.deliver()
  }

  // --- what the orchestrator wants: outputs, which a replay makes by itself; heard with the input that led to them ------------

  /** Takes the orchestrator's directive. */
  obey(at: number, directive: Directive): void {
    if (this.disposed) return
    this.#host.emit({ type: 'directive', at, service: this.service, directive, by: 'orchestrator' })
    this.#send({ type: 'directive.set', at, directive })
  }

  /** Takes its part of a command that was given to several services, and journalled as one. */
  join(at: number, command: Command): void {
    this.#commanded(at, command)
  }

  /** Takes leave to probe. */
  permit(at: number): void {
    this.#send({ type: 'permit.granted', at })
  }

  #commanded(at: number, command: Command): void {
    const { name, by, why } = command
    if (name === 'beginMaintenance') this.#send({ type: 'command.beginMaintenance', at, by, why, until: command.until })
    else this.#send({ type: `command.${name}`, at, by, why })
  }

  /** Tells who answered in the service's place; nothing follows from it. */
  decide(record: DecisionRecord): void {
    if (this.disposed) return
    this.#host.emit(record)
    this.#host.deliver()
  }

  reconfigure(at: number, policy: BreakerPolicy): void {
    this.#host.emit({ type: 'config', at, service: this.service, change: 'reconfigured', kind: this.kind, policy })
    this.#send({ type: 'reconfigure', at, policy })
    this.#meters.adapt(policy)
    this.#host.deliver()
  }

  /** A deadline came due. */
  fire(at: number, id: TimerId): void {
    this.#host.emit({ type: 'timer', at, service: this.service, id })
    if (id === 'recovered') {
      this.#send({ type: 'timer.recovered', at, stats: this.stats(at), latency: this.#meters.latency.risen })
      this.#meters.resetSinceEntry()
    } else if (id === 'probeOverdue' || id === 'roundOverdue') {
      this.#send({ type: `timer.${id}`, at, stats: this.stats(at) })
    } else {
      this.#send({ type: `timer.${id}`, at })
    }
    this.#host.deliver()
  }

  /** The deadline being waited for. */
  get deadline(): Deadline | undefined {
    return this.#deadline
  }

  fireDeadline(): void {
    const deadline = this.#deadline
    if (deadline) this.fire(Math.max(Math.floor(this.#host.clock.now()), Math.ceil(deadline.at)), deadline.id)
  }

  // --- state ------------------------------------------------------------------------------------------------------------

  /** What the window and its companions count at `at`; counts that have expired are dropped. */
  stats(at: number): WindowStats {
    return this.#meters.stats(at)
  }

  /** Those of the numbers that users are shown; looking changes nothing. */
  counts(at: number): WindowCounts {
    return this.#meters.window.countsAt(at)
  }

  save(): SavedBreaker {
    // Service and policy are told once in the header.
    const { service: _service, policy: _policy, ...context } = this.#context
    return {
      service: this.service,
      kind: this.kind,
      path: this.path,
      context,
      ...this.#meters.save(),
      gate: this.gate.save(),
    }
  }

  /** Goes on from `saved`, as it stood, under the policy in force now. Throws a ConfigError when it is not what save() makes. */
  restore(saved: SavedBreaker, at: number): void {
    const parts = checked(savedPartsSchema, saved, 'saved')
    const context: BreakerContext = { ...parts.context, service: this.service, policy: this.policy }
    this.#meters.restore(parts)
    this.#restoring = true
    this.#send({ type: 'restore', at, saved: context })
    this.#restoring = false
    this.gate.restore(parts.gate)
  }

  /** Frees the places of probes that a stopped process took with it; whether they were billed nobody knows. */
  forgetProbes(at: number): void {
    const { spell, generation } = this.#context
    if (spell.in !== 'halfOpen') return
    for (const { probe } of spell.inFlight) this.ignore(at, 0, generation, probe, FORGOTTEN)
  }

  /** Takes the breaker off: calls in flight may still end, and decide nothing. */
  dispose(): void {
    this.disposed = true
    this.gate.plain = false
    this.#subscription.unsubscribe()
    this.#host.clock.disarm(this.#timer)
  }

  // --- within -----------------------------------------------------------------------------------------------------------

  #send(event: BreakerEvent): void {
    if (this.disposed) return
    this.#at = event.at
    this.#evidence = 'stats' in event ? event.stats : event.type === 'latency.rose' ? event.latency : undefined
    this.#ref.send(event)
  }

  #settled(
    event:
      | { type: 'call.succeeded'; at: number; generation: number; probe: number | undefined }
      | {
          type: 'call.failed'
          at: number
          generation: number
          probe: number | undefined
          failure: Failure['type']
          retryAfterMs: number | undefined
        },
  ): void {
    const stats = this.stats(event.at)
    const healthyOtherwise = this.policy.degradeBeforeOpen && this.#profile.assess(stats) === 'healthy'
    this.#send({ ...event, stats, healthyOtherwise })
  }

  /** Can this failure, just counted, change anything? */
  #matters({ type, retryAfterMs }: Failure): boolean {
    if (retryAfterMs !== undefined || !countsAsFailure(type) || type === 'authentication' || type === 'memory_error') return true
    return this.#meters.mayDecide(this.policy)
  }

  #reviewLatency(at: number): void {
    const ratio = this.policy.degrade === false ? false : this.policy.degrade.p95Ratio
    const { latency } = this.#meters
    if (!latency.review(at, ratio) || !this.#decides || !latency.risen) return
    this.#send({ type: 'latency.rose', at, latency: latency.risen })
  }

  /** The number that a probe admitted now will have. */
  #probeToCome(): number | undefined {
    return this.gate.path === 'halfOpen' ? this.#context.nextProbe : undefined
  }

  #generationFor(exemption: Exemption | undefined): number {
    return exemption === 'health_probe' && this.gate.path === 'maintenance' ? NO_GENERATION : this.gate.generation
  }

  /** The machine has moved, or remembers something new. */
  #follow(context: BreakerContext): void {
    const before = this.#context
    if (context === before) return
    const at = this.#at
    this.#adopt(context, at)
    if (this.#restoring) return
    const transition = context.generation === before.generation ? undefined : this.#move(before, context, at)
    if (transition) this.#host.emit(transition)
    const alerts = alertsFor(before, context, at)
    if (alerts.length > 0) this.#tell(alerts)
    if (transition) this.#host.moved(transition)
  }

  /** What opens while something it depends on is down has its root there. */
  #tell(alerts: readonly AlertRecord[]): void {
    const root = this.#host.rootOf(this.service)
    for (const alert of alerts) {
      const follows = root !== undefined && alert.code === 'opened'
      this.#host.emit(follows ? { ...alert, message: `${alert.message}; at the root of it is ${root}`, root } : alert)
    }
  }

  /** Another state: what is counted from its beginning begins, and what is told of it. */
  #move(before: BreakerContext, context: BreakerContext, at: number): TransitionRecord {
    const from = before.spell.in
    const to = context.spell.in
    if (context.countsFrom !== before.countsFrom) this.#meters.window.clear(stateOf(to) === 'open' || to === 'halfOpen')
    this.#meters.resetSinceEntry()
    return {
      type: 'transition',
      at,
      service: this.service,
      from,
      to,
      generation: context.generation,
      reason: context.reason,
      ...(this.#deadline && this.#deadline.id !== 'directiveExpired' ? { until: this.#deadline.at } : undefined),
      ...(this.#evidence ? { stats: this.#evidence } : undefined),
    }
  }

  #adopt(context: BreakerContext, at: number): void {
    const countsAnew = context.countsFrom !== this.#context.countsFrom
    this.#context = context
    this.gate.project(context, at)
    const { trip } = context.policy
    this.#slowFrom = trip.slowCallRate === false ? Number.POSITIVE_INFINITY : trip.slowCallRate.slowerThanMs * 1000
    this.#decides = countsOutcomes(context.spell.in)
    if (!this.#decides || !trip.stalledCalls) this.stalls.stop()
    else if (countsAnew || !this.stalls.watching) this.stalls.begin()
    const deadline = nextDeadline(context)
    const { clock } = this.#host
    if (deadline && (deadline.at !== this.#deadline?.at || deadline.id !== this.#deadline.id)) clock.arm(this.#timer, deadline.at)
    else if (!deadline && this.#deadline) clock.disarm(this.#timer)
    this.#deadline = deadline
  }
}

class DeadlineTimer extends Timer {
  constructor(readonly breaker: Breaker) {
    super()
  }

  fire(): void {
    this.breaker.fireDeadline()
  }
}
