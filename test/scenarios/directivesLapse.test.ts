// What is asked lapses, at its time or in the sleep of a machine. Breakers hear of it one after the other; that those which have
// not yet are still asked for less is no illness of the system.
import { expect, it } from 'vitest'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { Clock } from '../../src/model/clock.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { type Timer, TimerWheel } from '../../src/model/timerWheel.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { replayed } from '../actors/testBoard.ts'
import { PLAIN, story } from './scenario.ts'

/** As the clock of a machine that sleeps: time has passed at once, and all that was due comes then. */
class SleepyClock implements Clock {
  #now = 1_767_225_600_000
  readonly #wheel = new TimerWheel(this.#now)

  now(): number {
    return this.#now
  }

  arm(timer: Timer, at: number): void {
    this.#wheel.arm(timer, at)
  }

  disarm(timer: Timer): void {
    this.#wheel.disarm(timer)
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) this.sleep(100)
  }

  sleep(ms: number): void {
    this.#now += ms
    this.#wheel.advance(this.#now)
  }
}

const told = (events: readonly GearEvent[]) => events.filter(({ type }) => type === 'system' || type === 'alert')

it('of a user, at one time: nothing is told of the system', async () => {
  const { gear, clock, events, replays } = await story({ a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN })
  for (const name of ['a', 'b', 'c', 'd'] as const) {
    const { epoch } = gear.system
    gear.direct(name, { epoch: epoch + 1, level: 1, expiresAt: clock.now() + 10_000, rule: 'mine', reason: 'a drill' })
  }
  clock.advance(20_000)
  expect(gear.system).toMatchObject({ state: 'healthy', health: 1 })
  expect(told(events)).toEqual([])
  replays()
})

it('in a sleep: those that are still wanted are given anew, and nothing is told of the system', async () => {
  const clock = new SleepyClock()
  const journal = new MemoryJournal()
  const dependent = { ...PLAIN, dependsOn: ['db'] }
  const services = { db: { ...PLAIN, recoveryTimeout: 3_000_000 }, a: dependent, b: dependent, c: dependent, d: PLAIN }
  await using gear = await createSwitchgear({ services, seed: 7, journal, clock, orchestrator: { correlation: false } })
  const events: GearEvent[] = []
  gear.events$.subscribe((event) => events.push(event))
  gear.command('db', { name: 'beginMaintenance', by: 'ann', why: 'an upgrade' })
  clock.pass(5000)
  const before = events.length
  clock.sleep(60_000)
  clock.pass(5000)
  expect(told(events.slice(before))).toEqual([])
  expect(gear.services.a.path).toBe('degraded.level1')
  expect(gear.system).toMatchObject({ state: 'healthy', health: 1 })
  expect(replayed(journal.records).differences).toBe(0)
})
