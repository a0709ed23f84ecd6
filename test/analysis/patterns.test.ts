// What is found in traffic that is told: each pattern at its edges, and nothing where there is nothing.
import { describe, expect, test } from 'vitest'
import { coincidence } from '../../src/analysis/coincidence.ts'
import { startingTogether } from '../../src/analysis/commonCause.ts'
import { rhythmOf } from '../../src/analysis/recurring.ts'
import { seededRandom } from '../../src/model/random.ts'
import { ofPattern, patternsOf, START, type Story, type Told, tell } from './story.ts'

const FIVE = { a: 10, b: 10, c: 10, d: 10, e: 10 }
const outage = (service: string, from: number, more: Partial<Told> = {}): Told => ({ service, from, to: from + 30, ...more })
const HOUR = 3_600_000

describe('quiet traffic', () => {
  test.each<[string, Partial<Story>]>([
    ['without any failure', {}],
    [
      'in which one call in ten fails, everywhere and always',
      { faults: Object.keys(FIVE).map((service) => ({ service, from: 0, to: 1200, tenths: 1 })) },
    ],
    [
      'in which a call fails now and then',
      { faults: [3, 190, 444, 871, 1003].map((from) => ({ service: 'abcde'[from % 5]!, from, to: from })) },
    ],
    [
      'of a service that fails always',
      { faults: [{ service: 'a', from: 0, to: 1200, tenths: 1 }], services: { a: 100, b: 0.1 } },
    ],
  ])('%s brings no finding', (_, story) => {
    expect(tell({ services: FIVE, seconds: 1200, ...story }).ever).toEqual([])
  })
})

describe('burst', () => {
  test('is an outage of one service, with its type, strength and last failures', () => {
    const { ever } = tell({ services: FIVE, seconds: 700, faults: [outage('b', 600, { type: 'http_error', tenths: 5 })] })
    expect(patternsOf(ever)).toEqual(['burst'])
    const last = ever.at(-1)!
    expect(last).toMatchObject({
      services: ['b'],
      failureType: 'http_error',
      severity: 'normal',
      interval: { from: START + 600_000 },
    })
    expect(last.strength).toBeCloseTo(0.5, 1)
    expect(last.evidence.counts).toEqual([{ service: 'b', calls: 300, failures: 150 }])
    expect(last.evidence.events).toHaveLength(16)
    expect(last.evidence.events.every(({ at }) => at >= START + 600_000 && at < START + 630_000)).toBe(true)
  })

  test('is as strong as the share of calls it cost, seconds in which all went well among them', () => {
    const faults = Array.from({ length: 60 }, (_, i) => ({ service: 'b', from: 600 + i * 3, to: 601 + i * 3 }))
    const { atEnd } = tell({ services: { b: 1 }, seconds: 780, lookFrom: 770, faults })
    const { calls, failures } = atEnd[0]!.evidence.counts[0]!
    expect(failures).toBeGreaterThan(50)
    expect(atEnd[0]!.strength).toBeGreaterThan(0.3)
    expect(atEnd[0]!.strength).toBeLessThanOrEqual(failures / calls)
  })

  test('is gone a minute after the last failure', () => {
    const story = { services: FIVE, faults: [outage('b', 600)] }
    expect(tell({ ...story, seconds: 680 }).atEnd).toHaveLength(1)
    expect(tell({ ...story, seconds: 700 }).atEnd).toEqual([])
  })

  test.each([
    [4, []],
    [40, ['burst']],
  ])('with %d failures: %j', (failures, patterns) => {
    const faults = [{ service: 'a', from: 600, to: 600 + failures / 2 }]
    expect(patternsOf(tell({ services: { a: 2 }, seconds: 700, faults }).ever)).toEqual(patterns)
  })
})

describe('system-wide', () => {
  const types = ['timeout', 'http_error', 'memory_error', 'rate_limit'] as const
  test.each([
    [2, undefined],
    [3, 'normal'],
    [4, 'high'],
  ])('%d services failing within a minute, each in its own way: %s', (count, severity) => {
    const faults = types.slice(0, count).map((type, i) => outage('abcd'[i]!, 600 + i * 8, { type }))
    const [found] = ofPattern(tell({ services: FIVE, seconds: 650, faults }).atEnd, 'system_wide')
    expect(found?.severity).toBe(severity)
    if (severity) expect(found?.services).toEqual([...'abcd'].slice(0, count))
  })

  test('is not what happens minutes apart', () => {
    const faults = ['a', 'b', 'c'].map((service, i) => outage(service, 600 + i * 120))
    expect(ofPattern(tell({ services: FIVE, seconds: 960, faults }).ever, 'system_wide')).toEqual([])
  })

  test('is not what has only just begun to be one: five failures within the last minute', () => {
    const services = { a: 0.05, b: 0.05, c: 0.05 }
    const faults = ['a', 'b', 'c'].map((service) => ({ service, from: 3000, to: 3160 }))
    const { history, ever } = tell({ services, seconds: 3400, faults })
    expect(history.services().map(({ episodes }) => episodes.length)).toEqual([1, 1, 1])
    for (const { evidence } of ofPattern(ever, 'system_wide')) {
      expect(evidence.counts.reduce((sum, { failures }) => sum + failures, 0)).toBeGreaterThanOrEqual(5)
    }
  })

  test('is not what chance brings where many services have outages of their own', () => {
    const random = seededRandom(5)
    const names = Array.from({ length: 40 }, (_, i) => `s${i}`)
    const faults = names.flatMap((service) => {
      const told: Told[] = []
      for (let at = random.next() * 600; at < 2400; at += 60 - 600 * Math.log(1 - random.next()))
        told.push({ service, from: at, to: at + 15 })
      return told
    })
    const services = Object.fromEntries(names.map((name) => [name, 3]))
    const quietly = tell({ services, seconds: 2400, lookFrom: 1800, faults })
    expect(ofPattern(quietly.ever, 'system_wide')).toEqual([])
    // Thirty of them at once are more than that.
    const outages = names.slice(0, 30).map((service) => outage(service, 2340))
    const { atEnd } = tell({ services, seconds: 2380, lookFrom: 2370, faults: [...faults, ...outages] })
    expect(ofPattern(atEnd, 'system_wide')).toMatchObject([{ severity: 'high' }])
  })

  test('stands in for the bursts of its services', () => {
    const faults = types.slice(0, 3).map((type, i) => outage('abc'[i]!, 600, { type }))
    expect(patternsOf(tell({ services: FIVE, seconds: 640, faults }).atEnd)).toEqual(['system_wide'])
  })
})

describe('common cause', () => {
  test.each<[string, Told[], string[] | undefined]>([
    ['three services, one type', ['a', 'b', 'c'].map((s) => outage(s, 600, { type: 'timeout' })), ['a', 'b', 'c']],
    ['two services, one type', ['a', 'b'].map((s) => outage(s, 600, { type: 'timeout' })), undefined],
    ['two services whose credential is rejected', ['a', 'b'].map((s) => outage(s, 600, { type: 'authentication' })), ['a', 'b']],
    [
      'three services, three types',
      [outage('a', 600, { type: 'timeout' }), outage('b', 600, { type: 'http_error' }), outage('c', 600)],
      undefined,
    ],
    [
      'three services, half a minute apart',
      ['a', 'b', 'c'].map((s, i) => outage(s, 600 + i * 30, { type: 'timeout' })),
      undefined,
    ],
  ])('%s: %j', (_, faults, services) => {
    const [found] = ofPattern(tell({ services: FIVE, seconds: 700, faults }).ever, 'common_cause')
    expect(found?.services).toEqual(services)
  })

  test('beats a cascade that it does not fit into, and lets one go before it that explains it', () => {
    const faults = ['a', 'b', 'c'].map((service) => outage(service, 600, { type: 'timeout' }))
    const apart = tell({ services: FIVE, seconds: 700, faults, graph: { b: ['a'] } }).ever
    expect(patternsOf(apart)).toEqual(['common_cause', 'system_wide'])
    const below = tell({ services: FIVE, seconds: 700, faults, graph: { b: ['a'], c: ['a'] } }).ever
    expect(patternsOf(below)).toEqual(['burst', 'cascade', 'system_wide'].filter((pattern) => pattern !== 'burst'))
  })

  test('goes on explaining after it is no longer told', () => {
    const faults = ['a', 'b', 'c'].map((service) => ({ service, from: 600, to: 1100, type: 'timeout' as const }))
    const { atEnd } = tell({ services: FIVE, seconds: 1000, faults, graph: { b: ['a'] } })
    expect(patternsOf(atEnd)).toEqual(['system_wide'])
  })
})

test('the most that began together are found as by asking at every moment', () => {
  const random = seededRandom(21)
  for (let round = 0; round < 200; round++) {
    const episodes = Array.from({ length: 1 + Math.floor(random.next() * 12) }, (_, i) => ({
      ...EPISODE,
      service: `s${i}`,
      from: Math.round(random.next() * 30) * 1000,
      slackMs: random.next() < 0.5 ? 0 : 2000,
    }))
    const sharing = (moment: number) =>
      episodes.filter(({ from, slackMs }) => from - slackMs - 3000 <= moment && moment <= from + 3000)
    const most = Math.max(...Array.from({ length: 100 }, (_, i) => sharing(i * 1000 - 10_000).length))
    const group = startingTogether(episodes)
    expect(group).toHaveLength(most)
    expect(Array.from({ length: 100 }, (_, i) => sharing(i * 1000 - 10_000))).toContainEqual(group)
  }
  expect(startingTogether([])).toEqual([])
})

const EPISODE = {
  service: '',
  to: 0,
  open: false,
  calls: 1,
  failures: 1,
  types: new Uint32Array(),
  chance: 0,
  baseline: 0,
  opening: undefined,
}

describe('a common cause that comes back', () => {
  test('does not explain itself by having been there before', () => {
    const faults = [300, 800, 1300, 1800].flatMap((at) =>
      ['a', 'b', 'c'].map((service) => outage(service, at, { type: 'timeout' })),
    )
    const [found] = ofPattern(tell({ services: FIVE, seconds: 1900, faults }).atEnd, 'common_cause')
    expect(found?.evidence.chance).toBeLessThan(0.001)
  })

  test('among services that fail every minute is no news', () => {
    const faults = Array.from({ length: 18 }, (_, i) => {
      const at = 300 + i * 60
      return ['a', 'b'].map((service, k) => ({
        service,
        from: at + k * 30 * (i % 2),
        to: at + k * 30 * (i % 2) + 6,
        type: 'authentication' as const,
      }))
    }).flat()
    const { ever } = tell({ services: { ...FIVE, a: 50, b: 50 }, seconds: 1500, faults })
    const last = ofPattern(ever, 'common_cause').at(-1)
    expect(last === undefined || last.interval.from < START + 900_000).toBe(true)
  })

  test('two of a type at different times are two', () => {
    const faults = [
      ...['a', 'b'].map((s) => outage(s, 2000, { type: 'authentication' })),
      ...['c', 'd'].map((s) => outage(s, 2100, { type: 'authentication' })),
    ]
    const found = ofPattern(tell({ services: FIVE, seconds: 2150, lookFrom: 2140, faults }).atEnd, 'common_cause')
    expect(found.map(({ services }) => services.join(''))).toEqual(['ab', 'cd'])
  })
})

describe('cascade', () => {
  const chain = { b: ['a'], c: ['b'] }
  test.each<[string, Told[], Record<string, string[]>, { root: string; services: string[] } | undefined]>([
    ['along an edge', [outage('a', 600), outage('b', 605)], chain, { root: 'a', services: ['a', 'b'] }],
    ['down a chain', [outage('a', 600), outage('b', 605), outage('c', 612)], chain, { root: 'a', services: ['a', 'b', 'c'] }],
    ['past one that does not fail', [outage('a', 600), outage('c', 612)], chain, { root: 'a', services: ['a', 'c'] }],
    ['against the edge', [outage('b', 600), outage('a', 620)], chain, undefined],
    ['without an edge', [outage('a', 600), outage('d', 605)], chain, undefined],
    ['too late', [outage('a', 600), outage('b', 670)], chain, undefined],
    [
      "of a credential, which is the service's own",
      [outage('a', 600), outage('b', 605, { type: 'authentication' })],
      chain,
      undefined,
    ],
    [
      'round a cycle, which the configuration forbids',
      [outage('a', 600), outage('b', 605)],
      { a: ['b'], b: ['a'] },
      { root: 'a', services: ['a', 'b'] },
    ],
  ])('%s', (_, faults, graph, expected) => {
    const [found] = ofPattern(tell({ services: FIVE, seconds: 690, faults, graph }).ever.reverse(), 'cascade')
    expect(found && { root: found.root, services: found.services }).toEqual(expected)
    if (expected && faults.length === 2) expect(found?.lagMs).toBeGreaterThanOrEqual((faults[1]!.from - 600) * 1000)
  })

  test.each([
    [58, ['cascade', 'burst']],
    [70, ['burst']],
  ])('after a quiet hour, %d s behind: %j', (lag, patterns) => {
    const faults = [outage('a', 3000), outage('b', 3000 + lag)]
    const { ever } = tell({ services: FIVE, seconds: 3200, lookFrom: 3000, faults, graph: chain })
    expect(patternsOf(ever)).toEqual([...patterns].sort())
  })

  test('names the nearest when two dependencies fail, and the root above both', () => {
    const graph = { b: ['a'], c: ['b', 'a'], d: ['c'] }
    const faults = ['a', 'b', 'c', 'd'].map((service, i) => outage(service, 600 + i * 5))
    const [found] = ofPattern(tell({ services: FIVE, seconds: 670, faults, graph }).atEnd, 'cascade')
    expect(found).toMatchObject({ root: 'a', services: ['a', 'b', 'c', 'd'], severity: 'high' })
    expect(found?.lagMs).toBeCloseTo(5000, -3)
  })

  test('waits for others before it blames a service that began to fail at the same time in the same way', () => {
    const faults = ['a', 'b'].map((service) => outage(service, 600, { type: 'timeout' }))
    const graph = { b: ['a'] }
    expect(patternsOf(tell({ services: FIVE, seconds: 630, faults, graph }).ever)).toEqual(['burst'])
    expect(patternsOf(tell({ services: FIVE, seconds: 650, faults, graph }).atEnd)).toEqual(['cascade'])
  })

  test('runs down a chain of 300, each of which is asked about once, and is told in bounded words', () => {
    const names = Array.from({ length: 300 }, (_, i) => `s${String(i).padStart(3, '0')}`)
    const graph = Object.fromEntries(names.slice(1).map((name, i) => [name, [names[i]!]]))
    const faults = names.map((service) => outage(service, 60, { type: 'timeout' }))
    const services = Object.fromEntries(names.map((name) => [name, 10]))
    const { atEnd } = tell({ services, seconds: 120, lookFrom: 110, faults, graph })
    const [found, ...others] = ofPattern(atEnd, 'cascade')
    expect(others).toEqual([])
    expect(found).toMatchObject({ root: 's000', services: names })
    for (const { recommendations } of atEnd) expect(recommendations.join().length).toBeLessThan(400)
  })

  test('is learned from what follows what, again and again', () => {
    const faults = IRREGULAR.flatMap((at, i) => [
      outage('a', at),
      outage('b', at + 5 + (i % 3) / 2),
      outage('c', at + 15 + (i % 2)),
    ])
    const [found] = ofPattern(tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults }).atEnd, 'cascade')
    expect(found).toMatchObject({ root: 'a', services: ['a', 'b', 'c'] })
    expect(found?.recommendations.join()).toContain('dependsOn')
  })

  test('is not learned by halves: without a direction, or with two beginnings, there are pairs', () => {
    const together = IRREGULAR.flatMap((at) =>
      (['timeout', 'http_error', 'memory_error'] as const).map((type, i) => outage('abc'[i]!, at, { type })),
    )
    expect(patternsOf(tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults: together }).atEnd)).toEqual([
      'temporal_correlation',
    ])
    const twice = IRREGULAR.flatMap((at) => [outage('a', at), outage('b', at), outage('c', at + 20)])
    expect(patternsOf(tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults: twice }).atEnd)).toEqual([
      'temporal_correlation',
    ])
  })

  test('goes the way of the dependency, though the dependent was seen to fail first', () => {
    const faults = IRREGULAR.flatMap((at) => [
      { service: 'b', from: at, to: at },
      { service: 'a', from: at + 2, to: at + 2 },
    ])
    const [found] = tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults, graph: { b: ['a'] } }).atEnd
    expect(found).toMatchObject({ pattern: 'cascade', root: 'a', services: ['a', 'b'] })
  })

  test('is what a pair is that a known dependency connects', () => {
    const faults = IRREGULAR.flatMap((at) => [
      { service: 'a', from: at, to: at },
      { service: 'b', from: at + 2, to: at + 2 },
    ])
    const { atEnd } = tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults, graph: { b: ['a'] } })
    expect(patternsOf(atEnd)).toEqual(['cascade'])
    expect(atEnd[0]).toMatchObject({ root: 'a', lagMs: 2000 })
  })
})

/** Seconds without a rhythm. */
const IRREGULAR = [640, 790, 1130, 1245, 1720, 2290, 2400, 2795, 3265, 3400]

describe('temporal correlation', () => {
  const pairAt = (lag: number) => IRREGULAR.flatMap((at) => [outage('a', at), outage('d', at + lag)])

  test.each([
    [0, undefined],
    [3, { from: 'a', to: 'd' }],
    [50, { from: 'a', to: 'd' }],
    [-7, { from: 'd', to: 'a' }],
  ])('with a lag of %d s, goes %j', (lag, direction) => {
    const found = tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults: pairAt(lag) }).atEnd
    const [pair, ...others] = ofPattern(found, 'temporal_correlation')
    expect(others).toEqual([])
    expect(pair).toMatchObject({ services: ['a', 'd'], evidence: { occasions: IRREGULAR.length } })
    expect(pair?.direction).toEqual(direction)
    expect(pair?.lagMs).toBeCloseTo(Math.abs(lag) * 1000, -3)
    expect(pair?.strength).toBeGreaterThan(0.99)
  })

  test('is seen in lone failures too, of services that seldom fail', () => {
    const faults = IRREGULAR.flatMap((at) => [
      { service: 'a', from: at, to: at },
      { service: 'd', from: at + 1, to: at + 1 },
    ])
    expect(patternsOf(tell({ services: FIVE, seconds: 3600, lookFrom: 3500, faults }).atEnd)).toEqual(['temporal_correlation'])
  })

  test('is not seen in two services that are merely busy failing', () => {
    const faults = ['a', 'd'].map((service) => ({ service, from: 0, to: 3600, tenths: 3 }))
    expect(ofPattern(tell({ services: FIVE, seconds: 3600, faults }).ever, 'temporal_correlation')).toEqual([])
  })

  test('is not seen when one long burst of each falls together', () => {
    const faults = ['a', 'd'].map((service) => ({ service, from: 900, to: 1400 }))
    expect(ofPattern(tell({ services: FIVE, seconds: 3600, faults }).ever, 'temporal_correlation')).toEqual([])
  })

  test('the two may be exchanged: the lag turns round and nothing else changes', () => {
    const random = seededRandom(7)
    for (let round = 0; round < 200; round++) {
      const series = () =>
        Array.from({ length: 3 + Math.floor(random.next() * 40) }, () => Math.round(random.next() * HOUR)).sort((x, y) => x - y)
      const a = series()
      const b = round % 2 === 0 ? series() : a.map((at) => at + 4000 + Math.round(random.next() * 500)).sort((x, y) => x - y)
      const [there, back] = [coincidence(a, b, HOUR), coincidence(b, a, HOUR)]
      expect(back?.matched).toBe(there?.matched)
      expect(back?.chance).toBe(there?.chance)
      expect(Math.abs(back?.lagMs ?? 0)).toBe(Math.abs(there?.lagMs ?? 0))
    }
  })

  test('what comes together by chance has a chance that says so', () => {
    const random = seededRandom(11)
    let clear = 0
    for (let round = 0; round < 300; round++) {
      const series = () => Array.from({ length: 25 }, () => random.next() * HOUR).sort((x, y) => x - y)
      const found = coincidence(series(), series(), HOUR)
      if (found && found.chance * 26 < 0.05) clear++
    }
    expect(clear).toBeLessThanOrEqual(300 * 0.05)
  })
})

describe('recurring', () => {
  test.each([30, 120, 600, 1100])('a fault every %d s', (period) => {
    const faults = Array.from({ length: 7 }, (_, i) => ({ service: 'a', from: 300 + i * period, to: 300 + i * period + 4 }))
    const { atEnd } = tell({ services: FIVE, seconds: 300 + Math.ceil((period * 6.5) / 10) * 10, faults })
    expect(patternsOf(atEnd)).toEqual(['recurring'])
    expect(atEnd[0]!.periodMs).toBeCloseTo(period * 1000, -3)
    expect(atEnd[0]!.spreadMs).toBeLessThan(1000)
  })

  test('has stopped when two were missed', () => {
    const faults = Array.from({ length: 8 }, (_, i) => ({ service: 'a', from: 300 + i * 60, to: 305 + i * 60 }))
    const { ever, atEnd } = tell({ services: FIVE, seconds: 900, faults })
    expect(patternsOf(ever)).toContain('recurring')
    expect(atEnd).toEqual([])
  })

  const at = (...intervals: number[]) =>
    [0, ...intervals].map((_, i) => START + 1000 * intervals.slice(0, i).reduce((a, b) => a + b, 0))
  test.each<[string, number[], boolean]>([
    ['even intervals', at(100, 100, 100, 100, 100, 100), true],
    ['one occasion missing', at(100, 100, 200, 100, 100, 100), true],
    ['a tenth of jitter', at(93, 104, 110, 96, 101, 92, 107, 99), true],
    ['no rhythm', at(20, 300, 45, 160, 700, 90), false],
    ['intervals so short that they are how onsets are counted', at(12, 11, 12, 11, 12, 11), false],
    ['three onsets', at(100, 100), false],
  ])('%s', (_, onsets, clear) => {
    expect((rhythmOf(onsets)?.chance ?? 1) < 0.005).toBe(clear)
  })

  test('onsets at random have no rhythm more often than is stated', () => {
    const random = seededRandom(3)
    let clear = 0
    for (let round = 0; round < 400; round++) {
      const onsets = [START]
      while (onsets.length < 12) onsets.push(onsets.at(-1)! + 10_000 - 15_000 * Math.log(1 - random.next()))
      if ((rhythmOf(onsets)?.chance ?? 1) < 0.05) clear++
    }
    expect(clear).toBeLessThanOrEqual(400 * 0.05)
  })
})
