// The parts of a leader by themselves, where a whole fleet would hide their edges.
import { describe, expect, it } from 'vitest'
import { DirectiveWriter, ENTRY_LIFETIME } from '../../../src/actors/fleet/directiveWriter.ts'
import { FleetBoard } from '../../../src/actors/fleet/fleetBoard.ts'
import { type CommandMessage, obey } from '../../../src/actors/fleet/fleetCommands.ts'
import { FleetView } from '../../../src/actors/fleet/fleetView.ts'
import { Leadership, type LeadershipOptions } from '../../../src/actors/fleet/leadership.ts'
import type { Journal } from '../../../src/bus/journal.ts'
import { parseConfig } from '../../../src/model/config.ts'
import type { DesiredEntry } from '../../../src/model/fleet/desiredEntries.ts'
import type { DirectiveEntry, NodeEntry } from '../../../src/model/fleet/entries.ts'
import type { OutcomeMessage } from '../../../src/model/fleet/wire.ts'
import type { Kind } from '../../../src/model/kinds.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { profileFor } from '../../../src/services/profiles.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'

function boardOf(correlation = true) {
  const clock = new VirtualClock()
  const { services, orchestrator } = parseConfig({
    services: { s: { kind: 'http', window: { type: 'count', size: 10 } }, t: { trip: { slowCallRate: false } } },
    orchestrator: { correlation },
  })
  const changed: string[] = []
  const fleet = new FleetBoard({
    clock,
    services,
    orchestrator,
    profileFor: (kind: Kind) => profileFor(kind),
    seed: 1,
    software: 'test',
    term: 'n.1',
    changed: (service) => changed.push(service),
  })
  const tell = (service: string, part: Partial<OutcomeMessage>): void =>
    fleet.count({ v: 1, type: 'outcome', at: 0, node: 'x', service, result: 'success', latency: 5, ...part }, clock.now())
  return { clock, fleet, tell, changed }
}

describe('FleetBoard', () => {
  it('counts single calls and summaries alike, and knows slow ones by their latency where nobody says', () => {
    const { clock, fleet, tell } = boardOf(false)
    const counts = (service: string) => fleet.board.get(service)!.counts(clock.now())
    tell('s', { count: 4 })
    tell('s', { count: 2, latency: 31_000 })
    tell('s', { count: 2, slow: 9 })
    expect(counts('s')).toEqual({ calls: 8, failures: 0, slow: 4 })
    tell('s', { result: 'failure', failure: 'timeout', count: 2 })
    expect(counts('s')).toEqual({ calls: 10, failures: 2, slow: 4 })
    tell('t', { count: 3, latency: 1e6 })
    tell('t', { result: 'failure', status: 503, retryAfterMs: 10 })
    expect(counts('t')).toEqual({ calls: 4, failures: 1, slow: 0 })
    tell('unknown', {})
  })

  it('passes over what concerns services it does not have, and what comes while one is away', () => {
    const { clock, fleet, tell } = boardOf()
    const at = clock.now()
    fleet.countHeld('unknown', 3, 'timeout', at)
    fleet.probe({ v: 1, type: 'outcome', at, node: 'x', service: 'unknown', result: 'success', latency: 1 }, at)
    fleet.trip('unknown', { nodes: 2, open: 2, calls: 4, failures: 4 }, at)
    fleet.setSingle('unknown', true)
    fleet.remove('s')
    expect(fleet.stand('unknown', undefined, 0, at)).toBeUndefined()
    expect(fleet.threshold('unknown')).toBe(0.5)
    expect(fleet.closedAt('unknown')).toBe(Number.NEGATIVE_INFINITY)
    expect(fleet.has('s')).toBe(true)
    fleet.trip('s', { nodes: 2, open: 2, calls: 4, failures: 4 }, at)
    expect(fleet.stand('s', 'n', 2, at)).toMatchObject({ path: 'open.cooling', trip: { id: 'n.1.2', why: 'quorum', open: 2 } })
    // It is open already: the same trip stands.
    fleet.trip('s', { nodes: 3, open: 3, calls: 4, failures: 4 }, at)
    fleet.countHeld('s', 3, 'timeout', at)
    tell('s', { result: 'failure' })
    expect(fleet.stand('s', 'n', 2, at)?.trip?.id).toBe('n.1.2')
    expect(fleet.board.get('s')!.failures).toBe(0)
  })

  it('gives its probes what the probing node told', () => {
    const { clock, fleet } = boardOf()
    fleet.board.get('s')!.command(clock.now(), { name: 'beginMaintenance', by: 'a', why: 'b' })
    fleet.board.get('s')!.command(clock.now(), { name: 'endMaintenance', by: 'a', why: 'b' })
    expect(fleet.path('s')).toBe('halfOpen')
    expect(fleet.stand('s', undefined, 0, clock.now())?.trip).toBeUndefined()
    const message = { v: 1, type: 'outcome', at: 0, node: 'x', service: 's', latency: 5 } as const
    fleet.probe({ ...message, result: 'failure', failure: 'timeout' }, clock.now())
    expect(fleet.path('s')).toBe('open.cooling')
    clock.advance(60_000)
    expect(fleet.path('s')).toBe('halfOpen')
    fleet.probe({ ...message, result: 'success', count: 100 }, clock.now())
    expect(fleet.path('s')).toBe('closed.watching')
  })
})

describe('obey', () => {
  it.each<[string, CommandMessage['command'], string]>([
    ['s', { name: 'tripAll', by: 'a', why: 'b' }, 'closed.watching'],
    ['*', { name: 'trip', by: 'a', why: 'b' }, 'closed.watching'],
    ['*', { name: 'tripAll', by: 'a', why: 'b' }, 'open.forced'],
    ['s', { name: 'trip', by: 'a', why: 'b' }, 'open.forced'],
    ['unknown', { name: 'trip', by: 'a', why: 'b' }, 'closed.watching'],
    ['s', { name: 'beginMaintenance', by: 'a', why: 'b', until: 500 }, 'maintenance'],
  ])('takes for %s what is meant for it: %o', (service, command, path) => {
    const { clock, fleet } = boardOf()
    obey(fleet.board, { v: 1, type: 'command', at: 400, node: 'cli', service, command }, clock.now())
    expect(fleet.path('s')).toBe(path)
    clock.advance(100)
    if (path === 'maintenance') expect(fleet.path('s')).toBe('halfOpen')
  })
})

describe('FleetView', () => {
  const entry = (services: NodeEntry['services'], node = 'n'): NodeEntry => {
    return { v: 1, node, session: '1', at: 0, software: '', leads: false, services, dropped: 0 }
  }
  const open = { kind: 'http', path: 'open.cooling', since: 1, calls: 9, failures: 9 } as const
  const always = (): boolean => true

  it('forgets the breaker that a heartbeat names no longer, and counts nobody who is silent', () => {
    const view = new FleetView({ nodes: 2, pairs: 2 })
    view.beat(entry({ s: open }), 0, always)
    const service = view.services.get('s')!
    const [stand] = [...service.stands.values()]
    expect(view.openings(service, -1, 0)).toEqual({ active: 1, open: [stand] })
    expect(view.openings(service, -1, 5000).active).toBe(1)
    expect(view.openings(service, -1, 5001).active).toBe(0)
    view.beat(entry({}), 5001, always)
    expect(stand).toMatchObject({ path: undefined, openedAt: undefined })
    view.forget('n')
    view.forget('n')
    expect(service.stands.size).toBe(0)
    expect(view.isLive('n', 5001)).toBe(false)
  })

  it('takes nobody in for whom there is no room', () => {
    const view = new FleetView({ nodes: 1, pairs: 1 })
    view.beat(entry({ s: open, t: open }), 0, always)
    view.beat(entry({ s: open }, 'other'), 0, always)
    expect(view.ignored).toBe(2)
    expect(view.services.get('t')!.stands.size).toBe(0)
  })

  it('tells an opening of its own from one that the fleet or an operator made, and from one that goes on', () => {
    const view = new FleetView({ nodes: 9, pairs: 9 })
    const stand = view.stand('n', 's', 0)!
    view.moved(stand, 'open.cooling', 1, false, 10)
    expect(stand.openedAt).toBeUndefined()
    view.moved(stand, 'open.cooling', 1, true, 11)
    expect(stand.openedAt).toBeUndefined()
    view.moved(stand, 'open.cooling', 2, true, 12)
    view.moved(stand, 'halfOpen', 3, true, 13)
    expect(stand.openedAt).toBe(12)
    view.moved(stand, 'open.forced', 4, true, 14)
    expect(stand.openedAt).toBeUndefined()
    view.moved(stand, 'closed.watching', 5, true, 15)
    view.moved(stand, 'open.awaitingPermit', 6, true, 16)
    expect(stand.openedAt).toBe(16)
  })
})

describe('DirectiveWriter', () => {
  const desired: DesiredEntry = { service: 's', state: 'open', level: 0, admissionRatio: 1, hold: true, rule: 'r', reason: 'x' }
  const NEUTRAL: DesiredEntry = { ...desired, state: 'closed', hold: false, rule: 'released' }

  function writer() {
    const fleet = new MemoryFleet()
    const link = fleet.join('n')
    fleet.clock.advance(5)
    let may = true
    const made = new DirectiveWriter({ table: link.directives, epoch: 5, mayAct: () => may, spoilt: () => undefined })
    const write = (entry: DesiredEntry, after = 0): DirectiveEntry | undefined => {
      fleet.clock.advance(after)
      made.write(entry, fleet.clock.now())
      fleet.clock.advance(2)
      return fleet.stored<DirectiveEntry>('directives').get(entry.service)
    }
    return { fleet, made, write, forbid: () => (may = false) }
  }

  it('renews at half the lifetime, and not before', () => {
    const { write } = writer()
    const first = write(desired)!.at
    expect(write(desired, 7000)!.at).toBe(first)
    expect(write(desired, 500)!.at).toBeGreaterThan(first)
  })

  it('puts again what is not in the table after three seconds', () => {
    const { fleet, write } = writer()
    write(desired)
    fleet.write('directives', 's', undefined)
    expect(write(desired, 2000)).toBeUndefined()
    expect(write(desired, 2000)).toMatchObject({ epoch: 5, hold: true })
  })

  it('writes nothing for what nobody has asked, nor when it may not', () => {
    const { fleet, made, write, forbid } = writer()
    expect(write(NEUTRAL)).toBeUndefined()
    made.drop('s', fleet.clock.now())
    write(desired)
    forbid()
    expect(write(NEUTRAL)).toMatchObject({ hold: true })
    expect(write({ ...desired, service: 't' })).toBeUndefined()
  })

  it('lets go, and takes the entry away when everybody has had time to hear it', () => {
    const { made, write, fleet } = writer()
    write(desired)
    expect(made.get('s')).toEqual(desired)
    expect(write(NEUTRAL)).toMatchObject({ state: 'closed' })
    expect(write(NEUTRAL, ENTRY_LIFETIME - 10)).toBeDefined()
    expect(write(NEUTRAL, 10)).toBeUndefined()
    expect([...made.services]).toEqual([])
    write(desired)
    made.drop('s', fleet.clock.now())
    fleet.clock.advance(2)
    expect(fleet.stored<DirectiveEntry>('directives').get('s')).toMatchObject({ state: 'closed', rule: 'released' })
  })

  it('leaves alone what a later leader has written, which it may not write over once its lease is gone', () => {
    const { fleet, write, forbid } = writer()
    write(desired)
    const later = { ...desired, v: 1, epoch: 6, at: 0, lifetime: 15_000, hold: false, rule: 'later' } as const
    fleet.store('directives', 's', later)
    expect(write(desired, 100)).toMatchObject({ epoch: 6 })
    forbid()
    for (const after of [4000, 8000]) expect(write(desired, after)).toMatchObject({ epoch: 6 })
  })
})

describe('the journal of a term', () => {
  const orchestration = (): Pick<LeadershipOptions, 'services' | 'orchestrator'> => parseConfig({ services: {} })
  const journal = (more: Partial<Journal>): Journal => ({
    open: async () => undefined,
    append: () => undefined,
    flush: async () => undefined,
    close: async () => undefined,
    ...more,
  })
  const leading = (kept: Journal, made: LeadershipOptions['journal'] = () => kept) => {
    const fleet = new MemoryFleet()
    const link = fleet.join('a')
    const profile = (kind: Kind) => profileFor(kind)
    const more = { ...orchestration(), profileFor: profile, seed: 1, software: 'test', journal: made }
    return { fleet, leadership: new Leadership({ link, clock: link.clock, ...more }) }
  }

  it('is waited for until it is written, whatever becomes of it', async () => {
    let fail: (error: Error) => void = () => undefined
    const close = () =>
      new Promise<void>((_, reject) => {
        fail = reject
      })
    const { fleet, leadership } = leading(journal({ close }))
    await fleet.clock.advanceAsync(10_000)
    expect(leadership.leads).toBe(true)
    const stopped = leadership.stop()
    await fleet.clock.advanceAsync(100)
    await stopped
    let written = false
    const done = leadership.written().then(() => {
      written = true
    })
    await fleet.clock.advanceAsync(100)
    expect(written).toBe(false)
    fail(new Error('the disk is full'))
    await done
    await leadership.written()
  })

  it('is another for another term of the same epoch', async () => {
    const terms: number[][] = []
    const { fleet, leadership } = leading(journal({}), (...term) => {
      terms.push(term)
      return undefined
    })
    await fleet.clock.advanceAsync(10_000)
    const { epoch } = leadership
    // It is deposed for want of answers, and has its lease again before that was over.
    fleet.faults.loseAnswers = 1
    await fleet.clock.advanceAsync(3200)
    expect(leadership.leads).toBe(false)
    fleet.faults.loseAnswers = 0
    await fleet.clock.advanceAsync(3000)
    expect(leadership.epoch).toBe(epoch)
    expect(terms).toEqual([
      [epoch, 0],
      [epoch, 1],
    ])
    await leadership.stop()
  })

  it('that cannot be opened is told of, and the term goes on', async () => {
    const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
    const { fleet, leadership } = leading(journal({ open: () => Promise.reject(new Error('no room')) }))
    await fleet.clock.advanceAsync(10_000)
    expect((await warning).message).toMatch(/journal of a term .*no room/)
    expect(leadership.leads).toBe(true)
    await leadership.stop()
  })
})
