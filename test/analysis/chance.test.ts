// Tail probabilities against values worked out by hand or known from tables.
import { describe, expect, test } from 'vitest'
import { atLeastOne, binomialTail, corrected, poissonTail } from '../../src/analysis/chance.ts'

describe('the chance of at least k', () => {
  test.each([
    [10, 0, 0.3, 1],
    [10, 11, 0.3, 0],
    [10, 10, 0.5, 1 / 1024],
    [10, 9, 0.5, 11 / 1024],
    [10, 1, 0.5, 1023 / 1024],
    [10, 5, 0.5, 638 / 1024],
    [3, 2, 1, 1],
    [3, 1, 0, 0],
    [5, 3, 0.1, 0.00856],
    [400, 400, 0.5, 0.5 ** 400],
  ])('of %d trials, %d or more at %d: %d', (n, k, q, expected) => {
    expect(binomialTail(n, k, q)).toBeCloseTo(expected, 12)
  })

  test.each([
    [0, 2, 1],
    [1, 0, 0],
    [1, 0.1, 1 - Math.exp(-0.1)],
    [2, 1, 1 - 2 * Math.exp(-1)],
    [2, 5, 1 - 6 * Math.exp(-5)],
    [3, 0.5, 1 - Math.exp(-0.5) * 1.625],
  ])('of a Poisson number, %d or more with mean %d: %d', (k, mean, expected) => {
    expect(poissonTail(k, mean)).toBeCloseTo(expected, 12)
  })

  test('a great factorial is as exact as a small one', () => {
    // Around the largest that is tabulated, the tail must not jump.
    const tails = [253, 254, 255, 256, 257].map((n) => binomialTail(n, n, 0.9) / 0.9 ** n)
    for (const ratio of tails) expect(ratio).toBeCloseTo(1, 9)
  })

  test('of one event in a span: grows with it and never passes 1', () => {
    expect(atLeastOne(0, 1000)).toBe(0)
    expect(atLeastOne(-1, 1000)).toBe(0)
    expect(atLeastOne(0.001, 1000)).toBeCloseTo(1 - Math.exp(-1), 12)
    expect(atLeastOne(1, 1e9)).toBe(1)
  })

  test('corrected for many tests: as many times, at most 1', () => {
    expect(corrected(0.01, 5)).toBeCloseTo(0.05)
    expect(corrected(0.01, 0)).toBe(0.01)
    expect(corrected(0.3, 5)).toBe(1)
  })
})
