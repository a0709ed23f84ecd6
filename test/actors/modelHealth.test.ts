// How healthy a model is, by its breaker, and which of a list to ask.
import { expect, onTestFinished, test } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import { KeyedBreakers } from '../../src/actors/keyedBreakers.ts'
import { healthiestModel, modelKey, modelScore } from '../../src/actors/modelHealth.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'

const by = { by: 'ann', why: 'because' }

function setUp(policy: PolicyInput = {}) {
  const clock = new VirtualClock()
  const board = new Board({ clock, bus: new MemoryBus(), profileFor: (kind) => profileFor(kind), seed: 7, software: 'test' })
  onTestFinished(() => board.stop())
  const keyed = new KeyedBreakers(board, board.add('openai', 'openai', resolvePolicy('openai', policy), clock.now()))
  const of = (model: string): Breaker => keyed.get(modelKey(model) ?? '')
  return { clock, keyed, of }
}

function calls(breaker: Breaker, successes: number, failures: number, microseconds = 1000): void {
  const at = Math.floor(breaker.clock.now())
  const { generation } = breaker.gate
  for (let i = 0; i < successes; i++) breaker.succeed(at, microseconds, generation, undefined)
  for (let i = 0; i < failures; i++) breaker.fail(at, microseconds, generation, undefined, { type: 'http_error' })
}

const quiet: PolicyInput = {
  trip: { consecutiveFailures: false, failureRate: false, slowCallRate: { threshold: 1, slowerThanMs: 100, minimumCalls: 1000 } },
  degrade: false,
}

test.each<[string, number, number, number]>([
  ['no calls', 0, 0, 1],
  ['a success', 1, 0, 1],
  ['a hundred successes', 100, 0, 1],
  ['a failure', 0, 1, 1 / 2],
  ['three failures', 0, 3, 1 / 4],
  ['one failure in four', 3, 1, 4 / 5],
])('%s', (_, successes, failures, score) => {
  const { of } = setUp(quiet)
  calls(of('gpt-4o'), successes, failures)
  expect(modelScore(of('gpt-4o'))).toBeCloseTo(score, 10)
})

test('slow calls take up to half away', () => {
  const { of } = setUp(quiet)
  calls(of('half'), 2, 0, 200_000)
  calls(of('half'), 2, 0)
  calls(of('all'), 4, 0, 200_000)
  expect([modelScore(of('half')), modelScore(of('all'))]).toEqual([0.75, 0.5])
})

test('what has left the window is forgotten', () => {
  const { of, clock } = setUp(quiet)
  calls(of('gpt-4o'), 0, 3)
  clock.advance(61_000)
  expect(modelScore(of('gpt-4o'))).toBe(1)
})

test.each([1, 2, 3] as const)('degradation level %d takes a quarter for each level', (level) => {
  const { of, clock } = setUp({ levels: [{}, {}, { admit: 'all' }] })
  of('gpt-4o').signal(clock.now(), { kind: 'health', level, reason: 'test' })
  expect(modelScore(of('gpt-4o'))).toBe(1 - level / 4)
})

test('an open model has no health, a closed one all', () => {
  const { of, clock } = setUp({ recoveryTimeout: 1_000, permitTimeout: 1_000, recoveryJitter: { from: 1, to: 1 } })
  const breaker = of('gpt-4o')
  for (let i = 0; i < 3; i++) calls(breaker, 0, 1)
  breaker.command(clock.now(), { name: 'trip', ...by })
  expect(modelScore(breaker)).toBe(0)
  breaker.command(clock.now(), { name: 'reset', ...by })
  expect(modelScore(breaker)).toBe(1)
})

test('a half-open model is not yet known to be well', () => {
  const { of, clock } = setUp({ ...quiet, recoveryTimeout: 1_000, permitTimeout: 1_000 })
  const breaker = of('gpt-4o')
  const at = clock.now()
  breaker.fail(at, 1000, breaker.gate.generation, undefined, { type: 'authentication' })
  while (breaker.path !== 'halfOpen') clock.advance(500)
  expect(modelScore(breaker)).toBeGreaterThan(0)
  expect(modelScore(breaker)).toBeLessThanOrEqual(0.25)
})

test('the healthiest of a list is asked, the first of equals, and never one that would refuse', () => {
  const { keyed, of, clock } = setUp(quiet)
  expect(healthiestModel(keyed, ['a', 'b'])).toBe('a')
  calls(of('a'), 3, 1)
  expect(healthiestModel(keyed, ['a', 'b'])).toBe('b')
  calls(of('b'), 0, 1)
  expect(healthiestModel(keyed, ['a', 'b'])).toBe('a')
  of('a').command(clock.now(), { name: 'trip', ...by })
  expect(healthiestModel(keyed, ['a', 'b'])).toBe('b')
  of('b').command(clock.now(), { name: 'trip', ...by })
  expect(healthiestModel(keyed, ['a', 'b'])).toBeUndefined()
  expect(healthiestModel(keyed, [])).toBeUndefined()
})

test('asking for the healthiest hangs no breakers on the board', () => {
  const { keyed } = setUp()
  healthiestModel(keyed, ['a', 'b'])
  expect(keyed.size).toBe(0)
})

test('a name that is too long has no key, and is not asked', () => {
  const { keyed } = setUp()
  const long = 'm'.repeat(600)
  expect(modelKey(long)).toBeUndefined()
  expect(healthiestModel(keyed, [long, 'b'])).toBe('b')
})

test('a key is that of the handle, for any name', () => {
  for (const name of ['gpt-4o', 'org/model:7b', 'ü %', '\uD800']) expect(modelKey(name)).toBe(modelKey(name))
  expect(modelKey('org/model:7b')).toBe('org/model:7b')
  expect(modelKey('\uD800')).toBe('\uFFFD')
  for (let i = 0; i < 1100; i++) expect(modelKey(`model-${i}`)).toBe(`model-${i}`)
})

test('a breaker that was taken off has no health', () => {
  const { of } = setUp()
  const breaker = of('gpt-4o')
  breaker.dispose()
  expect(modelScore(breaker)).toBe(0)
})
