// Every board has an orchestrator of its own, and the fleet's runs the same rules once more over the same outage.
import { expect, test } from 'vitest'
import { Story } from './leaderStories.ts'

test('what both orchestrators ask for one cause is asked once, and both let go', async () => {
  const kind = { kind: 'http' }
  const story = new Story({ config: { services: { database: kind, search: kind, web: kind, mail: kind, chat: kind } } })
  story.join('n1', 'n2', 'n3')
  await story.run(10)
  story.down.add('database').add('search')
  await story.run(10)
  expect(story.entry('web')).toMatchObject({ level: 1, rule: 'cascade_failure_prevention' })
  expect(story.get('n1').board.context.latches).toHaveProperty('cascade_failure_prevention')
  expect(story.paths('web')).toEqual(Array(3).fill('degraded.level1'))
  story.down.clear()
  await story.run(100)
  expect(story.entry('web')).toBeUndefined()
  expect(story.paths('web')).toEqual(Array(3).fill('closed.watching'))
})
