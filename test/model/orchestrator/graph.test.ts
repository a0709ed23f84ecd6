// Who depends on whom: cycles, what lies beneath and above, and the roots of what is down.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cycleIn, dependenciesOf, dependentsOf, rootsOf } from '../../../src/model/orchestrator/graph.ts'

const graph = {
  disk: { dependsOn: [] },
  database: { dependsOn: ['disk'] },
  cache: { dependsOn: [] },
  search: { dependsOn: ['database', 'cache'] },
  web: { dependsOn: ['search'] },
}
const down =
  (...names: string[]) =>
  (name: string): boolean =>
    names.includes(name)

it('tells everything beneath, the nearest first, and everything above', () => {
  expect(dependenciesOf(graph, 'web')).toEqual(['search', 'database', 'cache', 'disk'])
  expect(dependentsOf(graph, 'disk')).toEqual(['database', 'search', 'web'])
  expect(dependenciesOf(graph, 'nobody')).toEqual([])
  expect(dependentsOf(graph, 'web')).toEqual([])
})

it.each([
  ['web', ['web', 'database', 'disk'], ['disk']],
  ['web', ['database', 'cache'], ['cache', 'database']],
  ['web', ['web'], ['web']],
  ['web', [], []],
  ['search', ['web', 'search'], ['search']],
])('of %s, with %j down, the roots are %j', (service, names, roots) => {
  expect(rootsOf(graph, service, down(...names))).toEqual(roots)
})

it('names a cycle, wherever it begins, and finds none where there is none', () => {
  expect(cycleIn(graph)).toBeUndefined()
  expect(cycleIn({ a: { dependsOn: ['a'] } })).toEqual(['a', 'a'])
  expect(
    cycleIn({ x: { dependsOn: ['a'] }, a: { dependsOn: ['b'] }, b: { dependsOn: ['c', 'a'] }, c: { dependsOn: [] } }),
  ).toEqual(['a', 'b', 'a'])
})

it('finds a cycle in any graph that has one, and a real one', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  fc.assert(
    fc.property(fc.tuple(...names.map(() => fc.subarray(names))), (edges) => {
      const any = Object.fromEntries(names.map((name, i) => [name, { dependsOn: edges[i] ?? [] }]))
      const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
        (any[from]?.dependsOn ?? []).some((next) => {
          if (next === to) return true
          if (seen.has(next)) return false
          seen.add(next)
          return reaches(next, to, seen)
        })
      const cycle = cycleIn(any)
      expect(cycle !== undefined).toBe(names.some((name) => reaches(name, name)))
      for (const [i, name] of (cycle ?? []).slice(0, -1).entries()) expect(any[name]?.dependsOn).toContain(cycle?.[i + 1])
      if (cycle) expect(cycle[0]).toBe(cycle.at(-1))
    }),
  )
})

it('does not run out of stack on a long chain', () => {
  const chain = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`s${i}`, { dependsOn: i === 0 ? [] : [`s${i - 1}`] }]))
  expect(cycleIn(chain)).toBeUndefined()
  expect(cycleIn({ ...chain, s0: { dependsOn: ['s2999'] } })).toHaveLength(3001)
})
