// The parts of the fleet's demo: what is seen over the bus, its picture, and a service in this process.
import { describe, expect, test } from 'vitest'
import { NODES } from '../../src/cli/fleetDemo/demoFleet.ts'
import { startService } from '../../src/cli/fleetDemo/demoService.ts'
import { liveFleetView, plainFleetView } from '../../src/cli/fleetDemo/fleetViews.ts'
import type { Service } from '../../src/cli/fleetDemo/processes.ts'
import { type Event, FleetWatch } from '../../src/cli/fleetDemo/watch.ts'
import { LiveScreen } from '../../src/cli/terminal/liveScreen.ts'
import { styleFor } from '../../src/cli/terminal/style.ts'
import { systemClock } from '../../src/model/clock.ts'
import type { DirectiveEntry, NodeEntry } from '../../src/model/fleet/entries.ts'
import type { StatePath } from '../../src/model/states.ts'
import { until } from '../bus/nats/natsLink.ts'
import { MemoryFleet } from '../fleet/memoryFleet.ts'
import { describeWithNats, natsServer } from '../fleet/natsServer.ts'

const node = (name: string, path: StatePath, leads = false): NodeEntry => ({
  v: 1,
  node: name,
  session: 's',
  at: 0,
  software: 'test',
  leads,
  services: { openai: { kind: 'http', path, since: 0, calls: 1, failures: 0 } },
  dropped: 0,
})

const directive = (more: Partial<DirectiveEntry>): DirectiveEntry => ({
  v: 1,
  service: 'openai',
  epoch: 1,
  at: 0,
  lifetime: 15_000,
  state: 'open',
  level: 0,
  admissionRatio: 1,
  hold: true,
  trip: { id: 't1', why: 'quorum', nodes: 3, open: 2, calls: 9, failures: 8 },
  rule: 'fleet_quorum',
  reason: 'open on 2 of 3 nodes',
  ...more,
})

function watched() {
  const fleet = new MemoryFleet()
  const link = fleet.join('one')
  const events: Event[] = []
  const watch = new FleetWatch(
    link,
    () => 0,
    (event) => events.push(event),
  )
  const settle = (): Promise<void> => fleet.clock.advanceAsync(100)
  return { link, watch, settle, words: () => events.splice(0).map(({ who, what }) => `${who}: ${what}`) }
}

describe('what is seen of the fleet', () => {
  test('who leads, and who leads no more; what breakers do', async () => {
    const { link, watch, settle, words } = watched()
    link.nodes.put('leader', node('leader', 'closed.watching', true))
    link.nodes.put('checkout', node('checkout', 'closed.watching'))
    await settle()
    link.nodes.put('checkout', node('checkout', 'open.cooling'))
    await settle()
    expect(words()).toEqual(['leader: leads the fleet', 'checkout: openai: closed → open'])
    expect([watch.leader, watch.state('checkout', 'openai')]).toEqual(['leader', 'open'])
    link.nodes.put('leader', node('leader', 'closed.watching'))
    await settle()
    expect(watch.leader).toBeUndefined()
    link.nodes.put('checkout', node('checkout', 'closed.watching', true))
    await settle()
    link.nodes.remove('checkout')
    await settle()
    expect([watch.leader, watch.leaders]).toEqual([undefined, 2])
    watch.stop()
  })

  test('a trip, a prober and the end of it, each told once', async () => {
    const { link, settle, words } = watched()
    const steps = [
      directive({}),
      directive({ retryAfterMs: 3 }),
      directive({ probe: 'support' }),
      directive({}),
      directive({ state: 'closed', hold: false }),
    ]
    for (const step of steps) {
      link.directives.put('openai', step)
      await settle()
    }
    expect(words()).toEqual([
      'the fleet: has tripped openai: open on 2 of 3 nodes',
      'the fleet: openai: support may probe, all others wait',
      'the fleet: openai is back: nothing is asked of anybody any more',
    ])
  })
})

describe('the pictures', () => {
  const service = (name: string): Service =>
    ({ node: name, word: { own: 1, fleet: 3, refused: 7, broken: 0 } }) as unknown as Service
  const entry = (name: string) => ({
    v: 1 as const,
    node: name,
    session: 's',
    day: 0,
    month: 0,
    services: { openai: { day: 1, month: 1_000_000_000 } },
  })

  test('on a terminal show nodes, leader, directives, money and what happened', async () => {
    const { link, watch, settle } = watched()
    const written: string[] = []
    const screen = new LiveScreen({ columns: 100, rows: 40, write: (text: string) => written.push(text) })
    const view = liveFleetView({ startedAt: 0, endsAt: 25_000, style: styleFor({}), screen })
    view.said(0, 'openai stops answering')
    for (let i = 0; i < 10; i++)
      view.happened({ at: i * 1000, who: 'checkout', what: `event ${i}`, level: i % 2 ? 'good' : 'bad' })
    view.tick(500, watch, [])
    expect(written.at(-1)).toContain('led by nobody')
    link.nodes.put('checkout', node('checkout', 'open.cooling', true))
    link.directives.put('openai', directive({ probe: 'support' }))
    link.ledger.put('checkout', entry('checkout'))
    await settle()
    view.tick(12_000, watch, NODES.map(service))
    const picture = written.at(-1)
    expect(picture).toContain(' 12.0 of 25.0 s  openai stops answering')
    expect(picture).toMatch(/checkout +leads +open +… +7 +\$1\.00 +\$3\.00/)
    expect(picture).toContain('led by checkout; spent $1.00')
    expect(picture).toContain('openai open, support may probe (open on 2 of 3 nodes)')
    expect(picture).toContain('event 9')
    expect(picture).not.toContain('event 1\n')
    view.end()
    expect(written.at(-1)).toContain('?25h')
  })

  test('elsewhere are lines, and one on how all stands every five seconds', async () => {
    const { watch } = watched()
    const lines: string[] = []
    const view = plainFleetView({ startedAt: 0, style: styleFor({}), print: (line) => lines.push(line) })
    view.said(100, 'all is well')
    view.happened({ at: 200, who: 'checkout', what: 'openai: closed → open', level: 'plain' })
    for (const at of [300, 5000, 5100]) view.tick(at, watch, [service('checkout')])
    view.end()
    expect(lines).toEqual([
      '  0.1 s  all is well',
      '  0.2 s    checkout      openai: closed → open',
      expect.stringMatching(/^ {2}5\.0 s {2}led by nobody · checkout: openai \?, search \? · .* · 7 refused · \$0\.00 spent$/),
    ])
  })
})

describeWithNats('a service of the demo', () => {
  test('makes calls, is refused when its upstream is down, and tells what it has spent', async () => {
    const { url } = await natsServer()
    const service = await startService({ server: url, node: 'checkout', rate: 200 }, systemClock)
    await until(() => service.word().own > 0.01, 'calls')
    service.obey({ upstream: 'openai', up: false })
    await until(() => service.word().refused > 3, 'refusals')
    service.obey({ upstream: 'openai', up: true })
    const { own, fleet, broken } = service.word()
    expect(fleet).toBeCloseTo(own, 9)
    expect(broken).toBe(0)
    await service.close()
  })
})
