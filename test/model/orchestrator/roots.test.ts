// Who is at the bottom of what is down, and what is put down to it.
import { expect, it } from 'vitest'
import type { SupervisorEvent } from '../../../src/model/orchestrator/context.ts'
import { rootsAfter } from '../../../src/model/orchestrator/roots.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { CHAINED, contextOf } from './onBoard.ts'

const review = (failed: Readonly<Record<string, number>>): SupervisorEvent => ({
  type: 'review',
  at: 9,
  calls: 0,
  services: {},
  failed,
  idle: [],
  verdicts: [],
})
const moved: SupervisorEvent = { type: 'breaker.moved', at: 9, service: 'mail', from: 'closed.watching', to: 'closed.watching' }

it.each<[string, Record<string, StatePath>, string[]]>([
  ['a dependency', { database: 'open.cooling' }, ['database']],
  ['a dependency and its dependent', { database: 'halfOpen', search: 'open.cooling' }, ['database']],
  ['both ends of a chain', { database: 'open.cooling', web: 'open.cooling' }, ['database']],
  ['the middle of a chain', { search: 'budgetLimited.blocked' }, ['search']],
  ['someone on whom nobody depends', { web: 'open.cooling', mail: 'open.cooling' }, []],
  ['nobody', {}, []],
])('with %s down, the roots are', (_, paths, names) => {
  const { roots, fresh } = rootsAfter(contextOf(CHAINED, paths), moved, 9)
  expect(Object.keys(roots)).toEqual(names)
  expect(fresh).toEqual(names)
})

it("puts failures of dependents down to it, and nobody else's, for as long as it is down", () => {
  const down = contextOf(CHAINED, { database: 'open.cooling' })
  const first = rootsAfter(down, review({ web: 2, mail: 7, database: 1 }), 9)
  expect(first).toEqual({ roots: { database: { since: 9, failures: { web: 2 } } }, fresh: ['database'] })
  const second = rootsAfter({ ...down, roots: first.roots }, review({ web: 1, search: 4, mail: 0 }), 10)
  expect(second).toEqual({ roots: { database: { since: 9, failures: { web: 3, search: 4 } } }, fresh: [] })
  const third = rootsAfter({ ...down, roots: second.roots }, review({ mail: 3 }), 11)
  expect(third.roots).toBe(second.roots)
  const up = rootsAfter({ ...contextOf(CHAINED), roots: third.roots }, moved, 12)
  expect(up).toEqual({ roots: {}, fresh: [] })
})

it('without a configuration nobody depends on anybody', () => {
  const context = { ...contextOf(CHAINED, { database: 'open.cooling' }), config: undefined }
  expect(rootsAfter(context, moved, 9)).toEqual({ roots: {}, fresh: [] })
})
