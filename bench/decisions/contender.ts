// What a breaker must offer to take part, and the run of one breaker over one trace: who is let through and who is refused.
import { TRACE_MS } from './incidents.ts'
import { endOfCall, type Trace } from './traces.ts'
import { fakeGlobals, World } from './world.ts'

/** One call as it is offered to a breaker. A breaker that refuses it never starts it. */
export interface OfferedCall {
  /** Starts the call now; `done` is called when it ends, with the error it failed with, or nothing. */
  start(done: (error: Error | undefined) => void): void
}

type Offer = (call: OfferedCall) => void

export interface Contender {
  /** The library. */
  readonly library: string
  /** How it is set up, in one line. */
  readonly form: string
  /** Reads time and timers from the global object and settles by promises, so that it needs fakes and microtasks. */
  readonly asynchronous: boolean
  /** Makes a fresh breaker. `onTrip` is to be called when it goes from letting calls through to refusing them. */
  create(world: World, onTrip: () => void, seed: number): Offer | Promise<Offer>
}

/** What a breaker did on a trace. */
export interface Conduct {
  /** For each call: when it was started, ms from the start of the trace; NaN if it was refused. */
  readonly startedAt: Float64Array
  /** When the breaker tripped, ms from the start of the trace. */
  readonly trips: readonly number[]
}

class UpstreamError extends Error {
  /** Read by classifiers of HTTP failures. */
  readonly status = 503
}

const unavailable = new UpstreamError('the upstream is unavailable')
const timedOut = new DOMException('the call timed out', 'TimeoutError')

const realSetImmediate = setImmediate
const microtasksDone = () => new Promise<void>((resolve) => realSetImmediate(resolve))

export async function runTrace(contender: Contender, trace: Trace): Promise<Conduct> {
  const world = new World()
  const startedAt = new Float64Array(trace.arrivals.length).fill(Number.NaN)
  const trips: number[] = []
  const restore = contender.asynchronous ? fakeGlobals(world, trace.seed) : undefined
  try {
    const offer = await contender.create(world, () => trips.push(world.now), trace.seed)
    for (let next = 0; ; ) {
      const arrival = trace.arrivals[next] ?? Number.POSITIVE_INFINITY
      if (arrival <= world.nextAt) {
        if (arrival === Number.POSITIVE_INFINITY) break
        world.now = arrival
        offer(offeredCall(world, trace, next, startedAt))
        next++
      } else {
        if (world.nextAt > TRACE_MS + 10_000) break
        world.step()
      }
      if (contender.asynchronous) await microtasksDone()
    }
  } finally {
    restore?.()
  }
  return { startedAt, trips }
}

function offeredCall(world: World, trace: Trace, index: number, startedAt: Float64Array): OfferedCall {
  return {
    start(done) {
      startedAt[index] = world.now
      const end = endOfCall(trace, index, world.now)
      world.schedule(world.now + end.latency, () => done(end.failed ? (end.timedOut ? timedOut : unavailable) : undefined))
    },
  }
}
