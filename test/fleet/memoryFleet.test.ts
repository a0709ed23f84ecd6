// The stand-in for a server must itself keep what FleetLink promises.
import { describe, expect, it } from 'vitest'
import type { NodeEntry } from '../../src/model/fleet/entries.ts'
import type { WireMessage } from '../../src/model/fleet/wire.ts'
import { MemoryFleet } from './memoryFleet.ts'

describe('a fleet in memory', () => {
  it('carries messages to every node, the sender too, and loses those of a node that is cut off', () => {
    const fleet = new MemoryFleet()
    const [a, b] = [fleet.join('a'), fleet.join('b')]
    fleet.clock.advance(5)
    const heard: string[] = []
    a.subscribe('outcome', ({ service }) => heard.push(`a:${service}`))
    b.subscribe('*', ({ service }) => heard.push(`b:${service}`))
    a.publish(outcome('x'))
    fleet.clock.advance(5)
    expect(heard).toEqual(['a:x', 'b:x'])
    fleet.partition('b')
    a.publish(outcome('y'))
    b.publish(outcome('z'))
    fleet.clock.advance(5)
    expect(heard.slice(2)).toEqual(['a:y'])
    fleet.heal('b')
    fleet.clock.advance(5)
    // What was published while there was no connection is sent once there is one.
    expect(heard.slice(3)).toEqual(['a:z', 'b:z'])
  })

  it('tells a message with an id once though it comes twice', () => {
    const fleet = new MemoryFleet()
    const a = fleet.join('a')
    fleet.clock.advance(5)
    fleet.faults.duplicate = 1
    let heard = 0
    a.subscribe('outcome', () => heard++)
    a.publish({ ...outcome('x'), id: '1' })
    fleet.clock.advance(5)
    expect(heard).toBe(1)
    a.publish(outcome('x'))
    fleet.clock.advance(5)
    expect(heard).toBe(3)
  })

  it('keeps tables over losses and absences, by reading them now and then', () => {
    const fleet = new MemoryFleet()
    const [a, b] = [fleet.join('a'), fleet.join('b')]
    fleet.clock.advance(5)
    fleet.faults.lose = 1
    a.nodes.put('a', entry('a'))
    fleet.clock.advance(5)
    expect(b.nodes.entries.size).toBe(0)
    fleet.clock.advance(2000)
    expect(b.nodes.entries.get('a')?.value.session).toBe('a')
    const heard: (string | undefined)[] = []
    b.nodes.listen((key, known) => heard.push(`${key}:${known?.value.session}`))
    fleet.stopServer()
    a.nodes.put('a', { ...entry('a'), session: 'late' })
    fleet.clock.advance(3000)
    fleet.startServer()
    fleet.clock.advance(3000)
    a.nodes.remove('a')
    fleet.clock.advance(3000)
    expect(heard).toEqual(['a:a', 'a:late', 'a:undefined'])
  })

  it('lends its lease to one at a time, with a higher epoch to each', async () => {
    const fleet = new MemoryFleet()
    const [a, b] = [fleet.join('a'), fleet.join('b')]
    fleet.clock.advance(5)
    const first = a.lease.take()
    const second = b.lease.take()
    fleet.clock.advance(5)
    expect(await first).toEqual({ held: true, epoch: 1 })
    expect(await second).toEqual({ held: false, holder: 'a' })
    fleet.clock.advance(3000)
    const third = b.lease.take()
    fleet.clock.advance(5)
    expect(await third).toEqual({ held: true, epoch: 2 })
    fleet.partition('b')
    const fourth = b.lease.take()
    fleet.clock.advance(800)
    await expect(fourth).rejects.toThrow('does not answer')
  })

  it('lets a paused node hear everything late', () => {
    const fleet = new MemoryFleet()
    const [a, b] = [fleet.join('a', { offset: 5000 }), fleet.join('b')]
    fleet.clock.advance(5)
    let heard = 0
    a.subscribe('outcome', () => heard++)
    fleet.pause('a')
    b.publish(outcome('x'))
    fleet.clock.advance(5000)
    expect(heard).toBe(0)
    fleet.resume('a')
    fleet.clock.advance(0)
    expect(heard).toBe(1)
    expect(a.clock.now() - b.clock.now()).toBe(5000)
  })
})

function outcome(service: string): WireMessage {
  return { v: 1, type: 'outcome', at: 0, node: 'a', service, result: 'failure', failure: 'timeout', latency: 1 }
}

function entry(node: string): NodeEntry {
  return { v: 1, node, session: node, at: 0, software: '', leads: false, services: {}, dropped: 0 }
}
