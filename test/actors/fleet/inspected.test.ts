// The inspector of a board that is in a fleet: it sees who stands for election as it sees the breakers, and can harm neither.
import { expect, it, vi } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { node } from './nodeStories.ts'

it('is told how a node comes to lead', async () => {
  const fleet = new MemoryFleet()
  const seen: InspectionEvent[] = []
  const { gear } = await node(fleet, 'a', { lead: true, inspect: (event) => seen.push(event) })
  await fleet.clock.advanceAsync(1000)
  expect(gear.fleet?.leads).toBe(true)
  const idOf = ({ actorRef }: InspectionEvent): string => (actorRef as unknown as { id: string }).id
  expect(seen.filter(({ type }) => type === '@xstate.actor').map(idOf)).toEqual([
    'switchgear',
    '*correlator',
    'search',
    'database',
    'leader',
  ])
  const states = seen.flatMap((event) => {
    return event.type === '@xstate.snapshot' && idOf(event) === 'leader'
      ? [(event.snapshot as unknown as { value: string }).value]
      : []
  })
  expect([...new Set(states)]).toEqual(['following', 'campaigning', { leading: expect.anything() }])
})

it('that throws keeps no node from leading, and is warned of', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const fleet = new MemoryFleet()
  const { gear } = await node(fleet, 'a', {
    lead: true,
    inspect: () => {
      throw new Error('a poor inspector')
    },
  })
  await fleet.clock.advanceAsync(1000)
  expect(gear.fleet?.leads).toBe(true)
  expect(warned.mock.calls.filter(([text]) => String(text).includes('a poor inspector'))).toHaveLength(2)
  warned.mockRestore()
})
