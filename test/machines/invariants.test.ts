// What must hold whatever happens to a breaker: random events of every kind at random times, timers sent as the actor sends
// them. The order of gravity is spelt out here once more, on its own, so that the machine is not measured by itself.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gate } from '../../src/actors/gate.ts'
import type { BreakerContext, Spell } from '../../src/model/breaker/context.ts'
import { nextDeadline } from '../../src/model/breaker/deadline.ts'
import { FAILURE_TYPES } from '../../src/model/failures.ts'
import type { PolicyInput } from '../../src/model/policy.ts'
import { STATE_PATHS, type StatePath } from '../../src/model/states.ts'
import { BreakerDriver, FLEET_TRIP, plainPolicy, SLOW } from './breakerDriver.ts'

const POLICIES: readonly PolicyInput[] = [
  {},
  { degradeBeforeOpen: true, rampDuration: 0, maxProbes: 1 },
  { degrade: false, successesToClose: 3, recoveryMultiplier: 1, recoveryJitter: { from: 0.1, to: 3 }, recoveryTimeout: 1 },
  { adaptiveRecovery: true, stableAfter: 1000, rampDuration: 500, recoverAfter: 700, permitTimeout: 1, probeTimeout: 900 },
  // As it is by default.
  { adaptiveRecovery: true, rampDuration: 0, recoveryJitter: { from: 0.8, to: 1.2 }, trip: { streakSignificance: 1e-5 } },
]

const pause = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 2000 }) },
  { weight: 3, arbitrary: fc.integer({ min: 2000, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 70_000, max: 2_000_000 }) },
)
const span = fc.option(fc.integer({ min: -10, max: 90_000 }), { nil: undefined })
const windowStats = fc
  .tuple(fc.nat(40), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), fc.double({ min: 0, max: 500, noNaN: true }))
  .map(([calls, share, inARow, callsPerSecond]) => ({
    calls,
    failures: Math.floor(calls * share),
    slow: Math.floor(calls * (1 - share)),
    consecutiveFailures: inARow,
    consecutiveTimeouts: inARow % 4,
    consecutiveServerErrors: inARow % 5,
    callsPerSecond,
    sinceEntry: { calls, failures: Math.floor(calls * share), slow: 0 },
  }))
const probe = fc.option(fc.nat(3), { nil: undefined })
const lag = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(3))

const rule = fc.constantFrom('day', 'month')

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('admit' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('succeed' as const), stats: windowStats, probe, lag, healthyOtherwise: fc.boolean() }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      failure: fc.constantFrom(...FAILURE_TYPES),
      stats: windowStats,
      probe,
      lag,
      healthyOtherwise: fc.boolean(),
      retryAfterMs: fc.option(fc.oneof(fc.constant(0), fc.nat(100_000)), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ignore' as const), probe, lag }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('limit' as const),
      mode: fc.constantFrom('paced' as const, 'exhausted' as const),
      for: span,
      perSecond: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('budget' as const), mode: fc.constantFrom('throttled', 'blocked'), for: span, rule }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('health' as const), level: fc.constantFrom(0, 1, 2, 3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('direct' as const),
      epoch: fc.nat(3),
      level: fc.constantFrom(0, 1, 2, 3),
      admissionRatio: fc.constantFrom(0, 0.5, 1),
      hold: fc.boolean(),
      forMs: fc.integer({ min: -10, max: 90_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('maintain' as const), for: span }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('trip', 'reset', 'disable', 'enable', 'endMaintenance') }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('limit.cleared', 'permit.granted') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('budgetCleared' as const), rule: fc.option(rule, { nil: undefined }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('slower' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('stall' as const), stalled: fc.integer({ min: 1, max: 9 }), stats: windowStats }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fleetTrip' as const), stats: windowStats }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reviewedAs' as const), stats: windowStats, slow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconfigure' as const), policy: fc.constantFrom(...POLICIES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const scenario = fc.record({
  policy: fc.constantFrom(...POLICIES),
  seed: fc.integer(),
  steps: fc.array(fc.record({ pause, late: fc.boolean(), step }), { minLength: 1, maxLength: 60, size: 'max' }),
})

test('nothing that can happen to a breaker breaks what must always hold', { timeout: 60_000 }, () => {
  const visited = new Set<StatePath>()
  fc.assert(
    fc.property(scenario, ({ policy, seed, steps }) => {
      const drive = new WatchedDriver(policy, seed)
      for (const { pause, late, step } of steps) {
        // A deadline may come due just before an event, or just after it when the event loop was busy.
        if (late) drive.at += pause
        else drive.wait(pause)
        take(drive, step)
        drive.wait(0)
        agreesWithWhatStands(drive)
      }
      for (const path of drive.trail) visited.add(path)
    }),
    { numRuns: 2000 },
  )
  expect([...visited].sort()).toEqual([...STATE_PATHS].sort())
})

/** Checks at every event what must hold from one moment to the next. */
class WatchedDriver extends BreakerDriver {
  override send(event: Parameters<BreakerDriver['send']>[0]): this {
    const before = this.context
    const due = nextDeadline(before)
    super.send(event)
    const { context } = this
    const { spell } = context
    if (this.value !== spell.in) fail(`XState is in ${this.value}, the spell in ${spell.in}`)
    if (event.type !== 'restore') {
      const moved = spell.in !== before.spell.in
      if (context.generation !== before.generation + (moved ? 1 : 0)) fail(`generation ${context.generation} after ${event.type}`)
      if (moved && spell.since !== this.at) fail(`${spell.in} since ${spell.since}, entered at ${this.at}`)
      if (!moved && spell.since !== before.spell.since) fail(`${event.type} began a new spell of ${spell.in}`)
    }
    const next = nextDeadline(context)
    // The actor arms a timer when the deadline changes: one that stays as it was would never fire again.
    if (event.type === `timer.${due?.id}` && next?.id === due?.id && next?.at === due?.at) fail(`${event.type} left its deadline`)
    ownsOnlyItsData(spell)
    isPlain({ ...context, policy: undefined })
    if (context.countsFrom > context.generation) fail('no call can count')
    if (spell.in === 'halfOpen' && spell.admitted < spell.successes + spell.failures + spell.inFlight.length)
      fail('a probe counts twice')
    if (spell.in === 'halfOpen' && context.policy.adaptiveRecovery && spell.successes === 0) {
      if (event.type === 'probe.admitted' && spell.inFlight.length > 1) fail('a second probe, though none succeeded')
      const failures = before.spell.in === 'halfOpen' ? before.spell.failures : 0
      if (spell.failures > failures) fail('a round that began with a failure goes on')
    }
    return this
  }
}

/** The order of gravity: maintenance, an operator's bypass or trip, open, budget, limit, degraded, closed. */
function agreesWithWhatStands(drive: BreakerDriver): void {
  const { context, at, path } = drive
  const { maintenance, bypass, forced, open, budgets = [], quota, pace, health, directive } = context.standing
  const stands = (until: number | undefined) => until === undefined || until > at
  const own = health && (path.startsWith('degraded') || health.recoverAt > at) ? health.level : 0
  const directed = directive && directive.expiresAt > at ? Math.max(directive.level, directive.admissionRatio < 1 ? 1 : 0) : 0
  const level = Math.max(own, directed)
  const rules = budgets.filter(({ until }) => stands(until))
  let allowed: string[]
  if (maintenance && stands(maintenance.until)) allowed = ['maintenance']
  else if (bypass) allowed = ['closed.bypassed']
  else if (forced) allowed = ['open.forced']
  else if (open) allowed = open.until > at ? ['open.cooling'] : ['open.awaitingPermit', 'halfOpen']
  else if (rules.length > 0) allowed = [`budgetLimited.${rules.some(({ mode }) => mode === 'blocked') ? 'blocked' : 'throttled'}`]
  else if (quota && quota.until > at) allowed = ['rateLimited.exhausted']
  else if (pace && pace.until > at) allowed = ['rateLimited.paced']
  else if (level > 0) allowed = [`degraded.level${level}`]
  else allowed = ['closed.watching', 'closed.ramping']
  if (!allowed.includes(path)) fail(`in ${path}, though ${JSON.stringify(context.standing)} stands`)
}

const OWN_DATA: Partial<Record<StatePath, readonly string[]>> = {
  'closed.ramping': ['until'],
  'open.awaitingPermit': ['until'],
  halfOpen: ['until', 'admitted', 'successes', 'failures', 'inFlight'],
}

function ownsOnlyItsData(spell: Spell): void {
  const owned = OWN_DATA[spell.in] ?? []
  const held = Object.keys(spell).filter((key) => key !== 'in' && key !== 'since')
  const missing = owned.filter((key) => !held.includes(key) && !(spell.in === 'halfOpen' && key === 'until'))
  const strange = held.filter((key) => !owned.includes(key))
  if (missing.length > 0 || strange.length > 0) fail(`${spell.in} lacks ${missing} and holds ${strange}`)
}

/** What JSON keeps: finite numbers, words, truth values, lists and plain objects. */
function isPlain(value: unknown, where = 'context'): void {
  if (value === undefined || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return
  if (
    typeof value !== 'object' ||
    value === null ||
    !(Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
  ) {
    fail(`${where} is ${String(value)}`)
  }
  for (const [key, inner] of Object.entries(value)) isPlain(inner, `${where}.${key}`)
}

function fail(why: string): never {
  throw new Error(why)
}

function take(drive: BreakerDriver, step: Step): void {
  const { context } = drive
  switch (step.do) {
    case 'admit':
      if (mayProbe(drive)) drive.admit()
      return
    case 'succeed':
      drive.succeed({
        stats: step.stats,
        healthyOtherwise: step.healthyOtherwise,
        ...settled(context, step.probe, step.lag),
      })
      return
    case 'fail': {
      const { failure, stats, healthyOtherwise, retryAfterMs } = step
      const told = retryAfterMs === undefined ? {} : { retryAfterMs }
      drive.fail(failure, { stats, healthyOtherwise, ...told, ...settled(context, step.probe, step.lag) })
      return
    }
    case 'ignore': {
      const { probe, generation } = settled(context, step.probe, step.lag)
      drive.ignore(probe, generation)
      return
    }
    case 'limit':
      drive.limit(step.mode, step.for, step.perSecond)
      return
    case 'budget':
      drive.budget(step.mode, step.for, step.rule)
      return
    case 'health':
      drive.health(step.level)
      return
    case 'direct': {
      const { do: _, ...directive } = step
      drive.direct(directive)
      return
    }
    case 'maintain':
      drive.maintain(step.for)
      return
    case 'budgetCleared':
      drive.send({ type: 'budget.cleared', rule: step.rule })
      return
    case 'limit.cleared':
    case 'permit.granted':
      drive.send({ type: step.do })
      return
    case 'slower':
      drive.send({ type: 'latency.rose', latency: SLOW })
      return
    case 'stall':
      drive.send({ type: 'calls.stalled', stalled: step.stalled, stats: step.stats })
      return
    case 'fleetTrip':
      drive.send({ type: 'fleet.tripped', trip: FLEET_TRIP, stats: step.stats })
      return
    case 'reviewedAs':
      drive.timerStats = step.stats
      drive.timerLatency = step.slow ? SLOW : undefined
      return
    case 'reconfigure':
      drive.send({ type: 'reconfigure', policy: plainPolicy(step.policy) })
      return
    case 'restart':
      drive.restore(JSON.parse(JSON.stringify(context)))
      return
    default:
      drive.command(step.do)
  }
}

function mayProbe({ context, at }: BreakerDriver): boolean {
  const gate = new Gate()
  gate.project(context, at)
  return context.spell.in === 'halfOpen' && gate.peek(at) === undefined
}

/** Of which probe and generation a call was: mostly of the present ones. */
function settled(context: BreakerContext, chosen: number | undefined, lag: number): { probe?: number; generation: number } {
  const generation = Math.max(0, context.generation - lag)
  if (context.spell.in !== 'halfOpen' || chosen === undefined) return { generation }
  const probe = context.spell.inFlight[chosen]?.probe ?? context.nextProbe - 1 - chosen
  return { generation, probe }
}
