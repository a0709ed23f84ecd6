// Virtual time for the contenders: a queue of what is to happen and when, and a fake of the timers, the date and the chance
// that the peers read from the global object, so that their real code runs unchanged.
import { seededRandom } from 'switchgear/testing'

interface Happening {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/** Where a trace begins, epoch ms: any moment far from 0 will do. */
export const EPOCH = 1_700_000_000_000

export class World {
  /** ms from the start of the trace. */
  now = 0
  #order = 0
  readonly #heap: Happening[] = []

  /** When the next thing happens, ms from the start; Infinity when nothing is left. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  schedule(at: number, run: () => void): Happening {
    const happening: Happening = { at: Math.max(at, this.now), order: this.#order++, run }
    const heap = this.#heap
    let i = heap.push(happening) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(happening, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = happening
    return happening
  }

  /** Moves time to the next happening and lets it happen. */
  step(): void {
    const first = this.#heap[0]
    if (first === undefined) return
    const last = this.#heap.pop()!
    if (this.#heap.length > 0) this.#sink(last)
    this.now = first.at
    first.run?.()
  }

  #sink(happening: Happening): void {
    const heap = this.#heap
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, happening)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = happening
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Puts `world` behind Date.now, Math.random, setTimeout and setInterval; the returned function takes it away again. */
export function fakeGlobals(world: World, seed: number): () => void {
  const real = {
    now: Date.now,
    random: Math.random,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
  }
  const chance = seededRandom(seed)
  const clear = (timer: FakeTimer | undefined) => timer?.stop()
  Date.now = () => EPOCH + Math.floor(world.now)
  Math.random = () => chance.next()
  Object.assign(globalThis, {
    setTimeout: (run: () => void, delay: number) => new FakeTimer(world, run, delay, false),
    setInterval: (run: () => void, delay: number) => new FakeTimer(world, run, delay, true),
    clearTimeout: clear,
    clearInterval: clear,
  })
  return () => {
    const { now, random, ...timers } = real
    Date.now = now
    Math.random = random
    Object.assign(globalThis, timers)
  }
}

class FakeTimer {
  #happening: Happening

  constructor(world: World, run: () => void, delay: number, repeats: boolean) {
    // Like Node's, a fake timer never fires before its delay is over, and no sooner than after 1 ms.
    const period = Math.max(1, Math.ceil(delay))
    const fire = () => {
      if (repeats) this.#happening = world.schedule(world.now + period, fire)
      run()
    }
    this.#happening = world.schedule(world.now + period, fire)
  }

  stop(): void {
    this.#happening.run = undefined
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}
