// What holds of every route, whatever happens to its backends in whatever order.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CallRejectedError } from '../../src/model/errors.ts'
import { STRATEGIES } from '../../src/model/route.ts'
import { by, routeBoard } from './routeBoard.ts'
import { replayed } from './testBoard.ts'

const NAMES = ['a', 'b', 'c', 'd'] as const

const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('call' as const), ends: fc.constantFrom('well', 'badly', 'never') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('trip', 'reset', 'fail'), name: fc.constantFrom(...NAMES) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('degrade' as const),
      name: fc.constantFrom(...NAMES),
      level: fc.constantFrom(0, 1, 2, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pace' as const),
      name: fc.constantFrom(...NAMES),
      perSecond: fc.constantFrom(0, 1, 50),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 100, 5_000, 20_000) }) },
)
const backends = fc.record({
  a: fc.record({ weight: fc.constantFrom(0, 0.5, 1, 7) }),
  b: fc.record({ weight: fc.constantFrom(0, 1, 2), cost: fc.constantFrom(0, 1, 5) }),
  c: fc.record({ rampDuration: fc.constantFrom(0, 10_000) }),
  d: fc.constant({}),
})

it('never is a backend picked that refuses, and never is a call refused while one admits; a replay finds no difference', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...STRATEGIES),
      backends,
      fc.array(happening, { maxLength: 60 }),
      async (strategy, given, events) => {
        const { router, breakers, board, clock, journal, trip, degrade, pace, failUntilOpen } = routeBoard(strategy, given)
        for (const event of events) {
          switch (event.do) {
            case 'trip':
              trip(event.name)
              break
            case 'fail':
              failUntilOpen(event.name)
              break
            case 'reset':
              breakers[event.name].command(board.now(), { name: 'reset', ...by })
              break
            case 'degrade':
              degrade(event.name, event.level as 0 | 1 | 2 | 3)
              break
            case 'pace':
              pace(event.name, event.perSecond)
              break
            case 'wait':
              clock.advance(event.ms)
              break
            case 'call': {
              const admits = NAMES.filter((name) => breakers[name].peek(board.now()) === undefined)
              const rejected = NAMES.map((name) => breakers[name].rejected)
              const ramps = NAMES.some((name) => breakers[name].path === 'closed.ramping')
              let called: string | undefined
              const call = router.execute(({ service }) => {
                called = service
                if (event.ends === 'badly') throw Object.assign(new Error('down'), { status: 500 })
                return event.ends === 'never' ? new Promise<void>(() => undefined) : undefined
              })
              const error = event.ends === 'never' && called ? undefined : await call.catch((thrown) => thrown)
              if (admits.length > 0) {
                expect(admits).toContain(called)
                expect(error).not.toBeInstanceOf(CallRejectedError)
                // Nobody is asked in vain but those that ramp.
                if (!ramps) expect(NAMES.map((name) => breakers[name].rejected)).toEqual(rejected)
              } else {
                expect(called).toBeUndefined()
                expect(error).toBeInstanceOf(CallRejectedError)
              }
            }
          }
        }
        expect(replayed(journal.records)).toMatchObject({ differences: 0 })
      },
    ),
    { numRuns: 60 },
  )
})

it('weighted shares are exact over every cycle', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), async (weights) => {
      const given = Object.fromEntries(weights.map((weight, index) => [`b${index}`, { weight }]))
      const { shares } = routeBoard('weighted', given)
      const cycle = weights.reduce((sum, weight) => sum + weight, 0)
      for (let i = 0; i < 3; i++) expect(Object.values(await shares(cycle))).toEqual(weights)
    }),
    { numRuns: 30 },
  )
})
