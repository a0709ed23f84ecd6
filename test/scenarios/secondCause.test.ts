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

it.each([
  ['a common cause of others, and of another kind, is told though one was a moment before', 'common_cause', 401],
  ['what is system-wide is told again when it has become grave', 'system_wide', 500],
])('%s', async (_, code, then) => {
  const { pass, strike, alerts, replays } = await board()
  pass(1200)
  strike(503, 'a', 'b', 'c')
  pass(20)
  strike(then, 'd', 'e', 'f')
  pass(20)
  expect(alerts(code)).toEqual(['warning', 'error'])
  replays()
})
