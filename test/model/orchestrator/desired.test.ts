// What each service should be asked, and the difference to what it was last told.
import { expect, it } from 'vitest'
import type { OrchestratorInput } from '../../../src/model/orchestrator/config.ts'
import type { OrchestratorContext } from '../../../src/model/orchestrator/context.ts'
import { directivesAt, inForce, isHeldBy } from '../../../src/model/orchestrator/desired.ts'
import { viewOf } from '../../../src/model/orchestrator/rules.ts'
import { systemHealth } from '../../../src/model/orchestrator/systemState.ts'
import { listed, type Wish, wantedBy, wishesOf } from '../../../src/model/orchestrator/wishes.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { ASKED, CHAINED, contextOf, FOUR, type Places, said } from './onBoard.ts'

const CASCADE = 'cascade_failure_prevention'
const CHAIN = 'dependency_chain_protection'
const stands = { since: 0 }
const ebbs = { since: 0, clearSince: 0 }

function wishes(context: OrchestratorContext) {
  return wishesOf(context, viewOf(context, systemHealth(context, 1000), context.system.state))
}

function asked(context: OrchestratorContext, at = 1000): string[] {
  return said(directivesAt(context, wishes(context), at).map((one) => ({ type: 'directive', at, ...one })))
}

const own = (then: NonNullable<OrchestratorInput['ownRules']>[number]['then'], priority = 1): OrchestratorInput => ({
  ownRules: [{ name: 'mine', priority, when: { down: 'a' }, then }],
})

it.each<[string, Places, Record<string, StatePath>, Partial<OrchestratorContext>, OrchestratorInput, string[]]>([
  ['nothing when nothing stands', FOUR, { a: 'open.cooling' }, {}, {}, []],
  [
    'one level of those that do their ordinary work, in a cascade',
    { ...FOUR, e: {}, f: {} },
    { a: 'open.cooling', b: 'halfOpen', c: 'closed.ramping', d: 'maintenance', e: 'degraded.level1' },
    { latches: { [CASCADE]: stands } },
    {},
    [`e: 1 (${CASCADE})`, `f: 1 (${CASCADE})`],
  ],
  [
    'half of the calls, when overloaded',
    { a: {}, b: {} },
    {},
    { latches: { system_overload_protection: stands } },
    {},
    ['a: 0 ×0.5 (system_overload_protection)', 'b: 0 ×0.5 (system_overload_protection)'],
  ],
  [
    'one level of whatever depends on it, and what others want more on top',
    CHAINED,
    { database: 'open.cooling' },
    { latches: { [`${CHAIN}:database`]: stands, [CASCADE]: stands } },
    {},
    [`search: 2 (${CASCADE})`, `web: 2 (${CASCADE})`, `mail: 1 (${CASCADE})`],
  ],
  [
    'in an emergency two levels of those that are not critical',
    { ...FOUR, a: { critical: true } },
    { b: 'open.cooling' },
    { system: { state: 'emergency', since: 0 } },
    {},
    ['c: 2 (emergency)', 'd: 2 (emergency)'],
  ],
  ['nothing in an emergency in which nobody is critical', FOUR, {}, { system: { state: 'emergency', since: 0 } }, {}, []],
  [
    'of a rule of its own, no more than there is',
    { a: {}, b: {} },
    {},
    { latches: { mine: stands, [CASCADE]: stands } },
    own({ degradeTo: 3, admit: 0.1, services: ['b'] }),
    [`a: 1 (${CASCADE})`, `b: 3 ×0.1 (${CASCADE})`],
  ],
  [
    'under the name of the rule that goes before',
    { a: {}, b: {} },
    {},
    { latches: { mine: stands, [CASCADE]: stands } },
    own({ degradeOthersBy: 1 }, 11),
    ['a: 1 (mine)', 'b: 1 (mine)'],
  ],
  [
    'under the name of the first of two that are equals',
    { a: {}, b: {} },
    {},
    { latches: { mine: stands, [CASCADE]: stands } },
    own({ degradeTo: 1 }, 10),
    [`a: 2 (${CASCADE})`, `b: 2 (${CASCADE})`],
  ],
  [
    'a hold even of those that are down',
    { a: {}, b: {} },
    { a: 'open.cooling' },
    { latches: { mine: stands } },
    own({ hold: true }),
    ['a: 0 held (mine)', 'b: 0 held (mine)'],
  ],
  [
    'what users have told, as one wish among others',
    { a: {}, b: {} },
    {},
    { latches: { [CASCADE]: stands }, told: { a: { ...ASKED, level: 2, admissionRatio: 0.3, hold: true } } },
    {},
    [`a: 3 ×0.3 held (${CASCADE})`, `b: 1 (${CASCADE})`],
  ],
  [
    'a service that waits for its turn to hold still, unless it may probe',
    { a: {}, b: {}, c: {} },
    { a: 'open.awaitingPermit', b: 'open.awaitingPermit' },
    { granted: { b: 1000 } },
    {},
    ['a: 0 held (recovery_coordination)'],
  ],
  [
    'nobody to wait where recovery is not coordinated',
    { a: {}, b: {} },
    { a: 'open.awaitingPermit' },
    {},
    { rules: { recovery_coordination: { enabled: false } } },
    [],
  ],
  ['nothing of a service that is alone', { a: {} }, {}, { latches: { [CASCADE]: stands } }, {}, []],
])('asks %s', (_, places, paths, rest, orchestrator, lines) => {
  expect(asked(contextOf(places, paths, rest, orchestrator))).toEqual(lines)
})

it('a rule that is about to let go keeps whom it has and takes in nobody new', () => {
  const wanted = { b: [CASCADE], web: [CHAIN], mail: [CASCADE] }
  expect(asked(contextOf(FOUR, {}, { latches: { [CASCADE]: ebbs }, wanted }))).toEqual([`b: 1 (${CASCADE})`])
  const latches = { [`${CHAIN}:database`]: ebbs }
  expect(asked(contextOf(CHAINED, {}, { latches, wanted }))).toEqual([`web: 1 (${CHAIN})`])
  // Those that come back have to prove themselves as it is.
  expect(asked(contextOf(CHAINED, { web: 'halfOpen' }, { latches, wanted }))).toEqual([])
  expect(asked(contextOf(CHAINED, { web: 'closed.ramping' }, { latches, wanted }))).toEqual([])
  expect(asked(contextOf(CHAINED, { database: 'open.cooling', web: 'open.cooling' }, { latches }))).toEqual([
    `search: 1 (${CHAIN})`,
    `web: 1 (${CHAIN})`,
  ])
})

it.each<[number, number]>([
  [14_999, 0],
  [15_000, 2],
  [29_999, 2],
  [30_000, 2],
])('renews a directive at half its lifetime: at %d ms, %d are said again', (at, count) => {
  const force = Object.fromEntries(['a', 'b'].map((name) => [name, { ...ASKED, rule: CASCADE }]))
  expect(asked(contextOf({ a: {}, b: {} }, {}, { latches: { [CASCADE]: stands }, force }), at)).toHaveLength(count)
})

it.each([
  ['level', { level: 2 }],
  ['share', { admissionRatio: 0.5 }],
  ['hold', { hold: true }],
  ['rule', { rule: 'another' }],
] as const)('says it anew when the %s is another', (_, differs) => {
  const force = { a: { ...ASKED, rule: CASCADE, ...differs }, b: { ...ASKED, rule: CASCADE } }
  expect(asked(contextOf({ a: {}, b: {} }, {}, { latches: { [CASCADE]: stands }, force }))).toEqual([`a: 1 (${CASCADE})`])
})

it('lets go of what nobody wants any more, and gives way to what a user still does', () => {
  const force = { a: { ...ASKED, rule: CASCADE }, b: { ...ASKED, rule: CASCADE }, c: ASKED }
  const context = contextOf(FOUR, {}, { force, told: { b: ASKED, c: ASKED }, epoch: 6 })
  const directives = directivesAt(context, wishes(context), 1000)
  expect(directives.map(({ service, directive }) => [service, directive.rule, directive.epoch, directive.reason])).toEqual([
    ['a', 'released', 7, `${CASCADE} has let go`],
    ['b', 'ours', 7, 'a drill'],
  ])
  expect(directives[0]?.directive.expiresAt).toBe(1000)
  expect(asked({ ...context, force: { a: { ...ASKED, expiresAt: 1000 } } })).toEqual([])
  expect(asked({ ...context, force: { a: { ...ASKED, rule: 'released' } } })).toEqual([])
})

it('orders nothing where nothing is coordinated', () => {
  const context = { ...contextOf(FOUR, {}, { latches: { [CASCADE]: stands } }), config: undefined }
  expect(asked(context)).toEqual([])
})

it('a directive is in force until the moment of its expiry', () => {
  expect(inForce(ASKED, 29_999)).toBe(ASKED)
  expect(inForce(ASKED, 30_000)).toBeUndefined()
  expect(inForce(undefined, 0)).toBeUndefined()
})

it('whom a user or a rule holds is held', () => {
  const hold = { hold: true } as Wish
  const isHeld = isHeldBy(contextOf(FOUR, {}, { told: { a: { ...ASKED, hold: true }, d: ASKED } }), new Map([['b', [hold]]]))
  expect(Object.keys(FOUR).filter(isHeld)).toEqual(['a', 'b'])
})

it('who is wanted by which rules stays the same object while it is the same', () => {
  const context = contextOf({ a: {}, b: {} }, {}, { latches: { [CASCADE]: stands } })
  const wanted = wantedBy({}, wishes(context))
  expect(wanted).toEqual({ a: [CASCADE], b: [CASCADE] })
  expect(wantedBy(wanted, wishes(context))).toBe(wanted)
  expect(wantedBy({ a: [CASCADE], b: ['another'] }, wishes(context))).toEqual(wanted)
  expect(wantedBy({ a: [CASCADE], c: [CASCADE] }, wishes(context))).toEqual(wanted)
})

it.each([
  [['a'], 'a'],
  [['a', 'b', 'c'], 'a, b, c'],
  [['a', 'b', 'c', 'd', 'e'], 'a, b, c and 2 more'],
])('lists %j as "%s"', (names, words) => {
  expect(listed(names)).toBe(words)
})
