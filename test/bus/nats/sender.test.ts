// When what is published leaves, and in what company.
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { Sender } from '../../../src/bus/nats/sender.ts'
import type { OutcomeMessage, WireMessage } from '../../../src/model/fleet/wire.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { outcome } from './natsLink.ts'

test('after a pause, all that is published in one turn leaves at its end, as one', async () => {
  const { sender, line, turn } = sending()
  for (let i = 1; i <= 3; i++) sender.publish(failure(i))
  expect(line.flights).toEqual([])
  await turn()
  expect(line.flights).toEqual([['f1', 'f2', 'f3']])
})

test('what comes soon after that waits for more of it', async () => {
  const { sender, line, turn } = sending()
  sender.publish(failure(1))
  await turn(1)
  sender.publish(failure(2))
  await turn(1)
  sender.publish(failure(3))
  await turn()
  expect(line.flights).toEqual([['f1']])
  await turn(3)
  expect(line.flights).toEqual([['f1'], ['f2', 'f3']])
})

test('a thousand failures, ten a millisecond, leave in no more flights than one in three milliseconds', async () => {
  const { sender, line, turn } = sending()
  for (let ms = 0; ms < 100; ms++) {
    for (let i = 0; i < 10; i++) sender.publish(failure(ms * 10 + i))
    await turn(1)
  }
  await turn(10)
  expect(line.flights.flat()).toEqual(Array.from({ length: 1000 }, (_, i) => `f${i}`))
  expect(line.flights.length).toBeLessThanOrEqual(36)
})

test('a transition waits for nothing, and takes what waits along, in order', async () => {
  const { sender, line, turn } = sending()
  sender.publish(failure(1))
  await turn(1)
  sender.publish(failure(2))
  await turn(1)
  sender.publish(transition('opened'))
  sender.publish(failure(3))
  await turn()
  expect(line.flights).toEqual([['f1'], ['f2', 'f3', 'opened']])
  await turn(100)
  expect(line.flights.length).toBe(2)
})

test('a transition does not wait for a flight that is on its way; others do', async () => {
  const { sender, line, turn } = sending()
  line.hold()
  sender.publish(failure(1))
  await turn()
  sender.publish(transition('opened'))
  await turn()
  sender.publish(failure(2))
  await turn(100)
  expect(line.flights).toEqual([['f1'], ['opened']])
  line.land()
  await turn(3)
  expect(line.flights).toEqual([['f1'], ['opened'], ['f2']])
  expect(sender.published).toBe(3)
})

test('however many transitions there are, no more than four flights are on their way', async () => {
  const { sender, line, turn } = sending()
  line.hold()
  for (let i = 1; i <= 10; i++) {
    sender.publish(transition(`t${i}`))
    await turn()
  }
  expect(line.flights).toEqual([['t1'], ['t2'], ['t3'], ['t4']])
  line.land()
  await turn()
  expect(line.flights.slice(4)).toEqual([['t5', 't6', 't7', 't8', 't9', 't10']])
})

test('flights that are lost together leave again as one, in their order', async () => {
  const { sender, line, turn } = sending()
  line.hold()
  for (let i = 1; i <= 5; i++) {
    sender.publish(transition(`t${i}`))
    await turn()
  }
  line.lose()
  await turn(10)
  expect(line.flights.slice(4)).toEqual([['t1', 't2', 't3', 't4', 't5']])
  expect(line.ids[4]?.slice(0, 4)).toEqual(line.ids.slice(0, 4).flat())
  expect([sender.published, sender.dropped]).toEqual([5, 0])
})

test('without a connection all waits, transitions too, until there is one', async () => {
  const { sender, line, turn } = sending()
  line.there = false
  sender.publish(transition('opened'))
  await turn(1000)
  sender.publish(transition('closed'))
  await turn(1000)
  expect(line.flights).toEqual([])
  line.there = true
  sender.connected()
  await turn()
  sender.publish(transition('opened'))
  await turn()
  expect(line.flights).toEqual([['opened', 'closed'], ['opened']])
})

test('what was lost leaves again before what came after it, with the same ids', async () => {
  const { sender, line, turn } = sending()
  line.hold()
  sender.publish(failure(1))
  await turn()
  sender.publish(failure(2))
  await turn()
  line.lose()
  await turn(10)
  expect(line.flights).toEqual([['f1'], ['f1', 'f2']])
  expect(line.ids[0]).toEqual(line.ids[1]?.slice(0, 1))
  expect(sender.published).toBe(2)
})

test('one that is closed while flights are on their way waits for them, and counts those that nobody confirms', async () => {
  for (const comes of [true, false]) {
    const { sender, line, turn } = sending()
    line.hold()
    for (let i = 1; i <= 3; i++) {
      sender.publish(transition(`t${i}`))
      await turn()
    }
    const closed = sender.close(1000)
    if (comes) line.land()
    await turn(1000)
    await closed
    expect([sender.published, sender.dropped]).toEqual(comes ? [3, 0] : [0, 3])
  }
})

test('one that is closed sends what is left, once', async () => {
  const { sender, line, turn } = sending()
  sender.publish(transition('opened'))
  const closed = sender.close(1000)
  sender.publish(transition('closed'))
  await turn(10)
  await closed
  expect(line.flights).toEqual([['opened']])
  expect(sender.dropped).toBe(0)
})

function sending() {
  const clock = new VirtualClock()
  const line = new FakeLine()
  const sender = new Sender({
    clock,
    fleet: 'test',
    session: 'session',
    limits: { messages: 10_000, bytes: 1e9 },
    client: () => (line.there ? (line as unknown as NatsConnection) : undefined),
    trouble: () => undefined,
  })
  /** To the end of the turn; then `ms` pass. */
  const turn = async (ms = 0): Promise<void> => {
    await settle()
    for (let i = 0; i < ms; i++) {
      clock.advance(1)
      await settle()
    }
  }
  return { sender, line, turn }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A client of which it can be told when what was sent has come. */
class FakeLine {
  there = true
  /** What left together, by the latency or the state it is about. */
  flights: string[][] = []
  ids: string[][] = []
  #sent: WireMessage[] = []
  #holds: { resolve: () => void; reject: (error: Error) => void } | undefined
  #held: Promise<void> | undefined

  hold(): void {
    this.#held = new Promise((resolve, reject) => {
      this.#holds = { resolve, reject }
    })
  }

  land(): void {
    this.#held = undefined
    this.#holds?.resolve()
  }

  lose(): void {
    this.#held = undefined
    this.#holds?.reject(new Error('the connection was lost'))
  }

  publish(_: string, bytes: Uint8Array): void {
    const body = JSON.parse(new TextDecoder().decode(bytes)) as WireMessage | WireMessage[]
    this.#sent.push(...(Array.isArray(body) ? body : [body]))
  }

  flush(): Promise<void> {
    this.flights.push(this.#sent.map((one) => ('latency' in one ? `f${one.latency}` : 'to' in one ? String(one.reason) : '')))
    this.ids.push(this.#sent.map(({ id }) => id ?? ''))
    this.#sent = []
    return this.#held ?? Promise.resolve()
  }
}

/** Numbered by its latency. */
function failure(latency: number): OutcomeMessage {
  return outcome('a', { latency })
}

function transition(reason: string): Extract<WireMessage, { type: 'transition' }> {
  return {
    v: 1,
    type: 'transition',
    at: 1,
    node: 'a',
    service: 'search',
    from: 'closed.watching',
    to: 'open.cooling',
    generation: 1,
    reason,
  }
}
