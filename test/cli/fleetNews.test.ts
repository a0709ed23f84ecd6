// What `switchgear serve` logs, line by line, of what it hears.
import { expect, test } from 'vitest'
import { fleetNews, inWords, type News } from '../../src/cli/serve/fleetNews.ts'
import { styleFor } from '../../src/cli/terminal/style.ts'
import type { Switchgear } from '../../src/switchgear.ts'
import { directive } from '../actors/fleet/nodeStories.ts'
import { MemoryFleet } from '../fleet/memoryFleet.ts'

const plain = styleFor({}, {})
const TRIP = { id: '1', why: 'quorum', nodes: 3, open: 2, calls: 9, failures: 9 } as const

async function log(act: (fleet: MemoryFleet, gear: { fleet: object | undefined }) => Promise<void>): Promise<string[]> {
  const fleet = new MemoryFleet()
  const link = fleet.join('brain')
  const news: News[] = []
  const gear = { fleet: undefined as object | undefined }
  const stop = fleetNews(link, gear as Pick<Switchgear, 'fleet'>, (one) => news.push(one))
  await fleet.clock.advanceAsync(10)
  await act(fleet, gear)
  await fleet.clock.advanceAsync(10)
  stop()
  return news.map((one) => inWords(one, plain).replace(/^\S+ /, ''))
}

test('the connection, and what the server says', async () => {
  const lines = await log(async (fleet) => {
    const link = fleet.links.get('brain')
    fleet.stopServer()
    link?.report({ type: 'refused', what: 'to publish to x' })
    link?.report({ type: 'trouble', code: 'slow', message: 'the server is slow' })
  })
  expect(lines).toEqual([
    'connection connected to memory',
    'connection the connection is lost',
    'connection the server refuses: to publish to x',
    'connection the server is slow',
  ])
})

test('who leads', async () => {
  const lines = await log(async (fleet, gear) => {
    const link = fleet.links.get('brain')
    const look = async (leads: boolean, leader: string | undefined): Promise<void> => {
      gear.fleet = { leads, leader, node: 'brain' }
      fleet.store('nodes', 'brain', {
        v: 1,
        node: 'brain',
        session: 's',
        at: fleet.clock.now(),
        software: 't',
        leads,
        services: {},
        dropped: 0,
      })
      await fleet.clock.advanceAsync(10)
      expect(link?.connected).toBe(true)
    }
    await look(false, undefined)
    await look(false, 'other')
    await look(false, 'other')
    await look(true, 'brain')
    await look(false, undefined)
  })
  expect(lines.slice(1)).toEqual([
    'leader     other leads [other]',
    'leader     this node leads [brain]',
    'leader     this node leads no more [brain]',
  ])
})

test('trips and states of the fleet’s breakers, each once', async () => {
  const lines = await log(async (fleet) => {
    for (const entry of [
      directive({ state: 'open', hold: true, trip: TRIP, reason: 'open on 2 of 3 nodes' }),
      directive({ state: 'open', hold: true, trip: TRIP, reason: 'open on 2 of 3 nodes', at: 1 }),
      directive({ reason: 'nothing is the matter' }),
      directive({ state: 'halfOpen', hold: true }),
    ]) {
      fleet.store('directives', 'search', entry)
      await fleet.clock.advanceAsync(10)
    }
    fleet.links.get('brain')?.directives.remove('search')
  })
  expect(lines.slice(1)).toEqual([
    'trip       search is tripped in the whole fleet: open on 2 of 3 nodes [search]',
    'service    search is open: open on 2 of 3 nodes [search]',
    'service    search is closed: nothing is the matter [search]',
    'service    search is half_open: its database is down [search]',
    'service    search is closed: let go [search]',
  ])
})

test('alerts and findings of all nodes', async () => {
  const lines = await log(async (fleet) => {
    const from = { v: 1, at: 1, node: 'one' } as const
    fleet.send({ ...from, type: 'alert', service: 'search', level: 'error', code: 'opened', message: 'search is open' })
    const finding = {
      pattern: 'burst',
      services: ['search', 'maps'],
      severity: 'normal',
      from: 0,
      until: 1,
      confidence: 1,
      recommendations: [],
      evidence: { counts: [], occasions: 1, chance: 0.01, events: [] },
    } as never
    fleet.send({ ...from, type: 'finding', service: '*', finding, over: false })
    fleet.send({ ...from, type: 'finding', service: '*', finding, over: true })
  })
  expect(lines.slice(1)).toEqual([
    'alert      opened: search is open [search one]',
    'finding    burst among search, maps [one]',
    'finding    burst among search, maps is over [one]',
  ])
})
