// Who leads, over a lease in memory and in virtual time.
import { describe, expect, it, vi } from 'vitest'
import { LeaderElector } from '../../../src/actors/fleet/leaderElector.ts'
import type { NodeEntry } from '../../../src/model/fleet/entries.ts'
import { deriveSeed } from '../../../src/model/random.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import type { MemoryLink } from '../../fleet/memoryLink.ts'

interface Candidate {
  readonly link: MemoryLink
  readonly elector: LeaderElector
  readonly terms: string[]
}

function candidates(fleet: MemoryFleet, ...names: string[]): Candidate[] {
  return names.map((node) => {
    const link = fleet.join(node)
    const terms: string[] = []
    const elector = new LeaderElector({
      link,
      clock: link.clock,
      seed: deriveSeed(3, node),
      began: (epoch) => terms.push(`began ${epoch}`),
      ended: (epoch) => terms.push(`ended ${epoch}`),
    })
    return { link, elector, terms }
  })
}

function leading(all: readonly Candidate[]): string[] {
  return all.filter(({ elector }) => elector.epoch !== undefined).map(({ link }) => link.node)
}

describe('LeaderElector', () => {
  it('lets one of many lead, who keeps the lease and its epoch', async () => {
    const fleet = new MemoryFleet()
    const all = candidates(fleet, 'a', 'b', 'c')
    await fleet.clock.advanceAsync(1000)
    const [leader] = leading(all)
    expect(leading(all)).toHaveLength(1)
    const { epoch } = all.find(({ link }) => link.node === leader)!.elector
    await fleet.clock.advanceAsync(60_000)
    expect(leading(all)).toEqual([leader])
    expect(fleet.leader).toBe(leader)
    expect(all.find(({ link }) => link.node === leader)!.terms).toEqual([`began ${epoch}`])
    for (const { elector } of all) expect(elector.leader).toBe(leader)
  })

  it('puts another in the place of a leader that dies, once its lease is over', async () => {
    const fleet = new MemoryFleet()
    const all = candidates(fleet, 'a', 'b', 'c')
    await fleet.clock.advanceAsync(1000)
    const dead = leading(all)[0]!
    const epoch = all.find(({ link }) => link.node === dead)!.elector.epoch!
    fleet.kill(dead)
    const alive = all.filter(({ link }) => link.node !== dead)
    await fleet.clock.advanceAsync(1500)
    expect(leading(alive)).toEqual([])
    await fleet.clock.advanceAsync(2700)
    expect(leading(alive)).toHaveLength(1)
    expect(alive.find(({ elector }) => elector.epoch !== undefined)!.elector.epoch).toBeGreaterThan(epoch)
  })

  it('hands over at once when the leader stops and its heartbeat says so', async () => {
    const fleet = new MemoryFleet()
    const all = candidates(fleet, 'a', 'b', 'c')
    await fleet.clock.advanceAsync(1000)
    const leader = all.find(({ elector }) => elector.epoch !== undefined)!
    leader.link.nodes.put(leader.link.node, heartbeat(leader.link.node, true))
    await fleet.clock.advanceAsync(1000)
    await leader.elector.stop()
    leader.link.nodes.put(leader.link.node, heartbeat(leader.link.node, false))
    expect(leader.terms.at(-1)).toMatch(/^ended/)
    await fleet.clock.advanceAsync(120)
    expect(leading(all.filter((one) => one !== leader))).toHaveLength(1)
  })

  it('finds itself deposed at its first look when it was paused beyond its lease', async () => {
    const fleet = new MemoryFleet()
    const all = candidates(fleet, 'a', 'b')
    await fleet.clock.advanceAsync(1000)
    const leader = all.find(({ elector }) => elector.epoch !== undefined)!
    const other = all.find((one) => one !== leader)!
    fleet.pause(leader.link.node)
    await fleet.clock.advanceAsync(5000)
    expect(leading([other])).toHaveLength(1)
    // It believes that it leads, until it looks: nothing has run in it yet.
    expect(leader.elector.epoch).toBeDefined()
    expect(leader.elector.mayAct()).toBe(false)
    expect(leader.elector.state).toBe('deposed')
    fleet.resume(leader.link.node)
    await fleet.clock.advanceAsync(5000)
    expect(leader.elector.state).toBe('following')
    expect(leader.elector.leader).toBe(other.link.node)
  })

  it('stands down at its fence when the server is away; nobody leads, and nobody thrashes', async () => {
    const fleet = new MemoryFleet()
    const all = candidates(fleet, 'a', 'b', 'c')
    await fleet.clock.advanceAsync(1000)
    fleet.stopServer()
    await fleet.clock.advanceAsync(2699)
    await fleet.clock.advanceAsync(2)
    expect(leading(all)).toEqual([])
    await fleet.clock.advanceAsync(60_000)
    expect(leading(all)).toEqual([])
    expect(all.flatMap(({ terms }) => terms)).toHaveLength(2)
    fleet.startServer()
    await fleet.clock.advanceAsync(2000)
    expect(leading(all)).toHaveLength(1)
  })

  it('keeps the lease though answers get lost now and then', async () => {
    const fleet = new MemoryFleet({ leaseLifetime: 12_000 })
    const all = candidates(fleet, 'a', 'b', 'c')
    await fleet.clock.advanceAsync(1000)
    const leader = leading(all)
    fleet.faults.loseAnswers = 0.1
    await fleet.clock.advanceAsync(300_000)
    expect(leading(all)).toEqual(leader)
    expect(all.flatMap(({ terms }) => terms)).toHaveLength(1)
  })

  it('never has two that may act, whatever is lost, late, cut off or paused', async () => {
    const fleet = new MemoryFleet({ seed: 11 })
    fleet.faults.delay = [1, 400]
    fleet.faults.loseAnswers = 0.2
    const all = candidates(fleet, 'a', 'b', 'c')
    let led = 0
    for (let round = 0; round < 300; round++) {
      const { node } = all[Math.floor(fleet.random.next() * 3)]!.link
      const fate = fleet.random.next()
      if (fate < 0.1) fleet.pause(node)
      else if (fate < 0.25) fleet.resume(node)
      else if (fate < 0.35) fleet.partition(node)
      else if (fate < 0.5) fleet.heal(node)
      await fleet.clock.advanceAsync(300)
      const now = all.filter(({ elector }) => elector.mayAct())
      expect(now.length).toBeLessThanOrEqual(1)
      led += now.length
    }
    expect(led).toBeGreaterThan(30)
  })

  it('releases a lease that it hears of only after it was stopped', async () => {
    const fleet = new MemoryFleet()
    const [a] = candidates(fleet, 'a')
    fleet.faults.delay = [500, 500]
    await fleet.clock.advanceAsync(200)
    expect(fleet.leader).toBe('a')
    expect(a!.elector.state).toBe('campaigning')
    const stopped = a!.elector.stop()
    await fleet.clock.advanceAsync(600)
    await stopped
    expect(fleet.leader).toBeUndefined()
    expect(a!.terms).toEqual([])
  })

  it('releases a lease that it never heard it had', async () => {
    const fleet = new MemoryFleet()
    fleet.faults.loseAnswers = 1
    const [a] = candidates(fleet, 'a')
    await fleet.clock.advanceAsync(1000)
    expect([fleet.leader, a!.elector.epoch]).toEqual(['a', undefined])
    await a!.elector.stop()
    expect(fleet.leader).toBeUndefined()
  })

  it('tells its machine nothing once it has stopped: no late answer, no look, no second stop', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const fleet = new MemoryFleet()
    const [a, b] = candidates(fleet, 'a', 'b')
    fleet.faults.delay = [500, 500]
    await fleet.clock.advanceAsync(200)
    // One answer is a lease or another's, the other is none at all.
    fleet.partition('b')
    const stopped = Promise.all([a!.elector.stop(), b!.elector.stop()])
    await fleet.clock.advanceAsync(10_000)
    await stopped
    expect(a!.elector.mayAct()).toBe(false)
    const again = a!.elector.stop()
    await fleet.clock.advanceAsync(1000)
    await again
    expect(warned.mock.calls).toEqual([])
    warned.mockRestore()
  })
})

function heartbeat(node: string, leads: boolean): NodeEntry {
  return { v: 1, node, session: '1', at: 0, software: '', leads, services: {}, dropped: 0 }
}
