// What people are told: of the system, of roots, of findings; and what they are not told again.
import { expect, it } from 'vitest'
import type { Finding } from '../../../src/model/findings.ts'
import { afterCooldown, findingAlert, type Raised, rootAlerts, systemAlerts } from '../../../src/model/orchestrator/alerts.ts'
import type { SystemState } from '../../../src/model/orchestrator/config.ts'
import { systemHealth } from '../../../src/model/orchestrator/systemState.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { CHAINED, contextOf, FOUR } from './onBoard.ts'

function told(from: SystemState, to: SystemState, paths: Readonly<Record<string, StatePath>>): string[] {
  const context = contextOf(FOUR, paths, { system: { state: from, since: 0 } })
  return systemAlerts(context, to, systemHealth(context, 0)).map(({ level, code, message }) => `${level} ${code}: ${message}`)
}

it.each<[SystemState, SystemState, Record<string, StatePath>, string]>([
  [
    'healthy',
    'degraded',
    { a: 'open.cooling' },
    'warning system_degraded: the system is degraded: 1 of 4 services open, health 0.75',
  ],
  [
    'degraded',
    'critical',
    { a: 'open.cooling', b: 'halfOpen' },
    'error system_critical: the system is critical: 2 of 4 services open or recovering, health 0.57',
  ],
  [
    'critical',
    'emergency',
    { a: 'open.cooling', b: 'open.forced', c: 'open.cooling' },
    'critical system_emergency: the system is in an emergency: 3 of 4 services open, health 0.25',
  ],
  [
    'emergency',
    'critical',
    { a: 'open.cooling', b: 'halfOpen', c: 'maintenance' },
    'error system_critical: the system is critical: 2 of 3 services open or recovering, health 0.43',
  ],
  [
    'critical',
    'degraded',
    { a: 'halfOpen' },
    'info system_degraded: the system is degraded and no longer critical: 1 of 4 services open or recovering, health 0.82',
  ],
  [
    'emergency',
    'degraded',
    { a: 'open.cooling' },
    'info system_degraded: the system is degraded and no longer in an emergency: 1 of 4 services open, health 0.75',
  ],
  ['degraded', 'healthy', {}, 'info system_recovered: the system is well again'],
])('from %s to %s, that is what is told', (from, to, paths, line) => {
  expect(told(from, to, paths)).toEqual([line])
})

it('a board of one service has no system to tell of', () => {
  const context = contextOf({ a: {} }, { a: 'open.cooling' })
  expect(systemAlerts(context, 'emergency', systemHealth(context, 0))).toEqual([])
})

it.each<[StatePath, string, string]>([
  ['open.cooling', 'error', 'database is down, and search, web depend on it'],
  ['maintenance', 'info', 'database is in maintenance, and search, web depend on it'],
  ['rateLimited.exhausted', 'error', 'database is used up, and search, web depend on it'],
])('a root that is %s is told as %s', (path, level, message) => {
  expect(rootAlerts(contextOf(CHAINED, { database: path }), ['database'])).toEqual([
    { service: 'database', level, code: 'root_cause', message },
  ])
})

it('one dependent depends, and a root that has left the board is told of all the same', () => {
  expect(rootAlerts(contextOf(CHAINED, { search: 'halfOpen' }), ['search'])[0]?.message).toBe(
    'search is down, and web depends on it',
  )
  const { config: _, ...rest } = contextOf(CHAINED, {}, { services: {} })
  expect(rootAlerts({ ...rest, config: undefined }, ['gone'])).toMatchObject([{ service: 'gone', level: 'error' }])
})

const FINDING: Finding = {
  pattern: 'burst',
  services: ['a'],
  strength: 1,
  severity: 'normal',
  interval: { from: 0, to: 1 },
  evidence: { counts: [], occasions: 1, chance: 0, events: [] },
  recommendations: ['Look.', 'Wait.'],
}

it.each<[Partial<Finding>, Raised]>([
  [{}, { service: 'a', level: 'warning', code: 'burst', message: 'burst among a: Look.', about: ',a' }],
  [
    { pattern: 'cascade', services: ['a', 'b'], root: 'b', severity: 'high' },
    { service: 'b', level: 'error', code: 'cascade', message: 'cascade among a, b, from b: Look.', about: ',a,b' },
  ],
  [
    { pattern: 'common_cause', services: ['a', 'b', 'c', 'd'], failureType: 'authentication', recommendations: [] },
    {
      service: '*',
      level: 'warning',
      code: 'common_cause',
      message: 'common_cause among a, b, c and 1 more: ',
      about: 'authentication,a,b,c,d',
    },
  ],
  [
    { pattern: 'system_wide', services: [...'abcdefghij'], serviceCount: 400 },
    {
      service: '*',
      level: 'warning',
      code: 'system_wide',
      message: 'system_wide among a, b, c and 7 more: Look.',
      about: ',a,b,c,d,e,f,g,h,400',
    },
  ],
])('of a finding %j', (part, alert) => {
  expect(findingAlert({ ...FINDING, ...part })).toEqual(alert)
})

const alarm: Raised = { service: 'a', level: 'error', code: 'root_cause', message: 'down' }
const news: Raised = { ...alarm, level: 'info', message: 'in maintenance' }

it.each<[string, Raised, Raised, number, boolean]>([
  ['the same a moment before its cooldown ends', alarm, alarm, 299_999, false],
  ['the same when its cooldown ends', alarm, alarm, 300_000, true],
  ['the same of another service', alarm, { ...alarm, service: 'b' }, 1, true],
  ['another of the same service', alarm, { ...alarm, code: 'burst' }, 1, true],
  ['the same at another alarming level', alarm, { ...alarm, level: 'critical' }, 1, false],
  ['the same about others', { ...alarm, about: 'x' }, { ...alarm, about: 'y' }, 1, true],
  ['the same about the same', { ...alarm, about: 'x' }, { ...alarm, about: 'x' }, 1, false],
  ['news after an alarm', alarm, news, 1, false],
  ['news after news', news, news, 1, false],
  ['an alarm after news', news, alarm, 1, true],
])('of %s: told or not', (_, first, second, later, isTold) => {
  const context = contextOf(FOUR)
  const one = afterCooldown(context, [first], 1000)
  const { about: _about, ...told } = first
  expect(one.alerts).toEqual([{ type: 'alert', at: 1000, by: 'orchestrator', ...told }])
  const two = afterCooldown({ ...context, alerted: one.alerted }, [second], 1000 + later)
  expect(two.alerts).toHaveLength(isTold ? 1 : 0)
})

it('without a cooldown all is told, the same twice at once only once; and what is over is forgotten', () => {
  const context = contextOf(FOUR, {}, { alerted: { 'root_cause:b': 0 } }, { alertCooldown: 0 })
  const { alerts, alerted } = afterCooldown(context, [alarm, alarm], 0)
  expect(alerts).toHaveLength(1)
  expect(alerted).toEqual({ 'root_cause:a': 0 })
  expect(afterCooldown({ ...context, alerted }, [alarm], 0).alerts).toHaveLength(1)
  expect(afterCooldown({ ...context, alerted }, [], 9).alerted).toBe(alerted)
  expect(afterCooldown({ ...context, config: undefined }, [alarm], 0).alerts).toHaveLength(1)
})

it('remembers a thousand alerts, the last', () => {
  const alerted = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`root_cause:a:${i}`, 0]))
  const after = afterCooldown(contextOf(FOUR, {}, { alerted }), [alarm], 1)
  expect(Object.keys(after.alerted)).toHaveLength(1001)
  expect(after.alerted).toMatchObject({ 'root_cause:a:500': 0, 'root_cause:a': 1 })
})
