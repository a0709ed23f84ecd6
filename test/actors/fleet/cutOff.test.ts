// One sick node whose fellows are cut off from the leader is still one sick node.
import { expect, it } from 'vitest'
import { Story } from './leaderStories.ts'

/** A leader that makes no calls; of three nodes that do, a is the only one that the leader hears from now on, and sick. */
async function cutOff(): Promise<Story> {
  const story = new Story()
  story.add('leader', { every: 0 })
  for (const node of ['a', 'b', 'c']) story.add(node, { stands: false })
  await story.run(10)
  for (const node of ['b', 'c']) story.fleet.partition(node)
  await story.run(8)
  story.sick.add('a')
  return story
}

it('does not pass for the only one that calls the service as soon as nothing is heard of the others', async () => {
  const story = await cutOff()
  await story.run(45)
  expect(story.get('a').path('database')).toMatch(/^open|halfOpen/)
  expect(story.entry('database')?.trip).toBeUndefined()
  for (const node of ['b', 'c']) story.fleet.heal(node)
  await story.run(10)
  expect(story.entry('database')?.trip).toBeUndefined()
  expect(['b', 'c'].map((node) => story.get(node).path('database'))).toEqual(['closed.watching', 'closed.watching'])
})

it('opens nobody whose own calls go well, though a leader that has never heard of the others believes it', async () => {
  const story = await cutOff()
  await story.run(10)
  story.kill('leader')
  story.add('other', { every: 0 })
  await story.run(30)
  expect(story.entry('database')?.trip).toMatchObject({ nodes: 1 })
  story.add('idle', { every: 0, stands: false })
  for (const node of ['b', 'c']) story.fleet.heal(node)
  await story.run(1)
  // It has no calls to know better by.
  expect(story.get('idle').path('database')).toMatch(/^open/)
  expect(['b', 'c'].map((node) => story.get(node).path('database'))).toEqual(['closed.watching', 'closed.watching'])
  story.sick.clear()
  await story.run(150)
  expect(story.entry('database')).toBeUndefined()
  const opened = ['b', 'c'].flatMap((node) => story.get(node).transitions.filter(({ to }) => to.startsWith('open')))
  expect(opened).toEqual([])
})
