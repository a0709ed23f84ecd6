// Failures of an outage that is over open nothing, however late they are counted or heard.
import { expect, it } from 'vitest'
import { FleetView, type ServiceView } from '../../../src/actors/fleet/fleetView.ts'
import { OutcomeIntake } from '../../../src/actors/fleet/outcomeIntake.ts'
import type { OutcomeMessage } from '../../../src/model/fleet/wire.ts'
import { Story } from './leaderStories.ts'

/** A leader that makes no calls, and nodes that do. */
async function callers(...nodes: string[]): Promise<Story> {
  const story = new Story()
  story.add('leader', { every: 0 })
  for (const node of nodes) story.add(node, { stands: false })
  await story.run(20)
  return story
}

/** Both nodes open by themselves, the fleet trips, and all are back. */
async function outage(story: Story): Promise<void> {
  story.down.add('database')
  for (let tenths = 0; tenths < 100 && !story.entry('database')?.trip; tenths++) await story.run(0.1)
  expect(story.entry('database')).toMatchObject({ trip: { why: 'quorum', open: 2 } })
  story.down.delete('database')
  for (let seconds = 0; seconds < 120 && !isBack(story); seconds++) await story.run(1)
  expect(isBack(story)).toBe(true)
}

function isBack(story: Story): boolean {
  const paths = ['a', 'b'].map((node) => story.get(node).path('database'))
  return story.entry('database')?.trip === undefined && paths.every((path) => path.startsWith('closed'))
}

function opened(story: Story, node: string): number {
  return story.get(node).transitions.filter(({ service, to }) => service === 'database' && to.startsWith('open')).length
}

it('those that nobody bore out before the fleet tripped, when one node alone is left', async () => {
  const story = await callers('a', 'b')
  await outage(story)
  const before = opened(story, 'a')
  story.kill('b')
  await story.run(40)
  expect(story.entry('database')?.trip).toBeUndefined()
  expect(opened(story, 'a')).toBe(before)
})

it('those that a node could tell of only when its breaker was back', async () => {
  const story = await callers('a')
  const told = story.fleet.clock.now()
  await story.run(5)
  const transition = { v: 1, type: 'transition', node: 'a', service: 'database', generation: 1, reason: 'failure_rate' } as const
  story.fleet.send({ ...transition, at: told + 10, from: 'closed.watching', to: 'open.cooling' })
  story.fleet.send({ ...transition, at: told + 2000, from: 'open.cooling', to: 'halfOpen' })
  story.fleet.send({ ...transition, at: told + 2100, from: 'halfOpen', to: 'closed.watching' })
  const failure = {
    v: 1,
    type: 'outcome',
    node: 'a',
    service: 'database',
    result: 'failure',
    failure: 'timeout',
    latency: 9,
  } as const
  for (let at = told; at < told + 10; at++) story.fleet.send({ ...failure, at })
  await story.run(1)
  expect(story.entry('database')?.trip).toBeUndefined()
  // Those of now count.
  for (let at = told + 5000; at < told + 5010; at++) story.fleet.send({ ...failure, at })
  await story.run(1)
  expect(story.entry('database')).toMatchObject({ trip: { why: 'failure_rate' } })
})

it('those that were held are let go of where the fleet’s breaker is away, and counted where it is not', () => {
  const view = new FleetView({ nodes: 10, pairs: 10 })
  const counted: number[] = []
  let hear: (outcomes: readonly OutcomeMessage[]) => void = () => undefined
  const fleet = {
    board: { get: () => ({ path: 'closed.watching' }) },
    threshold: () => 0.5,
    count: () => undefined,
    countHeld: (_: string, calls: number) => void counted.push(calls),
  }
  const intake = new OutcomeIntake({
    link: {
      hearOutcomes: (listener: typeof hear) => {
        hear = listener
        return () => undefined
      },
    },
    view,
    fleet,
    room: { knows: () => true },
    quorum: 0.5,
    hasHeardEnough: () => true,
    now: () => 1000,
  } as unknown as ConstructorParameters<typeof OutcomeIntake>[0])
  intake.start()
  const failure = { v: 1, type: 'outcome', at: 1, node: 'a', service: 's', result: 'failure', latency: 1 } as const
  const fail = (): ServiceView => {
    hear([{ ...failure, node: 'b', result: 'success' }])
    hear([failure, failure, failure])
    return view.services.get('s')!
  }
  const seen = fail()
  intake.drop(seen)
  intake.release(seen, 1000)
  expect(counted).toEqual([])
  intake.release(fail(), 1000)
  expect(counted).toEqual([3])
})
