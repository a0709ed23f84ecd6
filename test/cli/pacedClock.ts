// Real time as far as this process keeps up with it: while the machine does other things, it stands still. For what plays in real
// time over real sockets, and is not to be told from a slow upstream because the machine was slow.
import { onTestFinished } from 'vitest'
import { VirtualClock } from '../../src/model/virtualClock.ts'

/** ms */
const TICK = 5
/** What passes from one tick to the next at most, ms. */
const MOST = 20

/** Stops with the test. */
export function pacedClock(): VirtualClock {
  const clock = new VirtualClock()
  let last = performance.now()
  const ticks = setInterval(() => {
    const passed = Math.floor(performance.now() - last)
    last += passed
    clock.advance(Math.min(passed, MOST))
  }, TICK)
  onTestFinished(() => clearInterval(ticks))
  return clock
}
