// What a node makes of the leader's directives: the level, share and hold of a service, trips, fences and lapses.
import { describe, expect, test } from 'vitest'
import type { DirectiveEntry } from '../../../src/model/fleet/entries.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { ofType, replayed } from '../testBoard.ts'
import { directive, type Node, node } from './nodeStories.ts'

const TRIP = { id: '1.1', why: 'quorum', nodes: 3, open: 2, calls: 40, failures: 30 } as const

async function story(): Promise<{
  fleet: MemoryFleet
  one: Node
  pass: (ms: number) => Promise<void>
  put: (some: Partial<DirectiveEntry>) => Promise<void>
}> {
  const fleet = new MemoryFleet()
  const one = await node(fleet, 'one')
  const pass = (ms: number): Promise<void> => fleet.clock.advanceAsync(ms)
  await pass(100)
  const put = async (some: Partial<DirectiveEntry>): Promise<void> => {
    const entry = directive(some)
    fleet.store('directives', entry.service, entry)
    await pass(20)
  }
  return { fleet, one, pass, put }
}

const told = ({ journal }: Node) => ofType(journal.records, 'directive').filter(({ by }) => by === undefined)

describe('a directive of the fleet', () => {
  test('is obeyed, journalled as told from outside, and let go of when its entry goes', async () => {
    const { fleet, one, pass, put } = await story()
    await put({ level: 2, admissionRatio: 0.5 })
    expect(one.gear.services.search.path).toBe('degraded.level2')
    expect(told(one).map(({ directive: { rule, level, admissionRatio } }) => [rule, level, admissionRatio])).toEqual([
      ['fleet:cascade', 2, 0.5],
    ])
    expect([...(one.gear.fleet?.directives ?? [])].map(([service, { rule }]) => [service, rule])).toEqual([['search', 'cascade']])
    fleet.links.get('one')?.directives.remove('search')
    await pass(20)
    expect(one.gear.services.search.path).toBe('closed.watching')
    expect(one.gear.fleet?.directives.size).toBe(0)
    expect(replayed(one.journal.records).differences).toBe(0)
  })

  test.each([5000, -5000])('lapses after its lifetime by the own clock, though the clock is %i ms off', async (offset) => {
    const fleet = new MemoryFleet()
    const one = await node(fleet, 'one', { offset })
    await fleet.clock.advanceAsync(100)
    fleet.store('directives', 'search', directive({ level: 1, at: fleet.clock.now() }))
    await fleet.clock.advanceAsync(9900)
    expect(one.gear.services.search.path).toBe('degraded.level1')
    await fleet.clock.advanceAsync(200)
    expect(one.gear.services.search.path).toBe('closed.watching')
  })

  test('is not extended by reading it again', async () => {
    const { fleet, one, pass, put } = await story()
    await put({ level: 1 })
    fleet.partition('one')
    await pass(5000)
    fleet.heal('one')
    await pass(4900)
    expect(one.gear.services.search.path).toBe('degraded.level1')
    await pass(200)
    expect(one.gear.services.search.path).toBe('closed.watching')
  })

  test('that is renewed stands without a gap, and is not told again each time', async () => {
    const { one, pass, put } = await story()
    for (let renewal = 0; renewal < 12; renewal++) {
      await put({ level: 1, at: renewal })
      await pass(2480)
      expect(one.gear.services.search.path).toBe('degraded.level1')
    }
    expect(ofType(one.journal.records, 'transition')).toHaveLength(1)
    expect(told(one).length).toBeLessThan(6)
  })

  test('of an older epoch than was seen is void', async () => {
    const { one, put } = await story()
    await put({ service: 'database', epoch: 5, level: 1 })
    await put({ epoch: 4, level: 3 })
    expect(one.gear.services.search.path).toBe('closed.watching')
    await put({ epoch: 5, level: 3 })
    expect(one.gear.services.search.path).toBe('degraded.level3')
  })

  test('for a service that this node has not is passed over', async () => {
    const { one, put } = await story()
    await put({ service: 'elsewhere', level: 3 })
    expect(told(one)).toEqual([])
  })

  test('reaches one who joins late', async () => {
    const { fleet, pass, put } = await story()
    await put({ level: 2 })
    const late = await node(fleet, 'late')
    await pass(100)
    expect(late.gear.services.search.path).toBe('degraded.level2')
  })
})

describe('a hold', () => {
  test('keeps every node from probing but the one that it names', async () => {
    const fleet = new MemoryFleet()
    const nodes = [await node(fleet, 'one'), await node(fleet, 'two'), await node(fleet, 'three')]
    await fleet.clock.advanceAsync(100)
    const renewed = async (): Promise<void> => {
      fleet.store('directives', 'search', directive({ state: 'open', hold: true, probe: 'two', trip: TRIP }))
      await fleet.clock.advanceAsync(5000)
    }
    for (let times = 0; times < 9; times++) await renewed()
    expect(nodes.map(({ gear }) => gear.services.search.path)).toEqual(['open.awaitingPermit', 'halfOpen', 'open.awaitingPermit'])
  })
})

describe('a trip of the fleet', () => {
  test('opens a closed breaker, tells people, and replays', async () => {
    const { one, put } = await story()
    await put({ state: 'open', hold: true, trip: TRIP })
    expect(one.gear.services.search.path).toBe('open.cooling')
    expect(ofType(one.journal.records, 'transition').map(({ reason }) => reason)).toEqual(['fleet_quorum'])
    expect(ofType(one.heard, 'alert').find(({ code }) => code === 'fleet_tripped')).toMatchObject({
      level: 'error',
      by: 'fleet',
      message: 'the fleet has tripped search: open on 2 of 3 nodes',
    })
    expect(replayed(one.journal.records).differences).toBe(0)
  })

  test('keeps calls away before anything else the entry asks is done', async () => {
    const { one, put } = await story()
    await put({ state: 'open', hold: true, trip: TRIP })
    const done = one.journal.records.flatMap(({ type }) => (type === 'transition' || type === 'directive' ? [type] : []))
    expect(done).toEqual(['transition', 'directive'])
  })

  test('says how many calls fail where that is why', async () => {
    const { one, put } = await story()
    await put({ state: 'open', hold: true, trip: { ...TRIP, why: 'failure_rate' } })
    expect(ofType(one.heard, 'alert').map(({ message }) => message)).toContain(
      'the fleet has tripped search: 30 of 40 calls fail',
    )
    expect(ofType(one.journal.records, 'transition').map(({ reason }) => reason)).toEqual(['fleet_failure_rate'])
  })

  test('opens once for each trip, over renewals and reconnections', async () => {
    const { fleet, one, pass, put } = await story()
    const trips = () => ofType(one.journal.records, 'signal').map(({ signal }) => signal.kind === 'fleetTrip' && signal.id)
    await put({ state: 'open', hold: true, trip: TRIP })
    one.gear.command('search', { name: 'reset', by: 'ada', why: 'it is well' })
    await put({ state: 'open', hold: true, trip: TRIP, at: 1 })
    fleet.partition('one')
    await pass(1000)
    fleet.heal('one')
    await pass(3000)
    expect([trips(), one.gear.state('search')]).toEqual([['1.1'], 'closed'])
    await put({ state: 'open', hold: true, trip: { ...TRIP, id: '1.2' } })
    expect([trips(), one.gear.state('search')]).toEqual([['1.1', '1.2'], 'open'])
  })

  test('does nothing where the breaker is away already', async () => {
    const { one, put } = await story()
    one.gear.command('search', { name: 'beginMaintenance', by: 'ada', why: 'work' })
    await put({ state: 'open', hold: true, trip: TRIP })
    expect(ofType(one.journal.records, 'signal')).toEqual([])
    expect(ofType(one.heard, 'alert').filter(({ code }) => code === 'fleet_tripped')).toEqual([])
  })
})

describe("a user's own directive and the fleet's", () => {
  const mine = { epoch: 1, level: 1, expiresAt: 3_000_000_000_000, rule: 'mine', reason: 'a test' } as const

  test.each(['coordinated', 'alone'])('stand side by side, and neither outlasts its end for the other (%s)', async (how) => {
    const fleet = new MemoryFleet()
    const one = await node(fleet, 'one', how === 'alone' ? { services: { search: { kind: 'http' } } } : {})
    const { pass } = { pass: (ms: number) => fleet.clock.advanceAsync(ms) }
    const path = () => one.gear.services.search.path
    await pass(100)
    one.gear.direct('search', { ...mine, expiresAt: fleet.clock.now() + 60_000 })
    expect(path()).toBe('degraded.level1')
    fleet.store('directives', 'search', directive({ level: 3 }))
    await pass(50)
    expect(path()).toBe('degraded.level3')
    // The fleet's lapses.
    await pass(12_000)
    expect(path()).toBe('degraded.level1')
    fleet.store('directives', 'search', directive({ level: 2 }))
    await pass(50)
    expect(path()).toBe('degraded.level2')
    // The user's next word is of a low epoch, and counts all the same.
    one.gear.direct('search', { ...mine, level: 3, epoch: 1, expiresAt: fleet.clock.now() + 4000 })
    expect(path()).toBe('degraded.level3')
    await pass(5500)
    expect(path()).toBe('degraded.level2')
    fleet.links.get('one')?.directives.remove('search')
    await pass(1500)
    expect(path()).toBe('closed.watching')
    expect(replayed(one.journal.records).differences).toBe(0)
  })
})
