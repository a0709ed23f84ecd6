// The count of calls that do not come back, from nothing but totals.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { patience, StallWatch } from '../../src/actors/stallWatch.ts'

describe('patience', () => {
  it.each([
    [0, 3, 300],
    [50_000, 3, 300],
    [100_000, 3, 300],
    [100_001, 3, 300.003],
    [200_000, 3, 600],
    [200_000, 20, 4000],
  ])('with calls that take %d µs, %d times over, is %d ms', (typical, times, ms) => {
    expect(patience(typical, times)).toBeCloseTo(ms, 6)
  })
})

/** A watch with a patience of 400 ms, and the totals it is shown; it looks every 100 ms. */
function watched() {
  const watch = new StallWatch()
  watch.begin()
  const totals = { successes: 0, ended: 0, inFlight: 0 }
  let now = 1_000_000
  return {
    watch,
    totals,
    begin: (calls: number) => {
      totals.inFlight += calls
    },
    end: (calls: number, successes = 0) => {
      totals.inFlight -= calls
      totals.ended += calls
      totals.successes += successes
    },
    /** What the last of `times` looks finds. */
    look: (times = 1): number => {
      let found = 0
      for (let i = 0; i < times; i++) {
        found = watch.look(now, totals, 400)
        now += 100
      }
      return found
    },
  }
}

describe('a stall watch', () => {
  it('looks four times within the patience, and never before it has begun or after it was stopped', () => {
    const watch = new StallWatch()
    expect([watch.watching, watch.nextLook]).toEqual([false, Number.POSITIVE_INFINITY])
    watch.begin()
    expect([watch.watching, watch.nextLook]).toEqual([true, 0])
    watch.look(5000, { successes: 0, ended: 0, inFlight: 0 }, 400)
    expect(watch.nextLook).toBe(5100)
    watch.stop()
    expect([watch.watching, watch.nextLook]).toEqual([false, Number.POSITIVE_INFINITY])
  })

  it('finds the calls that are out when the patience is over, and not before', () => {
    const { begin, look } = watched()
    expect(look()).toBe(0)
    begin(7)
    expect([look(), look(), look(), look()]).toEqual([0, 0, 0, 0])
    expect(look()).toBe(7)
    expect(look()).toBe(7)
  })

  it('finds none of those that ended', () => {
    const { begin, end, look } = watched()
    look()
    begin(7)
    look(5)
    end(3)
    expect(look()).toBe(4)
    end(4)
    expect(look()).toBe(0)
  })

  it('does not find those that have only just begun', () => {
    const { begin, look } = watched()
    look()
    begin(2)
    look(3)
    begin(50)
    look()
    expect(look()).toBe(2)
  })

  it('begins to count anew with every success', () => {
    const { begin, end, look } = watched()
    look()
    begin(8)
    look(5)
    end(1, 1)
    expect(look(20)).toBe(0)
  })

  it('never finds what was out when the last success was seen', () => {
    const { begin, end, look } = watched()
    begin(6)
    expect(look(40)).toBe(0)
    begin(3)
    end(1, 1)
    expect(look(40)).toBe(0)
    begin(5)
    expect(look(5)).toBe(5)
  })

  it('lets those that were out before hide no others once it has seen that they ended', () => {
    const { begin, end, look } = watched()
    begin(30)
    look()
    end(30)
    look()
    begin(5)
    look(5)
    expect(look()).toBe(5)
  })

  it('forgets what is out when it begins anew', () => {
    const { watch, begin, look } = watched()
    look()
    begin(5)
    expect(look(6)).toBe(5)
    watch.begin()
    expect(look(40)).toBe(0)
  })

  it('finds at most the calls that have run for that long since the last success', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant('begin' as const) },
        { weight: 2, arbitrary: fc.constant('fail' as const) },
        { weight: 1, arbitrary: fc.constant('succeed' as const) },
        { weight: 4, arbitrary: fc.constant('look' as const) },
      ),
      { maxLength: 120 },
    )
    fc.assert(
      fc.property(steps, fc.nat(), (taken, seed) => {
        const { totals, begin, end, look } = watched()
        /** The number of the look after which each call that is out began. */
        const out: number[] = []
        let looks = 0
        let lookOfSuccess = 0
        let succeeded = true
        for (const [i, step] of taken.entries()) {
          if (step === 'begin') {
            begin(1)
            out.push(looks)
          } else if (step === 'look') {
            looks++
            if (succeeded) lookOfSuccess = looks
            succeeded = false
            const stalled = out.filter((after) => after >= lookOfSuccess && after < looks - 4).length
            expect(look()).toBeLessThanOrEqual(stalled)
            expect(totals.inFlight).toBe(out.length)
          } else if (out.length > 0) {
            out.splice((seed + i) % out.length, 1)
            end(1, step === 'succeed' ? 1 : 0)
            succeeded ||= step === 'succeed'
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})
