// Which rules stand, at the edges of their conditions, and for how long.
import { expect, it } from 'vitest'
import type { OrchestratorInput, RuleCondition } from '../../../src/model/orchestrator/config.ts'
import type { OrchestratorContext } from '../../../src/model/orchestrator/context.ts'
import { goneBy, latchesAfter, viewOf } from '../../../src/model/orchestrator/rules.ts'
import { systemHealth } from '../../../src/model/orchestrator/systemState.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { CHAINED, contextOf, FOUR, type Places } from './onBoard.ts'

function standing(context: OrchestratorContext, at = 1000): string[] {
  const view = viewOf(context, systemHealth(context, at), context.system.state)
  return Object.keys(latchesAfter(context, view, at))
}

const CASCADE = 'cascade_failure_prevention'
const OVERLOAD = 'system_overload_protection'
const CHAIN = 'dependency_chain_protection'

it.each<[string, Places, Record<string, StatePath>, string[]]>([
  ['nothing', FOUR, {}, []],
  ['one failing', FOUR, { a: 'open.cooling' }, []],
  ['two failing', FOUR, { a: 'open.cooling', b: 'open.awaitingPermit' }, [CASCADE]],
  ['two failing of two', { a: {}, b: {} }, { a: 'open.cooling', b: 'halfOpen' }, [CASCADE]],
  ['a dependency open', CHAINED, { database: 'open.cooling' }, [`${CHAIN}:database`]],
  ['a dependency half-open', CHAINED, { search: 'halfOpen' }, [`${CHAIN}:search`]],
  ['a dependency in maintenance', CHAINED, { search: 'maintenance' }, [`${CHAIN}:search`]],
  ['a dependency out of quota', CHAINED, { search: 'rateLimited.exhausted' }, [`${CHAIN}:search`]],
  ['a dependency out of budget', CHAINED, { search: 'budgetLimited.blocked' }, [`${CHAIN}:search`]],
  ['a dependency paced', CHAINED, { search: 'rateLimited.paced' }, []],
  ['a dependency degraded', CHAINED, { search: 'degraded.level3' }, []],
  ['someone open on whom nobody depends', CHAINED, { web: 'open.cooling' }, []],
])('with %s, those stand that should', (_, places, paths, names) => {
  expect(standing(contextOf(places, paths))).toEqual(names)
})

it('one that an operator has opened is not failing, but others cannot depend on it', () => {
  const forced = { path: 'open.forced', since: 0, failing: false } as const
  const { services } = contextOf(CHAINED)
  expect(standing(contextOf(CHAINED, {}, { services: { ...services, database: forced, mail: forced } }))).toEqual([
    `${CHAIN}:database`,
  ])
})

it.each<[string, number, Record<string, [number, number]>, boolean, boolean]>([
  ['as many failures as it takes', 20, { a: [10, 3], b: [10, 3] }, false, true],
  ['one failure less', 20, { a: [10, 3], b: [10, 2] }, false, false],
  ['one call less than it takes', 19, { a: [10, 5], b: [9, 5] }, false, false],
  ['all failures in one service', 20, { a: [20, 20] }, false, false],
  ['a rate that has fallen, but not to half, once it stands', 20, { a: [20, 4] }, true, true],
  ['a rate that has fallen to half, once it stands', 20, { a: [20, 3] }, true, false],
])('overload: %s', (_, calls, counts, stood, stands) => {
  const services = Object.fromEntries(Object.entries(counts).map(([name, [calls, failures]]) => [name, { calls, failures }]))
  const latches = stood ? { [OVERLOAD]: { since: -20_000, clearSince: -20_000 } } : {}
  expect(standing(contextOf(FOUR, {}, { numbers: { calls, services }, latches })).includes(OVERLOAD)).toBe(stands)
})

const found = { finding: 'cascade' } as const
const aFinding = {
  pattern: 'cascade',
  services: ['a', 'b'],
  strength: 1,
  severity: 'normal',
  interval: { from: 0, to: 1 },
  evidence: { counts: [], occasions: 1, chance: 0, events: [] },
  recommendations: [],
} as const

it.each<[RuleCondition, Record<string, StatePath>, Partial<OrchestratorContext>, boolean]>([
  [{ failingServices: 1 }, { a: 'open.cooling' }, {}, true],
  [{ failingServices: 2 }, { a: 'open.cooling' }, {}, false],
  [{ openShare: 0.5 }, { a: 'open.cooling', b: 'open.forced' }, {}, true],
  [{ openShare: 0.51 }, { a: 'open.cooling', b: 'open.forced' }, {}, false],
  [{ openShare: 0.5 }, { a: 'maintenance', b: 'maintenance', c: 'maintenance', d: 'maintenance' }, {}, false],
  [{ healthBelow: 0.75 }, { a: 'open.cooling' }, {}, false],
  [{ healthBelow: 0.76 }, { a: 'open.cooling' }, {}, true],
  [{ errorRate: 0.5 }, {}, { numbers: { calls: 2, services: { a: { calls: 2, failures: 1 } } } }, true],
  [{ errorRate: 0.51 }, {}, { numbers: { calls: 2, services: { a: { calls: 2, failures: 1 } } } }, false],
  [{ errorRate: 0.5 }, {}, {}, false],
  [{ down: 'a' }, { a: 'halfOpen' }, {}, true],
  [{ down: 'a' }, { a: 'maintenance' }, {}, false],
  [found, {}, { findings: [aFinding] }, true],
  [found, {}, { findings: [{ ...aFinding, pattern: 'burst' }] }, false],
  [{ system: 'critical' }, {}, { system: { state: 'critical', since: 0 } }, true],
  [{ system: 'critical' }, {}, {}, false],
  [{ down: 'a', failingServices: 2 }, { a: 'open.cooling' }, {}, false],
  [{ down: 'a', failingServices: 1 }, { a: 'open.cooling' }, {}, true],
])("a rule of one's own with %j", (when, paths, rest, stands) => {
  const ownRules = [{ name: 'mine', when, then: { degradeTo: 1 as const } }]
  expect(standing(contextOf(FOUR, paths, rest, { ownRules })).includes('mine')).toBe(stands)
})

it('a service that a rule waits for and that is not on the board is not down', () => {
  const ownRules = [{ name: 'mine', when: { down: 'a' }, then: { degradeTo: 1 as const } }]
  expect(standing(contextOf(FOUR, {}, { services: {} }, { ownRules }))).toEqual([])
})

it('a rule in code stands while its verdict says so, and one without any condition never does', () => {
  const context = contextOf(FOUR)
  const rule = { name: 'code', priority: 1, then: {}, hold: 0, clear: 0 }
  const config = { ...context.config!, ownRules: [rule, { ...rule, name: 'empty', when: {} }] }
  expect(standing({ ...context, config, verdicts: ['code'] })).toEqual(['code'])
  expect(standing({ ...context, config, verdicts: [] })).toEqual([])
})

it('rules that are switched off never stand', () => {
  const enabled = false
  const rules: OrchestratorInput['rules'] = {
    [CASCADE]: { enabled },
    [OVERLOAD]: { enabled },
    [CHAIN]: { enabled },
    recovery_coordination: { enabled },
  }
  const numbers = { calls: 100, services: { mail: { calls: 50, failures: 50 }, web: { calls: 50, failures: 50 } } }
  expect(standing(contextOf(CHAINED, { database: 'open.cooling', search: 'open.cooling' }, { numbers }, { rules }))).toEqual([])
})

it('a chain lets go five seconds after its dependency is back, at once when that has left the board', () => {
  const latches = { [`${CHAIN}:search`]: { since: 0 } }
  const context = contextOf(CHAINED, {}, { latches })
  const view = viewOf(context, systemHealth(context, 1000), 'healthy')
  const waiting = latchesAfter(context, view, 1000)
  expect(waiting).toEqual({ [`${CHAIN}:search`]: { since: 0, clearSince: 1000 } })
  expect(latchesAfter({ ...context, latches: waiting }, view, 5999)).toBe(waiting)
  expect(latchesAfter({ ...context, latches: waiting }, view, 6000)).toEqual({})
  expect(standing({ ...context, services: {} })).toEqual([])
  expect([...goneBy({ ...waiting, [CASCADE]: { since: 0 } })]).toEqual(['search'])
})

it('nothing stands where nothing is coordinated', () => {
  expect(standing({ ...contextOf(CHAINED, { database: 'open.cooling' }), config: undefined })).toEqual([])
})
