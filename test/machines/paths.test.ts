// Walks every path that representative events can take through the breaker: every state is reached, and every state but a
// forced one leads back to closed by itself.
import { describe, expect, test } from 'vitest'
import { fromTransition, initialTransition, type SnapshotFrom, transition } from 'xstate'
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph'
import { breakerMachine } from '../../src/machines/breakerMachine.ts'
import type { BreakerContext } from '../../src/model/breaker/context.ts'
import { nextDeadline } from '../../src/model/breaker/deadline.ts'
import type { BreakerEvent } from '../../src/model/breaker/events.ts'
import { STATE_PATHS, type StatePath } from '../../src/model/states.ts'
import { NO_STATS } from '../../src/model/stats.ts'
import { BY, FLEET_TRIP, plainPolicy, START } from './breakerDriver.ts'

type Happening =
  | { readonly type: 'deadline' | 'admit' | 'succeed' | 'fail' | 'failForGood' | 'stall' | 'fleetTrip' | 'ignore' }
  | { readonly type: 'limit'; readonly mode: 'paced' | 'exhausted' }
  | { readonly type: 'budget'; readonly mode: 'throttled' | 'blocked' }
  | { readonly type: 'health'; readonly level: 1 | 2 | 3 }
  | { readonly type: 'hold' | 'permit' }
  | { readonly type: 'trip' | 'reset' | 'disable' | 'enable' | 'beginMaintenance' | 'endMaintenance' }

const HAPPENINGS: readonly Happening[] = [
  { type: 'deadline' },
  { type: 'admit' },
  { type: 'succeed' },
  { type: 'fail' },
  { type: 'failForGood' },
  { type: 'stall' },
  { type: 'fleetTrip' },
  { type: 'ignore' },
  { type: 'limit', mode: 'paced' },
  { type: 'limit', mode: 'exhausted' },
  { type: 'budget', mode: 'throttled' },
  { type: 'budget', mode: 'blocked' },
  { type: 'health', level: 1 },
  { type: 'health', level: 2 },
  { type: 'health', level: 3 },
  { type: 'hold' },
  { type: 'permit' },
  { type: 'trip' },
  { type: 'reset' },
  { type: 'disable' },
  { type: 'enable' },
  { type: 'beginMaintenance' },
  { type: 'endMaintenance' },
]
const COMMANDS = new Set(['trip', 'reset', 'disable', 'enable', 'beginMaintenance', 'endMaintenance'])
/** Long against the deadlines, so that what is hidden lapses or stands in the same way on every path. */
const POLICY = plainPolicy({ recoverAfter: 100_000, degrade: false })

interface Moment {
  readonly at: number
  readonly breaker: SnapshotFrom<typeof breakerMachine>
}

/** The breaker and its clock: a deadline takes the time with it, anything else happens a moment later. */
const breakerInTime = fromTransition(
  ({ at, breaker }: Moment, happening: Happening): Moment => {
    const event = eventFor(happening, breaker.context, at + 1)
    if (event === undefined) return { at, breaker }
    return { at: event.at, breaker: transition(breakerMachine, breaker, event)[0] }
  },
  (): Moment => ({
    at: START,
    breaker: initialTransition(breakerMachine, { service: 'search', policy: POLICY, seed: 1, at: START })[0],
  }),
)

type Transitions = Record<string, { readonly event: Happening; readonly state: SnapshotFrom<typeof breakerInTime> }>

const walk = {
  events: HAPPENINGS,
  serializeState: (snapshot: SnapshotFrom<typeof breakerInTime>) => inShort(snapshot.context),
  limit: 200_000,
}

describe('walking every path of representative events', () => {
  const moments = Object.values(getAdjacencyMap(breakerInTime, walk)).map(({ state, transitions }) => ({
    key: inShort(state.context),
    path: pathOf(state.context),
    next: stepsOf(transitions),
  }))
  const byItself = reaching((event) => !COMMANDS.has(event.type))
  const byAnyMeans = reaching(() => true)

  test('reaches every state', () => {
    expect(new Set(moments.map(({ path }) => path))).toEqual(new Set(STATE_PATHS))
  })

  test('leads back to closed from everywhere an operator has not forced or disabled it, without an operator', () => {
    const stuck = moments.filter(({ key }) => !byItself.has(key))
    expect(stuck.length).toBeGreaterThan(0)
    for (const { key } of stuck) expect(key).toMatch(/forced|bypass/)
    const lost = moments.filter(({ key }) => /forced|bypass/.test(key) && byItself.has(key))
    expect(lost.map(({ key }) => key)).toEqual([])
  })

  test('leaves a forced breaker only by an operator', () => {
    for (const { next } of moments.filter(({ path }) => path === 'open.forced')) {
      const out = next.filter(({ event, key }) => !COMMANDS.has(event.type) && !key.startsWith('open.forced'))
      expect(out).toEqual([])
    }
  })

  test('leads back to closed from everywhere with an operator', () => {
    expect(moments.filter(({ key }) => !byAnyMeans.has(key))).toEqual([])
  })

  /** The moments from which closed.watching can be reached by events that `allowed` lets through. */
  function reaching(allowed: (event: Happening) => boolean): ReadonlySet<string> {
    const before = new Map<string, string[]>()
    for (const { key, next } of moments) {
      for (const to of next) if (allowed(to.event)) before.set(to.key, [...(before.get(to.key) ?? []), key])
    }
    const reached = new Set(moments.filter(({ path }) => path === 'closed.watching').map(({ key }) => key))
    for (const key of reached) for (const from of before.get(key) ?? []) reached.add(from)
    return reached
  }
})

test('no state is more than five events away', () => {
  // Told apart by state and round alone, there is one shortest path to each.
  const paths = getShortestPaths(breakerInTime, { ...walk, serializeState: ({ context }) => whereabouts(context).join(' ') })
  const away = new Map<StatePath, number>()
  for (const { state, steps } of paths) {
    const path = pathOf(state.context)
    away.set(path, Math.min(away.get(path) ?? Number.POSITIVE_INFINITY, steps.length - 1))
  }
  expect([...away.keys()].sort()).toEqual([...STATE_PATHS].sort())
  expect(away.get('closed.watching')).toBe(0)
  // The farthest: maintenance begun and ended, one probe out and back well, and the round's deadline.
  expect(Math.max(...away.values())).toBe(5)
  expect(away.get('closed.ramping')).toBe(5)
})

function stepsOf(transitions: Transitions) {
  return Object.values(transitions).map(({ event, state }) => ({ event, key: inShort(state.context) }))
}

function pathOf({ breaker }: Moment): StatePath {
  return breaker.context.spell.in
}

function whereabouts({ breaker }: Moment): string[] {
  const { spell } = breaker.context
  if (spell.in !== 'halfOpen') return [spell.in]
  return [spell.in, [spell.admitted, spell.successes, spell.failures, spell.inFlight.length].join('/')]
}

/** What tells two moments apart here: the state, the conditions that stand, and the score of a round. */
function inShort({ at, breaker }: Moment): string {
  const { standing, spell } = breaker.context
  const { maintenance, bypass, forced, open, budgets = [], quota, pace, health, directive } = standing
  const stands = {
    maintenance: maintenance !== undefined,
    bypass: bypass !== undefined,
    forced: forced !== undefined,
    [`open until ${open && open.until > at ? 'later' : 'now'}`]: open !== undefined,
    budget: budgets.some(({ until }) => (until ?? at + 1) > at),
    quota: quota !== undefined && quota.until > at,
    pace: pace !== undefined && pace.until > at,
    health: health !== undefined && (spell.in.startsWith('degraded') || health.recoverAt > at),
    hold: directive !== undefined && directive.expiresAt > at,
  }
  const words = Object.entries(stands).flatMap(([word, yes]) => (yes ? [word] : []))
  return [...whereabouts({ at, breaker }), ...words].join(' ')
}

function eventFor(happening: Happening, context: BreakerContext, at: number): BreakerEvent | undefined {
  const { generation, spell, standing } = context
  const probe = spell.in === 'halfOpen' ? spell.inFlight[0]?.probe : undefined
  const call = { at, generation, probe, healthyOtherwise: false }
  switch (happening.type) {
    case 'deadline': {
      const deadline = nextDeadline(context)
      return deadline && { type: `timer.${deadline.id}`, at: Math.max(at, deadline.at), stats: NO_STATS }
    }
    case 'admit':
      if (spell.in !== 'halfOpen' || spell.admitted >= context.policy.maxProbes) return undefined
      return { type: 'probe.admitted', at, probe: context.nextProbe, timeout: context.policy.probeTimeout }
    case 'succeed':
      return { ...call, type: 'call.succeeded', stats: { ...NO_STATS, calls: 1 } }
    case 'fail':
      return { ...call, type: 'call.failed', failure: 'timeout', stats: { ...NO_STATS, calls: 1, consecutiveFailures: 1 } }
    case 'failForGood':
      return { ...call, type: 'call.failed', failure: 'timeout', stats: { ...NO_STATS, calls: 5, consecutiveFailures: 5 } }
    case 'stall':
      return { type: 'calls.stalled', at, stalled: 5, stats: { ...NO_STATS, consecutiveFailures: 1 } }
    case 'fleetTrip':
      return { type: 'fleet.tripped', at, trip: FLEET_TRIP, stats: NO_STATS }
    case 'ignore':
      return { type: 'call.ignored', at, generation, probe }
    case 'limit':
      return { type: 'limit.hit', at, stats: NO_STATS, limit: { kind: 'limit', mode: happening.mode, until: at + 1_000_000 } }
    case 'budget':
      return {
        type: 'budget.limited',
        at,
        budget: { kind: 'budget', mode: happening.mode, rule: 'daily', until: at + 1_000_000 },
      }
    case 'health':
      return { type: 'health.changed', at, level: happening.level, why: 'quality' }
    case 'hold': {
      const epoch = (standing.directive?.epoch ?? 0) + 1
      const rule = { rule: 'recovery_coordination', reason: 'others first' }
      const directive = { epoch, level: 0, admissionRatio: 1, hold: true, expiresAt: at + 50_000, ...rule } as const
      return { type: 'directive.set', at, directive }
    }
    case 'permit':
      return { type: 'permit.granted', at }
    case 'beginMaintenance':
      return { type: 'command.beginMaintenance', at, until: at + 500_000, ...BY }
    default:
      return { type: `command.${happening.type}`, at, ...BY }
  }
}
