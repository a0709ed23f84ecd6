// A leader of many services must not be so long at one heartbeat that it loses its lease over it.
import { expect, test, vi } from 'vitest'
import { FleetView } from '../../../src/actors/fleet/fleetView.ts'
import { Leadership } from '../../../src/actors/fleet/leadership.ts'
import { parseConfig } from '../../../src/model/config.ts'
import type { NodeEntry } from '../../../src/model/fleet/entries.ts'
import type { Kind } from '../../../src/model/kinds.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { profileFor } from '../../../src/services/profiles.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'

// On a busy machine a hundred breakers take a while.
vi.setConfig({ testTimeout: 30_000 })

const NAMES = Array.from({ length: 120 }, (_, i) => `s${i}`)

function lead() {
  const fleet = new MemoryFleet()
  const link = fleet.join('leader')
  const { services, orchestrator } = parseConfig({ services: Object.fromEntries(NAMES.map((name) => [name, {}])) })
  const profile = (kind: Kind) => profileFor(kind)
  const parts = { services, orchestrator, profileFor: profile, seed: 1, software: 'test' }
  const leadership = new Leadership({ link, clock: link.clock, ...parts })
  let revision = 1e6
  /** Of one node, all whose breakers stand alike; heard at once. */
  const beat = (node: string, path: StatePath, since: number): void => {
    const stand = { kind: 'custom', path, since, calls: 50, failures: path === 'open.cooling' ? 50 : 0 } as const
    const told = Object.fromEntries(NAMES.map((name) => [name, stand]))
    const entry: NodeEntry = { v: 1, node, session: node, at: 1, software: '', leads: false, services: told, dropped: 0 }
    link.learn('nodes', node, { value: entry, revision: ++revision }, revision)
  }
  const tripped = (): number => [...fleet.stored('directives').values()].filter((entry) => 'trip' in entry).length
  return { fleet, leadership, beat, tripped }
}

test('of many breakers that one heartbeat tells of, so many are seen to at a time, and all within a moment', async () => {
  const { fleet, leadership, beat, tripped } = lead()
  await fleet.clock.advanceAsync(200)
  expect(leadership.leads).toBe(true)
  for (const node of ['a', 'b', 'c']) beat(node, 'closed.watching', 1)
  beat('a', 'open.cooling', 2)
  await fleet.clock.advanceAsync(50)
  expect(tripped()).toBe(0)
  beat('b', 'open.cooling', 2)
  expect(tripped()).toBe(50)
  await fleet.clock.advanceAsync(20)
  expect(tripped()).toBe(120)
  await leadership.stop()
})

test('a heartbeat in which nothing has moved is noted, and nothing more', async () => {
  const { fleet, leadership, beat } = lead()
  await fleet.clock.advanceAsync(200)
  for (const node of ['a', 'b', 'c']) beat(node, 'closed.watching', 1)
  const looks = vi.spyOn(FleetView.prototype, 'openings')
  for (const node of ['a', 'b', 'c']) beat(node, 'closed.watching', 1)
  expect(looks).not.toHaveBeenCalled()
  looks.mockRestore()
  await leadership.stop()
})

test('what is left of a heartbeat when the term is over is nobody’s any more', async () => {
  const { fleet, leadership, beat, tripped } = lead()
  await fleet.clock.advanceAsync(200)
  for (const node of ['a', 'b', 'c']) beat(node, 'open.cooling', 2)
  const sofar = tripped()
  await leadership.stop()
  await fleet.clock.advanceAsync(3000)
  expect(tripped()).toBe(sofar)
})
