// What is set for the orchestrator and does not go together, with its place and what is allowed there.
import { expect, it } from 'vitest'
import { type Coordinated, orchestratorConflicts } from '../../../src/model/orchestrator/conflicts.ts'

const rule = { name: 'mine', when: { failingServices: 1 }, then: { degradeTo: 1 as const } }
const services = { a: {}, b: {} }
const oneOf = 'one of a, b'
it.each<[string, Coordinated, [string, string][]]>([
  ['nothing', { services, orchestrator: { ownRules: [rule] } }, []],
  ['nothing at all', { services: {} }, []],
  [
    'a dependency that is no service',
    { services: { ...services, a: { dependsOn: ['b', 'x'] } } },
    [['services.a.dependsOn.1', oneOf]],
  ],
  [
    'a dependency named twice',
    { services: { ...services, a: { dependsOn: ['b', 'b'] } } },
    [['services.a.dependsOn.1', 'a service that is not yet among them']],
  ],
  [
    'a circle',
    { services: { a: { dependsOn: ['b'] }, b: { dependsOn: ['a'] } } },
    [['services.a.dependsOn', 'no cycle, but there is a → b → a']],
  ],
  [
    'two circles, and a third that shares a service with the first',
    {
      services: {
        a: { dependsOn: ['b', 'e'] },
        b: { dependsOn: ['a'] },
        c: { dependsOn: ['d'] },
        d: { dependsOn: ['c'] },
        e: { dependsOn: ['a'] },
      },
    },
    [
      ['services.a.dependsOn', 'no cycle, but there is a → b → a'],
      ['services.a.dependsOn', 'no cycle, but there is a → e → a'],
      ['services.c.dependsOn', 'no cycle, but there is c → d → c'],
    ],
  ],
  [
    'a long circle',
    { services: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`s${i}`, { dependsOn: [`s${(i + 1) % 300}`] }])) },
    [['services.s0.dependsOn', 'no cycle, but there is s0 → s1 → … (298 more) → s0']],
  ],
  [
    'a name among many that nobody has',
    { services: { ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`s${i}`, {}])), a: { dependsOn: ['x'] } } },
    [['services.a.dependsOn.0', 'one of s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, … (291 more)']],
  ],
  [
    'a score of return below the floor',
    { services, orchestrator: { healthFloor: 0.8, healthReturn: 0.2 } },
    [['orchestrator.healthReturn', 'healthFloor (0.8) or more, at most 1']],
  ],
  [
    'a rate that lets go above the one that takes hold',
    { services, orchestrator: { rules: { system_overload_protection: { errorRate: 0.3, clearRate: 0.9 } } } },
    [['orchestrator.rules.system_overload_protection.clearRate', 'from 0 to errorRate (0.3)']],
  ],
  ['one of a pair, or both alike', { services, orchestrator: { healthFloor: 0.4, healthReturn: 0.4 } }, []],
  [
    'rules that do nothing',
    {
      services,
      orchestrator: {
        ownRules: [
          { ...rule, name: 'r0', then: {} },
          { ...rule, name: 'r1', then: { admit: 1, hold: false, services: ['a'] } },
          { ...rule, name: 'r2', then: { degradeTo: 1, services: [] } },
          { ...rule, name: 'r3', then: { admit: 0.9 } },
          { ...rule, name: 'r4', then: { hold: true } },
          { ...rule, name: 'r5', then: { degradeOthersBy: 1 } },
        ],
      },
    },
    [
      ['orchestrator.ownRules.0.then', 'at least one of degradeTo, degradeOthersBy, admit (below 1) and hold (true)'],
      ['orchestrator.ownRules.1.then', 'at least one of degradeTo, degradeOthersBy, admit (below 1) and hold (true)'],
      ['orchestrator.ownRules.2.then.services', 'one service at least; left out, it is for all'],
    ],
  ],
  [
    'two rules of one name, and one of ours',
    { services, orchestrator: { ownRules: [rule, rule, { ...rule, name: 'emergency' }] } },
    [
      ['orchestrator.ownRules.1.name', 'a name that no other rule has'],
      ['orchestrator.ownRules.2.name', 'a name that no other rule has'],
    ],
  ],
  [
    'a rule without a condition',
    { services, orchestrator: { ownRules: [{ ...rule, when: {} }] } },
    [['orchestrator.ownRules.0.when', 'at least one condition']],
  ],
  [
    'a rule that names services there are not',
    { services, orchestrator: { ownRules: [{ ...rule, when: { down: 'x' }, then: { degradeTo: 1, services: ['a', 'y'] } }] } },
    [
      ['orchestrator.ownRules.0.when.down', oneOf],
      ['orchestrator.ownRules.0.then.services.1', oneOf],
    ],
  ],
  [
    'a rule that names a service where there are none',
    { services: {}, orchestrator: { ownRules: [{ ...rule, when: { down: 'x' } }] } },
    [['orchestrator.ownRules.0.when.down', 'one of no services']],
  ],
])('%s', (_, config, conflicts) => {
  expect(orchestratorConflicts(config).map(({ path, allowed }) => [path.join('.'), allowed])).toEqual(conflicts)
})

it('of very many only so many are looked for', () => {
  const names = Array.from({ length: 100 }, (_, i) => `s${i}`)
  const unknown = Object.fromEntries(names.map((name) => [name, { dependsOn: ['x'] }]))
  expect(orchestratorConflicts({ services: unknown })).toHaveLength(21)
  const round = Object.fromEntries(names.map((name) => [name, { dependsOn: [name] }]))
  expect(orchestratorConflicts({ services: round })).toHaveLength(21)
})
