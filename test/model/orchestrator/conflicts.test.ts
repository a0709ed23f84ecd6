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
    { services, orchestrator: { ownRules: [{ ...rule, when: { down: 'x' }, then: { services: ['a', 'y'] } }] } },
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
