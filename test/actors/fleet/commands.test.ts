// An operator's word stands until an operator takes it back, whoever leads, and however long nobody calls the service.
import { expect, test } from 'vitest'
import { Story } from './leaderStories.ts'

const command = (service: string, told: object, at = 0) =>
  ({ v: 1, type: 'command', at, node: 'cli', service, command: { ...told, by: 'ann', why: 'a drill' } }) as never

test('who and why are told by every leader after, under the same trip', async () => {
  const story = new Story()
  story.join('n1', 'n2', 'n3')
  await story.run(5)
  story.fleet.send(command('database', { name: 'trip' }))
  await story.run(1)
  const { trip } = story.entry('database')!
  for (let i = 0; i < 2; i++) {
    await story.leader.leadership!.stop()
    await story.run(5)
    expect(story.leader.leadership!.board!.get('database')!.context.standing.forced).toEqual({ by: 'ann', why: 'a drill' })
    expect(story.entry('database')).toMatchObject({ rule: 'command.trip', reason: 'ann: a drill', trip: { id: trip!.id } })
  }
})

test('a service that nobody calls while it is tripped stays tripped, and is forgotten when it is let go', async () => {
  const story = new Story({ every: 5000 })
  story.join('n1', 'n2')
  await story.run(5)
  story.fleet.send({ v: 1, type: 'outcome', at: 0, node: 'py', service: 'python', result: 'success', latency: 30 })
  story.fleet.send(command('python', { name: 'trip' }))
  story.fleet.send(command('nobody-has-it', { name: 'disable' }))
  await story.run(700)
  expect(story.entry('python')).toMatchObject({ state: 'open', rule: 'command.trip' })
  expect(story.entry('nobody-has-it')).toMatchObject({ state: 'closed', rule: 'command.disable' })
  story.fleet.send(command('python', { name: 'reset' }))
  story.fleet.send(command('nobody-has-it', { name: 'enable' }))
  await story.run(20)
  expect(story.entry('python')).toBeUndefined()
  expect(story.entry('nobody-has-it')).toBeUndefined()
  await story.run(610)
  expect([...story.leader.leadership!.board!.services].map(({ service }) => service)).toEqual(['database', 'search'])
})

test('what comes while nobody leads is obeyed by the next leader, for as long as it was meant', async () => {
  const story = new Story()
  story.join('n1', 'n2', 'n3')
  await story.run(10)
  story.kill(story.leader.node)
  await story.run(1)
  story.fleet.send(command('database', { name: 'trip' }))
  story.fleet.send(command('search', { name: 'beginMaintenance', until: 20_000 }))
  await story.run(6)
  expect(story.entry('database')).toMatchObject({ rule: 'command.trip', reason: 'ann: a drill' })
  expect(story.entry('search')).toMatchObject({ state: 'maintenance' })
  await story.run(15)
  expect(story.entry('search')?.state).not.toBe('maintenance')
  // It is not obeyed again by the one after that.
  story.fleet.send(command('database', { name: 'reset' }))
  await story.run(60)
  await story.leader.leadership!.stop()
  await story.run(10)
  expect(story.entry('database')).toBeUndefined()
})
