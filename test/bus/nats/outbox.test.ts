// What waits to be sent, and what goes first when there is too much of it.
import { expect, test } from 'vitest'
import { Outbox } from '../../../src/bus/nats/outbox.ts'
import type { OutcomeMessage, WireMessage } from '../../../src/model/fleet/wire.ts'
import { outcome } from './natsLink.ts'

const PLENTY = { messages: 1_000_000, bytes: 1e9 }

test('all is kept, in order, while there is room', () => {
  const { box, dropped } = boxOf({ messages: 8, bytes: 1e9 })
  for (let i = 1; i <= 8; i++) box.add(failure(i))
  expect(numbers(box.take())).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(box.length).toBe(0)
  expect(dropped).toEqual([])
})

test('one too many, and an eighth is freed: summaries first, the oldest of them first', () => {
  const { box, dropped } = boxOf({ messages: 16, bytes: 1e9 })
  for (let i = 1; i <= 17; i++) box.add(i % 2 === 0 ? summary(i) : failure(i))
  expect(numbers(dropped)).toEqual([2, 4, 6])
  expect(numbers(box.take())).toEqual([1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
})

test('without summaries the oldest go', () => {
  const { box, dropped } = boxOf({ messages: 16, bytes: 1e9 })
  for (let i = 1; i <= 17; i++) box.add(failure(i))
  expect(numbers(dropped)).toEqual([1, 2, 3])
})

test('an outcome of one call is no summary', () => {
  const { box, dropped } = boxOf({ messages: 8, bytes: 1e9 })
  for (let i = 1; i <= 9; i++) box.add(i === 5 ? { ...summary(i), count: 1 } : failure(i))
  expect(numbers(dropped)).toEqual([1, 2])
})

test('what is too much in bytes goes when it is weighed', () => {
  const size = JSON.stringify(failure(10)).length
  const { box, dropped } = boxOf({ ...PLENTY, bytes: size * 16 })
  for (let i = 10; i < 26; i++) box.add(failure(i))
  box.weigh()
  expect(dropped).toEqual([])
  box.add(failure(26))
  box.weigh()
  expect(numbers(dropped)).toEqual([10, 11, 12])
  box.weigh()
  expect(dropped.length).toBe(3)
})

test('what cannot be JSON weighs nothing, and is there to be dropped later', () => {
  const { box, dropped } = boxOf({ ...PLENTY, bytes: 1000 })
  box.add({ ...failure(1), latency: 1n } as unknown as WireMessage)
  box.weigh()
  expect(numbers(dropped)).toEqual([])
  expect(box.length).toBe(1)
})

test('what comes back goes before the rest, within the same bounds', () => {
  const { box, dropped } = boxOf({ messages: 8, bytes: 1e9 })
  for (let i = 1; i <= 6; i++) box.add(failure(i))
  const taken = box.take()
  for (let i = 7; i <= 8; i++) box.add(failure(i))
  box.putBack(taken)
  expect(box.length).toBe(8)
  box.add(failure(9))
  expect(numbers(dropped)).toEqual([1, 2])
  expect(numbers(box.take())).toEqual([3, 4, 5, 6, 7, 8, 9])
  box.putBack(Array.from({ length: 20 }, (_, i) => failure(i)))
  expect(box.length).toBe(7)
})

function boxOf(limits: { messages: number; bytes: number }): { box: Outbox; dropped: WireMessage[] } {
  const dropped: WireMessage[] = []
  return { box: new Outbox(limits, (message) => dropped.push(message)), dropped }
}

/** Numbered by its latency. */
function failure(latency: number): OutcomeMessage {
  return outcome('a', { latency, at: 1_767_225_600_000 })
}

function summary(latency: number): OutcomeMessage {
  return { ...failure(latency), result: 'success', count: 100 }
}

function numbers(messages: readonly WireMessage[]): number[] {
  return messages.map((message) => (message.type === 'outcome' ? message.latency : -1))
}
