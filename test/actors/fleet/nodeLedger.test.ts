// One ledger for the fleet: whatever becomes of the messages, every node comes to the same total, and that is what was spent.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BudgetsInput } from '../../../src/model/budgets/rules.ts'
import type { LedgerEntry } from '../../../src/model/fleet/entries.ts'
import { VirtualClock } from '../../../src/testing/index.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { statusOf } from '../budgetBoard.ts'
import { type Spender, spender } from './spenders.ts'

const DAY = 86_400_000
/** Monday noon, 2 June 2025. */
const NOON = Date.UTC(2025, 5, 2, 12)

async function fleetOf(
  ...names: string[]
): Promise<{ fleet: MemoryFleet; nodes: Spender[]; pass: (ms: number) => Promise<void> }> {
  const fleet = new MemoryFleet({ clock: new VirtualClock(NOON) })
  const nodes = names.map((name) => spender(fleet, name))
  const pass = (ms: number): Promise<void> => fleet.clock.advanceAsync(ms)
  await pass(1000)
  return { fleet, nodes, pass }
}

describe('the fleet has one ledger', () => {
  test('each rule sees what all nodes have spent: day, month and rate', async () => {
    const { nodes, pass } = await fleetOf('one', 'two')
    const [one, two] = nodes as [Spender, Spender]
    await one.pay('search', 0.004)
    await two.pay('search', 0.003)
    await pass(500)
    await two.pay('maps', 0.001)
    await pass(500)
    for (const each of [one, two]) {
      expect(each.keeper.spent('search')).toEqual({ day: 0.007, month: 0.007 })
      expect(['day', 'month', 'rate'].map((rule) => statusOf(each, rule).spent)).toEqual([0.008, 0.008, 0.008])
    }
  })

  test('a budget that others have spent blocks here; what is kept stays one’s own', async () => {
    const fleet = new MemoryFleet({ clock: new VirtualClock(NOON) })
    const rules = [
      { id: 'day', type: 'absolute_daily', threshold: 0.01, action: 'block' },
      { id: 'rate', type: 'rate', threshold: 5, per: 60_000, action: 'block' },
    ] satisfies NonNullable<BudgetsInput['rules']>
    const [one, two] = [spender(fleet, 'one', { budgets: { rules } }), spender(fleet, 'two', { budgets: { rules } })]
    await fleet.clock.advanceAsync(1000)
    await one.pay('search', 0.002)
    await two.pay('search', 0.009)
    await fleet.clock.advanceAsync(500)
    await expect(one.pay('search', 0.001)).rejects.toMatchObject({ state: 'budgetLimited' })
    const saved = one.keeper.save() as { spent: [string, string, number][]; rates: [string, [number, number][]][] }
    expect(saved.spent.map(([service, , day]) => [service, day])).toEqual([['search', 2_000_000]])
    expect(saved.rates.map(([rule, buckets]) => [rule, buckets.map(([, nanos]) => nanos)])).toEqual([['rate', [2_000_000]]])
  })

  test('entries of another day, and ones that go backwards, count for nothing', async () => {
    const { fleet, nodes, pass } = await fleetOf('one')
    const [one] = nodes as [Spender]
    const { day, month } = one.keeper.own()
    const put = async (some: Partial<LedgerEntry>, dayspent: number, monthspent: number): Promise<void> => {
      const services = { search: { day: dayspent, month: monthspent } }
      fleet.store('ledger', 'other', { v: 1, node: 'other', session: 's', day, month, services, ...some })
      await pass(50)
    }
    await put({}, 500, 700)
    expect(one.total()).toEqual({ day: 500, month: 700 })
    await put({}, 400, 600)
    expect(one.total()).toEqual({ day: 500, month: 700 })
    await put({ day: day - DAY }, 9000, 800)
    expect(one.total()).toEqual({ day: 500, month: 800 })
    await put({ month: month - DAY }, 600, 9000)
    expect(one.total()).toEqual({ day: 600, month: 800 })
  })

  test('what was spent before a node came is of this day, but not of the last minute', async () => {
    const { fleet, nodes, pass } = await fleetOf('one')
    await nodes[0]!.pay('search', 0.004)
    await pass(1000)
    const late = spender(fleet, 'late')
    await pass(1000)
    expect([statusOf(late, 'day').spent, statusOf(late, 'rate').spent]).toEqual([0.004, 0])
  })

  test('a new day begins with what was spent on it, by whomever, and whoever heard of it first', async () => {
    const fleet = new MemoryFleet({ clock: new VirtualClock(NOON + DAY / 2 - 20_000) })
    const one = spender(fleet, 'one')
    // Its clock is behind: it hears of the next day before that has begun there.
    const two = spender(fleet, 'two', { offset: -5000 })
    await fleet.clock.advanceAsync(1000)
    await two.pay('search', 0.005)
    await fleet.clock.advanceAsync(20_000)
    await one.pay('search', 0.001)
    await fleet.clock.advanceAsync(1000)
    expect(two.total()).toEqual({ day: 5_000_000, month: 6_000_000 })
    await fleet.clock.advanceAsync(6000)
    for (const each of [one, two]) expect(each.total()).toEqual({ day: 1_000_000, month: 6_000_000 })
  })

  test.each([
    ['recalls more than the fleet has heard', true, 7_000_000],
    ['recalls nothing', false, 5_000_000],
  ])('a process that comes again and %s goes on from the greater of the two', async (_, recalls, expected) => {
    const { fleet, nodes, pass } = await fleetOf('one', 'two')
    const [one, two] = nodes as [Spender, Spender]
    await one.pay('search', 0.004)
    await pass(500)
    fleet.partition('one')
    await one.pay('search', 0.002)
    fleet.kill('one')
    fleet.heal('one')
    const again = spender(fleet, 'one', { recall: recalls ? one : undefined })
    await pass(4000)
    await again.pay('search', 0.001)
    await pass(1000)
    expect([two, again].map((each) => each.total().day)).toEqual([expected, expected])
  })

  test('a table that was lost is written again', async () => {
    const { fleet, nodes, pass } = await fleetOf('one', 'two')
    await nodes[0]!.pay('search', 0.004)
    await pass(500)
    nodes[1]!.link.ledger.remove('one')
    await pass(500)
    expect(fleet.stored<LedgerEntry>('ledger').get('one')?.services).toEqual({ search: { day: 4_000_000, month: 4_000_000 } })
  })

  test('two live processes of one name lose nothing: the second takes another, and people are told', async () => {
    const { fleet, nodes, pass } = await fleetOf('other', 'same')
    const [other, first] = nodes as [Spender, Spender]
    await first.pay('search', 0.001)
    await pass(1000)
    const second = spender(fleet, 'same')
    fleet.links.set('same beside', first.link)
    await second.pay('search', 0.002)
    for (let round = 0; round < 6; round++) {
      await pass(1000)
      await first.pay('search', 0.0001)
      await second.pay('search', 0.0001)
    }
    await pass(2000)
    expect(first.node.node).toBe('same')
    expect(second.node.node).toMatch(/^same-\w+$/)
    expect([other, first, second].map((each) => each.total().day)).toEqual([4_200_000, 4_200_000, 4_200_000])
    expect([...other.node.nodes.keys()].sort()).toEqual(['other', 'same', second.node.node])
    for (const each of [first, second]) {
      expect(each.alerts().find(({ code }) => code === 'fleet_name_taken')?.level).toBe('critical')
    }
  })
})

const NODES = ['a', 'b', 'c'] as const
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('spend' as const), node: fc.nat(2), nanos: fc.integer({ min: 1, max: 5_000_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut', 'heal'), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('serverStops', 'serverStarts', 'stale') }) },
)

test('any loss, delay, repetition, order or restart leaves every node the same total: what was spent, to the nanodollar', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(), async (steps, seed) => {
      const fleet = new MemoryFleet({ seed, clock: new VirtualClock(NOON) })
      Object.assign(fleet.faults, { lose: 0.2, duplicate: 0.3, delay: [1, 400] })
      const spenders = NODES.map((name) => spender(fleet, name))
      let spent = 0
      const old: LedgerEntry[] = []
      for (const one of steps) {
        if (one.do === 'spend') {
          spent += one.nanos
          await spenders[one.node]!.pay('search', one.nanos / 1e9)
        } else if (one.do === 'wait') await fleet.clock.advanceAsync(one.ms)
        else if (one.do === 'cut') fleet.partition(NODES[one.node]!)
        else if (one.do === 'heal') fleet.heal(NODES[one.node]!)
        else if (one.do === 'serverStops') fleet.stopServer()
        else if (one.do === 'serverStarts') fleet.startServer()
        else if (one.do === 'restart') {
          const name = NODES[one.node]!
          const before = spenders[one.node]!
          fleet.kill(name)
          spenders[one.node] = spender(fleet, name, { recall: before })
        } else {
          // What a connection held back comes late, and is older than what is known.
          for (const entry of old) fleet.store('ledger', entry.node, entry)
        }
        for (const entry of fleet.stored<LedgerEntry>('ledger').values()) old.push(entry)
      }
      fleet.startServer()
      for (const name of NODES) fleet.heal(name)
      Object.assign(fleet.faults, { lose: 0, duplicate: 0, delay: [1, 1] })
      await fleet.clock.advanceAsync(15_000)
      expect(spenders.map((each) => each.total().month)).toEqual(NODES.map(() => spent))
      for (const each of spenders) each.close()
    }),
    { numRuns: 40 },
  )
})
