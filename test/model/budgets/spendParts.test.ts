// The small parts of the arithmetic: money, what was spent of late, what calls have cost.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CostSamples } from '../../../src/model/budgets/costSamples.ts'
import { defaultEstimate } from '../../../src/model/budgets/defaultEstimates.ts'
import { dollarsOf, inDollars, nanosOf, toNanos } from '../../../src/model/budgets/money.ts'
import { SlidingSpend } from '../../../src/model/budgets/slidingSpend.ts'

describe('money', () => {
  it.each([
    [0, 0],
    [-0, 0],
    [0.1, 100_000_000],
    [0.00000002, 20],
    [3e-10, 0],
    [100_000, 1e14],
  ])('of %s dollars is %s billionths', (dollars, nanos) => expect(nanosOf(dollars)).toBe(nanos))

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.01, -1e-12, 100_000.01, 1e30, '0.5', null, undefined, {}, 5n])(
    'is not what %s says',
    (value) => expect(nanosOf(value)).toBeUndefined(),
  )

  it('adds up without drift, where floats do not', () => {
    let nanos = 0
    let floats = 0
    for (let i = 0; i < 1000; i++) {
      nanos += nanosOf(0.1) ?? 0
      floats += 0.1
    }
    expect([dollarsOf(nanos), floats === 100]).toEqual([100, false])
  })

  it('comes back the same from dollars, so that a journal tells it exactly', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e14 }), (nanos) => nanosOf(dollarsOf(nanos)) === nanos))
  })

  it.each([
    [0, '$0.00'],
    [9.5, '$9.50'],
    [0.1, '$0.10'],
    [0.00042, '$0.00042'],
    [2e-8, '$0.000000020'],
    [1e-9, '$0.000000001'],
  ])('of %s dollars is told as %s', (dollars, text) => expect(inDollars(toNanos(dollars))).toBe(text))
})

describe('what was spent of late', () => {
  it('counts for the whole span and at most a sixtieth longer', () => {
    const spend = new SlidingSpend(60_000)
    spend.add(1_000_500, 7)
    expect([spend.at(1_060_500), spend.at(1_060_999), spend.at(1_061_000)]).toEqual([7, 7, 0])
  })

  it('says when too much of it has lapsed', () => {
    const spend = new SlidingSpend(60_000)
    for (const at of [1_000_000, 1_010_000, 1_020_000]) spend.add(at, 5)
    expect([
      spend.below(16, 1_030_000),
      spend.below(15, 1_030_000),
      spend.below(10, 1_030_000),
      spend.below(1, 1_030_000),
    ]).toEqual([1_030_000, 1_061_000, 1_071_000, 1_081_000])
    expect(spend.at(1_060_999)).toBe(15)
    expect(spend.at(1_061_000)).toBe(10)
    expect(spend.emptyFrom(1_030_000)).toBe(1_091_000)
  })

  it('is no less than any span holds, and comes back from what was saved', () => {
    const steps = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 4000 }), nanos: fc.integer({ min: 0, max: 100 }) }), {
      maxLength: 120,
    })
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 50_000 }), steps, (per, list) => {
        const spend = new SlidingSpend(per)
        const events: [number, number][] = []
        const width = Math.ceil(per / 60)
        let at = 1_767_225_600_000
        for (const { wait, nanos } of list) {
          at += wait
          events.push([at, nanos])
          spend.add(at, nanos)
          const since = (ms: number): number => events.reduce((sum, [when, n]) => (when > at - ms ? sum + n : sum), 0)
          expect(spend.at(at)).toBeGreaterThanOrEqual(since(per))
          expect(spend.at(at)).toBeLessThanOrEqual(since(61 * width))
        }
        const back = new SlidingSpend(per)
        back.restore(spend.save())
        for (const later of [at, at + per / 2, at + per]) expect(back.at(later)).toBe(spend.at(later))
      }),
      { numRuns: 50 },
    )
  })

  it('that lies in times to come, as a clock was ahead, was spent by now', () => {
    const spend = new SlidingSpend(60_000)
    spend.add(9_000_000, 7)
    spend.notAfter(1_000_000)
    expect([spend.at(1_000_000), spend.at(1_059_999), spend.at(1_062_000)]).toEqual([7, 7, 0])
  })
})

describe('what calls have cost', () => {
  it('is mean and a standard deviation of the last hundred', () => {
    const samples = new CostSamples()
    expect([samples.known, samples.expected, samples.mean]).toEqual([false, undefined, undefined])
    for (let i = 0; i < 50; i++) samples.add(1_000_000)
    for (let i = 0; i < 100; i++) samples.add(i % 2 === 0 ? 100 : 300)
    expect([samples.mean, samples.expected]).toEqual([200, 300])
  })

  it('forgets a costly call entirely once it is the hundred-and-first', () => {
    const samples = new CostSamples()
    samples.add(1e14)
    for (let i = 0; i < 100; i++) samples.add(7)
    expect(samples.expected).toBe(7)
  })

  it.each([1, 2, 3, 10, 99, 100])('is saved as its count, mean and deviation: %i of them', (count) => {
    const samples = new CostSamples()
    for (let i = 0; i < count; i++) samples.add(1000 + i * 10)
    const back = new CostSamples()
    back.restore(JSON.parse(JSON.stringify(samples.save())))
    expect(back.expected).toBe(samples.expected)
    expect(back.save()[0]).toBe(count)
    for (let i = 0; i < 100; i++) back.add(5)
    expect(back.expected).toBe(5)
  })

  it.each([
    ['openai', 'embeddings', 100_000],
    ['openai', 'chat', 10_000_000],
    ['openai', 'toString', 10_000_000],
    ['openai', undefined, 10_000_000],
    ['embedding', 'embeddings', 100_000],
    ['cache', 'get', undefined],
    ['custom', undefined, undefined],
  ])('is a guess for %s %s where nothing is known', (kind, operation, nanos) => {
    expect(defaultEstimate(kind, operation)).toBe(nanos)
  })
})
