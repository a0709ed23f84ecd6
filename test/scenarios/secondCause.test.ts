// One cause follows upon another, and one grows. What was told of the first silences neither.
import { expect, it } from 'vitest'
import { httpError } from '../actors/testBoard.ts'
import { PLAIN, story } from './scenario.ts'

const seven = { a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN, f: PLAIN, g: PLAIN }
type Name = keyof typeof seven

const board = async () => {
  const told = await story(seven, { orchestrator: { correlation: true } })
  const { gear, events } = told
  return {
    ...told,
    /** Forty calls of each at once, all of which end so. */
    strike(status: number, ...names: Name[]): void {
      const permits = names.flatMap((name) => Array.from({ length: 40 }, () => gear.admit(name)))
      for (const permit of permits) permit.fail(httpError(status))
    },
    alerts: (code: string): string[] =>
      events.flatMap((event) => (event.type === 'alert' && event.code === code ? [event.level] : [])),
  }
}

it('a common cause of others, and of another kind, is told though one was a moment before', async () => {
  const { pass, strike, alerts, replays } = await board()
  pass(600)
  strike(503, 'a', 'b', 'c')
  pass(90)
  strike(401, 'd', 'e', 'f')
  pass(30)
  expect(alerts('common_cause')).toHaveLength(2)
  replays()
})

it('what is system-wide is told again when it has become grave', async () => {
  const { pass, strike, alerts, replays } = await board()
  pass(1200)
  strike(503, 'a', 'b', 'c')
  pass(20)
  strike(500, 'd', 'e', 'f')
  pass(20)
  expect(alerts('system_wide')).toEqual(['warning', 'error'])
  replays()
})
