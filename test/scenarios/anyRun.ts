// What may happen on any board: dependencies, rules, and what befalls services, as fast-check draws it. Played by anyBoard.ts.
import fc from 'fast-check'
import type { PolicyInput } from '../../src/model/policy.ts'
import type { Signal } from '../../src/model/signals.ts'

export const NAMES = ['s0', 's1', 's2', 's3', 's4', 's5'] as const
export type Name = (typeof NAMES)[number]
const SIGNALS: readonly ((until: number) => Signal)[] = [
  (until) => ({ kind: 'limit', mode: 'exhausted', until }),
  (until) => ({ kind: 'limit', mode: 'paced', until, perSecond: 1 }),
  () => ({ kind: 'limitCleared' }),
  (until) => ({ kind: 'budget', mode: 'blocked', until, rule: 'a day' }),
  (until) => ({ kind: 'budget', mode: 'throttled', share: 0.5, until, rule: 'a month' }),
  () => ({ kind: 'health', level: 2, reason: 'poor answers' }),
  () => ({ kind: 'health', level: 0, reason: 'good answers' }),
]
const CHANGES: readonly PolicyInput[] = [{ rampDuration: 3000 }, { recoveryTimeout: 500 }, { recoveryTimeout: 40_000 }]

export type Step =
  | { readonly do: 'turn'; readonly on: readonly Name[]; readonly well: boolean }
  | { readonly do: 'pass'; readonly seconds: number }
  | { readonly do: 'silence'; readonly on: readonly Name[] }
  | { readonly do: 'trip' | 'reset' | 'maintain' | 'end'; readonly on: Name }
  | { readonly do: 'disable' | 'enable'; readonly on: Name }
  | { readonly do: 'tripAll' | 'recoverAll' | 'beginMaintenance' | 'endMaintenance'; readonly on?: readonly Name[] | undefined }
  | { readonly do: 'signal'; readonly on: Name; readonly signal: (until: number) => Signal; readonly ms: number }
  | { readonly do: 'reconfigure'; readonly on: Name; readonly change: PolicyInput }
  | { readonly do: 'direct'; readonly on: Name; readonly level: 0 | 1 | 2; readonly hold: boolean; readonly ms: number }

const name = fc.constantFrom(...NAMES)
const some = fc.oneof(fc.subarray([...NAMES]), fc.constant([...NAMES]))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('turn' as const), on: some, well: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('silence' as const), on: fc.subarray([...NAMES]) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('trip' as const, 'reset' as const, 'maintain' as const, 'end' as const),
      on: name,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('disable' as const, 'enable' as const), on: name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('tripAll' as const, 'recoverAll' as const, 'beginMaintenance' as const, 'endMaintenance' as const),
      on: fc.option(fc.subarray([...NAMES], { minLength: 1 }), { nil: undefined, freq: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('signal' as const),
      on: name,
      signal: fc.constantFrom(...SIGNALS),
      ms: fc.integer({ min: 500, max: 20_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconfigure' as const), on: name, change: fc.constantFrom(...CHANGES) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('direct' as const),
      on: name,
      level: fc.constantFrom(0 as const, 1 as const, 2 as const),
      hold: fc.boolean(),
      ms: fc.integer({ min: 500, max: 20_000 }),
    }),
  },
)
/** Of every service, which of those before it it depends on: no cycle can come of it. */
const edges = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(...NAMES.map((_, i) => fc.subarray(NAMES.slice(0, i), { maxLength: Math.min(2, i) }))) },
  { weight: 1, arbitrary: fc.constant(NAMES.map((_, i) => NAMES.slice(Math.max(0, i - 1), i))) },
)
const times = { hold: fc.integer({ min: 0, max: 5000 }), clear: fc.integer({ min: 0, max: 5000 }) }
const then = fc.constantFrom(
  { degradeOthersBy: 1 as const },
  { degradeTo: 2 as const },
  { admit: 0.5 },
  { hold: true, services: ['s5'] },
)
const when = fc.constantFrom(
  { failingServices: 1 },
  { openShare: 0.5 },
  { errorRate: 0.1 },
  { healthBelow: 0.7 },
  { system: 'critical' as const },
  { down: 's0' },
  { finding: 'common_cause' as const },
  { finding: 'system_wide' as const },
)
const rule = fc.option(
  // A rule that holds a service for as long as that service is failing is its user's mistake, and stands for ever.
  fc.record({ when, then, ...times }).filter(({ when, then }) => !('failingServices' in when && 'hold' in then)),
  { nil: undefined, freq: 2 },
)
/** A condition in code: the service that it goes by is not well. */
const codeRule = fc.option(fc.record({ of: name, then, ...times }), { nil: undefined, freq: 2 })

export const anyRun = fc.record({
  seed: fc.integer(),
  edges,
  rule,
  codeRule,
  critical: fc.subarray([...NAMES]),
  /** Those that fail without tripping: there can be an overload only where calls go on. */
  tough: fc.oneof(fc.constant<Name[]>([]), fc.subarray([...NAMES], { minLength: 2, maxLength: 4 })),
  ramp: fc.constantFrom(0, 2000),
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
})
export type Run = typeof anyRun extends fc.Arbitrary<infer R> ? R : never
