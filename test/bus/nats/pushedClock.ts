// Real time that a test pushes on, for what waits long while a real server answers: what comes due by a push comes at once, and
// what a server has been asked for still has all its time.
import type { Clock } from '../../../src/model/clock.ts'
import type { Timer } from '../../../src/model/timerWheel.ts'

export interface PushedClock extends Clock {
  /** As if `ms` had passed; in order of due time. */
  push(ms: number): void
}

export function pushedClock(): PushedClock {
  const armed = new Map<Timer, { readonly dueAt: number; readonly handle: NodeJS.Timeout }>()
  let pushed = 0
  const disarm = (timer: Timer): void => {
    clearTimeout(armed.get(timer)?.handle)
    armed.delete(timer)
  }
  const look = (timer: Timer): void => {
    const { dueAt = Number.POSITIVE_INFINITY } = armed.get(timer) ?? {}
    if (clock.now() < dueAt) return void (armed.has(timer) && clock.arm(timer, dueAt))
    disarm(timer)
    timer.fire(clock.now())
  }
  const clock: PushedClock = {
    now: () => performance.timeOrigin + performance.now() + pushed,
    arm(timer, dueAt) {
      disarm(timer)
      const delay = Math.min(Math.max(Math.ceil(dueAt - clock.now()), 0), 2 ** 30)
      armed.set(timer, { dueAt, handle: setTimeout(look, delay, timer).unref() })
    },
    disarm,
    push(ms) {
      pushed += ms
      for (const [timer] of [...armed].sort(([, one], [, other]) => one.dueAt - other.dueAt)) look(timer)
    },
  }
  return clock
}
