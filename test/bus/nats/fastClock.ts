// Real time that runs faster, for tests of what takes a minute while a real server answers.
import type { Clock } from '../../../src/model/clock.ts'
import type { Timer } from '../../../src/model/timerWheel.ts'

export function fastClock(times: number): Clock {
  const start = Date.now()
  const handles = new Map<Timer, NodeJS.Timeout>()
  const disarm = (timer: Timer): void => {
    clearTimeout(handles.get(timer))
    handles.delete(timer)
  }
  const clock: Clock = {
    now: () => start + (performance.timeOrigin + performance.now() - start) * times,
    arm(timer, dueAt) {
      disarm(timer)
      const fire = (): void => {
        handles.delete(timer)
        if (clock.now() < dueAt) clock.arm(timer, dueAt)
        else timer.fire(clock.now())
      }
      handles.set(timer, setTimeout(fire, Math.min(Math.max(dueAt - clock.now(), 0) / times, 2 ** 30)).unref())
    },
    disarm,
  }
  return clock
}
