// Breakers for the keys of a service: as many as the policy keeps, each on its own, and nothing left of those that went.
import { describe, expect, it } from 'vitest'
import type { AnyActorRef } from 'xstate'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import { KeyedBreakers } from '../../src/actors/keyedBreakers.ts'
import { keyedName, keyOf, parentOf } from '../../src/actors/keyedName.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { CallTimeoutError, ClosedError, ConfigError } from '../../src/model/errors.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { fails, ofType, open, replayed, settle, testBoard, watch } from './testBoard.ts'

const policy = { trip: { consecutiveFailures: 2 }, degrade: false, maxKeys: 3 } as const

async function fail(service: { execute(run: () => Promise<never>): Promise<unknown> }, times = 2): Promise<void> {
  for (let i = 0; i < times; i++) await service.execute(fails()).catch(() => undefined)
}

/** What came and went. */
function changes(heard: readonly GearEvent[]): string[] {
  return ofType(heard, 'config').map(({ change, service }) => `${change} ${service}`)
}

describe('a key', () => {
  it('has a breaker of its own: when one opens, neither its service nor the other keys do', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    await fail(chat.for('acme'))
    expect([chat.for('acme').state, chat.for('bolt').state, chat.state]).toEqual(['open', 'closed', 'closed'])
    expect(chat.for('acme').policy).toEqual(chat.policy)
    expect(chat.for('acme').kind).toBe('custom')
  })

  it.each([
    ['acme', 'chat/acme'],
    ['a b', 'chat/a%20b'],
    ['a/b', 'chat/a%2Fb'],
    ['', 'chat/'],
    ['__proto__', 'chat/__proto__'],
    ['été', 'chat/%C3%A9t%C3%A9'],
    ['*.>', 'chat/%2A%2E%3E'],
    ['%', 'chat/%25'],
  ])('%j is written %s', (key, name) => {
    expect(keyedName('chat', key)).toBe(name)
    expect(parentOf(name)).toBe('chat')
    expect(keyOf(name)).toBe(key)
  })

  it('is the same key however it is written: half a surrogate pair is none', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    await fail(chat.for('\ud800'))
    expect(chat.for('\ufffd').state).toBe('open')
    for (let i = 0; i < 2; i++) await fail(chat.for(`other ${i}`))
    expect([chat.for('\ud800').state, chat.for('\ud800').peek()?.code]).toEqual(['open', 'ERR_SWITCHGEAR_OPEN'])
    chat.for('\ufffd').command({ name: 'reset', by: 'ann', why: 'r' })
    expect([chat.for('\ud800').state, chat.for('\ufffd').state]).toEqual(['closed', 'closed'])
  })

  it.each([
    ['512 letters', 'k'.repeat(512)],
    ['256 letters of two bytes', 'ü'.repeat(256)],
  ])('may be %s long', async (_, key) => {
    const { gear } = await testBoard({ chat: policy })
    await fail(gear.services.chat.for(key))
    expect(gear.services.chat.for(key).state).toBe('open')
  })

  it.each([
    ['513 letters', 'k'.repeat(513)],
    ['257 letters of two bytes', 'ü'.repeat(257)],
    ['a megabyte', 'k'.repeat(1_000_000)],
  ])('of %s is refused when its handle is asked for', async (_, key) => {
    const { gear, journal } = await testBoard({ chat: policy })
    expect(() => gear.services.chat.for(key)).toThrow(
      expect.objectContaining({ name: 'ConfigError', path: 'services.chat.for', allowed: 'a key of at most 512 bytes' }),
    )
    expect(() => gear.services.chat.for(key)).toThrow(ConfigError)
    expect(ofType(journal.records, 'config')).toEqual([])
  })
})

describe('the breaker of a key', () => {
  it('is hung on the board with the first that is done to it, not with its handle', async () => {
    const by = { by: 'ann', why: 'r' }
    const { gear, heard } = await testBoard({ chat: { ...policy, maxKeys: 9 } })
    const { chat } = gear.services
    const uses: Record<string, (service: ReturnType<typeof chat.for>) => unknown> = {
      executes: (service) => service.execute(() => 1),
      admits: (service) => service.admit(),
      signals: (service) => service.signal({ kind: 'limitCleared' }),
      directs: (service) => service.direct({ epoch: 1, level: 0, expiresAt: 9e12, rule: 'r', reason: 'r' }),
      commands: (service) => service.command({ name: 'reset', ...by }),
    }
    const handles = Object.keys(uses).map((key) => chat.for(key))
    expect(heard).toEqual([])
    for (const [i, [key, use]] of Object.entries(uses).entries()) {
      const handle = handles[i]
      if (handle) await use(handle)
      expect(changes(heard).at(-1)).toBe(`added chat/${key}`)
    }
    expect(changes(heard)).toHaveLength(5)
  })

  it('is not hung there by a signal, directive or command that is none', async () => {
    const { gear, journal } = await testBoard({ chat: policy })
    const acme = gear.services.chat.for('acme')
    expect(() => acme.signal({ kind: 'limt' } as never)).toThrow(ConfigError)
    expect(() => acme.direct({} as never)).toThrow(ConfigError)
    expect(() => acme.command({ name: 'trip', by: 'ann' } as never)).toThrow(ConfigError)
    expect(journal.records.map(({ type }) => type)).toEqual(['header'])
  })

  it('is not hung there by looking, nor is another let go for it: three handles are read where two breakers are kept', async () => {
    const { gear, journal } = await testBoard({ chat: { ...policy, maxKeys: 2 } })
    const { chat } = gear.services
    const handles = ['a', 'b', 'c'].map((key) => chat.for(key))
    for (const handle of [...handles, ...handles]) {
      expect(handle).toMatchObject({
        state: 'closed',
        path: 'closed.watching',
        reason: 'created',
        until: undefined,
        kind: 'custom',
      })
      expect(handle.policy).toEqual(chat.policy)
      expect(handle.peek()).toBeUndefined()
      expect(handle.stats).toEqual(chat.stats)
    }
    expect(journal.records.map(({ type }) => type)).toEqual(['header'])
  })

  it('is as old as its last use: looking at it does not keep it', async () => {
    const { gear, heard } = await testBoard({ chat: { ...policy, maxKeys: 2 } })
    const { chat } = gear.services
    const [a, b, c] = [chat.for('a'), chat.for('b'), chat.for('c')]
    for (const handle of [a, b]) await handle.execute(() => 1)
    expect([a.state, a.path, a.reason, a.until, a.stats.successes, a.peek()]).toEqual([
      'closed',
      'closed.watching',
      'created',
      undefined,
      1,
      undefined,
    ])
    await c.execute(() => 1)
    expect(changes(heard).at(-2)).toBe('removed chat/a')
    expect([a.stats.successes, b.stats.successes]).toEqual([0, 1])
  })

  it('is found by the keeper of them all, which makes none by looking', async () => {
    const clock = new VirtualClock()
    const board = new Board({ clock, bus: new MemoryBus(), profileFor: (kind) => profileFor(kind), seed: 1, software: 'test' })
    const keyed = new KeyedBreakers(board, board.add('chat', 'custom', resolvePolicy('custom', { maxKeys: 2 }), clock.now()))
    expect(keyed.peek('a')).toBeUndefined()
    expect(keyed.size).toBe(0)
    const a = keyed.get('a')
    keyed.get('b')
    expect(keyed.peek('a')).toBe(a)
    keyed.get('c')
    expect(keyed.peek('a')).toBeUndefined()
    expect([...keyed].map(({ service }) => service)).toEqual(['chat/b', 'chat/c'])
    board.stop()
  })
})

describe('the bound', () => {
  it('lets the least recently used go first', async () => {
    const { gear, heard } = await testBoard({ chat: policy })
    const { chat } = gear.services
    for (const key of ['a', 'b', 'c', 'a', 'd']) await chat.for(key).execute(() => 1)
    expect(changes(heard).at(-2)).toBe('removed chat/b')
  })

  it('keeps those that are open or busy, as long as there are others', async () => {
    const { gear, heard } = await testBoard({ chat: policy })
    const { chat } = gear.services
    const answer = open<string>()
    await fail(chat.for('open'))
    const busy = chat.for('busy').execute(() => answer.promise)
    await chat.for('idle').execute(() => 1)
    await chat.for('new').execute(() => 1)
    expect(changes(heard).at(-2)).toBe('removed chat/idle')
    expect(chat.for('open').state).toBe('open')
    answer.resolve('done')
    await expect(busy).resolves.toBe('done')
  })

  it('holds even where all are open: then the oldest goes', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    for (const key of ['a', 'b', 'c']) await fail(chat.for(key))
    await chat.for('d').execute(() => 1)
    expect([chat.for('b').state, chat.for('c').state]).toEqual(['open', 'open'])
    expect(chat.for('a').state).toBe('closed')
  })

  it('is that of the policy in force', async () => {
    const { gear, heard } = await testBoard({ chat: policy })
    const { chat } = gear.services
    for (const key of ['a', 'b', 'c']) await chat.for(key).execute(() => 1)
    gear.reconfigure('chat', { maxKeys: 1 })
    await chat.for('d').execute(() => 1)
    expect(changes(heard).filter((name) => name.startsWith('removed'))).toHaveLength(3)
  })
})

describe('a handle', () => {
  it('outlives its breaker: used again after that has gone, it leads to a fresh one', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    const acme = chat.for('acme')
    await fail(acme)
    for (const key of ['b', 'c', 'd']) await fail(chat.for(key))
    expect(acme.state).toBe('closed')
    await expect(acme.execute(() => 'well')).resolves.toBe('well')
    expect(acme.stats.successes).toBe(1)
  })

  it('changes with its service when that is reconfigured', async () => {
    const { gear, clock } = await testBoard({ chat: policy })
    const acme = gear.services.chat.for('acme')
    await acme.execute(() => 1)
    gear.reconfigure('chat', { timeout: 321 })
    expect(acme.policy.timeout).toBe(321)
    const slow = watch(acme.execute(() => new Promise(() => undefined)))
    await clock.advanceAsync(321)
    await settle()
    expect(slow.error).toBeInstanceOf(CallTimeoutError)
  })

  it('says that the board is closed, as the service does', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    const [acme, unused] = [chat.for('acme'), chat.for('unused')]
    await acme.execute(() => 1)
    await gear.close()
    for (const handle of [acme, unused]) {
      await expect(handle.execute(() => 1)).rejects.toThrow(ClosedError)
      expect(() => handle.admit()).toThrow(ClosedError)
      expect(() => handle.signal({ kind: 'limitCleared' })).toThrow(ClosedError)
      expect(() => handle.peek()).toThrow(ClosedError)
      expect(handle.state).toBe('closed')
    }
    expect(() => chat.for('new')).toThrow(ClosedError)
  })
})

describe('a call in flight', () => {
  it('keeps its breaker, beyond the bound where all have some: its end decides, and is in the journal', async () => {
    const { gear, journal, heard, clock } = await testBoard({
      chat: { ...policy, kind: 'http', maxKeys: 1, trip: { consecutiveFailures: 1 } },
    })
    const { chat } = gear.services
    const answer = open<unknown>()
    const late = chat.for('a').execute(() => answer.promise, { timeout: 5000 })
    await chat.for('b').execute(() => 1)
    const again = chat.for('a')
    await again.execute(() => 1)
    expect(changes(heard)).toEqual(['added chat/a', 'added chat/b'])
    answer.resolve({
      status: 503,
      headers: new Headers({ 'ratelimit-limit': '9', 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }),
    })
    await late
    expect(again.state).toBe('open')
    await chat.for('c').execute(() => 1)
    expect(changes(heard).slice(2)).toEqual(['removed chat/b', 'removed chat/a', 'added chat/c'])
    clock.advance(10_000)
    expect(again.state).toBe('closed')
    expect(ofType(journal.records, 'outcome').map(({ service, result }) => `${service} ${result}`)).toEqual([
      'chat/b success',
      'chat/a success',
      'chat/a failure',
      'chat/c success',
    ])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })
})

describe('ten thousand keys that come and go', () => {
  it('leave nothing behind: no actor, no timer, no listener', () => {
    const clock = new VirtualClock()
    const bus = new MemoryBus()
    let root: AnyActorRef | undefined
    const board = new Board({
      clock,
      bus,
      profileFor: (kind) => profileFor(kind),
      seed: 1,
      software: 'test',
      inspect: ({ actorRef }) => {
        root ??= actorRef as AnyActorRef
      },
    })
    const children = () => (root?.getSnapshot() as { children: Record<string, AnyActorRef> } | undefined)?.children ?? {}
    const parent = board.add('chat', 'custom', resolvePolicy('custom', { maxKeys: 10 }), clock.now())
    const keyed = new KeyedBreakers(board, parent)
    const system = root?.system
    const came: Breaker[] = []
    const actors = new Map<Breaker, AnyActorRef>()
    for (let i = 0; i < 10_000; i++) {
      const breaker = keyed.get(`tenant ${i}`)
      came.push(breaker)
      actors.set(breaker, system?.get(breaker.service))
      if (i % 3 === 0)
        breaker.command(clock.now(), { name: 'beginMaintenance', by: 'ann', why: 'r', until: clock.now() + 60_000 })
    }
    const active = (breaker: Breaker) => actors.get(breaker)?.getSnapshot().status === 'active'
    const known = (breaker: Breaker) => system?.get(breaker.service) !== undefined
    const [hang, gone] = [[...keyed], came.filter(({ disposed }) => disposed)]
    expect([keyed.size, hang.length, [...board.breakers].length, gone.length]).toEqual([10, 10, 11, 9990])
    expect(clock.pending).toBeLessThanOrEqual(10)
    expect(bus.wants('transition')).toBe(false)
    expect([hang.filter(active).length, hang.filter(known).length]).toEqual([10, 10])
    expect([gone.filter(active).length, gone.filter(known).length]).toEqual([0, 0])
    expect(Object.keys(children())).toEqual(['*correlator', 'chat'])
    board.stop()
    expect(clock.pending).toBe(0)
    expect([parent, ...came].filter((breaker) => active(breaker) || known(breaker))).toEqual([])
  }, 30_000)
})
