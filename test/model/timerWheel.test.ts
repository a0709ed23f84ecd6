// The timer wheel: table tests of its borders, and random programs of arming, disarming and time against a sorted list.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Timer, TimerWheel } from '../../src/model/timerWheel.ts'

const EPOCH = 1_767_225_600_000
const SPAN = 2 ** 32
/** The last border of 2^32 ms before EPOCH: the next one is where the coarsest level ends. */
const BORDER = Math.floor(EPOCH / SPAN) * SPAN

class Note extends Timer {
  constructor(
    readonly onFire: (at: number) => void,
    override keepsProcessAlive = false,
  ) {
    super()
  }
  fire(at: number): void {
    this.onFire(at)
  }
}

/** A wheel, and a maker of timers that log their name and the time they are told. */
function setUp(start = EPOCH) {
  const wheel = new TimerWheel(start)
  const log: string[] = []
  const timer = (name: string, then?: (at: number) => void) =>
    new Note((at) => {
      log.push(`${name}@${at - start}`)
      then?.(at)
    })
  return { wheel, log, timer }
}

describe('a timer wheel', () => {
  const starts = [EPOCH, BORDER, BORDER + 1, BORDER - 1, BORDER + 255, BORDER + 65_535, BORDER - 300, 0]
  const delays = [
    1,
    2,
    255,
    256,
    257,
    511,
    512,
    65_535,
    65_536,
    65_537,
    2 ** 24 - 1,
    2 ** 24,
    2 ** 24 + 1,
    SPAN - 1,
    SPAN,
    SPAN + 1,
    3 * SPAN + 7,
  ]
  it.each(starts.flatMap((start) => delays.map((delay) => [start, delay] as const)))(
    'started at %d, fires a timer of %d ms at its tick and not one before',
    (start, delay) => {
      const { wheel, log, timer } = setUp(start)
      wheel.arm(timer('a'), start + delay)
      wheel.advance(start + delay - 1)
      expect(log).toEqual([])
      wheel.advance(start + delay)
      expect(log).toEqual([`a@${delay}`])
      wheel.advance(start + delay + 1)
      expect(log).toHaveLength(1)
    },
  )

  it('rounds a fraction of a tick up, so that nothing fires early', () => {
    const { wheel, log, timer } = setUp()
    const a = timer('a')
    expect(wheel.arm(a, EPOCH + 10.001)).toBe(EPOCH + 11)
    expect(a.dueTick).toBe(EPOCH + 11)
    wheel.advance(EPOCH + 10.999)
    expect(log).toEqual([])
    wheel.advance(EPOCH + 11)
    expect(log).toEqual(['a@11'])
  })

  it('fires by due tick, and within a tick in arming order, whatever level the timers waited at', () => {
    const { wheel, log, timer } = setUp(BORDER)
    wheel.arm(timer('early-armed'), BORDER + 70_000)
    wheel.arm(timer('other'), BORDER + 69_999)
    wheel.advance(BORDER + 69_000)
    wheel.arm(timer('mid-armed'), BORDER + 70_000)
    wheel.advance(BORDER + 69_990)
    wheel.arm(timer('late-armed'), BORDER + 70_000)
    wheel.advance(BORDER + 70_001)
    expect(log).toEqual(['other@70001', 'early-armed@70001', 'mid-armed@70001', 'late-armed@70001'])
  })

  it('tells a late timer the time it is, not the time it was due', () => {
    const { wheel, log, timer } = setUp()
    const a = timer('a')
    wheel.arm(a, EPOCH + 5)
    wheel.advance(EPOCH + 5_000)
    expect(log).toEqual(['a@5000'])
    expect(a.dueTick).toBe(EPOCH + 5)
  })

  it.each([0, -1, -1e12, Number.NEGATIVE_INFINITY])(
    'fires a timer armed for now%d ms on the next advance, even by nothing',
    (ago) => {
      const { wheel, log, timer } = setUp()
      wheel.arm(timer('a'), EPOCH + ago)
      expect(wheel.nextTick()).toBe(EPOCH)
      expect(log).toEqual([])
      wheel.advance(EPOCH)
      expect(log).toEqual(['a@0'])
    },
  )

  it('moves a timer that is armed again, and fires it once', () => {
    const { wheel, log, timer } = setUp()
    const a = timer('a')
    wheel.arm(a, EPOCH + 10)
    wheel.arm(a, EPOCH + 300)
    wheel.arm(a, EPOCH + 20)
    expect(wheel.size).toBe(1)
    wheel.advance(EPOCH + 1_000)
    expect(log).toEqual(['a@1000'])
    expect(a.armed).toBe(false)
  })

  it('forgets a timer that is disarmed, and shrugs at one that is not armed', () => {
    const { wheel, log, timer } = setUp()
    const a = timer('a')
    wheel.disarm(a)
    wheel.arm(a, EPOCH + 10)
    wheel.disarm(a)
    wheel.disarm(a)
    expect(wheel.size).toBe(0)
    expect(wheel.nextTick()).toBeUndefined()
    wheel.advance(EPOCH + 100)
    expect(log).toEqual([])
  })

  it('does not go back when told of an earlier time', () => {
    const { wheel, log, timer } = setUp()
    wheel.advance(EPOCH + 100)
    wheel.arm(timer('a'), EPOCH + 101)
    wheel.advance(EPOCH)
    wheel.advance(EPOCH + 100)
    expect(log).toEqual([])
    wheel.advance(EPOCH + 101)
    expect(log).toEqual(['a@101'])
  })

  it('holds a timer for ever that is armed for Infinity', () => {
    const { wheel, log, timer } = setUp()
    wheel.arm(timer('never'), Number.POSITIVE_INFINITY)
    wheel.advance(EPOCH + 5 * SPAN)
    expect(log).toEqual([])
    expect(wheel.size).toBe(1)
  })

  it('refuses NaN, and to advance to no time at all', () => {
    const { wheel, timer } = setUp()
    expect(() => wheel.arm(timer('a'), Number.NaN)).toThrow(RangeError)
    expect(() => wheel.advance(Number.NaN)).toThrow(RangeError)
    expect(() => wheel.advance(Number.POSITIVE_INFINITY)).toThrow(RangeError)
    expect(wheel.size).toBe(0)
  })

  it('counts the timers for which the process should wait', () => {
    const { wheel } = setUp()
    const waitedFor = new Note(() => {}, true)
    const other = new Note(() => {})
    wheel.arm(other, EPOCH + 1)
    expect(wheel.keepingAlive).toBe(0)
    wheel.arm(waitedFor, EPOCH + 1)
    wheel.arm(waitedFor, EPOCH + 2)
    expect(wheel.keepingAlive).toBe(1)
    waitedFor.keepsProcessAlive = false
    wheel.advance(EPOCH + 2)
    expect([wheel.keepingAlive, wheel.size]).toEqual([0, 0])
  })
})

describe('while timers fire', () => {
  it('one that is disarmed by an earlier one of the same tick does not fire', () => {
    const { wheel, log, timer } = setUp()
    const victim = timer('victim')
    wheel.arm(
      timer('a', () => wheel.disarm(victim)),
      EPOCH + 5,
    )
    wheel.arm(victim, EPOCH + 5)
    wheel.arm(timer('b'), EPOCH + 5)
    wheel.advance(EPOCH + 5)
    expect(log).toEqual(['a@5', 'b@5'])
    expect(wheel.size).toBe(0)
  })

  it('one that is armed for later, but still within the advance, fires in its turn', () => {
    const { wheel, log, timer } = setUp()
    const late = timer('late')
    wheel.arm(
      timer('a', () => wheel.arm(late, EPOCH + 400)),
      EPOCH + 5,
    )
    wheel.arm(timer('before'), EPOCH + 399)
    wheel.arm(timer('after'), EPOCH + 401)
    wheel.advance(EPOCH + 500)
    expect(log).toEqual(['a@500', 'before@500', 'late@500', 'after@500'])
  })

  it('one that arms itself for now waits for the next advance instead of spinning', () => {
    const { wheel, log, timer } = setUp()
    const again: Timer = timer('again', (at) => wheel.arm(again, at))
    wheel.arm(again, EPOCH + 5)
    wheel.advance(EPOCH + 5)
    expect(log).toEqual(['again@5'])
    expect(wheel.nextTick()).toBe(EPOCH + 5)
    wheel.advance(EPOCH + 5)
    expect(log).toEqual(['again@5', 'again@5'])
  })

  it('an error keeps no other timer from firing, and is thrown afterwards', () => {
    const { wheel, log, timer } = setUp()
    const failing = () => {
      throw new Error('boom')
    }
    wheel.arm(timer('a', failing), EPOCH + 1)
    wheel.arm(timer('b'), EPOCH + 1)
    wheel.arm(timer('c'), EPOCH + 300)
    expect(() => wheel.advance(EPOCH + 300)).toThrow('boom')
    expect(log).toEqual(['a@300', 'b@300', 'c@300'])
    wheel.arm(timer('d', failing), EPOCH + 301)
    wheel.arm(timer('e', failing), EPOCH + 301)
    expect(() => wheel.advance(EPOCH + 301)).toThrow(AggregateError)
    expect(() => wheel.advance(EPOCH + 302)).not.toThrow()
  })

  it('a timer cannot advance its own wheel', () => {
    const { wheel, timer } = setUp()
    wheel.arm(
      timer('a', () => wheel.advance(EPOCH + 2)),
      EPOCH + 1,
    )
    expect(() => wheel.advance(EPOCH + 1)).toThrow('cannot advance its own clock')
  })
})

interface WheelLike {
  arm(id: number, dueAt: number): void
  disarm(id: number): void
  advance(to: number): void
  readonly size: number
}

/** What a timer does when it fires: arms or disarms a timer (perhaps itself), relative to the time it is told. */
type Action = { readonly target: number; readonly delay: number | undefined }
type Step = Action | { readonly advance: number }

/** The wheel's contract as a list that is searched each time. */
class NaiveWheel implements WheelLike {
  #armed: { id: number; due: number; order: number; waits: boolean }[] = []
  #order = 0
  #firing = false
  #tick: number

  constructor(
    start: number,
    readonly fire: (id: number, at: number) => void,
  ) {
    this.#tick = start
  }
  get size() {
    return this.#armed.length
  }
  get earliest() {
    return this.#armed.length === 0 ? undefined : Math.max(this.#tick, Math.min(...this.#armed.map((timer) => timer.due)))
  }
  arm(id: number, dueAt: number) {
    this.disarm(id)
    const due = Math.max(Math.ceil(dueAt), this.#tick)
    this.#armed.push({ id, due, order: this.#order++, waits: this.#firing && due <= this.#tick })
  }
  disarm(id: number) {
    this.#armed = this.#armed.filter((timer) => timer.id !== id)
  }
  advance(to: number) {
    for (const timer of this.#armed) timer.waits = false
    this.#firing = true
    for (;;) {
      const [first] = this.#armed
        .filter((timer) => timer.due <= to && !timer.waits)
        .sort((a, b) => a.due - b.due || a.order - b.order)
      if (first === undefined) break
      this.#tick = Math.max(this.#tick, first.due)
      this.disarm(first.id)
      this.fire(first.id, to)
    }
    this.#firing = false
    this.#tick = to
  }
}

describe('random programs', () => {
  const TIMERS = 6
  const delay = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -3, max: 600 }) },
    { weight: 2, arbitrary: fc.double({ min: 0, max: 3, noNaN: true }) },
    { weight: 3, arbitrary: fc.integer({ min: 60_000, max: 140_000 }) },
    { weight: 2, arbitrary: fc.constantFrom(255, 256, 65_535, 65_536, 2 ** 24, SPAN - 1, SPAN, SPAN + 256) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 2.5 * SPAN, noNaN: true }) },
  )
  const action = fc.record({ target: fc.nat(TIMERS - 1), delay: fc.option(delay, { nil: undefined, freq: 5 }) })
  const step: fc.Arbitrary<Step> = fc.oneof(action, fc.record({ advance: delay.map((ms) => Math.max(0, Math.floor(ms))) }))
  const start = fc.oneof(
    fc.integer({ min: -70_000, max: 70_000 }).map((ms) => BORDER + ms),
    fc.constant(EPOCH),
  )
  /** For each timer, what it does at its first, second, ... firing. */
  const scripts = fc.array(fc.array(fc.array(action, { maxLength: 2 }), { maxLength: 4 }), {
    minLength: TIMERS,
    maxLength: TIMERS,
  })

  it('fire the same timers at the same times in the same order as a naive list', () => {
    fc.assert(
      fc.property(start, scripts, fc.array(step, { maxLength: 60 }), (from, onFire, steps) => {
        const log: string[] = []
        const react = (wheel: () => WheelLike, into: string[]) => {
          const fired = new Array<number>(TIMERS).fill(0)
          return (id: number, at: number) => {
            into.push(`${id}@${at - from}`)
            for (const todo of onFire[id]?.[fired[id]!++] ?? []) act(wheel(), todo, at)
          }
        }
        const expected: string[] = []
        const naive: NaiveWheel = new NaiveWheel(
          from,
          react(() => naive, expected),
        )
        const wheel = new TimerWheel(from)
        const ids: WheelLike = {
          arm: (id, dueAt) => void wheel.arm(timers[id]!, dueAt),
          disarm: (id) => wheel.disarm(timers[id]!),
          advance: (to) => wheel.advance(to),
          get size() {
            return wheel.size
          },
        }
        const fire = react(() => ids, log)
        const timers = Array.from({ length: TIMERS }, (_, id) => new Note((at) => fire(id, at)))

        let now = from
        for (const todo of steps) {
          if ('advance' in todo) {
            now += todo.advance
            naive.advance(now)
            ids.advance(now)
          } else {
            act(naive, todo, now)
            act(ids, todo, now)
          }
          // One comparison at the end is much cheaper than one a step; the traces show the step all the same.
          const next = wheel.nextTick()
          const bounded = naive.earliest === undefined ? next === undefined : next !== undefined && next <= naive.earliest
          expected.push(`${naive.size} armed, earliest ${naive.earliest}, next tick not later: true`)
          log.push(`${wheel.size} armed, earliest ${wheel.earliestDue()}, next tick not later: ${bounded}`)
        }
        expect(log).toEqual(expected)
      }),
      { numRuns: 1_000 },
    )
  }, 30_000)

  it('reach every timer by stepping from one next tick to the next', () => {
    fc.assert(
      fc.property(start, fc.array(delay, { minLength: 1, maxLength: 20 }), (from, delays) => {
        const wheel = new TimerWheel(from)
        const late: number[] = []
        for (const ms of delays) {
          const timer: Note = new Note((at) => late.push(at - timer.dueTick))
          wheel.arm(timer, from + ms)
        }
        for (let next = wheel.nextTick(); next !== undefined; next = wheel.nextTick()) wheel.advance(next)
        expect(late).toEqual(delays.map(() => 0))
      }),
    )
  })

  function act(wheel: WheelLike, { target, delay: ms }: Action, now: number): void {
    if (ms === undefined) wheel.disarm(target)
    else wheel.arm(target, now + ms)
  }
})
