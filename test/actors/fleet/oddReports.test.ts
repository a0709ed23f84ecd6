// What a node says of itself is taken by every reader, whatever a user's own profile or an operator has said.
import { expect, test } from 'vitest'
import type { Board } from '../../../src/actors/board.ts'
import type { NodeName } from '../../../src/actors/fleet/nodeName.ts'
import { OutcomeReporter } from '../../../src/actors/fleet/outcomeReporter.ts'
import { MemoryBus } from '../../../src/bus/memoryBus.ts'
import type { Failure } from '../../../src/model/failures.ts'
import { readMessages } from '../../../src/model/fleet/readMessages.ts'
import { messageSubject } from '../../../src/model/fleet/subjects.ts'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import type { Measurement } from '../../../src/model/measurement.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { messageBytes } from '../../model/fleet/samples.ts'

const AT = 1_767_225_600_000

function reporter() {
  const clock = new VirtualClock(AT)
  const bus = new MemoryBus()
  const board = { clock, breakers: [], now: () => clock.now() } as unknown as Board
  const said: WireMessage[] = []
  const link = { connected: true, publish: (message: WireMessage) => void said.push(message) }
  new OutcomeReporter({ link, board, bus, name: { current: 'a' } as NodeName })
  /** As others read it. */
  const read = (): WireMessage[] =>
    said.flatMap((message) => {
      const { type, service, node } = message
      return readMessages(messageSubject({ fleet: 'f', type, service, node }), messageBytes(message), AT).messages
    })
  return { bus, board, read }
}

test.each<[what: string, failure: Partial<Failure>, measured: Measurement, told: object]>([
  ['a status that is none', { status: 0 }, {}, {}],
  ['one that is far off', { status: 10_000 }, {}, {}],
  ['a pause of centuries', { retryAfterMs: 1e300 }, {}, { retryAfterMs: 1e11 }],
  ['names that are empty', {}, { model: '', operation: '' }, {}],
  ['more tokens than there are', {}, { usage: { input: 1, output: 1, reasoning: 1e300 } }, {}],
  ['what is in order', { status: 503 }, { model: 'm', usage: { input: 1, output: 2 } }, { status: 503, model: 'm' }],
])('a failure of which a profile says %s is told all the same', (_, failure, measured, told) => {
  const { board, read } = reporter()
  board.onFailure?.('search', AT, { type: 'timeout', ...failure }, 5000, undefined, { level: 0, measured })
  expect(read()).toEqual([expect.objectContaining({ result: 'failure', failure: 'timeout', ...told })])
})

test('an alert that goes on and on is told as far as readers take it', () => {
  const { bus, read } = reporter()
  const message = 'because '.repeat(1000)
  bus.publish({ type: 'alert', at: AT, service: 'search', level: 'info', code: 'budget_raised', message, by: 'budgets' })
  expect(read()).toEqual([expect.objectContaining({ code: 'budget_raised', message: message.slice(0, 2000) })])
})
