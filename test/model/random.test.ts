// The seeded random numbers: the same for ever (journals depend on it), evenly spread, and independent between names.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveSeed, draw, freshSeed, seededRandom } from '../../src/model/random.ts'

describe('a draw', () => {
  it('is what it has always been, or old journals would no longer replay', () => {
    const first = [0, 1, 42, -1, 123_456_789].map((seed) => {
      const random = seededRandom(seed)
      return [random.next(), random.next(), random.next()].map((value) => value * 2 ** 32)
    })
    expect(first).toEqual([
      [1144304738, 1416247, 958946056],
      [2693262067, 11749833, 2265367787],
      [2581720956, 1925393290, 3661312704],
      [3850105811, 813802916, 3073704848],
      [1107202814, 4169434471, 3372958138],
    ])
  })

  it('lies in [0, 1), and depends on nothing but the state', () => {
    fc.assert(
      fc.property(fc.integer(), (state) => {
        const { value, state: next } = draw(state)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThan(1)
        expect(next).toBe(next | 0)
        expect(draw(state)).toEqual({ value, state: next })
      }),
    )
  })

  it('goes on from a state that was kept, as a restarted machine does', () => {
    const random = seededRandom(7)
    random.next()
    const { state } = draw(7)
    expect(draw(state).value).toBe(random.next())
  })

  it('is spread evenly: each tenth of [0, 1) gets a tenth of 100,000 draws, give or take 3%', () => {
    const random = seededRandom(1)
    const tenths = new Array<number>(10).fill(0)
    for (let i = 0; i < 100_000; i++) tenths[Math.floor(random.next() * 10)]!++
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(300)
  })
})

describe('a derived seed', () => {
  it('is the same for the same seed and name, and another for another', () => {
    expect(deriveSeed(1, 'openai')).toBe(deriveSeed(1, 'openai'))
    const seeds = ['openai', 'openaj', 'cache', ''].flatMap((name) => [deriveSeed(1, name), deriveSeed(2, name)])
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it('is a 32-bit integer, so that it survives JSON and being a draw state', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), (seed, name) => {
        const derived = deriveSeed(seed, name)
        expect(derived).toBe(derived | 0)
      }),
    )
  })

  it('gives services draws that do not follow each other', () => {
    const a = seededRandom(deriveSeed(1, 'a'))
    const b = seededRandom(deriveSeed(1, 'b'))
    let sum = 0
    for (let i = 0; i < 10_000; i++) sum += (a.next() - 0.5) * (b.next() - 0.5)
    expect(Math.abs((sum / 10_000) * 12)).toBeLessThan(0.05)
  })
})

it('a fresh seed is a 32-bit integer, and rarely the same twice', () => {
  const seeds = Array.from({ length: 50 }, freshSeed)
  for (const seed of seeds) expect(seed).toBe(seed | 0)
  expect(new Set(seeds).size).toBeGreaterThan(45)
})
