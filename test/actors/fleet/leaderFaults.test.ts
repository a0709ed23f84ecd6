// Whatever goes wrong between nodes and server, the fleet is as if nothing had been once it is quiet: every entry released, every
// hold gone, every breaker closed. And what the leader keeps is bounded, and replays.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Leadership } from '../../../src/actors/fleet/leadership.ts'
import { MemoryJournal } from '../../../src/bus/memoryJournal.ts'
import { parseConfig } from '../../../src/model/config.ts'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import { Replayer } from '../../../src/replay/replayer.ts'
import { profileFor } from '../../../src/services/profiles.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'
import { Story } from './leaderStories.ts'

const NODES = ['n1', 'n2', 'n3', 'n4'] as const

const node = fc.constantFrom(...NODES)
const service = fc.constantFrom('database', 'search')
const fault = fc.oneof(
  fc.record({ what: fc.constantFrom('pause', 'resume', 'partition', 'heal', 'sick', 'well', 'restart'), node }),
  fc.record({ what: fc.constantFrom('down', 'up'), service }),
  fc.record({ what: fc.constantFrom('server away', 'server back', 'calm', 'storm') }),
)
type Fault = typeof fault extends fc.Arbitrary<infer F> ? F : never

function befall(story: Story, one: Fault, round: number): void {
  const { fleet } = story
  if ('node' in one) {
    const { what, node } = one
    if (what === 'pause') fleet.pause(node)
    else if (what === 'resume') fleet.resume(node)
    else if (what === 'partition') fleet.partition(node)
    else if (what === 'heal') fleet.heal(node)
    else if (what === 'sick') story.sick.add(node)
    else if (what === 'well') story.sick.delete(node)
    else {
      story.kill(node)
      story.add(node, { session: `${round}` })
    }
  } else if ('service' in one) {
    if (one.what === 'down') story.down.add(one.service)
    else story.down.delete(one.service)
  } else if (one.what === 'server away') fleet.stopServer()
  else if (one.what === 'server back') fleet.startServer()
  else Object.assign(fleet.faults, one.what === 'storm' ? STORM : CALM)
}

const STORM = { lose: 0.2, duplicate: 0.2, loseAnswers: 0.2, delay: [1, 300] }
const CALM = { lose: 0, duplicate: 0, loseAnswers: 0, delay: [1, 1] }

function quiet(story: Story): void {
  story.down.clear()
  story.sick.clear()
  Object.assign(story.fleet.faults, CALM)
  story.fleet.startServer()
  for (const node of NODES) {
    story.fleet.resume(node)
    story.fleet.heal(node)
  }
}

describe('after any faults', () => {
  it('and a time of quiet, nothing is stuck anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fault, fc.integer({ min: 1, max: 12 })), { minLength: 4, maxLength: 10 }),
        async (faults) => {
          const story = new Story({ every: 500 })
          story.join(...NODES)
          await story.run(5)
          for (const [round, [one, seconds]] of faults.entries()) {
            befall(story, one, round)
            await story.run(seconds)
          }
          quiet(story)
          await story.run(180)
          const left = [...story.fleet.stored('directives').values()]
          expect(left).toEqual([])
          for (const one of story.all) {
            for (const service of ['database', 'search']) {
              expect(`${one.node} ${service} ${one.held(service)} ${one.path(service)}`).toBe(
                `${one.node} ${service} false closed.watching`,
              )
            }
          }
          expect(story.all.filter(({ leadership }) => leadership?.leads)).toHaveLength(1)
        },
      ),
      { numRuns: Number(process.env.FLEET_RUNS ?? 4), seed: Number(process.env.FLEET_SEED ?? 7) },
    )
  }, 600_000)
})

describe('the fleet’s own journal', () => {
  it('replays to the same: trips, probes, recoveries, outliers and commands', async () => {
    const journals: MemoryJournal[] = []
    const journal = (): MemoryJournal => {
      const made = new MemoryJournal()
      journals.push(made)
      return made
    }
    const story = new Story({ leader: { journal } })
    story.join(...NODES)
    await story.run(10)
    story.sick.add('n2')
    await story.run(10)
    story.down.add('database')
    await story.run(10)
    story.sick.clear()
    story.down.clear()
    await story.run(40)
    story.fleet.send({
      v: 1,
      type: 'command',
      at: 0,
      node: 'cli',
      service: 'search',
      command: { name: 'trip', by: 'ann', why: 'x' },
    })
    await story.run(3)
    story.kill(story.leader.node)
    await story.run(20)
    const results = journals.map(({ records }) => {
      const replayer = new Replayer()
      for (const [line, record] of records.entries()) replayer.take(record, line + 1)
      return replayer.result()
    })
    expect(results.length).toBeGreaterThanOrEqual(2)
    for (const { first } of results) expect(first).toBeUndefined()
    expect(results[0]!.transitions).toBeGreaterThan(3)
    expect(journals[0]!.records.filter(({ type }) => type === 'finding').length).toBeGreaterThan(0)
  })
})

describe('what the leader keeps', () => {
  function lead(limits: object) {
    const fleet = new MemoryFleet()
    const link = fleet.join('n1')
    const { services, orchestrator } = parseConfig({ services: { database: {} } })
    const profile = (kind: Parameters<typeof profileFor>[0]) => profileFor(kind)
    const leadership = new Leadership({
      link,
      clock: link.clock,
      services,
      orchestrator,
      profileFor: profile,
      seed: 1,
      software: 'test',
      limits,
    })
    const alerts: string[] = []
    link.subscribe('alert', (message) => message.type === 'alert' && alerts.push(message.code))
    return { fleet, leadership, alerts }
  }
  const tell = (node: string, service: string): WireMessage => {
    return { v: 1, type: 'outcome', at: 0, node, service, result: 'success', latency: 5, count: 1_000_000 }
  }

  it('has room for so many services, and tells of more', async () => {
    const { fleet, leadership, alerts } = lead({ services: 3 })
    await fleet.clock.advanceAsync(200)
    for (let i = 0; i < 10; i++) fleet.send(tell('x', `s${i}`))
    fleet.send(tell('x', 'database/key'))
    await fleet.clock.advanceAsync(2000)
    expect([...leadership.board!.services].map(({ service }) => service)).toEqual(['database', 's0', 's1'])
    expect(leadership.board!.get('s0')!.counts(fleet.clock.now()).calls).toBe(1_000_000)
    expect(alerts).toEqual(['fleet_services_full'])
  })

  it('has room for what nodes have, though a stranger has made up as many services as there is room for', async () => {
    const { fleet, leadership } = lead({ services: 3 })
    await fleet.clock.advanceAsync(200)
    for (let i = 0; i < 5; i++) fleet.send(tell('x', `made-up-${i}`))
    fleet.send({ v: 1, type: 'command', at: 0, node: 'cli', service: 'made-up-1', command: { name: 'trip', by: 'a', why: 'b' } })
    await fleet.clock.advanceAsync(100)
    const stand = { kind: 'http', path: 'closed.watching', since: 1, calls: 1, failures: 0 } as const
    const services = { payments: stand, search: stand }
    fleet.store('nodes', 'n2', { v: 1, node: 'n2', session: 's', at: 1, software: '', leads: false, services, dropped: 0 })
    await fleet.clock.advanceAsync(100)
    expect([...leadership.board!.services].map(({ service }) => service)).toEqual(['database', 'made-up-1', 'payments'])
  })

  it('forgets what a node had, though the node goes on', async () => {
    const { fleet, leadership } = lead({})
    await fleet.clock.advanceAsync(200)
    for (let i = 0; i < 130; i++) {
      fleet.send(tell('x', i === 0 ? 'tenant-1' : 'tenant-2'))
      await fleet.clock.advanceAsync(5000)
    }
    expect(leadership.nodes).toBe(1)
    await fleet.clock.advanceAsync(5000)
    expect([...leadership.board!.services].map(({ service }) => service)).toEqual(['database', 'tenant-2'])
  })

  it.each([[{ nodes: 2 }], [{ pairs: 2 }]])('has room for so many nodes, %o, and tells of more', async (limits) => {
    const { fleet, leadership, alerts } = lead(limits)
    await fleet.clock.advanceAsync(200)
    for (let i = 0; i < 10; i++) fleet.send(tell(`x${i}`, 'database'))
    await fleet.clock.advanceAsync(2000)
    expect(alerts).toEqual(['fleet_nodes_full'])
    expect(leadership.board!.get('database')!.successes).toBe(2_000_000)
  })

  it('forgets services and nodes of which nobody has heard for ten minutes', async () => {
    const { fleet, leadership } = lead({})
    await fleet.clock.advanceAsync(200)
    fleet.send(tell('x', 'python'))
    await fleet.clock.advanceAsync(590_000)
    expect(leadership.board!.get('python')).toBeDefined()
    expect(leadership.nodes).toBe(1)
    await fleet.clock.advanceAsync(20_000)
    expect(leadership.board!.get('python')).toBeUndefined()
    expect(leadership.board!.get('database')).toBeDefined()
    expect(leadership.nodes).toBe(0)
    await leadership.stop()
    expect(leadership.board).toBeUndefined()
    expect(leadership.nodes).toBe(0)
    expect(leadership.epoch).toBeUndefined()
  })
})
