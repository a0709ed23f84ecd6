// What the inspector tells a page that connects late, when more has happened than it keeps word for word.
import { expect, test } from 'vitest'
import { History, type Message } from '../src/inspection/history.ts'

const message = (type: Message['type'], sessionId: string, text: string, ends = false): Message => ({
  type,
  sessionId,
  ends,
  text,
})
const actor = (id: string) => message('@xstate.actor', id, `actor ${id}`)
const snapshot = (id: string, at: number) => message('@xstate.snapshot', id, `${id} at ${at}`)

test('what is older than the last messages becomes how each actor stands', () => {
  const history = new History(1)
  for (const one of [actor('a'), actor('b'), snapshot('a', 1), message('@xstate.event', 'a', 'event'), snapshot('a', 2)]) {
    history.add(one)
  }
  expect(history.messages()).toEqual(['actor a', 'a at 1', 'actor b', 'a at 2'])
  history.add(snapshot('stranger', 1))
  history.add(message('@xstate.snapshot', 'a', 'a ends', true))
  history.add(snapshot('b', 1))
  history.add(snapshot('b', 2))
  expect(history.messages()).toEqual(['actor b', 'b at 1', 'b at 2'])
})

test('the eldest of very many actors is forgotten', () => {
  const history = new History(0)
  for (let i = 0; i < 257; i++) history.add(actor(String(i)))
  expect(history.messages()).toHaveLength(256)
  expect(history.messages()[0]).toBe('actor 1')
})
