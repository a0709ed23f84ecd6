// The memory of correlation: what it takes in, what it refuses, what it forgets, and how much it holds.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FailureHistory } from '../../src/analysis/failureHistory.ts'
import { findCorrelations } from '../../src/analysis/findCorrelations.ts'
import { FAILURE_TYPES } from '../../src/model/failures.ts'
import { findingSchema } from '../../src/model/findings.ts'
import { START, tell } from './story.ts'

const GRAPH = { b: { dependsOn: ['a'] }, c: { dependsOn: ['b', 'x'] }, a: { dependsOn: ['c'] } }

describe('what is taken in', () => {
  test.each([
    ['now', 0, 1, true],
    ['a minute late', -60_000, 1, true],
    ['more than a minute late', -60_001, 1, false],
    ['just under a minute ahead', 59_999, 1, true],
    ['a minute ahead', 60_000, 1, false],
    ['without a time', Number.NaN, 1, false],
    ['before the epoch', -1e15, 1, false],
    ['at no finite time', Number.POSITIVE_INFINITY, 1, false],
    ['no calls', 0, 0, false],
    ['half a call', 0, 1.5, false],
    ['less than nothing', 0, -1, false],
    ['more calls than there are', 0, 1e9, false],
  ])('%s', (_, offset, count, taken) => {
    const history = new FailureHistory()
    history.advance(START)
    expect(history.add(START + offset, 'a', 'failure', 'timeout', count)).toBe(taken)
    expect(history.refused).toBe(taken ? 0 : 1)
  })

  test('the first event tells the time until somebody says what it is', () => {
    const history = new FailureHistory()
    expect(history.observedMs).toBe(0)
    expect(history.add(START, 'a', 'success')).toBe(true)
    expect(history.now).toBe(START)
    history.advance(START + 500)
    history.advance(START - 9000)
    history.advance(Number.NaN)
    expect(history.now).toBe(START + 500)
    expect(history.observedMs).toBe(500)
  })

  test('counts by the second in the last five minutes, by ten seconds in the hour, and nothing after that', () => {
    const history = new FailureHistory()
    history.advance(START)
    history.add(START, 'a', 'failure', 'timeout', 3)
    history.add(START + 1000, 'a', 'success', undefined, 7)
    expect(history.counts('a', START, START)).toEqual({ calls: 3, failures: 3 })
    history.advance(START + 600_000)
    history.add(START + 600_000, 'a', 'success')
    expect(history.counts('a', START, START + 2000)).toEqual({ calls: 10, failures: 3 })
    history.advance(START + 3_700_000)
    history.add(START + 3_700_000, 'a', 'success')
    expect(history.counts('a', START, START + 3_700_000)).toEqual({ calls: 2, failures: 0 })
    expect(history.counts('nobody', START, START + 1000)).toEqual({ calls: 0, failures: 0 })
  })
})

describe('what is held', () => {
  test('as many services as allowed; the silent make room after two hours', () => {
    const history = new FailureHistory({ maxServices: 2 })
    history.advance(START)
    expect(history.add(START, 'a', 'success')).toBe(true)
    expect(history.add(START, 'b', 'success')).toBe(true)
    expect(history.add(START, 'c', 'success')).toBe(false)
    history.advance(START + 7_000_000)
    history.add(START + 7_000_000, 'b', 'success')
    expect(history.add(START + 7_000_000, 'c', 'success')).toBe(false)
    history.advance(START + 7_300_000)
    expect(history.add(START + 7_300_000, 'c', 'success')).toBe(true)
    expect(history.services().map(({ service }) => service)).toEqual(['b', 'c'])
    history.forget('b')
    expect(history.size).toBe(1)
  })

  test('however often a service fails, its episodes and lone failures are limited in number', () => {
    const faults = Array.from({ length: 200 }, (_, i) => ({ service: 'a', from: 300 + i * 40, to: 300 + i * 40 + 5 }))
    const lone = Array.from({ length: 200 }, (_, i) => ({ service: 'b', from: 300 + i * 40, to: 300 + i * 40 }))
    const { history } = tell({ services: { a: 10, b: 10 }, seconds: 8400, lookFrom: 8390, faults: [...faults, ...lone] })
    expect(history.service('a')?.episodes.length).toBeLessThanOrEqual(64)
    expect(history.service('a')?.runs.length).toBeLessThanOrEqual(64)
    expect(history.service('b')?.lone.length).toBe(128)
  })

  test('an hour of silence leaves no failures behind', () => {
    const history = new FailureHistory()
    for (let second = 0; second < 4; second++) {
      history.advance(START + second * 1000)
      history.add(START + second * 1000, 'a', 'failure', 'timeout', 2)
    }
    // Two more failures would have made an episode of the eight before, had there been no silence.
    history.advance(START + 3_600_000)
    history.add(START + 3_600_000, 'a', 'failure', 'timeout', 2)
    expect(findCorrelations(history, {}, START + 3_610_000)).toEqual([])
    expect(history.counts('a', START, START + 3_610_000)).toEqual({ calls: 2, failures: 2 })
  })
})

describe('episodes', () => {
  const episodesOf = (services: Record<string, number>, faults: Parameters<typeof tell>[0]['faults']) =>
    tell({ services, seconds: 1200, faults: faults ?? [] }).history.service('a')?.episodes ?? []

  test('begin with their first failure and end with their last, and know their types', () => {
    const [episode, ...others] = episodesOf({ a: 10 }, [{ service: 'a', from: 600, to: 620, type: 'service_unavailable' }])
    expect(others).toEqual([])
    expect(episode).toMatchObject({ from: START + 600_000, to: START + 619_999, open: false, calls: 200, failures: 200 })
    expect([...episode!.types]).toEqual(FAILURE_TYPES.map((type) => (type === 'service_unavailable' ? 200 : 0)))
    expect(episode!.chance).toBeLessThanOrEqual(0.001)
  })

  test('are none at the rate at which the service always fails', () => {
    expect(episodesOf({ a: 50 }, [{ service: 'a', from: 0, to: 1200, tenths: 1 }])).toEqual([])
  })

  test('do not begin with an ordinary failure that happened to come before', () => {
    const [episode] = episodesOf({ a: 2 }, [
      { service: 'a', from: 595, to: 595 },
      { service: 'a', from: 600, to: 640 },
    ])
    expect(episode?.from).toBeGreaterThanOrEqual(START + 600_000)
  })

  test('are over when nothing has been heard for five minutes', () => {
    const history = new FailureHistory()
    for (let second = 0; second < 660; second++) {
      history.advance(START + second * 1000)
      history.add(START + second * 1000, 'a', second < 600 ? 'success' : 'failure', 'timeout', 5)
    }
    history.advance(START + 670_000)
    expect(history.service('a')?.episodes.map(({ open }) => open)).toEqual([true])
    history.advance(START + 1_000_000)
    expect(history.service('a')?.episodes.map(({ open }) => open)).toEqual([false])
  })

  test('that last longer than a quarter of an hour become what is ordinary', () => {
    const { history } = tell({
      services: { a: 10 },
      seconds: 3600,
      lookFrom: 3590,
      faults: [{ service: 'a', from: 600, to: 3000, tenths: 4 }],
    })
    expect(history.service('a')?.episodes[0]?.to).toBeLessThan(START + 2_900_000)
  })
})

describe('a breaker that opens', () => {
  /** A call a second; two failures, and none of its calls come through for a while. */
  const opened = (at: readonly number[], seconds: number, failures = 2) => {
    const history = new FailureHistory()
    for (let second = 0; second < seconds; second++) {
      const now = START + second * 1000
      history.advance(now)
      const since = Math.min(...at.map((from) => (second >= from ? second - from : Number.POSITIVE_INFINITY)))
      if (since > 30) history.add(now, 'a', 'success')
      else if (since === 0) {
        if (failures > 0) history.add(now, 'a', 'failure', 'authentication', failures)
        history.opened('a', now, 'authentication')
      }
    }
    return history.service('a')
  }

  test('makes an episode of failures too few to be one, and says so', () => {
    const episode = opened([600], 700)?.episodes[0]
    expect(episode).toMatchObject({ from: START + 600_000, failures: 2, opening: 'authentication' })
    expect(episode?.chance).toBeCloseTo(1 - Math.exp(-30 / 600), 2)
  })

  test('without a failure, for a reason of another sort, makes none', () => {
    expect(opened([600], 700, 0)?.episodes).toEqual([])
  })

  test('again and again counts each time, and is an onset once in five minutes', () => {
    const service = opened([600, 720, 840, 1300], 1400)
    expect(service?.episodes.map(({ from }) => (from - START) / 1000)).toEqual([600, 720, 840, 1300])
    expect(service?.runs.map((from) => (from - START) / 1000)).toEqual([600, 1300])
    const chances = service?.episodes.map(({ chance }) => chance) ?? []
    expect(chances[2]).toBeGreaterThan(chances[0]!)
  })

  test('is an episode like any other once its calls say so too', () => {
    expect(opened([600], 700, 40)?.episodes[0]).toMatchObject({ opening: undefined })
    const history = new FailureHistory()
    for (let second = 0; second < 640; second++) {
      history.advance(START + second * 1000)
      history.add(START + second * 1000, 'a', second < 600 ? 'success' : 'failure', 'timeout', second < 600 ? 5 : 2)
      if (second === 600) history.opened('a', START + second * 1000, 'timeout')
    }
    expect(history.service('a')?.episodes).toMatchObject([{ from: START + 600_000, opening: undefined }])
    expect(history.service('a')?.episodes[0]?.chance).toBeLessThan(0.001)
  })

  test('of a service that is not known is passed over', () => {
    const history = new FailureHistory()
    history.opened('nobody', START, 'timeout')
    expect(history.size).toBe(0)
  })

  test.each<[string, Record<string, number>, [string, string[]][]]>([
    [
      'three at once, refused alike',
      { a: 600, b: 600, c: 601 },
      [
        ['common_cause', ['a', 'b', 'c']],
        ['system_wide', ['a', 'b', 'c']],
      ],
    ],
    ['one alone', { a: 600 }, []],
    ['two a while apart', { a: 600, b: 650 }, []],
  ])('%s: %j', (_, at, expected) => {
    const history = new FailureHistory()
    for (let second = 0; second < 620; second++) {
      const now = START + second * 1000
      history.advance(now)
      for (const name of ['a', 'b', 'c', 'd']) {
        const from = at[name] ?? Number.POSITIVE_INFINITY
        if (second < from) history.add(now, name, 'success')
        else if (second === from) {
          history.add(now, name, 'failure', 'authentication')
          history.opened(name, now, 'authentication')
        }
      }
    }
    const found = findCorrelations(history, {}, START + 620_000)
    expect(found.map(({ pattern, services }) => [pattern, services]).sort()).toEqual(expected)
  })
})

describe('whatever comes', () => {
  const event = fc.record({
    second: fc.integer({ min: -70, max: 700 }),
    ms: fc.integer({ min: 0, max: 999 }),
    service: fc.constantFrom('a', 'b', 'c', 'x', '__proto__', ''),
    failure: fc.option(fc.constantFrom(...FAILURE_TYPES), { nil: undefined }),
    count: fc.oneof(fc.integer({ min: -1, max: 30 }), fc.constant(Number.NaN)),
    id: fc.option(fc.string({ maxLength: 4 }), { nil: undefined }),
  })
  const played = (events: readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[]) => {
    const history = new FailureHistory()
    history.advance(START)
    const findings: unknown[] = []
    for (let second = 0, next = 0; second <= 710; second += 5) {
      history.advance(START + second * 1000)
      for (; next < events.length && events[next]!.second <= second; next++) {
        const { second: s, ms, service, failure, count, id } = events[next]!
        history.add(START + s * 1000 + ms, service, failure ? 'failure' : 'success', failure, count, id)
      }
      findings.push(findCorrelations(history, GRAPH, START + second * 1000))
    }
    return findings.flat()
  }

  test('nothing throws, and every finding has the shape that is promised', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), (events) => {
        for (const finding of played(events.sort((a, b) => a.second - b.second))) {
          const parsed = findingSchema.parse(JSON.parse(JSON.stringify(finding)))
          expect(parsed.services).toEqual([...parsed.services].sort())
          expect(parsed.interval.from).toBeLessThanOrEqual(parsed.interval.to)
          expect(parsed.evidence.events.length).toBeLessThanOrEqual(16)
        }
      }),
      { numRuns: 40, seed: 4 },
    )
  })

  test('the order in which events of a second are told makes no difference', () => {
    // Failures come in crowds, so that there is something to find.
    const crowd = fc.array(
      fc.record({
        second: fc.integer({ min: 20, max: 600 }),
        service: fc.constantFrom('a', 'b', 'c'),
        type: fc.constantFrom(...FAILURE_TYPES),
      }),
      {
        minLength: 1,
        maxLength: 8,
      },
    )
    let found = 0
    fc.assert(
      fc.property(crowd, fc.integer(), (crowds, salt) => {
        const events = crowds
          .flatMap(({ second, service, type }) =>
            Array.from({ length: 40 }, (_, i) => ({
              second: second + (i >> 3),
              ms: (i * 397) % 1000,
              service,
              failure: type,
              count: 1,
              id: `e${i}`,
            })),
          )
          .sort((x, y) => x.second - y.second)
        const shuffled = [...events].sort((x, y) => x.second - y.second || ((x.ms * salt) % 101) - ((y.ms * salt) % 101))
        const findings = played(events)
        found += findings.length
        expect(played(shuffled)).toEqual(findings)
      }),
      { numRuns: 25, seed: 5 },
    )
    expect(found).toBeGreaterThan(0)
  })
})
