// What is put into a table gets there once, whatever becomes of the answers, and never over what another wrote.
import { JetStreamApiError } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import type { Bucket, Stored } from '../../../src/bus/nats/bucket.ts'
import { TableStore, type TableStoreOptions } from '../../../src/bus/nats/tableStore.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'

test('a put whose answer was lost is found to be stored, and is not stored again', async () => {
  const { store, server, learnt, tick } = table()
  server.next = 'stored without an answer'
  store.want('a', 1, 0)
  await tick()
  expect(server.writes).toEqual(['1'])
  await tick(250)
  expect(server.writes).toEqual(['1'])
  expect(learnt).toEqual([['a', 1, '1']])
})

test('a put that was lost on the way is stored at the next try', async () => {
  const { store, server, learnt, tick } = table()
  server.next = 'lost'
  store.want('a', 1, 0)
  await tick()
  expect(learnt).toEqual([])
  await tick(250)
  expect(learnt).toEqual([['a', 1, '1']])
})

test('what was put after a put without an answer replaces it, stored or not', async () => {
  for (const next of ['stored without an answer', 'lost'] as const) {
    const { store, server, learnt, tick } = table()
    server.next = next
    store.want('a', 1, 0)
    await tick()
    store.want('a', 2, 0)
    await tick(250)
    expect(learnt.at(-1)).toEqual(['a', next === 'lost' ? 1 : 2, '2'])
  }
})

test('of what a server never answers to, the last few values of a key are remembered', async () => {
  const { store, server, learnt, tick } = table()
  const lose = async (from: number, to: number, base: number): Promise<void> => {
    server.mute = true
    for (let value = from; value <= to; value++) {
      store.want('a', value, base)
      await tick(250)
    }
    server.mute = false
  }
  await lose(1, 20, 0)
  // One of them had got there after all.
  server.set('a', 18)
  await tick(250)
  expect(learnt.at(-1)).toEqual(['a', 2, '20'])
  await lose(21, 40, 2)
  server.set('a', 22)
  await tick(250)
  // Nobody knows any more that it was ours: it is taken for another's.
  expect(learnt.at(-1)).toEqual(['a', 3, '22'])
})

test('what another wrote since is handed over, and the put is given up', async () => {
  const { store, server, learnt, tick } = table()
  server.set('a', 'of another')
  store.want('a', 1, 0)
  await tick()
  expect(learnt).toEqual([['a', 1, '"of another"']])
  expect(server.writes).toEqual([])
  store.want('a', 2, 1)
  await tick()
  expect(learnt.at(-1)).toEqual(['a', 2, '2'])
})

test('what was stored since is handed over and written over where the put stands for more', async () => {
  const { store, server, learnt, tick } = table({ prevails: (_, own, { bytes }) => Number(own) > Number(bytes) })
  server.set('a', 5)
  // Nothing was known of it; what comes while that is found out goes upon it, too.
  store.want('a', 6, 0)
  store.go()
  store.want('a', 7, 0)
  await tick()
  expect(learnt).toEqual([
    ['a', 1, '5'],
    ['a', 2, '7'],
  ])
  server.set('a', 9)
  store.want('a', 8, 2)
  await tick()
  expect(learnt.at(-1)).toEqual(['a', 3, '9'])
  server.set('a', 10)
  store.want('a', undefined, 3)
  await tick()
  expect(learnt.at(-1)).toEqual(['a', 4, '10'])
  expect(server.writes).toEqual(['7'])
})

test('what another wrote is written over when it is garbage', async () => {
  const { store, server, learnt, tick } = table()
  server.set('a', 'garbage')
  store.want('a', 1, 0)
  await tick()
  expect(learnt.at(-1)).toEqual(['a', 2, '1'])
})

test('what we stored ourselves is put anew, and removed, though nothing is known of it any more', async () => {
  const { store, server, learnt, tick } = table()
  for (const value of [1, 1, undefined, 2, undefined]) {
    store.want('a', value, 0)
    await tick()
  }
  expect(server.writes).toEqual(['1', '1', '', '2', ''])
  expect(learnt.at(-1)).toEqual(['a', 5, undefined])
})

test('what has expired is stored anew', async () => {
  const { store, learnt, tick } = table()
  store.want('a', 1, 7)
  await tick()
  expect(learnt).toEqual([['a', 1, '1']])
})

test('a removal without an answer is found to be done', async () => {
  const { store, server, learnt, tick } = table()
  store.want('a', 1, 0)
  await tick()
  server.next = 'stored without an answer'
  store.want('a', undefined, 1)
  await tick()
  await tick(250)
  expect(server.writes).toEqual(['1', ''])
  expect(learnt.at(-1)).toEqual(['a', 2, undefined])
})

test('puts that come while one is on its way go out as one, upon it', async () => {
  const { store, server, learnt, tick } = table()
  store.want('a', 1, 0)
  store.go()
  for (const value of [2, 3, 4]) store.want('a', value, 0)
  await tick()
  expect(server.writes).toEqual(['1', '4'])
  expect(learnt.at(-1)).toEqual(['a', 2, '4'])
})

test('what is put leaves before anything else that has come is read; of several puts to one key in a moment, the last', async () => {
  const { store, server } = table()
  const seen: string[][] = []
  setImmediate(() => seen.push([...server.writes]))
  for (const value of [1, 2]) store.want('a', value, 0)
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual([['2']])
})

test('while there is no bucket all waits; draining and closing end', async () => {
  const { store, server, learnt, tick } = table()
  server.there = false
  store.want('a', 1, undefined)
  await tick()
  await store.drain()
  expect(learnt).toEqual([])
  server.there = true
  await store.drain()
  expect(learnt.length).toBe(1)
  server.next = 'lost'
  store.want('a', 2, undefined)
  await store.drain()
  store.close()
  await tick(1000)
  expect(learnt.length).toBe(1)
})

test('draining stores hundreds of keys after a try that failed', async () => {
  const { store, server, learnt, tick } = table()
  server.next = 'lost'
  store.want('first', 0, 0)
  await tick()
  for (let i = 0; i < 300; i++) store.want(`k${i}`, i, 0)
  await store.drain()
  store.close()
  expect(learnt.length).toBe(301)
})

test('hundreds of keys are stored, some at a time', async () => {
  const { store, server, learnt } = table()
  for (let i = 0; i < 300; i++) store.want(`k${i}`, i, 0)
  await store.drain()
  expect(learnt.length).toBe(300)
  expect(server.mostAtOnce).toBeLessThanOrEqual(32)
})

test('more keys than are allowed, and values that are too big, are told and left out', async () => {
  const { store, server, troubles, tick } = table()
  server.there = false
  for (let i = 0; i < 1002; i++) store.want(`k${i}`, i, 0)
  store.want('k0', 'x'.repeat(5000), 0)
  server.there = true
  await tick()
  await store.drain()
  expect(troubles).toEqual(['table_full', 'table_full', 'entry_too_big'])
  expect(server.writes.length).toBe(999)
})

type Fate = 'stored' | 'stored without an answer' | 'lost'

function table({ prevails = () => false }: Partial<Pick<TableStoreOptions, 'prevails'>> = {}) {
  const clock = new VirtualClock()
  const learnt: [string, number, string | undefined][] = []
  const troubles: string[] = []
  const server = new FakeServer()
  const store = new TableStore({
    clock,
    bucket: () => (server.there ? (server as unknown as Bucket) : undefined),
    revisionOf: (key) => learnt.findLast(([known]) => known === key)?.[1] ?? 0,
    learn: ({ key, revision, bytes }) => {
      const text = bytes && Buffer.from(bytes).toString()
      learnt.push([key, revision, text])
      return text !== '"garbage"'
    },
    prevails,
    failed: () => undefined,
    trouble: (code) => troubles.push(code),
    entryBytes: 4096,
    maxKeys: 1000,
  })
  /** Lets what is under way come to its end, `ms` later. */
  const tick = async (ms = 0): Promise<void> => {
    clock.advance(ms)
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  return { store, server, learnt, troubles, tick }
}

/** A bucket of which the fate of the next write can be told. */
class FakeServer implements Pick<Bucket, 'get' | 'put' | 'remove'> {
  there = true
  /** Nothing gets there. */
  mute = false
  next: Fate = 'stored'
  writes: string[] = []
  mostAtOnce = 0
  #atOnce = 0
  #revision = 0
  readonly #stored = new Map<string, Stored>()

  set(key: string, value: unknown): void {
    this.#stored.set(key, { key, revision: ++this.#revision, bytes: Buffer.from(JSON.stringify(value)) })
  }

  async get(key: string): Promise<Stored | undefined> {
    return this.#stored.get(key)
  }

  put(key: string, bytes: Uint8Array, previous: number): Promise<number> {
    return this.#write(key, bytes, previous)
  }

  remove(key: string, previous: number): Promise<number> {
    return this.#write(key, undefined, previous)
  }

  async #write(key: string, bytes: Uint8Array | undefined, previous: number): Promise<number> {
    const fate = this.next
    this.next = 'stored'
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    await Promise.resolve()
    this.#atOnce--
    if (this.mute || fate === 'lost') throw new Error('timeout')
    if ((this.#stored.get(key)?.revision ?? 0) !== previous) {
      throw new JetStreamApiError({ code: 400, err_code: 10071, description: 'wrong last sequence' })
    }
    this.writes.push(bytes === undefined ? '' : Buffer.from(bytes).toString())
    this.#stored.set(key, { key, revision: ++this.#revision, bytes })
    if (fate !== 'stored') throw new Error('timeout')
    return this.#revision
  }
}
