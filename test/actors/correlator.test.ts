// The correlator as a stream on the board's clock: it sleeps while nothing fails, and tells of findings when they come and go.
import { describe, expect, it, test } from 'vitest'
import { Correlator, type FindingMade } from '../../src/actors/correlator.ts'
import type { Finding } from '../../src/model/findings.ts'
import { VirtualClock } from '../../src/testing/index.ts'

interface Bench {
  readonly clock: VirtualClock
  readonly told: string[]
  readonly found: Finding[]
  readonly correlator: Correlator
  succeed(times: number): void
  stop(): void
}

function bench(): Bench {
  const clock = new VirtualClock(0)
  const breakers = ['a', 'b', 'c', 'd', 'e/x', 'e/y'].map((service) => ({ service, successes: 0 }))
  const places = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, { dependsOn: [] }]))
  const correlator = new Correlator({ clock, places, breakers: () => breakers })
  const told: string[] = []
  const found: Finding[] = []
  const subscription = correlator.findings$.subscribe(({ at, finding, over }) => {
    told.push(`${at / 1000} ${over ? 'over' : 'found'} ${finding.pattern} ${finding.services.join()}`)
    if (!over) found.push(finding)
  })
  return {
    clock,
    told,
    found,
    correlator,
    succeed(times) {
      for (const breaker of breakers) breaker.successes += times
    },
    stop: () => subscription.unsubscribe(),
  }
}

it('sleeps until something fails, and again when nothing has failed for five minutes', () => {
  const { clock, correlator, told, stop } = bench()
  clock.advance(3_600_000)
  expect(clock.pending).toBe(0)
  correlator.failed('a', clock.now(), 'timeout')
  expect(clock.pending).toBe(1)
  clock.advance(300_000)
  expect(clock.pending).toBe(1)
  clock.advance(2000)
  expect(clock.pending).toBe(0)
  expect(told).toEqual([])
  stop()
})

it('finds what three services have in common, against the calls that went well while it slept, and tells when it is over', () => {
  const { clock, correlator, told, succeed, stop } = bench()
  for (let minute = 0; minute < 10; minute++) {
    succeed(300)
    clock.advance(60_000)
  }
  for (let i = 0; i < 60; i++) for (const service of ['a', 'b', 'e']) correlator.failed(service, clock.now(), 'authentication')
  for (let second = 0; second < 600; second++) {
    succeed(5)
    clock.advance(1000)
  }
  expect(told.filter((line) => line.includes('common_cause'))).toEqual([
    expect.stringMatching(/^60\d found common_cause a,b,e$/),
    expect.stringMatching(/^90\d over common_cause a,b,e$/),
  ])
  expect(clock.pending).toBe(0)
  stop()
})

describe('the failure that ends an hour of sleep', () => {
  const SERVICES = Array.from({ length: 20 }, (_, i) => `s${i}`)

  test('counts against all that went well in it, and looks nothing up in the failing call', () => {
    const clock = new VirtualClock(1_790_000_000_000)
    const breakers = SERVICES.map((service) => ({ service, successes: 0 }))
    let asked = 0
    const correlator = new Correlator({
      clock,
      places: Object.fromEntries(SERVICES.map((name) => [name, { dependsOn: [] }])),
      breakers: () => {
        asked++
        return breakers
      },
    })
    const told: FindingMade[] = []
    const subscription = correlator.findings$.subscribe((made) => told.push(made))
    for (let hour = 0; hour < 2; hour++) {
      for (const breaker of breakers) breaker.successes += 3600
      clock.advance(3_600_000)
      const before = asked
      correlator.failed('s0', clock.now(), 'timeout')
      expect(asked).toBe(before)
      for (let i = 0; i < 10; i++) for (const name of ['s1', 's2', 's3']) correlator.failed(name, clock.now(), 'timeout')
      clock.advance(1000)
      expect(asked).toBe(before + 1)
      clock.advance(600_000)
    }
    // Ten failures of services that are called once a second are enough to tell only because the hour went well.
    const causes = told.filter(({ finding, over }) => finding.pattern === 'common_cause' && !over)
    expect(causes.map(({ finding }) => finding.services)).toEqual(Array(2).fill(['s1', 's2', 's3']))
    subscription.unsubscribe()
  })
})

it('forgets services that leave the board, so that made-up ones leave room for others', () => {
  const { clock, correlator, told, stop } = bench()
  for (let i = 0; i < 2500; i++) {
    correlator.failed(`made-up-${i}`, clock.now(), 'timeout')
    correlator.removed({ service: `made-up-${i}`, successes: 0 })
  }
  clock.advance(600_000)
  for (let i = 0; i < 60; i++) for (const service of ['a', 'b', 'e']) correlator.failed(service, clock.now(), 'authentication')
  clock.advance(10_000)
  expect(told).toContainEqual(expect.stringContaining('found common_cause a,b,e'))
  stop()
})

it('counts what breakers of keys had counted before they were taken off', () => {
  const clock = new VirtualClock(1_790_000_000_000)
  let key = 0
  const breakerOf = (successes: number) => ({ service: `a/${key++}`, successes })
  const breakers = Array.from({ length: 20 }, () => breakerOf(1))
  const places = { a: { dependsOn: [] }, b: { dependsOn: [] } }
  const correlator = new Correlator({ clock, places, breakers: () => [{ service: 'b', successes: 0 }, ...breakers] })
  const told: string[] = []
  const subscription = correlator.findings$.subscribe(({ finding }) => told.push(finding.pattern))
  // Forty keys a second of one call each; one call in fifty fails.
  for (let call = 0; call < 36_000; call++) {
    correlator.removed(breakers.shift()!)
    const fails = call % 50 === 0
    breakers.push(breakerOf(fails ? 0 : 1))
    if (fails) correlator.failed('a', Math.floor(clock.now()), 'timeout')
    clock.advance(25)
  }
  expect(told).toEqual([])
  subscription.unsubscribe()
})

it('follows a finding to which others come one by one: found, told again when it is grave or twice as wide, over', () => {
  const clock = new VirtualClock(1_790_000_000_000)
  const names = Array.from({ length: 20 }, (_, i) => `s${String(i).padStart(2, '0')}`)
  const breakers = names.map((service) => ({ service, successes: 0 }))
  const places = Object.fromEntries(names.map((name, i) => [name, { dependsOn: i > 0 ? [names[0]!] : [] }]))
  const correlator = new Correlator({ clock, places, breakers: () => breakers })
  const told: string[] = []
  const subscription = correlator.findings$.subscribe(({ finding, over }) =>
    told.push(`${finding.pattern} ${over ? 'over' : finding.services.length}${finding.severity === 'high' ? '!' : ''}`),
  )
  correlator.failed('s00', clock.now(), 'timeout')
  for (let second = 0; second < 290; second++) {
    for (const breaker of breakers) breaker.successes += 5
    clock.advance(1000)
  }
  for (let second = 0; second < 500; second++) {
    for (const [i, breaker] of breakers.entries()) {
      const fails = second >= i * 3 && second < i * 3 + 60
      if (!fails) breaker.successes += 5
      else for (let call = 0; call < 5; call++) correlator.failed(breaker.service, clock.now(), 'timeout')
    }
    clock.advance(1000)
  }
  const of = (pattern: string) => told.filter((line) => line.startsWith(pattern)).map((line) => line.split(' ')[1])
  expect(of('system_wide')).toEqual(['3', '4!', '8!', '16!', 'over!'])
  expect(of('cascade').filter((what) => what?.startsWith('over'))).toHaveLength(1)
  expect(told.length).toBeLessThan(25)
  subscription.unsubscribe()
})

it('goes on with what stood before a restart, and says when it is over', () => {
  const before = bench()
  for (let i = 0; i < 60; i++) for (const service of ['a', 'b', 'e']) before.correlator.failed(service, 0, 'authentication')
  before.clock.advance(10_000)
  before.stop()
  const { clock, correlator, told, stop } = bench()
  correlator.adopt(before.found.filter(({ pattern }) => pattern === 'common_cause'))
  expect(clock.pending).toBe(1)
  clock.advance(400_000)
  expect(told).toEqual(['301 over common_cause a,b,e'])
  expect(clock.pending).toBe(0)
  correlator.adopt([])
  expect(clock.pending).toBe(0)
  stop()
})

it('leaves no timer when its board is closed in the middle of it', () => {
  const { clock, correlator, stop } = bench()
  correlator.failed('a', 0, 'timeout')
  expect(clock.pending).toBe(1)
  stop()
  expect(clock.pending).toBe(0)
})
