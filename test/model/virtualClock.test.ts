// The virtual clock: time stands still unless told, and stops at every due time on its way.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Timer } from '../../src/model/timerWheel.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'

const START = 1_000_000

class Note extends Timer {
  constructor(readonly onFire: (at: number) => void) {
    super()
  }
  fire(at: number): void {
    this.onFire(at)
  }
}

function setUp(start = START) {
  const clock = new VirtualClock(start)
  const log: string[] = []
  const armIn = (ms: number, name: string, then?: () => void): Timer => {
    const timer = new Note((at) => {
      expect(at).toBe(clock.now())
      log.push(`${name}@${at - start}`)
      then?.()
    })
    clock.arm(timer, clock.now() + ms)
    return timer
  }
  const sleep = (ms: number) => new Promise<void>((resolve) => armIn(ms, 'sleep', resolve))
  return { clock, log, armIn, sleep }
}

describe('a virtual clock', () => {
  it('starts at the same instant each time, unless told another', () => {
    expect(new VirtualClock().now()).toBe(Date.UTC(2026, 0, 1))
    expect(new VirtualClock(5).now()).toBe(5)
    expect(() => new VirtualClock(Number.NaN)).toThrow(RangeError)
  })

  it('stops at every due time, so a chain a –10→ b –10→ c ends in c after 25 ms in one go', () => {
    const { clock, log, armIn } = setUp()
    armIn(10, 'b', () => armIn(10, 'c', () => armIn(10, 'd')))
    clock.advance(25)
    expect(log).toEqual(['b@10', 'c@20'])
    expect(clock.now()).toBe(START + 25)
    expect(clock.nextDueAt()).toBe(START + 30)
  })

  it('comes to the same end in one go, in many steps and asynchronously', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 12 }), async (delays) => {
        const total = delays.reduce((sum, ms) => sum + ms, 0)
        const chain = () => {
          const run = setUp()
          const link = (index: number): void => {
            const ms = delays[index]
            if (ms !== undefined) run.armIn(ms, `${index}`, () => link(index + 1))
          }
          link(0)
          return run
        }
        const atOnce = chain()
        atOnce.clock.advance(total)
        const stepped = chain()
        for (let passed = 0; passed < total; passed += 97) stepped.clock.advance(Math.min(97, total - passed))
        const later = chain()
        await later.clock.advanceAsync(total)
        expect(atOnce.log).toHaveLength(delays.length)
        expect(stepped.log).toEqual(atOnce.log)
        expect(later.log).toEqual(atOnce.log)
      }),
      { numRuns: 50 },
    )
  })

  it('fires timers of one instant in arming order, also those armed for that very instant', () => {
    const { clock, log, armIn } = setUp()
    armIn(5, 'a', () => armIn(0, 'a0', () => armIn(0, 'a00')))
    armIn(5, 'b')
    clock.advance(5)
    expect(log).toEqual(['a@5', 'b@5', 'a0@5', 'a00@5'])
  })

  it('does not fire early by a fraction of a ms', () => {
    const { clock, log, armIn } = setUp()
    clock.advance(0.5)
    armIn(1, 'a')
    clock.advance(1)
    expect(log).toEqual([])
    clock.advance(0.5)
    expect(log).toEqual(['a@2'])
  })

  it('knows what is pending, and when exactly the next timer is due, however far', () => {
    const { clock, armIn } = setUp()
    expect(clock.nextDueAt()).toBeUndefined()
    const far = armIn(40 * 86_400_000 + 123, 'far')
    armIn(70_001, 'near')
    expect(clock.nextDueAt()).toBe(START + 70_001)
    clock.advance(70_001)
    expect(clock.nextDueAt()).toBe(START + 40 * 86_400_000 + 123)
    expect(clock.pending).toBe(1)
    clock.disarm(far)
    expect(clock.pending).toBe(0)
    expect(clock.nextDueAt()).toBeUndefined()
  })

  it('runs to an absolute time, and not backwards', () => {
    const { clock, log, armIn } = setUp()
    armIn(100, 'a')
    clock.runTo(START + 100)
    expect(log).toEqual(['a@100'])
    expect(() => clock.runTo(START + 99)).toThrow(RangeError)
    expect(() => clock.advance(-1)).toThrow(RangeError)
    expect(() => clock.advance(Number.POSITIVE_INFINITY)).toThrow(RangeError)
    expect(clock.now()).toBe(START + 100)
  })

  it('stands at the instant at which a timer threw, and goes on from there', () => {
    const { clock, log, armIn } = setUp()
    armIn(10, 'a', () => {
      throw new Error('boom')
    })
    armIn(10, 'b')
    armIn(20, 'c')
    expect(() => clock.advance(50)).toThrow('boom')
    expect(log).toEqual(['a@10', 'b@10'])
    expect(clock.now()).toBe(START + 10)
    clock.advance(10)
    expect(log).toEqual(['a@10', 'b@10', 'c@20'])
  })

  it('says so when timers armed for the present keep arming each other, instead of hanging', () => {
    const clock = new VirtualClock(START)
    const again: Note = new Note((at) => clock.arm(again, at))
    clock.arm(again, START + 1)
    expect(() => clock.advance(2)).toThrow('time cannot pass')
  })
})

describe('advancing asynchronously', () => {
  it('lets code that awaits between its timers run at its own times', async () => {
    const { clock, sleep } = setUp()
    const times: number[] = []
    const work = async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10)
        await Promise.resolve()
        times.push(clock.now() - START)
      }
    }
    const done = work()
    await clock.advanceAsync(35)
    expect(times).toEqual([10, 20, 30])
    expect(clock.now()).toBe(START + 35)
    await done
  })

  it('settles what was begun just before, and what the last timer began', async () => {
    const { clock, sleep } = setUp()
    const times: number[] = []
    void Promise.resolve()
      .then(() => new Promise((resolve) => setImmediate(resolve)))
      .then(() => sleep(10))
      .then(() => times.push(clock.now() - START))
    await clock.advanceAsync(10)
    expect(times).toEqual([10])
  })

  it('can be asked for twice at once: both arrive, time does not go back', async () => {
    const { clock, log, armIn } = setUp()
    armIn(10, 'a')
    armIn(30, 'b')
    await Promise.all([clock.advanceAsync(50), clock.advanceAsync(20)])
    expect(log).toEqual(['a@10', 'b@30'])
    expect(clock.now()).toBe(START + 50)
  })
})
