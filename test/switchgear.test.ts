// The board as users hold it: built from a configuration, used by name, changed while it runs, closed.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { config } from 'rxjs'
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { MemoryBus, MemoryJournal, replayJournal } from '../src/index.ts'
import { ClosedError, ConfigError, UnknownServiceError } from '../src/model/errors.ts'
import type { GearEvent } from '../src/model/records.ts'
import type { Command, DirectiveInput, Signal } from '../src/model/signals.ts'
import { createSwitchgear } from '../src/switchgear.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { fails, ofType, open, path, replayed, settle, testBoard } from './actors/testBoard.ts'
import { temporaryDirectory } from './bus/journalRecords.ts'

const search = { kind: 'http', trip: { consecutiveFailures: 3 }, degrade: false, recoveryTimeout: 10_000 } as const
const by = { by: 'ann', why: 'because' }

async function openUp(gear: { execute(service: 'search', run: () => Promise<never>): Promise<unknown> }): Promise<void> {
  for (let i = 0; i < 3; i++) await gear.execute('search', fails()).catch(() => undefined)
}

/** Process warnings, instead of letting them be printed. */
function warnings() {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => spy.mockRestore())
  return spy
}

describe('the first example', () => {
  it('runs as it stands', async () => {
    const file = join(temporaryDirectory(), 'search.jsonl')
    {
      await using gear = await createSwitchgear({
        services: { search: { kind: 'http', recoveryTimeout: 30_000 } },
        journal: { file },
      })
      const upstream = async (url: string, { signal }: { signal: AbortSignal }) => [url, signal.aborted]
      const hits = await gear.execute('search', (call) => upstream('a', { signal: call.signal }), {
        timeout: 2_000,
        fallback: () => [],
      })
      expect(hits).toEqual(['a', false])
      expect(gear.state('search')).toBe('closed')
      expect(gear.services.search.stats.successes).toBe(1)
    }
    expect(existsSync(file)).toBe(true)
    expect(await replayJournal(file)).toMatchObject({ inputs: 1, differences: 0 })
  })
})

describe('a service name', () => {
  it('that is misspelt is a compile error, and at run time an error that suggests the right one', async () => {
    const { gear } = await testBoard({ search, cache: { kind: 'cache' } })
    // @ts-expect-error: there is no such service
    await expect(gear.execute('serach', () => 1)).rejects.toThrow('did you mean search?')
    // @ts-expect-error: there is no such service
    expect(() => gear.state('serach')).toThrow(UnknownServiceError)
    // @ts-expect-error: there is no such service
    expect(() => gear.reconfigure('xyzzy', {})).toThrow('there are search, cache')
    // @ts-expect-error: there is no such service
    expect(gear.services.serach).toBeUndefined()
    for (const use of [
      // @ts-expect-error: there is no such service
      () => gear.admit('xyzzy'),
      // @ts-expect-error: there is no such service
      () => gear.peek('xyzzy'),
      // @ts-expect-error: there is no such service
      () => gear.signal('xyzzy', { kind: 'limitCleared' }),
      // @ts-expect-error: there is no such service
      () => gear.command('xyzzy', { name: 'reset', ...by }),
      // @ts-expect-error: there is no such service
      () => gear.direct('xyzzy', {}),
    ]) {
      expect(use).toThrow(UnknownServiceError)
    }
    expectTypeOf(gear.services).toHaveProperty('search')
    expectTypeOf<Parameters<typeof gear.state>[0]>().toEqualTypeOf<'search' | 'cache'>()
  })

  it.each(['constructor', '__proto__', 'toString', '', 'search/acme'])('%j is none of an object or a key', async (name) => {
    const { gear } = await testBoard({ search })
    await gear.services.search.for('acme').execute(() => 1)
    await expect(gear.execute(name as 'search', () => 1)).rejects.toThrow(UnknownServiceError)
    expect(() => gear.admit(name as 'search')).toThrow(UnknownServiceError)
  })

  it('is told on a board without any, too', async () => {
    const { gear } = await testBoard({})
    await expect(gear.execute('search' as never, () => 1)).rejects.toThrow('there are none')
  })
})

describe('a handle', () => {
  it('tells how its service stands', async () => {
    const { gear, clock } = await testBoard({ search: { ...search, recoveryJitter: { from: 1, to: 1 } } })
    const handle = gear.services.search
    expect(handle).toMatchObject({
      name: 'search',
      kind: 'http',
      state: 'closed',
      path: 'closed.watching',
      reason: 'created',
      until: undefined,
    })
    await openUp(gear)
    expect(handle).toMatchObject({
      state: 'open',
      path: 'open.cooling',
      reason: 'consecutive_failures',
      until: clock.now() + 10_000,
    })
    expect(handle.policy.recoveryTimeout).toBe(10_000)
    expect(handle.stats).toEqual({
      successes: 0,
      failures: 3,
      ignored: 0,
      rejected: 0,
      inFlight: 0,
      window: { calls: 0, failures: 0, slow: 0 },
      latency: { p50: 0, p95: 0, p99: 0 },
    })
  })
})

describe('until', () => {
  const directive = { epoch: 1, level: 0, rule: 'r', reason: 'r' } as const

  it('tells when the state ends, not when a directive does', async () => {
    const { gear, clock } = await testBoard({ search: { ...search, recoveryJitter: { from: 1, to: 1 } } })
    const handle = gear.services.search
    gear.direct('search', { ...directive, expiresAt: clock.now() + 5000 })
    expect(handle.until).toBeUndefined()
    await openUp(gear)
    const until = clock.now() + 10_000
    expect(handle).toMatchObject({ state: 'open', until })
    expect(handle.peek()).toMatchObject({ retryAfterMs: 10_000 })
    clock.advance(5000)
    expect(handle).toMatchObject({ state: 'open', until })
  })

  it('is none for a breaker that waits for leave to probe, which a directive withholds', async () => {
    const { gear, clock } = await testBoard({ search })
    await openUp(gear)
    gear.direct('search', { ...directive, hold: true, expiresAt: clock.now() + 60_000 })
    clock.advance(30_000)
    expect(gear.services.search.path).toBe('open.awaitingPermit')
    expect(gear.services.search.until).toBeUndefined()
    expect(gear.peek('search')).toMatchObject({ retryAfterMs: undefined })
  })
})

describe('reconfigure', () => {
  it('changes the policy of a running service and keeps its state and counts', async () => {
    const { gear, journal } = await testBoard({ search })
    await gear.execute('search', fails()).catch(() => undefined)
    await gear.execute('search', fails()).catch(() => undefined)
    gear.reconfigure('search', { trip: { consecutiveFailures: 4 } })
    expect(gear.services.search.stats.window).toMatchObject({ calls: 2, failures: 2 })
    await gear.execute('search', fails()).catch(() => undefined)
    expect(gear.state('search')).toBe('closed')
    await gear.execute('search', fails()).catch(() => undefined)
    expect(gear.state('search')).toBe('open')
    gear.reconfigure('search', { recoveryTimeout: 99_000 })
    expect(gear.state('search')).toBe('open')
    expect(gear.services.search.policy.trip.consecutiveFailures).toBe(4)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('keeps what fits of a window that changes its size, and begins anew where it changes its type', async () => {
    const { gear, journal } = await testBoard({ search: { ...search, trip: { consecutiveFailures: false, failureRate: false } } })
    for (let i = 0; i < 10; i++) await gear.execute('search', () => 1)
    gear.reconfigure('search', { window: { type: 'time', seconds: 5 } })
    expect(gear.services.search.stats.window.calls).toBe(10)
    gear.reconfigure('search', { window: { type: 'count', size: 4 } })
    expect(gear.services.search.stats.window.calls).toBe(0)
    for (let i = 0; i < 10; i++) await gear.execute('search', () => 1)
    gear.reconfigure('search', { window: { type: 'count', size: 3 } })
    expect(gear.services.search.stats.window.calls).toBe(3)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('refuses what cannot be used, says where it is wrong, and changes nothing', async () => {
    const { gear } = await testBoard({ search })
    expect(() => gear.reconfigure('search', { maxProbes: 1, successesToClose: 5 })).toThrow(ConfigError)
    expect(() => gear.reconfigure('search', { maxProbs: 3 } as never)).toThrow('did you mean maxProbes?')
    expect(gear.services.search.policy.maxProbes).toBe(3)
  })
})

describe('closing', () => {
  it('leaves no timer, and refuses what comes later', async () => {
    const { gear, clock } = await testBoard({ search })
    await openUp(gear)
    gear.services.search.for('acme').command({ name: 'beginMaintenance', ...by, until: clock.now() + 1000 })
    expect(clock.pending).toBeGreaterThan(0)
    const late = gear.execute('search', () => 1, { fallback: () => 'no' }).catch(() => undefined)
    await gear.close()
    await late
    expect(clock.pending).toBe(0)
    await expect(gear.execute('search', () => 1)).rejects.toThrow(ClosedError)
    await expect(gear.execute('search', () => 1, { fallback: () => 2 })).rejects.toThrow(ClosedError)
    await expect(gear.services.search.execute(() => 1)).rejects.toThrow(ClosedError)
    for (const use of [
      () => gear.admit('search'),
      () => gear.peek('search'),
      () => gear.services.search.peek(),
      () => gear.services.search.for('acme'),
      () => gear.signal('search', { kind: 'limitCleared' }),
      () => gear.command('search', { name: 'reset', ...by }),
      () => gear.direct('search', { epoch: 1, level: 0, expiresAt: 9e12, rule: 'r', reason: 'r' }),
      () => gear.reconfigure('search', {}),
    ]) {
      expect(use).toThrow(ClosedError)
    }
  })

  it('lets a call in flight end, and hears nothing of it', async () => {
    const { gear, heard } = await testBoard({ search })
    const answer = open<string>()
    const call = gear.execute('search', () => answer.promise)
    await gear.close()
    answer.resolve('still here')
    await expect(call).resolves.toBe('still here')
    expect(heard).toEqual([])
  })

  it('twice is closing once, and both wait for its end', async () => {
    const { gear, journal } = await testBoard({ search })
    const written = open<void>()
    const flush = vi.spyOn(journal, 'flush').mockReturnValue(written.promise)
    const closed: number[] = []
    void gear.close().then(() => closed.push(1))
    void gear.close().then(() => closed.push(2))
    await settle()
    expect(closed).toEqual([])
    written.resolve()
    await settle()
    expect(closed).toEqual([1, 2])
    expect(flush).toHaveBeenCalledTimes(1)
  })

  it('completes the events, for those who come later as well', async () => {
    const { gear } = await testBoard({ search })
    const completed = vi.fn()
    gear.events$.subscribe({ complete: completed })
    await gear.close()
    gear.events$.subscribe({ complete: completed })
    expect(completed).toHaveBeenCalledTimes(2)
  })

  it('without a journal is closing all the same', async () => {
    const gear = await createSwitchgear({ services: { search }, journal: false, clock: new VirtualClock() })
    await gear.flush()
    await gear.execute('search', () => 1)
    await expect(gear.close()).resolves.toBeUndefined()
  })
})

describe('events$', () => {
  it('tells everything that happens, in order, from the moment of subscribing to that of unsubscribing', async () => {
    const { gear } = await testBoard({ search })
    const heard: string[] = []
    await gear.execute('search', () => 1)
    const subscription = gear.events$.subscribe(({ type }) => heard.push(type))
    await openUp(gear)
    gear.command('search', { name: 'reset', ...by })
    subscription.unsubscribe()
    await gear.execute('search', () => 1)
    expect(heard).toEqual(['outcome', 'outcome', 'outcome', 'transition', 'alert', 'command', 'transition'])
  })

  it('goes on, and so does the breaker, when a subscriber throws', async () => {
    const reported = vi.fn()
    config.onUnhandledError = reported
    onTestFinished(() => {
      config.onUnhandledError = null
    })
    const bus = new MemoryBus({ onListenerError: reported })
    const { gear, journal } = await testBoard({ search }, { bus })
    gear.events$.subscribe(() => {
      throw new Error('a poor listener')
    })
    bus.subscribe('outcome', () => {
      throw new Error('a poor listener')
    })
    const heard: GearEvent[] = []
    gear.events$.subscribe((event) => heard.push(event))
    await openUp(gear)
    expect(gear.state('search')).toBe('open')
    expect(heard).toHaveLength(5)
    await vi.waitFor(() => expect(reported.mock.calls.length).toBeGreaterThanOrEqual(8), 20_000)
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('what is told from outside', () => {
  it.each<[string, unknown, string]>([
    ['a signal of no kind', { kind: 'limt' }, 'signal'],
    ['a signal with a field too many', { kind: 'limitCleared', x: 1 }, 'signal'],
    ['a limit that is until nowhere', { kind: 'limit', mode: 'paced', until: Number.POSITIVE_INFINITY }, 'signal.until'],
    ['a signal that is none', null, 'signal'],
  ])('is checked: %s', async (_, signal, where) => {
    const { gear, journal } = await testBoard({ search })
    expect(() => gear.signal('search', signal as Signal)).toThrow(
      expect.objectContaining({ name: 'ConfigError', path: expect.stringContaining(where) }),
    )
    expect(journal.records).toHaveLength(1)
  })

  it.each<[string, unknown, string]>([
    ['a command by nobody', { name: 'trip', by: '', why: 'r' }, 'command.by'],
    ['a command nobody knows', { name: 'explode', ...by }, 'command'],
  ])('is checked: %s', async (_, command, where) => {
    const { gear } = await testBoard({ search })
    expect(() => gear.command('search', command as Command)).toThrow(
      expect.objectContaining({ name: 'ConfigError', path: expect.stringContaining(where) }),
    )
    expect(gear.state('search')).toBe('closed')
  })

  it.each<[string, unknown, string]>([
    ['a directive of level 4', { epoch: 1, level: 4, expiresAt: 1, rule: 'r', reason: 'r' }, 'directive.level'],
    ['a directive without an expiry', { epoch: 1, level: 1, rule: 'r', reason: 'r' }, 'directive.expiresAt'],
  ])('is checked: %s', async (_, directive, where) => {
    const { gear } = await testBoard({ search })
    expect(() => gear.direct('search', directive as DirectiveInput)).toThrow(
      expect.objectContaining({ name: 'ConfigError', path: where }),
    )
  })

  it('leads through all states, which the journal replays', async () => {
    const { gear, clock, journal } = await testBoard({ search })
    const at = clock.now()
    gear.signal('search', { kind: 'health', level: 1, reason: 'low quality' })
    gear.signal('search', { kind: 'limit', mode: 'paced', perSecond: 5, until: at + 90_000 })
    gear.signal('search', { kind: 'limit', mode: 'exhausted', until: at + 90_000 })
    gear.signal('search', { kind: 'budget', mode: 'throttled', rule: 'daily' })
    gear.signal('search', { kind: 'budget', mode: 'blocked', rule: 'daily' })
    gear.signal('search', { kind: 'budgetCleared' })
    gear.signal('search', { kind: 'limitCleared' })
    gear.signal('search', { kind: 'health', level: 0, reason: 'well' })
    gear.direct('search', { epoch: 1, level: 2, expiresAt: at + 1000, rule: 'overload', reason: 'r' })
    clock.advance(1000)
    for (const name of ['trip', 'disable', 'enable', 'beginMaintenance', 'endMaintenance', 'reset'] as const)
      gear.command('search', { name, ...by })
    expect(path(journal.records)).toHaveLength(16)
    expect(new Set(ofType(journal.records, 'transition').map(({ to }) => to.split('.')[0])).size).toBe(7)
    expect(gear.state('search')).toBe('closed')
    expect(replayed(journal.records)).toMatchObject({ differences: 0, transitions: 16 })
  })
})

describe('the inspector', () => {
  it('is told the events of the root and of every breaker', async () => {
    const seen: InspectionEvent[] = []
    const { gear } = await testBoard({ search }, { inspect: (event) => seen.push(event) })
    await gear.services.search.for('acme').execute(() => 1)
    gear.command('search', { name: 'trip', ...by })
    gear.services.search.for('acme').command({ name: 'reset', ...by })
    const actors = seen
      .filter(({ type }) => type === '@xstate.actor')
      .map(({ actorRef }) => (actorRef as unknown as { id: string }).id)
    expect(actors).toEqual(['switchgear', '*correlator', 'search', 'search/acme'])
    const events = seen.flatMap((event) => (event.type === '@xstate.event' ? [event.event.type] : []))
    expect(events).toContain('command.trip')
    expect(events).toContain('command.reset')
    expect(events).toContain('breaker.moved')
  })

  it.each(['a function', 'an observer'] as const)('that throws breaks nothing, as %s, and is warned of once', async (form) => {
    const warned = warnings()
    const throws = () => {
      throw new Error('a poor inspector')
    }
    const { gear, journal } = await testBoard({ search }, { inspect: form === 'a function' ? throws : { next: throws } })
    await openUp(gear)
    expect(gear.state('search')).toBe('open')
    expect(warned).toHaveBeenCalledTimes(1)
    expect(warned.mock.calls[0]?.[0]).toContain('a poor inspector')
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('that throws what is no error is warned of as well', async () => {
    const warned = warnings()
    await testBoard(
      { search },
      {
        inspect: () => {
          throw 'words'
        },
      },
    )
    expect(warned.mock.calls[0]?.[0]).toContain('words')
  })

  it('may have nothing to hear with', async () => {
    const { gear } = await testBoard({ search }, { inspect: {} })
    await expect(gear.execute('search', () => 1)).resolves.toBe(1)
  })
})

describe('two boards in one process', () => {
  it('do not disturb each other', async () => {
    const one = await testBoard({ search })
    const other = await testBoard({ search })
    await openUp(one.gear)
    expect([one.gear.state('search'), other.gear.state('search')]).toEqual(['open', 'closed'])
    expect(other.heard).toEqual([])
    await one.gear.close()
    await expect(other.gear.execute('search', () => 1)).resolves.toBe(1)
    expect(other.heard).toHaveLength(1)
  })

  it('may share a bus, which outlives them', async () => {
    const bus = new MemoryBus()
    const one = await testBoard({ search }, { bus })
    const other = await testBoard({ cache: { kind: 'cache' } }, { bus })
    await one.gear.close()
    await other.gear.execute('cache', () => 1)
    expect(one.heard).toEqual([])
    expect(other.heard).toMatchObject([{ service: 'cache' }])
    await other.gear.close()
    const late: GearEvent[] = []
    bus.subscribe('*', (event) => late.push(event))
    bus.publish({ type: 'alert', at: 1, service: 'x', level: 'info', code: 'c', message: 'm' })
    expect(late).toHaveLength(1)
  })
})

describe("a journal of the user's own", () => {
  it('is opened, written and flushed, and stays open when the board is closed', async () => {
    const journal = new MemoryJournal()
    const flush = vi.spyOn(journal, 'flush')
    const gear = await createSwitchgear({ services: { search }, journal, clock: new VirtualClock() })
    await gear.execute('search', () => 1)
    await gear.close()
    expect(flush).toHaveBeenCalledOnce()
    expect(journal.records.map(({ type }) => type)).toEqual(['header', 'outcome'])
    journal.append({ type: 'alert', at: 1, service: 'x', level: 'info', code: 'c', message: 'm' })
    expect(journal.records).toHaveLength(3)
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('no room'))],
    [
      'throws',
      () => {
        throw new Error('no room')
      },
    ],
  ])('that %s when it is opened leaves no board behind', async (_, opening) => {
    const clock = new VirtualClock()
    const journal = Object.assign(new MemoryJournal(), { open: opening })
    await expect(createSwitchgear({ services: { search }, journal, clock })).rejects.toThrow('no room')
    expect(clock.pending).toBe(0)
  })

  it('and a configuration that cannot be used: the configuration is refused, and the journal not touched', async () => {
    const journal = new MemoryJournal()
    await expect(createSwitchgear({ services: { search: { kind: 'htp' as 'http' } }, journal })).rejects.toThrow(
      'did you mean "http"',
    )
    expect(journal.records).toEqual([])
  })
})
