// The correlator as a stream on the board's clock: it sleeps while nothing fails, and tells of findings when they come and go.
import { expect, it } from 'vitest'
import { Correlator } from '../../src/actors/correlator.ts'
import { VirtualClock } from '../../src/testing/index.ts'

interface Bench {
  readonly clock: VirtualClock
  readonly told: string[]
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
  const subscription = correlator.findings$.subscribe(({ at, finding, over }) =>
    told.push(`${at / 1000} ${over ? 'over' : 'found'} ${finding.pattern} ${finding.services.join()}`),
  )
  return {
    clock,
    told,
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

it('leaves no timer when its board is closed in the middle of it', () => {
  const { clock, correlator, stop } = bench()
  correlator.failed('a', 0, 'timeout')
  expect(clock.pending).toBe(1)
  stop()
  expect(clock.pending).toBe(0)
})
