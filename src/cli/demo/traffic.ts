// The demo's callers: calls that come at a steady rate with some jitter, whether or not the ones before have been answered.
import type { Clock } from '../../model/clock.ts'
import type { Random } from '../../model/random.ts'
import { pause } from './pause.ts'

/** More calls than this at once would say more about this process than about its upstreams. */
const MOST_IN_FLIGHT = 64

export class Traffic {
  readonly #clock: Clock
  readonly #random: Random
  readonly #stopping = new AbortController()
  readonly #flows: Promise<void>[] = []
  readonly #errors: unknown[] = []

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Calls `call` about `perSecond` times a second, until the traffic is stopped. */
  flow(perSecond: number, call: () => Promise<unknown>): void {
    this.#flows.push(this.#run(1000 / perSecond, call))
  }

  /** No further calls; resolves when those in flight have ended. Rejects if one failed that had a fallback. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#flows)
    if (this.#errors.length > 0) throw this.#errors[0]
  }

  async #run(gap: number, call: () => Promise<unknown>): Promise<void> {
    const inFlight = new Set<Promise<void>>()
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await pause(this.#clock, gap * (0.5 + this.#random.next()), signal).catch(() => undefined)
      if (signal.aborted || inFlight.size >= MOST_IN_FLIGHT) continue
      const one: Promise<void> = call().then(
        () => void inFlight.delete(one),
        (error) => {
          inFlight.delete(one)
          this.#errors.push(error)
        },
      )
      inFlight.add(one)
    }
    await Promise.all(inFlight)
  }
}
