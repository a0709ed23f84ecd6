// What is made of a live service's answers: their quality, and what asking for less has cost and saved.
import { describe, expect, it } from 'vitest'
import { HealthWatch } from '../../src/actors/healthWatch.ts'
import { ImpactMeter } from '../../src/actors/impactMeter.ts'
import { QualityWatch } from '../../src/actors/qualityWatch.ts'
import { UNDEGRADED } from '../../src/model/degradation.ts'
import { registerKind } from '../../src/services/profiles.ts'
import { ofType, path, replayed, testBoard } from './testBoard.ts'

interface Answer {
  readonly quality?: number
  readonly cost?: number
}

const LADDER = [
  { level: 1, overrides: { depth: 2 }, expected: { performanceImpact: 0.2, costSaved: 0.5 } },
  { level: 2, overrides: { depth: 1 }, expected: { performanceImpact: 0.5, costSaved: 0.7 } },
  { level: 3, overrides: {}, expected: { performanceImpact: 0.9, costSaved: 1 } },
] as const

const judged = registerKind({
  name: 'judged',
  like: 'custom',
  defaults: { qualityFloor: 0.6 },
  profile: { ladder: LADDER, measure: (value) => value as Answer },
})

describe('the quality of answers', () => {
  it('degrades the service when the mean of the last twenty falls below the floor, and lets it go when it is back', async () => {
    const { gear, clock, heard, journal } = await testBoard({ search: { kind: judged, recoverAfter: 10_000 } })
    const answer = async (quality: number, times: number) => {
      for (let i = 0; i < times; i++) await gear.execute('search', () => ({ quality }))
    }
    await answer(0.9, 20)
    expect(gear.state('search')).toBe('closed')
    await answer(0.1, 7)
    expect(gear.state('search')).toBe('closed')
    await answer(0.1, 1)
    expect(gear.services.search.path).toBe('degraded.level1')
    expect(ofType(heard, 'signal').map(({ signal }) => signal)).toEqual([
      { kind: 'health', level: 1, reason: 'quality 0.58 is below 0.6' },
    ])
    await answer(0.1, 12)
    expect(gear.services.search.path).toBe('degraded.level2')
    await answer(1, 20)
    expect(gear.state('search')).toBe('closed')
    await clock.advance(1)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('is not judged by fewer than five answers, nor by answers that say nothing of it', async () => {
    const { gear } = await testBoard({ search: { kind: judged } })
    for (let i = 0; i < 4; i++) await gear.execute('search', () => ({ quality: 0 }))
    for (let i = 0; i < 9; i++) await gear.execute('search', () => ({}))
    expect(gear.state('search')).toBe('closed')
    await gear.execute('search', () => ({ quality: 0 }))
    expect(gear.state('search')).toBe('degraded')
  })

  it('is not judged where the floor is switched off', async () => {
    const { gear } = await testBoard({ search: { kind: judged, qualityFloor: false } })
    for (let i = 0; i < 30; i++) await gear.execute('search', () => ({ quality: 0 }))
    expect(gear.state('search')).toBe('closed')
  })

  it('stands as long as the answers stay bad, though a degraded service is let go that nobody speaks of', async () => {
    const { gear, clock, heard } = await testBoard({ search: { kind: judged, recoverAfter: 1000 } })
    for (let i = 0; i < 100; i++) {
      await gear.execute('search', () => ({ quality: 0.4 }))
      await clock.advance(100)
    }
    expect(path(heard)).toEqual([
      'closed.watching → degraded.level2 (health.changed)',
      'degraded.level2 → degraded.level1 (health.changed)',
    ])
  })

  it.each([[Number.NaN], [-1], [1.1], [Number.POSITIVE_INFINITY]])('passes over a quality of %d', (quality) => {
    const watch = new QualityWatch()
    for (let i = 0; i < 9; i++) watch.add(quality, UNDEGRADED.expected)
    expect(watch.mean).toBeUndefined()
  })

  it('of a call that was asked for less is held against what could be expected of it', () => {
    const watch = new QualityWatch()
    for (let i = 0; i < 5; i++) watch.add(0.4, { performanceImpact: 0.5, costSaved: 0 })
    expect(watch.mean).toBeCloseTo(0.8)
    expect(watch.levelFor(0.7)).toBe(0)
  })

  it.each([
    [0.7, 0],
    [0.69, 1],
    [0.53, 1],
    [0.52, 2],
    [0, 2],
  ])('of %d calls for level %d where the floor is 0.7', (quality, level) => {
    const watch = new QualityWatch()
    for (let i = 0; i < 5; i++) watch.add(quality, UNDEGRADED.expected)
    expect(watch.levelFor(0.7)).toBe(level)
  })
})

describe('the impact of degradation', () => {
  it('is told per level, expected beside measured', async () => {
    const { gear, clock } = await testBoard({ search: { kind: judged } })
    const call = (ms: number, answer: Answer) =>
      gear.execute('search', async () => {
        await clock.advance(ms)
        return answer
      })
    await call(100, { cost: 0.1, quality: 0.9 })
    await call(300, { cost: 0.3, quality: 0.9 })
    gear.signal('search', { kind: 'health', level: 1, reason: 'thin index' })
    await call(100, { cost: 0.05, quality: 0.72 })
    const { impact } = gear.services.search
    expect(impact?.spent).toBeCloseTo(0.45)
    expect(impact?.savedByDegradation).toBeCloseTo(0.15)
    expect(impact?.levels[0]).toMatchObject({ level: 0, calls: 2, expected: UNDEGRADED.expected })
    expect(impact?.levels[1]).toMatchObject({ level: 1, calls: 1, cost: 0.05, quality: 0.72, expected: LADDER[0].expected })
    expect(impact?.levels[1]?.measured.latencyChange).toBeCloseTo(-0.5)
    expect(impact?.levels[1]?.measured.costSaved).toBeCloseTo(0.75)
    expect(impact?.levels[1]?.measured.qualityLost).toBeCloseTo(0.2)
    expect(impact?.levels[2]).toMatchObject({ calls: 0, latency: undefined, measured: { costSaved: undefined } })
  })

  it('counts what rejected calls would have cost', async () => {
    const { gear } = await testBoard({ search: { kind: judged } })
    await gear.execute('search', () => ({ cost: 0.2 }))
    gear.command('search', { name: 'trip', by: 'ann', why: 'test' })
    for (let i = 0; i < 3; i++) await gear.execute('search', () => ({ cost: 0.2 })).catch(() => undefined)
    expect(gear.services.search.impact?.avoidedByRejection).toBeCloseTo(0.6)
  })

  it('is not kept for kinds whose answers tell nothing, nor for keys', async () => {
    const { gear } = await testBoard({ search: { kind: 'http' }, notes: { kind: judged } })
    expect(gear.services.search.impact).toBeUndefined()
    expect(gear.services.notes.for('a').impact).toBeUndefined()
  })

  it('counts what a failed call cost as spent, and as nothing else', async () => {
    const meter = new ImpactMeter()
    meter.spend(2)
    expect(meter.report(undefined, 5)).toMatchObject({ spent: 2, savedByDegradation: 0, avoidedByRejection: 0 })
  })

  it('forgets slowly what was usual', () => {
    const meter = new ImpactMeter()
    for (let i = 0; i < 1000; i++) meter.add(0, 1, undefined)
    for (let i = 0; i < 7000; i++) meter.add(0, 3, undefined)
    expect(meter.report(undefined, 0).levels[0]?.latency).toBeGreaterThan(2.99)
  })
})

describe('a call at a level', () => {
  it('is told what to ask less of, with what its policy lays over, and its outcome carries level and measurement', async () => {
    const { gear, heard } = await testBoard({
      search: { kind: judged, levels: [{ overrides: { depth: 7, wide: true } }, {}, {}] },
    })
    gear.signal('search', { kind: 'health', level: 1, reason: 'test' })
    const told = await gear.execute('search', ({ degradation }) => ({ degradation, cost: 0.5, quality: 1 }))
    expect(told.degradation).toEqual({ level: 1, overrides: { depth: 7, wide: true }, expected: LADDER[0].expected })
    expect(ofType(heard, 'outcome')).toMatchObject([{ result: 'success', level: 1, cost: 0.5, quality: 1 }])
  })
})

describe('conditions of a service', () => {
  it('are told by the gravest of them, and told again only when that changes or is about to lapse', async () => {
    const { gear, clock, heard } = await testBoard({ search: { recoverAfter: 1000 } })
    expect(gear.state('search')).toBe('closed')
    const signals: unknown[] = []
    const context = { standing: {}, policy: { recoverAfter: 1000 } }
    const watch = new HealthWatch({
      clock,
      get context() {
        return context as never
      },
      signal: (at, signal) => {
        signals.push(signal)
        context.standing =
          signal.kind === 'health' && signal.level > 0
            ? { health: { level: signal.level, recoverAt: at + 1000, why: signal.reason } }
            : {}
      },
    })
    watch.set('memory', 0, 'fine')
    expect(signals).toEqual([])
    watch.set('memory', 1, 'full')
    watch.set('quality', 2, 'poor')
    watch.set('memory', 1, 'full')
    expect(signals).toEqual([
      { kind: 'health', level: 1, reason: 'full' },
      { kind: 'health', level: 2, reason: 'poor' },
    ])
    await clock.advance(499)
    watch.set('quality', 2, 'poor')
    expect(signals).toHaveLength(2)
    await clock.advance(2)
    watch.set('quality', 2, 'still poor')
    expect(signals.at(-1)).toEqual({ kind: 'health', level: 2, reason: 'still poor' })
    watch.set('quality', 0, 'good')
    expect(signals.at(-1)).toEqual({ kind: 'health', level: 1, reason: 'full' })
    expect([...watch.standing.keys()]).toEqual(['memory'])
    watch.set('memory', 0, 'room again')
    expect(signals.at(-1)).toEqual({ kind: 'health', level: 0, reason: 'room again' })
    expect(heard).toEqual([])
  })

  it('that are over take back only what they had called for themselves', async () => {
    const { gear } = await testBoard({ search: { kind: judged } })
    for (let i = 0; i < 5; i++) await gear.execute('search', () => ({ quality: 0.5 }))
    expect(gear.services.search).toMatchObject({ path: 'degraded.level1', reason: 'health.changed' })
    gear.signal('search', { kind: 'health', level: 2, reason: 'thin index' })
    for (let i = 0; i < 20; i++) await gear.execute('search', () => ({ quality: 1 }))
    expect(gear.services.search.path).toBe('degraded.level2')
  })

  it('take a graver level of somebody else for no less grave', async () => {
    const { gear } = await testBoard({ search: { kind: judged } })
    gear.signal('search', { kind: 'health', level: 2, reason: 'thin index' })
    for (let i = 0; i < 5; i++) await gear.execute('search', () => ({ quality: 0.25 }))
    expect(gear.services.search.path).toBe('degraded.level2')
  })
})
