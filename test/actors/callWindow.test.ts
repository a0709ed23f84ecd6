import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CallWindow, CountWindow, createWindow, TimeWindow } from '../../src/actors/callWindow.ts'
import type { FailureType } from '../../src/model/failures.ts'
import { resolvePolicy } from '../../src/model/policy.ts'

const T = 1_767_225_600_000

function counts({ calls, failures, slow }: CallWindow) {
  return { calls, failures, slow }
}

function streak(window: CallWindow) {
  return [window.consecutiveFailures, window.consecutiveTimeouts, window.consecutiveServerErrors]
}

describe('a window of time', () => {
  it.each([
    ['in the last ms before its bucket expires', 59_999, 1],
    ['not in the ms in which its bucket expires', 60_000, 0],
  ])('holds a call %s', (_, later, calls) => {
    const window = new TimeWindow(60)
    window.success(T, 0)
    window.expire(T + later)
    expect(window.calls).toBe(calls)
  })

  it('lets a call at the end of a second go with that second', () => {
    const window = new TimeWindow(2)
    window.success(T + 999, 0)
    window.success(T + 1000, 0)
    window.expire(T + 2000)
    expect(window.calls).toBe(1)
    window.expire(T + 3000)
    expect(window.calls).toBe(0)
  })

  it('drops what has expired before a call is counted, too', () => {
    const window = new TimeWindow(10)
    for (let i = 0; i < 5; i++) window.failure(T, 'timeout', 1)
    window.failure(T + 10_000, 'timeout', 0)
    expect(counts(window)).toEqual({ calls: 1, failures: 1, slow: 0 })
  })

  it('is empty after a silence longer than itself, and nothing before it was "in a row" with what comes now', () => {
    const window = new TimeWindow(60)
    for (let i = 0; i < 4; i++) window.failure(T + i * 1000, 'timeout', 1)
    expect(streak(window)).toEqual([4, 4, 0])
    window.failure(T + 3_600_000, 'timeout', 0)
    expect(counts(window)).toEqual({ calls: 1, failures: 1, slow: 0 })
    expect(streak(window)).toEqual([1, 1, 0])
  })

  it('shows what will be left at a later time without becoming any older', () => {
    const window = new TimeWindow(3)
    for (let second = 0; second < 3; second++) window.failure(T + second * 1000, 'timeout', 1)
    const before = window.save()
    expect([0, 2999, 3000, 4000, 5000, 99_000].map((later) => window.countsAt(T + later).failures)).toEqual([3, 3, 2, 1, 0, 0])
    expect(window.save()).toEqual(before)
  })

  it('keeps a streak through a clearing where it is told to', () => {
    const window = new TimeWindow(60)
    window.failure(T, 'service_unavailable', 1)
    window.clear(true)
    expect([counts(window), streak(window)]).toEqual([{ calls: 0, failures: 0, slow: 0 }, [1, 0, 1]])
    window.clear()
    expect(streak(window)).toEqual([0, 0, 0])
  })

  it.each([
    ['as long as its calls would have been in the window', 59_999, [1, 1, 0]],
    ['and no longer', 60_000, [0, 0, 0]],
  ])('keeps it through a clearing %s', (_, later, left) => {
    const window = new TimeWindow(60)
    window.failure(T, 'timeout', 0)
    window.clear(true)
    const restored = new TimeWindow(60)
    restored.restore(JSON.parse(JSON.stringify(window.save())))
    for (const one of [window, restored]) {
      one.expire(T + later)
      expect(streak(one)).toEqual(left)
    }
  })

  it('is saved without the empty seconds before its first call', () => {
    const window = new TimeWindow(3600)
    window.failure(T, 'timeout', 0)
    window.success(T + 2000, 1)
    expect(window.save()).toMatchObject({
      calls: [1, 0, 1],
      failures: [1, 0, 0],
      slow: [0, 0, 1],
      position: T + 3000,
      streak: [0, 0, 0],
    })
  })

  it('takes from a longer one what it has room for, the newest', () => {
    const long = new TimeWindow(60)
    for (let second = 0; second < 10; second++) long.failure(T + second * 1000, 'http_error', 0)
    const short = new TimeWindow(3)
    short.restore(long.save())
    expect(short.calls).toBe(3)
    short.expire(T + 10_000)
    expect(short.calls).toBe(2)
    expect(streak(short)).toEqual([10, 0, 10])
  })
})

describe('a window of calls', () => {
  it('holds the last ones, however long ago they were', () => {
    const window = new CountWindow(3)
    window.failure(T, 'timeout', 1)
    window.success(T, 0)
    window.success(T, 1)
    window.expire()
    expect(counts(window)).toEqual({ calls: 3, failures: 1, slow: 2 })
    window.success(T + 1e9, 0)
    expect(counts(window)).toEqual({ calls: 3, failures: 0, slow: 1 })
    expect(window.countsAt()).toEqual(counts(window))
  })

  it('starts anew when it is cleared', () => {
    const window = new CountWindow(2)
    for (let i = 0; i < 3; i++) window.failure(T, 'timeout', 1)
    window.clear()
    window.success(T, 0)
    expect(counts(window)).toEqual({ calls: 1, failures: 0, slow: 0 })
  })

  it('takes from a larger one the calls it has room for, the newest', () => {
    const large = new CountWindow(5)
    for (const failed of [true, true, false, false]) failed ? large.failure(T, 'timeout', 0) : large.success(T, 0)
    const small = new CountWindow(2)
    small.restore(large.save())
    expect(counts(small)).toEqual({ calls: 2, failures: 0, slow: 0 })
  })
})

describe('what fails in a row', () => {
  it('is counted by kind: a timeout ends a row of server errors, and the other way round', () => {
    const window = new CountWindow(10)
    for (const type of ['timeout', 'timeout', 'http_error', 'service_unavailable', 'unknown_error'] as const) {
      window.failure(T, type, 0)
    }
    expect(streak(window)).toEqual([5, 0, 0])
    window.failure(T, 'timeout', 0)
    expect(streak(window)).toEqual([6, 1, 0])
    window.success(T, 0)
    expect(streak(window)).toEqual([0, 0, 0])
  })
})

interface Seen {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
  readonly type: FailureType
}

const step = fc.record({
  wait: fc.oneof(fc.constant(0), fc.nat(1500), fc.nat(30_000)),
  failed: fc.boolean(),
  slow: fc.boolean(),
  type: fc.constantFrom<FailureType>('timeout', 'http_error', 'unknown_error', 'service_unavailable'),
  restarts: fc.boolean(),
})

describe.each([
  ['time', createWindow(resolvePolicy('http', { window: { type: 'time', seconds: 7 } }))],
  ['count', createWindow(resolvePolicy('http', { window: { type: 'count', size: 7 } }))],
] as const)('against a list of all calls, a window of %s', (type, prototype) => {
  const fresh = () => (prototype instanceof TimeWindow ? new TimeWindow(7) : new CountWindow(7))
  const inWindow = (all: readonly Seen[], at: number) =>
    type === 'count' ? all.slice(-7) : all.filter((call) => Math.floor(call.at / 1000) > Math.floor(at / 1000) - 7)

  it('counts the same, restarts between calls included', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let window: CallWindow = fresh()
        const all: Seen[] = []
        let row: Seen[] = []
        let at = T
        for (const { wait, failed, slow, type: failure, restarts } of steps) {
          at += wait
          if (type === 'time' && inWindow(all, at).length === 0) row = []
          const call = { at, failed, slow, type: failure }
          all.push(call)
          row = failed ? [...row, call] : []
          if (failed) window.failure(at, failure, slow ? 1 : 0)
          else window.success(at, slow ? 1 : 0)
          if (restarts) {
            const saved = JSON.parse(JSON.stringify(window.save()))
            window = fresh()
            window.restore(saved)
          }
          const held = inWindow(all, at)
          expect(counts(window)).toEqual({
            calls: held.length,
            failures: held.filter((one) => one.failed).length,
            slow: held.filter((one) => one.slow).length,
          })
          const lastOther = (wanted: (type: FailureType) => boolean) =>
            row.length - 1 - row.findLastIndex((one) => !wanted(one.type))
          expect(streak(window)).toEqual([
            row.length,
            lastOther((one) => one === 'timeout'),
            lastOther((one) => one === 'http_error' || one === 'service_unavailable'),
          ])
        }
      }),
    )
  })

  it('tells what will be left at any later time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(12_000), (steps, later) => {
        const window = fresh()
        let at = T
        for (const { wait, failed, slow } of steps) {
          at += wait
          if (failed) window.failure(at, 'timeout', slow ? 1 : 0)
          else window.success(at, slow ? 1 : 0)
        }
        const foretold = window.countsAt(at + later)
        window.expire(at + later)
        expect(counts(window)).toEqual(foretold)
      }),
    )
  })
})

describe('calls told together', () => {
  it.each([
    ['time', { type: 'time', seconds: 10 }],
    ['count', { type: 'count', size: 5 }],
  ] as const)('count in a %s window as if they had been told one by one', (_, window) => {
    const policy = resolvePolicy('custom', { window })
    const [together, single] = [createWindow(policy), createWindow(policy)]
    const now = 1_790_000_000_000
    const tell = (at: number, calls: number, slow: number, type?: FailureType): void => {
      together.tally(at, calls, slow, type)
      for (let i = 0; i < calls; i++) {
        if (type === undefined) single.success(at, i < slow ? 1 : 0)
        else single.failure(at, type, i < slow ? 1 : 0)
      }
      expect(together.save()).toEqual(single.save())
      expect(together).toMatchObject({ calls: single.calls, failures: single.failures, slow: single.slow })
    }
    tell(now, 3, 1)
    tell(now + 1500, 4, 0, 'timeout')
    tell(now + 1600, 2, 2, 'service_unavailable')
    tell(now + 9000, 4, 3)
    tell(now + 11_000, 1, 0, 'timeout')
    tell(now + 30_000, 2, 0, 'timeout')
  })
})
