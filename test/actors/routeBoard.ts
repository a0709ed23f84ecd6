// A route in virtual time over backends whose breakers can be told anything, with a journal in memory.
import { onTestFinished } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import { Router } from '../../src/actors/routing/router.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import { parseConfig, type ServiceInput } from '../../src/model/config.ts'
import { seededRandom } from '../../src/model/random.ts'
import { resolveRoute, type Strategy } from '../../src/model/route.ts'
import { Timer } from '../../src/model/timer.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'

export interface BackendInput extends ServiceInput {
  readonly weight?: number
  readonly cost?: number
  readonly baseUrl?: string
}

export const policy = {
  kind: 'http',
  trip: { consecutiveFailures: 3 },
  degrade: false,
  recoveryTimeout: 10_000,
  permitTimeout: 1,
  maxProbes: 3,
  successesToClose: 2,
} as const

export const by = { by: 'ann', why: 'drill' }

/** A route over backends named as the keys of `backends`. */
export function routeBoard<Name extends string>(
  strategy: Strategy,
  backends: Readonly<Record<Name, BackendInput>>,
  options: { readonly seed?: number; readonly meanCost?: (service: string) => number | undefined } = {},
) {
  const clock = new VirtualClock()
  const journal = new MemoryJournal()
  const bus = new MemoryBus()
  const board = new Board({ clock, bus, profileFor: (kind) => profileFor(kind), seed: 7, software: 'test' })
  onTestFinished(() => board.stop())
  const names = Object.keys(backends) as Name[]
  const inputs = names.map((name) => {
    const { weight, cost, baseUrl, ...service } = backends[name]
    return {
      name,
      service: { ...policy, ...service },
      backend: JSON.parse(JSON.stringify({ service: name, weight, cost, baseUrl })),
    }
  })
  const { services } = parseConfig({ services: Object.fromEntries(inputs.map(({ name, service }) => [name, service])) })
  const breakers = {} as Record<Name, Breaker>
  for (const { name } of inputs) {
    const service = services[name]
    if (service) breakers[name] = board.add(name, service.kind, service.policy, board.now())
  }
  void journal.open((reason) => board.header(reason))
  board.keep(journal)
  const route = resolveRoute({ strategy, backends: inputs.map(({ backend }) => backend) })
  const { seed = 1, meanCost } = options
  const router = new Router({ route, breakers: Object.values<Breaker>(breakers), random: seededRandom(seed), meanCost })

  /** Which backends the next calls go to, one after another: each ends before the next is made. */
  const answered = async (calls: number): Promise<Name[]> => {
    const seen: Name[] = []
    for (let i = 0; i < calls; i++) seen.push((await router.execute((call) => call.service)) as Name)
    return seen
  }
  /** How many of the next calls go to each. */
  const shares = async (calls: number): Promise<Record<Name, number>> => {
    const counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
    for (const name of await answered(calls)) counts[name]++
    return counts
  }
  const trip = (...tripped: Name[]): void => {
    for (const name of tripped) breakers[name].command(board.now(), { name: 'trip', ...by })
  }
  const degrade = (name: Name, level: 0 | 1 | 2 | 3): void =>
    breakers[name].signal(board.now(), { kind: 'health', level, reason: 'test' })
  const pace = (name: Name, perSecond: number, ms = 60_000): void =>
    breakers[name].signal(board.now(), { kind: 'limit', mode: 'paced', perSecond, until: board.now() + ms })
  /** Lets the breaker of `name` trip by failures of its own, on the clock of the board. */
  const failUntilOpen = (name: Name): void => {
    const breaker = breakers[name]
    for (let i = 0; i < 3; i++) breaker.fail(board.now(), 0, breaker.gate.generation, undefined, { type: 'service_unavailable' })
  }
  return { router, breakers, board, bus, clock, journal, answered, shares, trip, degrade, pace, failUntilOpen }
}

/** Resolves when so many ms have passed on the clock. */
export function sleep(clock: VirtualClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    class Alarm extends Timer {
      fire(): void {
        resolve()
      }
    }
    clock.arm(new Alarm(), clock.now() + ms)
  })
}
