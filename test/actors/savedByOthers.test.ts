// What a board takes from journals that older software, or less of it, has written: what is not told counts as nothing.
import { expect, it, onTestFinished, vi } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import { TimeWindow } from '../../src/actors/callWindow.ts'
import { LatencyWatch } from '../../src/actors/latencyWatch.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { ofType, testBoard } from './testBoard.ts'

const T = 1_767_225_600_000

function board(bus = new MemoryBus()) {
  const clock = new VirtualClock()
  const made = new Board({ clock, bus, profileFor: (kind) => profileFor(kind), seed: 1, software: 'test' })
  made.add('search', 'http', resolvePolicy('http'), made.now())
  return made
}

it('a window whose seconds tell calls only has seen no failures in them', () => {
  const window = new TimeWindow(10)
  const saved = { calls: [3, 2], failures: [1], slow: [], position: T + 1000, streak: [0, 0, 0] as const }
  window.restore({ ...window.save(), ...saved })
  expect([window.calls, window.failures, window.slow]).toEqual([5, 1, 0])
})

it('a window that does not tell how long its streak counts lets it go with its calls', () => {
  const window = new TimeWindow(10)
  for (let i = 0; i < 3; i++) window.failure(T, 'timeout', 0)
  const { streakUntil: _, ...saved } = window.save()
  const other = new TimeWindow(10)
  other.restore(saved)
  other.expire(T + 5_000)
  expect(other.consecutiveFailures).toBe(3)
  other.expire(T + 20_000)
  expect([other.calls, other.consecutiveFailures]).toEqual([0, 0])
})

it('a latency that does not tell what is typical has yet to learn it', () => {
  const watch = new LatencyWatch()
  const { typical: _, ...saved } = watch.save()
  watch.typical = 5
  watch.restore(saved)
  expect(watch.typical).toBe(0)
})

it('a header behind a gap tells how many records are lost, and others do not', () => {
  expect(board().header('gap', 3)).toMatchObject({ reason: 'gap', dropped: 3 })
  expect(board().header('rotation')).not.toHaveProperty('dropped')
})

it('a board that has stopped takes no service on, and says which', () => {
  // XState remarks on it, too.
  const remarked = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  onTestFinished(() => remarked.mockRestore())
  const stopped = board()
  stopped.stop()
  expect(() => stopped.add('news', 'http', resolvePolicy('http'), stopped.now())).toThrow('the breaker of news was not started')
})

it.each([
  ['a word', () => 'out of order', /out of order$/],
  ['an error without a stack', () => Object.assign(new Error('worn out'), { stack: undefined }), /worn out$/],
])('what a bus or a listener throws is told, be it %s', (_, thrown, words) => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => warned.mockRestore())
  class Broken extends MemoryBus {
    override publish(event: GearEvent): void {
      super.publish(event)
      throw thrown()
    }
  }
  const bus = new Broken()
  bus.subscribe('*', () => {
    throw thrown()
  })
  const made = board(bus)
  made.add('news', 'http', resolvePolicy('http'), made.now(), true)
  expect(warned.mock.calls.map(([text]) => text)).toEqual([expect.stringMatching(words), expect.stringMatching(words)])
})

it('a call that took longer than the clock of a record can tell is told as two thousand seconds', async () => {
  const { gear, clock, journal } = await testBoard({ search: { kind: 'http' } })
  const permit = gear.services.search.admit()
  clock.advance(3_000_000_000)
  permit.succeed()
  expect(ofType(journal.records, 'outcome').map(({ latency }) => latency)).toEqual([2_000_000])
})
