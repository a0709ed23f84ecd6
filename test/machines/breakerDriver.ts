// Drives one breaker machine in virtual time, as the breaker actor does: events carry `at`, deadlines that come due are sent
// as timers. Remembers every state it passes through.
import { createActor } from 'xstate'
import { breakerMachine } from '../../src/machines/breakerMachine.ts'
import type { BreakerContext, Spell } from '../../src/model/breaker/context.ts'
import { nextDeadline } from '../../src/model/breaker/deadline.ts'
import type { BreakerEvent } from '../../src/model/breaker/events.ts'
import type { FailureType } from '../../src/model/failures.ts'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import type { TimerId } from '../../src/model/records.ts'
import type { Directive, Signal } from '../../src/model/signals.ts'
import type { DegradationLevel, StatePath } from '../../src/model/states.ts'
import { type LatencyStats, NO_STATS, type WindowStats } from '../../src/model/stats.ts'

/** When every drive starts, epoch ms. */
export const START = 1_000_000
export const BY = { by: 'ada', why: 'a test' } as const
export const SLOW: LatencyStats = { p95: 4000, baselineP95: 1000, calls: 50 }
export const FLEET_TRIP: Extract<Signal, { kind: 'fleetTrip' }> = {
  kind: 'fleetTrip',
  id: '7.1',
  why: 'quorum',
  nodes: 3,
  open: 2,
  calls: 40,
  failures: 20,
}
const TIMERS_AT_ONCE = 20

type WithoutTime<E> = E extends BreakerEvent ? Omit<E, 'at'> : never
export type UntimedEvent = WithoutTime<BreakerEvent>

interface CallOptions {
  readonly stats?: Partial<WindowStats>
  readonly generation?: number
  readonly probe?: number
  readonly retryAfterMs?: number
  readonly healthyOtherwise?: boolean
}

/** A policy of the classical arithmetic: one minute at first, no jitter, no adaptive recovery, counts as they are; it ramps. */
export function plainPolicy(input: PolicyInput = {}) {
  const classical = { recoveryTimeout: 60_000, recoveryJitter: { from: 1, to: 1 }, adaptiveRecovery: false, rampDuration: 10_000 }
  return resolvePolicy('http', { ...classical, ...input })
}

export function stats(some: Partial<WindowStats>): WindowStats {
  return { ...NO_STATS, ...some }
}

export class BreakerDriver {
  at = START
  /** Stats that the timers carry. */
  timerStats: WindowStats = NO_STATS
  /** Latency that `timer.recovered` carries. */
  timerLatency: LatencyStats | undefined
  readonly trail: StatePath[] = []
  readonly timers: TimerId[] = []
  readonly #actor

  constructor(input: PolicyInput = {}, seed = 7) {
    this.#actor = createActor(breakerMachine, {
      id: 'breaker',
      input: { service: 'search', policy: plainPolicy(input), seed, at: START },
    })
    this.#actor.start()
    this.trail.push(this.path)
  }

  get context(): BreakerContext {
    return this.#actor.getSnapshot().context
  }

  get path(): StatePath {
    return this.context.spell.in
  }

  /** What XState itself says the state is, as a path. */
  get value(): string {
    const { value } = this.#actor.getSnapshot()
    return typeof value === 'string' ? value : Object.entries(value).flat().join('.')
  }

  get round(): Extract<Spell, { in: 'halfOpen' }> {
    const { spell } = this.context
    if (spell.in !== 'halfOpen') throw new Error(`no round in ${spell.in}`)
    return spell
  }

  /** Until when the breaker is open, from now, ms. */
  get openFor(): number | undefined {
    const { open } = this.context.standing
    return open && open.until - this.at
  }

  send(event: UntimedEvent): this {
    const timed: BreakerEvent = { ...event, at: this.at }
    this.#actor.send(timed)
    if (this.trail.at(-1) !== this.path) this.trail.push(this.path)
    return this
  }

  succeed(options: CallOptions = {}): this {
    const { stats: some = { calls: 1 }, generation = this.context.generation, probe, healthyOtherwise = false } = options
    return this.send({ type: 'call.succeeded', generation, probe, healthyOtherwise, stats: stats(some) })
  }

  fail(failure: FailureType = 'service_unavailable', options: CallOptions = {}): this {
    const some = options.stats ?? { calls: 1, failures: 1, consecutiveFailures: 1 }
    const { generation = this.context.generation, probe, retryAfterMs, healthyOtherwise = false } = options
    return this.send({ type: 'call.failed', failure, generation, probe, retryAfterMs, healthyOtherwise, stats: stats(some) })
  }

  /** The failure that makes five in a row, which is what the policy trips at. */
  trip(options: CallOptions & { readonly failure?: FailureType } = {}): this {
    const some = { calls: 5, failures: 5, consecutiveFailures: 5, ...options.stats }
    return this.fail(options.failure ?? 'service_unavailable', { ...options, stats: some })
  }

  /** Lets one probe set out and gives its number. */
  admit(): number {
    const { nextProbe: probe, policy } = this.context
    this.send({ type: 'probe.admitted', probe, timeout: policy.probeTimeout })
    return probe
  }

  ignore(probe?: number, generation = this.context.generation): this {
    return this.send({ type: 'call.ignored', generation, probe })
  }

  limit(mode: 'paced' | 'exhausted', forMs?: number, perSecond?: number): this {
    const limit: Extract<Signal, { kind: 'limit' }> = {
      kind: 'limit',
      mode,
      ...(forMs !== undefined && { until: this.at + forMs }),
      ...(perSecond !== undefined && { perSecond }),
    }
    return this.send({ type: 'limit.hit', limit, stats: stats({ calls: 10, callsPerSecond: 8 }) })
  }

  budget(mode: 'throttled' | 'blocked', forMs?: number, rule = 'daily'): this {
    const until = forMs === undefined ? {} : { until: this.at + forMs }
    return this.send({ type: 'budget.limited', budget: { kind: 'budget', mode, rule, ...until } })
  }

  health(level: DegradationLevel): this {
    return this.send({ type: 'health.changed', level, why: 'retrieval quality' })
  }

  direct(some: Partial<Directive> & { readonly forMs?: number } = {}): this {
    const { forMs = 60_000, ...rest } = some
    const directive: Directive = {
      epoch: 1,
      level: 0,
      admissionRatio: 1,
      hold: false,
      rule: 'cascade',
      reason: 'others fail',
      expiresAt: this.at + forMs,
      ...rest,
    }
    return this.send({ type: 'directive.set', directive })
  }

  command(name: 'trip' | 'reset' | 'disable' | 'enable' | 'endMaintenance'): this {
    return this.send({ type: `command.${name}`, ...BY })
  }

  maintain(forMs?: number): this {
    return this.send({ type: 'command.beginMaintenance', ...BY, until: forMs === undefined ? undefined : this.at + forMs })
  }

  permit(): this {
    return this.send({ type: 'permit.granted' })
  }

  restore(saved: BreakerContext): this {
    return this.send({ type: 'restore', saved })
  }

  /** Lets time pass; deadlines fire at their time, in order. */
  wait(ms: number): this {
    const end = this.at + ms
    for (let at = Number.NEGATIVE_INFINITY, count = 0; ; count++) {
      const deadline = nextDeadline(this.context)
      if (deadline === undefined || deadline.at > end) break
      this.at = Math.max(this.at, deadline.at)
      if (this.at > at) count = 0
      at = this.at
      if (count > TIMERS_AT_ONCE) throw new Error(`timer storm: ${deadline.id} in ${this.path} at ${at}`)
      this.#fire(deadline.id)
    }
    this.at = end
    return this
  }

  /** Lets the next deadline come due, whenever it is. */
  untilDeadline(): this {
    const deadline = nextDeadline(this.context)
    if (deadline === undefined) throw new Error(`nothing is due in ${this.path}`)
    return this.wait(deadline.at - this.at)
  }

  #fire(id: TimerId): void {
    this.timers.push(id)
    if (id === 'recovered') this.send({ type: 'timer.recovered', stats: this.timerStats, latency: this.timerLatency })
    else if (id === 'probeOverdue' || id === 'roundOverdue') this.send({ type: `timer.${id}`, stats: this.timerStats })
    else this.send({ type: `timer.${id}` })
  }
}
