// The tables of a fleet are read one by one: a node may know that its name is its own before it has read what it spent before.
import { expect, test } from 'vitest'
import type { NodeName } from '../../../src/actors/fleet/nodeName.ts'
import { SharedLedger } from '../../../src/actors/fleet/sharedLedger.ts'
import type { FleetTable, TableEntry } from '../../../src/bus/fleetLink.ts'
import type { LedgerEntry } from '../../../src/model/fleet/entries.ts'
import { VirtualClock } from '../../../src/testing/index.ts'

const spend = (session: string, nanos: number): LedgerEntry => ({
  v: 1,
  node: 'one',
  session,
  day: 1,
  month: 1,
  services: { search: { day: nanos, month: nanos } },
})

function lateReader() {
  const clock = new VirtualClock(1000)
  const puts: LedgerEntry[] = []
  const booked: number[] = []
  let hear: (key: string, entry: TableEntry<LedgerEntry> | undefined) => void = () => undefined
  const ledger: FleetTable<LedgerEntry> = {
    entries: new Map(),
    put: (_, entry) => void puts.push(entry),
    remove: () => undefined,
    listen(listener) {
      hear = listener
      return () => undefined
    },
  }
  const own = { day: 1, month: 1, services: new Map([['search', { day: 5, month: 5 }]]) }
  const keeper = {
    own: () => own,
    bookOthers: (_: string, more: { month: number }) => void booked.push(more.month),
    onSpend: undefined,
  }
  const empty = { ...own, services: new Map() }
  let begun = false
  const shared = new SharedLedger({
    link: { ledger, node: 'one', onStatus: () => () => undefined },
    // Nothing was spent before this start.
    keeper: { ...keeper, own: () => (begun ? own : empty) },
    clock,
    name: { session: 's2', current: 'one', settled: true, onChange: () => undefined } as unknown as NodeName,
  })
  begun = true
  const told = (): number | undefined => puts.at(-1)?.services.search?.month
  return {
    clock,
    shared,
    puts,
    booked,
    told,
    spendBeyondReason: () => void own.services.set('search', { day: 1e17, month: 1e17 }),
    hear: (entry: LedgerEntry, revision: number) => hear('one', { value: entry, revision }),
  }
}

test('what an earlier process of the name has told is gone on from, though it is read late', () => {
  const { clock, shared, booked, told, hear } = lateReader()
  clock.advance(10)
  expect(told()).toBe(5)
  // That put met a conflict; this is what stood there.
  hear(spend('s1', 70), 1)
  clock.advance(200)
  expect(booked).toEqual([70])
  expect(told()).toBe(75)
  shared.stop()
})

test('once its own entry is there, another process’s is overwritten and not taken for its past', () => {
  const { clock, shared, puts, booked, told, hear } = lateReader()
  clock.advance(10)
  hear(puts.at(-1)!, 1)
  hear(spend('s9', 70), 2)
  const before = puts.length
  clock.advance(200)
  expect(booked).toEqual([])
  expect(puts.length).toBeGreaterThan(before)
  expect(told()).toBe(5)
  shared.stop()
})

test('a sum that is beyond all reason is told as the most that readers take, and the others are told with it', () => {
  const { shared, told, spendBeyondReason } = lateReader()
  spendBeyondReason()
  shared.flush()
  expect(told()).toBe(Number.MAX_SAFE_INTEGER)
})
