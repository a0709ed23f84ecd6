// The queue of recovery: who may probe, in which order, how many at once, and who gives the place back.
import { expect, it } from 'vitest'
import type { OrchestratorInput } from '../../../src/model/orchestrator/config.ts'
import { coordinates, permitsAt, stillGranted, underWay, waitingOf } from '../../../src/model/orchestrator/recovery.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { CHAINED, contextOf, FOUR, type Places } from './onBoard.ts'

const all = (places: Places, path: StatePath): Record<string, StatePath> =>
  Object.fromEntries(Object.keys(places).map((name) => [name, path]))
const nobody = (): boolean => false
const wait = 'open.awaitingPermit' as const

it('waits in the order of priority, then of time, then of name', () => {
  const places: Places = { d: {}, c: {}, b: { recoveryPriority: 9 }, a: { recoveryPriority: 0 }, e: {} }
  const context = contextOf(places, all(places, wait))
  const { services } = context
  const since = { ...services, e: { ...services.e!, since: -1 } }
  expect(waitingOf({ ...context, services: since })).toEqual(['a', 'e', 'c', 'd', 'b'])
  expect(waitingOf({ ...context, config: undefined })).toEqual(['a', 'b', 'c', 'd', 'e'])
})

it.each<[string, Places, Record<string, StatePath>, Record<string, number>, OrchestratorInput, string[]]>([
  ['as many as there are places', FOUR, all(FOUR, wait), {}, { maxConcurrentRecoveries: 2 }, ['a', 'b']],
  ['no more than are left', FOUR, all(FOUR, wait), { b: 0 }, { maxConcurrentRecoveries: 2 }, ['a']],
  ['nobody when none is left', FOUR, all(FOUR, wait), { b: 0, c: 0 }, { maxConcurrentRecoveries: 1 }, []],
  ['whoever has what it depends on', CHAINED, { ...all(CHAINED, wait), mail: 'open.cooling' }, {}, {}, ['database']],
  ['nobody while a dependency probes', CHAINED, { database: 'halfOpen', web: wait }, {}, {}, []],
  ['nobody while a dependency is maintained', CHAINED, { database: 'maintenance', search: wait }, {}, {}, []],
  ['those whose dependency is merely limited', CHAINED, { database: 'rateLimited.exhausted', search: wait }, {}, {}, ['search']],
  [
    'all at once where recovery is not coordinated',
    CHAINED,
    all(CHAINED, wait),
    {},
    { maxConcurrentRecoveries: 1, rules: { recovery_coordination: { enabled: false } } },
    ['database', 'mail', 'search', 'web'],
  ],
])('lets probe %s', (_, places, paths, granted, orchestrator, names) => {
  expect(permitsAt(contextOf(places, paths, { granted }, orchestrator), nobody)).toEqual(names)
})

it('in an emergency lets one probe at a time, but a board of one service has no emergency', () => {
  const system = { state: 'emergency', since: 0 } as const
  expect(permitsAt(contextOf(FOUR, all(FOUR, wait), { system }), nobody)).toEqual(['a'])
  expect(permitsAt(contextOf(FOUR, all(FOUR, wait), { system, granted: { d: 0 } }), nobody)).toEqual([])
  const alone = contextOf({ a: {} }, { a: wait }, { system })
  expect(permitsAt(alone, nobody)).toEqual(['a'])
})

it('passes over those that are held, and lets the next have the place', () => {
  const context = contextOf(FOUR, all(FOUR, wait), {}, { maxConcurrentRecoveries: 1 })
  expect(permitsAt(context, (name) => name === 'a')).toEqual(['b'])
})

it('a dependency that has left the board keeps nobody waiting', () => {
  const context = contextOf(CHAINED, { search: wait })
  const { database: _, ...services } = context.services
  expect(permitsAt({ ...context, services }, nobody)).toEqual(['search'])
})

it('coordinates two services and more', () => {
  expect([{}, { a: {} }, { a: {}, b: {} }].map((places: Places) => coordinates(contextOf(places)))).toEqual([false, false, true])
})

it.each<[string, StatePath, readonly string[], number, boolean]>([
  ['half-open and called', 'halfOpen', [], 90_000, true],
  ['half-open and not called for less than the lease', 'halfOpen', ['a'], 29_999, true],
  ['half-open and not called for the lease', 'halfOpen', ['a'], 30_000, false],
  ['closed again', 'closed.watching', [], 1, false],
  ['open again', 'open.cooling', [], 1, false],
  ['given leave this moment', wait, [], 0, true],
  ['given leave, and it did not take it', wait, [], 1, false],
])('a service that is %s keeps its place or not', (_, path, idle, at, keeps) => {
  const context = contextOf(FOUR, { a: path }, { granted: { a: 0 } })
  const granted = stillGranted(context, idle, at)
  expect(Object.keys(granted)).toEqual(keeps ? ['a'] : [])
  expect(underWay({ ...context, granted })).toBe(keeps ? 1 : 0)
  if (keeps) expect(granted).toBe(context.granted)
})

it('without a lease, who is not called gives the place back at once', () => {
  const context = contextOf(FOUR, { a: 'halfOpen' }, { granted: { a: 0, b: 0, gone: 0 } })
  expect(stillGranted({ ...context, config: undefined }, ['a'], 0)).toEqual({})
})
