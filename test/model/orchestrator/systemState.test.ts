// The state of the system at its edges: half open, half degraded, the floor of the health score, and the way out of an emergency.
import { expect, it } from 'vitest'
import { parseConfig } from '../../../src/model/config.ts'
import { initialContext, type OrchestratorContext } from '../../../src/model/orchestrator/context.ts'
import { systemHealth, systemStateAfter } from '../../../src/model/orchestrator/systemState.ts'
import type { StatePath } from '../../../src/model/states.ts'

function context(
  paths: readonly StatePath[],
  critical = 0,
  state: OrchestratorContext['system']['state'] = 'healthy',
): OrchestratorContext {
  const names = paths.map((_, i) => `s${i}`)
  const services = Object.fromEntries(names.map((name, i) => [name, { critical: i < critical }]))
  return {
    ...initialContext(parseConfig({ services }).orchestrator, 0),
    services: Object.fromEntries(names.map((name, i) => [name, { path: paths[i]!, since: 0, failing: false }])),
    system: { state, since: 0 },
  }
}

function stateOf(of: OrchestratorContext, at = 1000): string {
  return systemStateAfter(of, systemHealth(of, at), at)
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
const well = (count: number): StatePath[] => times(count, 'closed.watching')
const shut = (count: number): StatePath[] => times(count, 'open.cooling')
const bent = (count: number): StatePath[] => times(count, 'degraded.level1')

it.each<[string, StatePath[], string]>([
  ['nobody', [], 'healthy'],
  ['all well', well(4), 'healthy'],
  ['one of nine open', [...shut(1), ...well(8)], 'degraded'],
  ['one half-open', ['halfOpen', ...well(8)], 'degraded'],
  ['less than half open', [...shut(2), ...well(3)], 'degraded'],
  ['half open', [...shut(2), ...well(2)], 'critical'],
  ['less than half degraded', [...bent(2), ...well(3)], 'healthy'],
  ['half degraded', [...bent(2), ...well(2)], 'degraded'],
  ['health at the floor', [...shut(7), ...well(3)], 'critical'],
  ['health below the floor', [...shut(8), ...well(3)], 'emergency'],
  ['half in maintenance, which was planned', ['maintenance', 'maintenance', ...well(2)], 'healthy'],
  ['all in maintenance', ['maintenance', 'maintenance'], 'healthy'],
])('with %s, the system is as it should be', (_, paths, state) => {
  expect(stateOf(context(paths))).toBe(state)
})

it('two critical services open are no emergency yet, three are', () => {
  expect(stateOf(context([...shut(2), ...well(20)], 3))).toBe('degraded')
  expect(stateOf(context([...shut(3), ...well(20)], 3))).toBe('emergency')
})

it('an emergency lasts until health has returned, or for its time', () => {
  const between = [...shut(6), ...well(4)]
  expect(stateOf(context(between))).toBe('critical')
  expect(stateOf(context(between, 0, 'emergency'))).toBe('emergency')
  expect(stateOf(context(between, 0, 'emergency'), 1_799_999)).toBe('emergency')
  expect(stateOf(context(between, 0, 'emergency'), 1_800_000)).toBe('critical')
  expect(stateOf(context([...shut(5), ...well(5)], 0, 'emergency'))).toBe('critical')
})

it('what the orchestrator itself has asked does not count as an ill', () => {
  const all = context(bent(4))
  const directive = { epoch: 1, level: 1, admissionRatio: 1, hold: false, expiresAt: 5000, rule: 'r', reason: '' } as const
  const directed = { ...all, force: Object.fromEntries(Object.keys(all.services).map((name) => [name, directive])) }
  expect(systemHealth(all, 1000)).toMatchObject({ score: 0.8, degraded: 4 })
  expect(systemHealth(directed, 1000)).toMatchObject({ score: 1, degraded: 0 })
  // Lapsed, it counts until its breaker has heard of it.
  expect(systemHealth(directed, 60_000)).toMatchObject({ score: 1, degraded: 0 })
  const moved = Object.entries(directed.services).map(([name, stand]) => [name, { ...stand, since: 5000 }])
  expect(systemHealth({ ...directed, services: Object.fromEntries(moved) }, 5000)).toMatchObject({ score: 0.8, degraded: 4 })
})
