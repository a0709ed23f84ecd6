// Looks for calls that do not come back: begun since the last success was seen, and out for longer than patience allows. A
// look costs a few numbers and is taken when a call comes in, so that nothing runs while nothing is asked.

/** No call is called stalled, and no probe overdue, before this. In ms. */
const SHORTEST_PATIENCE = 300
/** Looks taken within the patience. */
const LOOKS = 4

/** How long a call may take before it is conspicuous, ms: `times` its `typical` time (in microseconds). */
export function patience(typical: number, times: number): number {
  return Math.max(SHORTEST_PATIENCE, (typical / 1000) * times)
}

export class StallWatch {
  /** When to look next, ms on the clock; never while it could decide nothing. */
  nextLook = Number.POSITIVE_INFINITY
  #successes = -1
  /** The most of the calls that were out when the last success was seen which can still be out. */
  #outBefore = 0
  /** Calls admitted at each look since, oldest first. */
  #looks: number[] = []

  get watching(): boolean {
    return this.nextLook !== Number.POSITIVE_INFINITY
  }

  /** Starts anew: what is out already is not held against the service. */
  begin(): void {
    this.nextLook = 0
    this.#successes = -1
  }

  stop(): void {
    this.nextLook = Number.POSITIVE_INFINITY
  }

  /** Takes a look; returns how many calls stall. `patienceMs`: as {@link patience} says. */
  look(
    now: number,
    calls: { readonly successes: number; readonly ended: number; readonly inFlight: number },
    patienceMs: number,
  ): number {
    const { successes, ended, inFlight } = calls
    this.nextLook = now + patienceMs / LOOKS
    if (successes !== this.#successes) {
      this.#successes = successes
      this.#outBefore = inFlight
      this.#looks = []
    }
    this.#outBefore = Math.min(this.#outBefore, inFlight)
    this.#looks.push(ended + inFlight)
    if (this.#looks.length <= LOOKS) return 0
    // Which of the calls have ended is not known: those that had been out before count as still out.
    const oldest = this.#looks.shift()!
    return Math.max(0, oldest - ended - this.#outBefore)
  }
}
