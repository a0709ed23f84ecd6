// Demand, latency and its baseline: what a breaker measures beside its window.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DemandMeter } from '../../src/actors/demandMeter.ts'
import { LatencyHistogram } from '../../src/actors/latencyHistogram.ts'
import { LatencyWatch } from '../../src/actors/latencyWatch.ts'

const T = 1_767_225_600_000

describe('demand', () => {
  it('is calls a second, at any steady rate', () => {
    for (const perSecond of [0.5, 4, 40]) {
      const meter = new DemandMeter()
      for (let i = 0; i < 60 * perSecond; i++) meter.add(T + (i * 1000) / perSecond)
      expect(meter.perSecond(T + 60_000)).toBeCloseTo(perSecond, 0)
    }
  })

  it('of the first moments is not made larger than it is by the shortness of the time', () => {
    const meter = new DemandMeter()
    for (let i = 0; i < 5; i++) meter.add(T + i)
    expect(meter.perSecond(T + 5)).toBe(5)
  })

  it('follows when calls become fewer, within twenty seconds', () => {
    const meter = new DemandMeter()
    for (let i = 0; i < 1000; i++) meter.add(T + i * 10)
    for (let i = 0; i < 20; i++) meter.add(T + 10_000 + i * 1000)
    expect(meter.perSecond(T + 30_000)).toBeLessThan(2)
  })

  it('is forgotten after silence', () => {
    const meter = new DemandMeter()
    for (let i = 0; i < 100; i++) meter.add(T)
    expect(meter.perSecond(T + 60_000)).toBe(0)
  })

  it('survives being saved', () => {
    const meter = new DemandMeter()
    for (let i = 0; i < 100; i++) meter.add(T + i * 150)
    const other = new DemandMeter()
    other.restore(JSON.parse(JSON.stringify(meter.save())))
    expect(other.perSecond(T + 15_000)).toBe(meter.perSecond(T + 15_000))
    other.restore([])
    expect(other.perSecond(T)).toBe(0)
  })
})

describe('the latency histogram', () => {
  it('tells a percentile never too low, and at most an eighth too high', () => {
    const latency = fc.oneof(fc.nat(40), fc.nat(100_000), fc.nat(2_000_000_000))
    fc.assert(
      fc.property(
        fc.array(latency, { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (all, q) => {
          const histogram = new LatencyHistogram()
          for (const one of all) histogram.add(one)
          const exact = all.sort((a, b) => a - b)[Math.ceil(all.length * q) - 1] ?? 0
          const told = Math.round(histogram.quantile(q) * 1000)
          expect(told).toBeGreaterThanOrEqual(exact)
          expect(told).toBeLessThanOrEqual(exact * 1.125)
        },
      ),
    )
  })

  it('says 0 when it holds nothing, and takes what lies out of its range for its ends', () => {
    const histogram = new LatencyHistogram()
    expect(histogram.quantile(0.95)).toBe(0)
    histogram.add(-5)
    expect(histogram.quantile(1)).toBe(0)
    histogram.add(2 ** 40)
    expect(histogram.quantile(1)).toBeGreaterThan(2_000_000)
  })

  it('forgets a share of what it holds when others are merged in', () => {
    const one = new LatencyHistogram()
    const other = new LatencyHistogram()
    for (let i = 0; i < 10; i++) one.add(1000)
    other.add(5)
    one.merge(other, 0.5)
    expect(one.total).toBe(6)
  })

  it('survives being saved, and buckets it does not know are left out', () => {
    const histogram = new LatencyHistogram()
    for (const latency of [3, 3, 700, 90_000]) histogram.add(latency)
    const other = new LatencyHistogram()
    other.restore([...histogram.save(), 9999, 7])
    expect(other.save()).toEqual(histogram.save())
    expect(other.total).toBe(4)
  })
})

/** Adds `calls` of this latency over the ten seconds to `until`, and reviews when it is asked to. */
function tenSeconds(watch: LatencyWatch, from: number, ms: number, ratio: number | false = 3, calls = 50): boolean {
  let rose = false
  for (let i = 1; i <= calls; i++) {
    const at = from + (i * 10_000) / calls
    if (watch.add(at, ms * 1000)) rose = watch.review(at, ratio) || rose
  }
  return rose
}

function watchOf(ms: number): LatencyWatch {
  const watch = new LatencyWatch()
  for (let round = 0; round < 4; round++) tenSeconds(watch, T + round * 10_000, ms)
  return watch
}

describe('the latency watch', () => {
  it('says once that the 95th percentile has risen above three times its baseline, and keeps saying so to who asks', () => {
    const watch = watchOf(20)
    expect(tenSeconds(watch, T + 40_000, 90)).toBe(false) // half of that review's calls are from before
    expect(watch.risen).toBeUndefined()
    expect(tenSeconds(watch, T + 50_000, 90)).toBe(true)
    expect(watch.risen?.p95).toBeGreaterThanOrEqual(90)
    expect(watch.risen?.baselineP95).toBeLessThan(30)
    expect(tenSeconds(watch, T + 60_000, 90)).toBe(false)
    expect(watch.risen).toBeDefined()
  })

  it('takes it back when latency has fallen', () => {
    const watch = watchOf(20)
    tenSeconds(watch, T + 40_000, 90)
    tenSeconds(watch, T + 50_000, 90)
    expect(watch.risen).toBeDefined()
    tenSeconds(watch, T + 60_000, 20)
    tenSeconds(watch, T + 70_000, 20)
    expect(watch.risen).toBeUndefined()
  })

  it.each([
    ['when it is told to keep no ratio', 20, 90, false, 50],
    ['for less than three times', 20, 40, 3, 50],
    ['below 10 ms, whatever the ratio: that is the jitter of a process', 1, 8, 3, 50],
    ['on fewer than twenty calls', 20, 90, 3, 9],
  ] as const)('says nothing %s', (_, before, after, ratio, calls) => {
    const watch = watchOf(before)
    expect(tenSeconds(watch, T + 40_000, after, ratio, calls) || tenSeconds(watch, T + 50_000, after, ratio, calls)).toBe(false)
    expect(watch.risen).toBeUndefined()
  })

  it('says nothing while it has hardly a baseline', () => {
    const watch = new LatencyWatch()
    tenSeconds(watch, T, 20, 3, 40)
    expect(tenSeconds(watch, T + 10_000, 900, 3, 40)).toBe(false)
  })

  it('tells percentiles over the whole life, reviewed or not, and survives being saved', () => {
    const watch = watchOf(20)
    tenSeconds(watch, T + 40_000, 900, 3, 30)
    const other = new LatencyWatch()
    other.restore(JSON.parse(JSON.stringify(watch.save())))
    for (const one of [watch, other]) {
      expect(one.quantile(0.5)).toBeLessThan(23)
      expect(one.quantile(0.99)).toBeGreaterThanOrEqual(900)
    }
  })
})
