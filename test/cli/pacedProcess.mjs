// Loaded before a program of ours (`node --import`): its time passes only as far as the process keeps up, as with pacedClock.ts.
import { systemClock } from '../../dist/model/clock.js'
import { VirtualClock } from '../../dist/model/virtualClock.js'

/** ms */
const TICK = 5
/** What passes from one tick to the next at most, ms. */
const MOST = 20

const clock = new VirtualClock(Math.floor(systemClock.now()))
for (const method of ['now', 'arm', 'disarm']) systemClock[method] = clock[method].bind(clock)
let last = performance.now()
setInterval(() => {
  const passed = Math.floor(performance.now() - last)
  last += passed
  clock.advance(Math.min(passed, MOST))
}, TICK).unref()
