// What holds of every board, whatever its dependencies and rules, and whatever happens on it: nothing stays degraded without a
// standing cause, directives come to rest when inputs do, recoveries keep to their number and their order, and all of it replays.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GearEvent } from '../../src/model/records.ts'
import type { StatePath } from '../../src/model/states.ts'
import { type AnyBoard, anyBoard, MOST } from './anyBoard.ts'
import { anyRun, NAMES, type Name, type Run } from './anyRun.ts'

/** A few each time, with other seeds; `RUNS=1000` for a thorough look. */
const numRuns = Number(process.env.RUNS ?? 20)
const WHO = { by: 'ann', why: 'a drill' }
const LIFETIME_MS = 30_000

describe('whatever happens on a board', { timeout: Math.max(60_000, numRuns * 1000) }, () => {
  it('recoveries keep to their number, and nobody is probed before all that it depends on is back', async () => {
    await fc.assert(
      fc.asyncProperty(anyRun, async (run) => {
        const board = await anyBoard(run)
        // Where calls never cease, nobody's lease runs out.
        for (const step of run.steps) if (step.do !== 'silence') board.take(step)
        // And once more, all at once; and then every other one, the first of them for longer.
        fallsFor(board, 6, NAMES)
        board.traffic(25)
        fallsFor(board, 4, ['s0', 's2', 's4'])
        fallsFor(board, 10, ['s0'])
        board.traffic(20)
        keepsNumberAndOrder(run, board.events)
        await board.replays()
      }),
      { numRuns },
    )
  })

  it('nothing stays without a standing cause: all is let go of in time, and then nothing at all happens any more', async () => {
    await fc.assert(
      fc.asyncProperty(anyRun, async (run) => {
        const board = await anyBoard(run)
        const { gear, clock, events, traffic } = board
        for (const step of run.steps) board.take(step)
        fallsFor(board, 8, NAMES)
        board.letGo()
        traffic(90)
        const well = { state: 'healthy', health: 1, rules: [], directives: {}, roots: {}, waiting: [], recovering: [] }
        if (gear.system.findings.length === 0) expect(gear.system).toMatchObject(well)
        // Correlation may yet find what the next minutes show to be out of the ordinary, and that stands for up to an hour.
        clock.advance(2 * 3_600_000)
        traffic(10)
        expect(gear.system).toMatchObject({ ...well, findings: [] })
        expect(NAMES.map((service) => gear.services[service].path)).toEqual(NAMES.map(() => 'closed.watching'))
        areLetGoOf(events)
        const rested = events.length
        traffic(30)
        clock.advance(3_600_000)
        traffic(1)
        expect(events.slice(rested).filter(({ type }) => type !== 'outcome')).toEqual([])
        await board.replays()
      }),
      { numRuns },
    )
  })

  it('a dead service is a standing cause: what it calls for stays, is renewed in time, and nothing else moves', async () => {
    await fc.assert(
      fc.asyncProperty(anyRun, fc.boolean(), async (run, isTripped) => {
        // Nobody else wants anything.
        const board = await anyBoard({ ...run, tough: [], rule: undefined, codeRule: undefined })
        const { gear, clock, events, sick, traffic } = board
        for (const step of run.steps) board.take(step)
        sick.clear()
        board.letGo()
        traffic(90)
        clock.advance(2 * 3_600_000)
        traffic(10)
        if (isTripped) gear.command('s0', { name: 'trip', ...WHO })
        else sick.add('s0')
        traffic(20)
        const begun = events.length
        // Nobody depends on the last: that it comes and goes is no reason to ask the others again.
        for (let i = 0; i < 12; i++) {
          gear.command('s5', { name: i % 2 === 0 ? 'trip' : 'reset', ...WHO })
          traffic(5)
        }
        traffic(5)
        for (const name of NAMES.slice(1)) {
          const level = gear.system.directives[name]?.level ?? 0
          if (beneath(run, name).has('s0')) expect(level).toBeGreaterThanOrEqual(1)
          else expect(level).toBe(0)
        }
        // What is asked of the others is no ill of theirs.
        if (isTripped) {
          const weight = (name: Name): number => (run.critical.includes(name) ? 2 : 1)
          const all = NAMES.reduce((sum, name) => sum + weight(name), 0)
          expect(gear.system.health).toBeCloseTo((all - weight('s0')) / all)
          expect(gear.system.state).toBe('degraded')
          areRenewedInTime(events.slice(begun).filter(({ service }) => service !== 's5'))
        }
        await board.replays()
      }),
      { numRuns },
    )
  })
})

function fallsFor({ sick, traffic }: AnyBoard, seconds: number, names: readonly Name[]): void {
  for (const name of names) sick.add(name)
  traffic(seconds)
  sick.clear()
}

/** Everything that `name` depends on, directly or not. */
function beneath({ edges }: Run, name: Name): ReadonlySet<Name> {
  const found = new Set<Name>()
  const queue = [name]
  for (const one of queue) {
    for (const other of edges[NAMES.indexOf(one)] ?? []) {
      if (found.has(other)) continue
      found.add(other)
      queue.push(other)
    }
  }
  return found
}

/**
 * Of those that waited for leave. A maintenance that ends leads into half-open at once, whoever else probes and whatever its
 * dependencies do: what was worked on has to prove itself, and somebody is waiting to see it. It takes a place nevertheless.
 */
function keepsNumberAndOrder(run: Run, events: readonly GearEvent[]): void {
  const paths = new Map<string, StatePath>()
  const probing = new Set<string>()
  let isEmergency = false
  for (const event of events) {
    if (event.type === 'system') isEmergency = event.to === 'emergency'
    if (event.type !== 'transition') continue
    const { service, from, to } = event
    paths.set(service, to)
    probing.delete(service)
    if (to !== 'halfOpen') continue
    probing.add(service)
    if (from === 'maintenance') continue
    expect(from).toBe('open.awaitingPermit')
    expect(probing.size).toBeLessThanOrEqual(isEmergency ? 1 : MOST)
    for (const dependency of beneath(run, service as Name)) {
      expect(paths.get(dependency) ?? 'closed').toMatch(/^(closed|degraded|rateLimited|budgetLimited)/)
    }
  }
}

/** That nothing is wanted of a service any more it is told, and does not find out when what was asked lapses. */
function areLetGoOf(events: readonly GearEvent[]): void {
  const last = new Map<string, string>()
  for (const event of events) {
    if (event.type === 'directive' && event.by === 'orchestrator') last.set(event.service, event.directive.rule)
  }
  for (const rule of last.values()) expect(['released', 'ours']).toContain(rule)
}

function areRenewedInTime(events: readonly GearEvent[]): void {
  const last = new Map<string, number>()
  for (const event of events) {
    if (event.type !== 'directive') continue
    const before = last.get(event.service) ?? Number.NEGATIVE_INFINITY
    expect(event.at - before).toBeGreaterThanOrEqual(LIFETIME_MS / 2)
    expect(event.at - Math.max(before, 0)).toBeLessThan(before < 0 ? Number.POSITIVE_INFINITY : LIFETIME_MS)
    last.set(event.service, event.at)
  }
}
