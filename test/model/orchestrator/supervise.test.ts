// An orchestrator through a life of events: emergencies that last, failing and not failing, what users tell, commands, restarts;
// and that what it has found out about a context is never more than a shortcut.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OrchestratorContext, SupervisorEvent } from '../../../src/model/orchestrator/context.ts'
import { initialContext } from '../../../src/model/orchestrator/context.ts'
import { isQuiet, supervise } from '../../../src/model/orchestrator/supervise.ts'
import { STATE_PATHS, type StatePath } from '../../../src/model/states.ts'
import { ASKED, CHAINED, contextOf, FOUR, life, type Places, said } from './onBoard.ts'

const MINUTE = 60_000
const OFF = { enabled: false } as const
const RULES = { cascade_failure_prevention: OFF, system_overload_protection: OFF }
const CRITICAL: Places = { a: { critical: true }, b: {}, c: {}, d: {} }

describe('an emergency', () => {
  it('that is none the better when it is looked at afresh goes on, told of again, for as long again', () => {
    const one = life(CRITICAL, { rules: RULES })
    for (const name of ['b', 'c', 'd']) one.moves(1000, name, 'open.forced')
    expect(one.context.system.state).toBe('critical')
    expect(said(one.moves(1000, 'a', 'open.forced'))).toEqual([
      'critical → emergency',
      'critical: the system is in an emergency: 4 of 4 services open, health 0.00',
    ])
    expect(one.looks(1000 + 30 * MINUTE - 1)).toEqual([])
    expect(one.context.system).toEqual({ state: 'emergency', since: 1000 })
    expect(said(one.looks(1000 + 30 * MINUTE))).toEqual([
      'critical: the system is in an emergency: 4 of 4 services open, health 0.00',
    ])
    expect(one.context.system).toEqual({ state: 'emergency', since: 1000 + 30 * MINUTE })
    // It has begun anew: health must return, being above the floor is not enough.
    one.moves(31 * MINUTE, 'a', 'closed.watching')
    expect(one.context.system.state).toBe('emergency')
    one.looks(1000 + 60 * MINUTE - 1)
    expect(one.context.system.state).toBe('emergency')
    one.looks(1000 + 60 * MINUTE)
    expect(one.context.system).toEqual({ state: 'critical', since: 1000 + 60 * MINUTE })
  })

  it('keeps on asking less of who is not critical, and lets one at a time recover', () => {
    const one = life({ ...CRITICAL, e: {}, f: {} }, { rules: { ...RULES, dependency_chain_protection: OFF } })
    for (const name of ['a', 'b', 'c']) one.moves(0, name, 'open.forced')
    expect(said(one.moves(0, 'd', 'open.forced')).slice(2)).toEqual(['e: 2 (emergency)', 'f: 2 (emergency)'])
    expect(said(one.moves(0, 'e', 'open.cooling'))).toEqual(['e: 0 (released)'])
    expect(said(one.looks(14_999))).toEqual([])
    expect(said(one.looks(15_000))).toEqual(['f: 2 (emergency)'])
    expect(said(one.moves(16_000, 'e', 'open.awaitingPermit'))).toEqual(['e may probe'])
    expect(said(one.moves(17_000, 'd', 'open.awaitingPermit'))).toEqual(['d: 0 held (recovery_coordination)'])
    one.moves(17_000, 'e', 'halfOpen')
    expect(said(one.moves(18_000, 'e', 'open.cooling'))).toEqual(['d: 0 (released)', 'd may probe'])
  })
})

it.each<[StatePath[], boolean]>([
  [['open.cooling'], true],
  [['open.cooling', 'open.awaitingPermit'], true],
  [['open.cooling', 'open.awaitingPermit', 'halfOpen'], true],
  [['open.cooling', 'open.awaitingPermit', 'halfOpen', 'closed.ramping'], false],
  [['open.forced'], false],
  [['open.cooling', 'open.forced'], false],
  [['maintenance', 'halfOpen'], false],
  [['open.cooling', 'maintenance', 'halfOpen'], false],
  [['degraded.level3'], false],
])('a service that went through %j is failing: %s', (paths, failing) => {
  const one = life(FOUR)
  for (const path of paths) one.moves(5, 'a', path)
  expect(one.context.services.a?.failing).toBe(failing)
})

describe('what a user tells a breaker', () => {
  const heard = (at: number, service: string, part: Partial<typeof ASKED>): SupervisorEvent => ({
    type: 'directive.heard',
    at,
    service,
    directive: { ...ASKED, ...part },
  })

  it('stands until it lapses, or asks nothing, or comes too late', () => {
    const one = life(FOUR)
    one.hears(heard(0, 'a', { epoch: 5 }))
    one.hears(heard(0, 'b', { epoch: 5, level: 0, hold: true }))
    one.hears(heard(0, 'c', { epoch: 5, level: 0, admissionRatio: 0.5, expiresAt: 40_000 }))
    one.hears(heard(0, 'd', { epoch: 5, level: 0 }))
    one.hears(heard(0, 'gone', { epoch: 9 }))
    expect(Object.keys(one.context.told)).toEqual(['a', 'b', 'c'])
    // What asks nothing is taken back at once, by a directive of its own.
    expect(one.context.epoch).toBe(6)
    one.hears(heard(1, 'a', { epoch: 4, level: 0 }))
    expect(one.context.told.a?.epoch).toBe(5)
    one.hears(heard(1, 'b', { epoch: 5, level: 0, hold: false }))
    expect(Object.keys(one.context.told)).toEqual(['a', 'c'])
    one.looks(29_999)
    expect(Object.keys(one.context.told)).toEqual(['a', 'c'])
    one.looks(30_000)
    expect(Object.keys(one.context.told)).toEqual(['c'])
    one.hears(heard(30_001, 'c', { epoch: 6, expiresAt: 30_001 }))
    expect(one.context.told).toEqual({})
  })
})

it('forgets all of a service that leaves the board', () => {
  const one = life(CHAINED)
  one.moves(1, 'database', 'open.cooling')
  one.hears({ type: 'directive.heard', at: 1, service: 'database', directive: ASKED })
  one.hears({ type: 'breaker.removed', at: 2, service: 'database' })
  one.hears({ type: 'breaker.removed', at: 2, service: 'database' })
  expect(Object.keys(one.context.services)).toEqual(['search', 'web', 'mail'])
  expect(one.context).toMatchObject({ force: { search: { rule: 'released' } }, told: {}, roots: {}, granted: {}, latches: {} })
})

it('when all is said to be well, what stood stands no longer, but for those that were not meant', () => {
  const one = life(FOUR)
  one.moves(1, 'a', 'open.cooling')
  one.moves(1, 'b', 'open.cooling')
  expect(Object.keys(one.context.latches)).toEqual(['cascade_failure_prevention'])
  one.hears({ type: 'command.given', at: 2, command: { name: 'tripAll', by: 'ann', why: '', services: [] } })
  expect(Object.keys(one.context.latches)).toEqual(['cascade_failure_prevention'])
  const effects = one.hears({
    type: 'command.given',
    at: 2,
    command: { name: 'recoverAll', by: 'ann', why: '', services: ['a'] },
  })
  // Told of as a warning a moment ago: that it is better is no news.
  expect(said(effects)).toEqual(['a: reset', 'critical → degraded', 'c: 0 (released)', 'd: 0 (released)'])
  expect(one.context.services).toMatchObject({ a: { path: 'closed.watching', failing: false }, b: { failing: true } })
  one.hears({ type: 'command.given', at: 3, command: { name: 'recoverAll', by: 'ann', why: '' } })
  expect(one.context.system.state).toBe('healthy')
})

it('a finding stands, once for the same services, until it is over', () => {
  const one = life(FOUR)
  const finding = {
    pattern: 'burst',
    services: ['a'],
    strength: 1,
    severity: 'normal',
    interval: { from: 0, to: 1 },
    evidence: { counts: [], occasions: 1, chance: 0, events: [] },
    recommendations: ['Look.'],
  } as const
  const make = (at: number, over: boolean) => said(one.hears({ type: 'finding.made', at, finding, over }))
  expect(make(0, false)).toEqual(['found: burst', 'warning: burst among a: Look.'])
  expect(make(1, false)).toEqual(['found: burst'])
  expect(one.context.findings).toHaveLength(1)
  expect(isQuiet(one.context, 1)).toBe(false)
  expect(make(2, true)).toEqual(['over: burst'])
  expect(one.context.findings).toEqual([])
  expect(isQuiet(one.context, 2)).toBe(true)
})

it('what was counted is kept while something is the matter, and no longer', () => {
  const one = life(FOUR)
  const counted = { calls: 9, services: { a: { calls: 9, failures: 1 } } }
  one.looks(1, counted)
  expect(one.context.numbers).toEqual({ calls: 0, services: {} })
  one.moves(2, 'a', 'open.cooling')
  one.looks(3, counted)
  expect(one.context.numbers).toEqual(counted)
})

it.each<[string, Partial<OrchestratorContext>, boolean]>([
  ['nothing', {}, true],
  ['a directive in force', { force: { a: { ...ASKED, expiresAt: 10 } } }, false],
  ['a directive that has lapsed', { force: { a: { ...ASKED, expiresAt: 9 } } }, true],
  ['a wish of a user', { told: { a: ASKED } }, false],
  ['a rule', { latches: { mine: { since: 0 } } }, false],
  ['a root', { roots: { a: { since: 0, failures: {} } } }, false],
  ['a recovery', { granted: { a: 0 } }, false],
  ['a state of the system', { system: { state: 'degraded', since: 0 } }, false],
  ['someone failing', { services: { a: { path: 'halfOpen', since: 0, failing: true } } }, false],
  ['someone waiting', { services: { a: { path: 'open.awaitingPermit', since: 0, failing: false } } }, false],
])('with %s, there is nothing to look at: %s', (_, rest, quiet) => {
  expect(isQuiet(contextOf(FOUR, {}, rest), 9)).toBe(quiet)
})

describe('where nothing is coordinated', () => {
  it('who is ready to probe may, and that is all', () => {
    let context = initialContext(undefined, 0)
    const hears = (event: SupervisorEvent) => {
      const after = supervise(context, event)
      context = after.context
      expect(after.judgement).toBeUndefined()
      return said(after.effects)
    }
    const moved = { type: 'breaker.moved', at: 1, service: 'a', from: 'closed.watching' } as const
    hears({ type: 'breaker.added', at: 0, service: 'a' })
    expect(hears({ ...moved, to: 'open.cooling' })).toEqual([])
    expect(hears({ ...moved, to: 'open.awaitingPermit' })).toEqual(['a may probe'])
    expect(hears({ type: 'restore', at: 2, saved: undefined, paths: { a: 'maintenance' }, epoch: 3 })).toEqual([])
    expect(context).toMatchObject({ services: { a: { path: 'maintenance', since: 2 } }, epoch: 3 })
  })

  it('nor does a breaker of a key, which the board does not know, wait for a turn', () => {
    const one = life(FOUR)
    const before = one.context
    expect(said(one.moves(1, 'a#key', 'open.awaitingPermit'))).toEqual(['a#key may probe'])
    expect(one.context).toBe(before)
  })
})

it('after a restart goes on from what was saved, but for breakers that stand elsewhere by now', () => {
  const before = life(FOUR)
  for (const name of ['a', 'b']) before.moves(1, name, 'open.cooling')
  const { config: _, ...saved } = before.context
  const after = life(FOUR)
  const paths = { a: 'open.cooling', b: 'open.awaitingPermit', c: 'degraded.level1' } as const
  expect(after.hears({ type: 'restore', at: 50, saved, paths, epoch: 1 })).toEqual([])
  expect(after.context.services).toEqual({
    a: { path: 'open.cooling', since: 1, failing: true },
    b: { path: 'open.awaitingPermit', since: 50, failing: true },
    c: { path: 'degraded.level1', since: 50, failing: false },
    d: { path: 'closed.watching', since: 0, failing: false },
  })
  expect(after.context).toMatchObject({ latches: saved.latches, force: saved.force, epoch: Math.max(1, saved.epoch) })
})

it('goes on from a context that was written down and read again just as from the context itself', () => {
  const name = fc.constantFrom('database', 'search', 'web', 'mail')
  const step = fc.record({
    after: fc.constantFrom(0, 0, 1000, 5000, 15_000, 31 * MINUTE),
    service: name,
    to: fc.constantFrom(...STATE_PATHS),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      let at = 0
      let warm = contextOf({ ...CHAINED, mail: { critical: true } })
      let cold = warm
      for (const { after, service, to } of steps) {
        at += after
        const event = { type: 'breaker.moved', at, service, from: warm.services[service]!.path, to } as const
        const { config, ...rest } = cold
        const read = { ...(JSON.parse(JSON.stringify(rest)) as typeof rest), config }
        const [one, other] = [supervise(warm, event), supervise(read, event)]
        expect(other.effects).toEqual(one.effects)
        expect(JSON.parse(JSON.stringify(other.context))).toEqual(JSON.parse(JSON.stringify(one.context)))
        warm = one.context
        cold = other.context
      }
    }),
    { numRuns: 60 },
  )
})
