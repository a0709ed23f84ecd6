// What may go wrong between a lease and the terms that it is held for: a server that has its own idea of its lifetime, directives that
// have not been read yet, and an epoch that is held twice.
import { expect, test } from 'vitest'
import { LeaderElector } from '../../../src/actors/fleet/leaderElector.ts'
import type { LeaseAnswer } from '../../../src/bus/fleetLink.ts'
import { isDown } from '../../../src/model/orchestrator/context.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { Story } from './leaderStories.ts'

test('two never lead at once though the lease lives for less than they were told', async () => {
  const fleet = new MemoryFleet({ leaseLifetime: 3000 })
  const electors = ['a', 'b', 'c'].map((node, seed) => {
    const link = fleet.join(node)
    let lifetime = 12_000
    const lease = {
      get lifetime() {
        return lifetime
      },
      take: async (): Promise<LeaseAnswer> => {
        const answer = await link.lease.take()
        lifetime = 3000
        return answer
      },
      release: () => link.lease.release(),
    }
    const { nodes, directives, clock } = link
    const told = { link: { node, lease, nodes, directives }, clock, seed, began: () => undefined, ended: () => undefined }
    return new LeaderElector(told)
  })
  const leaders = new Set<number>()
  for (let i = 0; i < 600; i++) {
    await fleet.clock.advanceAsync(50)
    const leading = electors.filter((elector) => elector.mayAct())
    expect(leading.length).toBeLessThanOrEqual(1)
    if (leading[0]) leaders.add(electors.indexOf(leading[0]))
  }
  // And who leads goes on leading.
  expect(leaders.size).toBe(1)
})

test('nobody stands for election before the directives that are there have been read', async () => {
  const fleet = new MemoryFleet()
  const link = fleet.join('a')
  let behind = true
  Object.defineProperty(link.directives, 'behind', { get: () => behind })
  const elector = new LeaderElector({ link, clock: link.clock, seed: 1, began: () => undefined, ended: () => undefined })
  await fleet.clock.advanceAsync(5000)
  expect(fleet.leader).toBeUndefined()
  behind = false
  await fleet.clock.advanceAsync(200)
  expect(elector.state).toBe('leading')
  // Who leads goes on while it reads them again.
  behind = true
  await fleet.clock.advanceAsync(10_000)
  expect(elector.state).toBe('leading')
})

test('a trip of a second term of one epoch is another trip', async () => {
  const story = new Story()
  story.add('n1')
  for (const node of ['n2', 'n3']) story.add(node, { stands: false })
  story.add('slow', { stands: false, every: 20_000 })
  await story.run(31)
  const { epoch } = story.leader.leadership!
  const trips: string[] = []
  for (const _ of [1, 2]) {
    story.down.add('database')
    await story.run(5)
    trips.push(story.entry('database')!.trip!.id)
    expect(isDown(story.get('slow').path('database') as StatePath)).toBe(true)
    story.down.clear()
    await story.run(100)
    // It is deposed for want of answers, and has its lease again before that was over.
    story.fleet.faults.loseAnswers = 1
    await story.run(3.2)
    story.fleet.faults.loseAnswers = 0
    await story.run(3)
    expect(story.leader.leadership!.epoch).toBe(epoch)
  }
  expect(new Set(trips).size).toBe(2)
})
