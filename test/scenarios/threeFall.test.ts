import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('three services fall within a minute', async () => {
  const { gear, answers, pass, happened, replays } = await story({
    a: PLAIN,
    b: PLAIN,
    c: PLAIN,
    d: PLAIN,
    e: PLAIN,
    f: PLAIN,
    g: PLAIN,
  })
  pass(5)
  answers('a', 503)
  pass(20)
  answers('b', 503)
  pass(20)
  answers('c', 503)
  pass(10)
  console.log(happened({ alerts: true }), gear.system)
  answers('a', 'well')
  answers('b', 'well')
  answers('c', 'well')
  pass(60)
  console.log(happened({ alerts: true }), gear.system)
  replays()
})
