// Nodes that have a service and do not call it for a long time: what the fleet once told them must not be taken for what they saw.
import { expect, test } from 'vitest'
import { FleetView } from '../../../src/actors/fleet/fleetView.ts'
import type { NodeEntry } from '../../../src/model/fleet/entries.ts'
import { Story } from './leaderStories.ts'

const ofTheFleet = (story: Story): number =>
  story.all.flatMap(({ transitions }) => transitions.filter(({ reason }) => reason.startsWith('fleet_'))).length

test('a new leader opens nothing because idle nodes have been half-open since an outage that is long over', async () => {
  const story = new Story()
  story.join('n1', 'n2')
  for (const node of ['idle1', 'idle2', 'idle3', 'idle4']) story.add(node, { every: 0 })
  await story.run(10)
  story.down.add('database')
  await story.run(10)
  expect(story.entry('database')?.trip).toBeDefined()
  story.down.clear()
  await story.run(100)
  expect(story.entry('database')).toBeUndefined()
  expect(story.get('idle1').path('database')).toBe('halfOpen')
  const before = ofTheFleet(story)
  for (let i = 0; i < 2; i++) {
    await story.leader.leadership!.stop()
    await story.run(10)
    expect(story.entry('database')).toBeUndefined()
  }
  expect(ofTheFleet(story)).toBe(before)
})

test.each([
  ['open.cooling', 0, 0],
  ['open.awaitingPermit', 0, 0],
  ['halfOpen', 12, 0],
  ['open.cooling', 12, 1],
  ['open.awaitingPermit', 12, 1],
] as const)('of a breaker first heard of in %s, with %i calls in its window, %i opened by itself', (path, calls, opened) => {
  const view = new FleetView({ nodes: 10, pairs: 10 })
  const services = { search: { kind: 'http', path, since: 1, calls, failures: calls } } as const
  view.beat({ v: 1, node: 'n1', session: 's', at: 1, software: '', leads: false, services, dropped: 0 }, 1000, () => true)
  expect(view.openings(view.services.get('search')!, 0, 1000).open).toHaveLength(opened)
})

test('a node that was set back by its clock for less than a minute is believed after a while', () => {
  const view = new FleetView({ nodes: 10, pairs: 10 })
  const beat = (path: 'closed.watching' | 'open.cooling', since: number, at: number): void => {
    const services = { search: { kind: 'http', path, since, calls: 10, failures: 0 } } as const
    const entry: NodeEntry = { v: 1, node: 'n1', session: 's', at: since, software: '', leads: false, services, dropped: 0 }
    view.beat(entry, at, () => true)
  }
  beat('open.cooling', 100_000, 1000)
  for (let at = 2000; at < 6000; at += 1000) beat('closed.watching', 90_000, at)
  expect(view.openings(view.services.get('search')!, 0, 5000).open).toHaveLength(1)
  beat('closed.watching', 90_000, 6000)
  expect(view.openings(view.services.get('search')!, 0, 6000).open).toEqual([])
})
