// Breakers for the keys of a service: as many as the policy keeps, each on its own, and nothing left of those that went.
import { describe, expect, it } from 'vitest'
import type { AnyActorRef } from 'xstate'
import { Board } from '../../src/actors/board.ts'
import { KeyedBreakers, keyedName, parentOf } from '../../src/actors/keyedBreakers.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { ClosedError } from '../../src/model/errors.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { fails, ofType, open, replayed, testBoard } from './testBoard.ts'

const policy = { trip: { consecutiveFailures: 2 }, degrade: false, maxKeys: 3 } as const

async function fail(service: { execute(run: () => Promise<never>): Promise<unknown> }, times = 2): Promise<void> {
  for (let i = 0; i < times; i++) await service.execute(fails()).catch(() => undefined)
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
  })

  it('is the same key however it is written: half a surrogate pair is none', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    await fail(chat.for('\ud800'))
    expect(chat.for('\ufffd').state).toBe('open')
    for (let i = 0; i < 2; i++) await fail(chat.for(`other ${i}`))
    chat.for('\ufffd').command({ name: 'reset', by: 'ann', why: 'r' })
    expect([chat.for('\ud800').state, chat.for('\ufffd').state]).toEqual(['closed', 'closed'])
  })

  it('may be a megabyte long', async () => {
    const { gear } = await testBoard({ chat: policy })
    const key = 'ü'.repeat(500_000)
    await fail(gear.services.chat.for(key))
    expect(gear.services.chat.for(key).state).toBe('open')
  })
})

describe('the bound', () => {
  const names = (gear: Awaited<ReturnType<typeof testBoard>>['heard']) =>
    ofType(gear, 'config').map(({ change, service }) => `${change} ${service}`)

  it('lets the least recently used go first', async () => {
    const { gear, heard } = await testBoard({ chat: policy })
    const { chat } = gear.services
    for (const key of ['a', 'b', 'c', 'a', 'd']) chat.for(key)
    expect(names(heard).at(-2)).toBe('removed chat/b')
  })

  it('keeps those that are open or busy, as long as there are others', async () => {
    const { gear, heard } = await testBoard({ chat: policy })
    const { chat } = gear.services
    const answer = open<string>()
    await fail(chat.for('open'))
    const busy = chat.for('busy').execute(() => answer.promise)
    chat.for('idle')
    chat.for('new')
    expect(names(heard).at(-2)).toBe('removed chat/idle')
    expect(chat.for('open').state).toBe('open')
    answer.resolve('done')
    await expect(busy).resolves.toBe('done')
  })

  it('holds even where all are open: then the oldest goes', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    for (const key of ['a', 'b', 'c']) await fail(chat.for(key))
    chat.for('d')
    expect([chat.for('b').state, chat.for('c').state]).toEqual(['open', 'open'])
    expect(chat.for('a').state).toBe('closed')
  })

  it('is that of the policy in force', async () => {
    const { gear, heard } = await testBoard({ chat: policy })
    const { chat } = gear.services
    for (const key of ['a', 'b', 'c']) chat.for(key)
    gear.reconfigure('chat', { maxKeys: 1 })
    chat.for('d')
    expect(names(heard).filter((name) => name.startsWith('removed'))).toHaveLength(3)
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
    const { gear } = await testBoard({ chat: policy })
    const acme = gear.services.chat.for('acme')
    gear.reconfigure('chat', { timeout: 321 })
    expect(acme.policy.timeout).toBe(321)
  })

  it('says that the board is closed, as the service does', async () => {
    const { gear } = await testBoard({ chat: policy })
    const { chat } = gear.services
    const acme = chat.for('acme')
    await gear.close()
    await expect(acme.execute(() => 1)).rejects.toThrow(ClosedError)
    expect(() => chat.for('new')).toThrow(ClosedError)
  })
})

describe('a call that outlives its breaker', () => {
  it('decides nothing, and is not in the journal, where another of its name may stand by then', async () => {
    const { gear, journal, clock } = await testBoard({
      chat: { ...policy, kind: 'http', maxKeys: 1, trip: { consecutiveFailures: 1 } },
    })
    const { chat } = gear.services
    const answer = open<unknown>()
    const late = chat.for('a').execute(() => answer.promise, { timeout: 5000 })
    chat.for('b')
    const again = chat.for('a')
    answer.resolve({
      status: 503,
      headers: new Headers({ 'ratelimit-limit': '9', 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }),
    })
    await late
    clock.advance(10_000)
    expect(again.state).toBe('closed')
    expect(ofType(journal.records, 'outcome')).toEqual([])
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
      profileFor,
      seed: 1,
      software: 'test',
      inspect: ({ actorRef }) => {
        root ??= actorRef as AnyActorRef
      },
    })
    const children = () =>
      Object.values((root?.getSnapshot() as { children: Record<string, AnyActorRef> } | undefined)?.children ?? {})
    const parent = board.add('chat', 'custom', resolvePolicy('custom', { maxKeys: 10 }), clock.now())
    const keyed = new KeyedBreakers(board, parent)
    for (let i = 0; i < 10_000; i++) {
      const breaker = keyed.get(`tenant ${i}`)
      if (i % 3 === 0)
        breaker.command(clock.now(), { name: 'beginMaintenance', by: 'ann', why: 'r', until: clock.now() + 60_000 })
    }
    expect(keyed.size).toBe(10)
    expect([...keyed]).toHaveLength(10)
    expect([...board.breakers]).toHaveLength(11)
    expect(clock.pending).toBeLessThanOrEqual(10)
    expect(bus.wants('transition')).toBe(false)
    expect(children()).toHaveLength(11)
    board.stop()
    expect(clock.pending).toBe(0)
    expect(children().filter((child) => child.getSnapshot().status === 'active')).toEqual([])
  }, 30_000)
})
