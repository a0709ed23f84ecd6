// Recovery must not hang on the one node that probes: it may be sick itself, or have nothing to call.
import { expect, test } from 'vitest'
import { isDown } from '../../../src/model/orchestrator/context.ts'
import type { StatePath } from '../../../src/model/states.ts'
import { Story } from './leaderStories.ts'

const config = { services: { database: { kind: 'http', recoveryTimeout: 2000, maxRecoveryTimeout: 5000 } } }
const isBack = (story: Story, node: string): boolean => !isDown(story.get(node).path('database') as StatePath)

test('a probing node that is sick itself does not keep the others from a service that is well', async () => {
  const story = new Story({ config })
  story.join('n1', 'n2', 'n3', 'n4')
  await story.run(10)
  story.down.add('database')
  await story.run(5)
  for (let i = 0; i < 100 && !story.entry('database')?.probe; i++) await story.run(0.1)
  const sick = story.entry('database')!.probe!
  story.down.clear()
  story.sick.add(sick)
  await story.run(60)
  for (const node of ['n1', 'n2', 'n3', 'n4']) if (node !== sick) expect(isBack(story, node)).toBe(true)
  expect(story.entry('database')?.trip).toBeUndefined()
})

test('among nodes that have nothing to call, the one that has gets its turn', async () => {
  const story = new Story({ config: { services: { database: { kind: 'http' } } } })
  const idle = ['a1', 'a2', 'a3']
  for (const node of idle) story.add(node, { every: 0 })
  story.add('n1')
  await story.run(5)
  const callSome = (): void => {
    for (const node of idle) for (let i = 0; i < 10; i++) story.get(node).call('database', story.world)
  }
  callSome()
  await story.run(5)
  story.down.add('database')
  callSome()
  await story.run(250)
  story.down.clear()
  for (let i = 0; i < 120 && !isBack(story, 'n1'); i++) await story.run(1)
  expect(isBack(story, 'n1')).toBe(true)
})
