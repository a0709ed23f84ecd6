// A node's transitions come as messages and its states in a table, by two ways, and either may overtake the other.
import { expect, test } from 'vitest'
import { FleetView } from '../../../src/actors/fleet/fleetView.ts'
import type { NodeEntry } from '../../../src/model/fleet/entries.ts'

const beat = (path: 'closed.watching' | 'open.cooling', since: number): NodeEntry => ({
  v: 1,
  node: 'n1',
  session: 's1',
  at: since,
  software: 'test',
  leads: false,
  services: { search: { kind: 'http', path, since, calls: 10, failures: 0 } },
  dropped: 0,
})

function openOnes(view: FleetView, at: number): number {
  const known = view.services.get('search')
  return known ? view.openings(known, 0, at).open.length : -1
}

test('a breaker that is back is not open again because the word of its opening came late', () => {
  const view = new FleetView({ nodes: 10, pairs: 10 })
  view.beat(beat('open.cooling', 100_000), 1000, () => true)
  expect(openOnes(view, 1000)).toBe(1)
  view.beat(beat('closed.watching', 100_900), 1900, () => true)
  view.moved(view.stand('n1', 'search', 2000)!, 'open.cooling', 100_000, true, 2000)
  expect(openOnes(view, 2000)).toBe(0)
  view.moved(view.stand('n1', 'search', 2100)!, 'open.cooling', 101_100, true, 2100)
  view.beat(beat('closed.watching', 100_900), 2200, () => true)
  expect(openOnes(view, 2200)).toBe(1)
})

test('a node whose clock was set back is believed', () => {
  const view = new FleetView({ nodes: 10, pairs: 10 })
  view.beat(beat('closed.watching', 100_000), 1000, () => true)
  view.beat(beat('open.cooling', 20_000), 2000, () => true)
  expect(openOnes(view, 2000)).toBe(1)
})
