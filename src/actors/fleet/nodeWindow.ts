// What one node has told of its calls of one service in the last minute, by the second in which it was heard: the clocks of nodes
// are apart, so the sender's time counts for nothing. Used by fleetView.ts.

const SECONDS = 60

export class NodeWindow {
  calls = 0
  failures = 0
  /** Those of the failures that have not been put down to the service. */
  held = 0
  /** Three counts a second; made with the first, as most nodes do not call all that they have. */
  #counts: Uint32Array | undefined
  /** The newest, in seconds of the epoch. */
  #second = 0

  add(at: number, calls: number, failures: number): void {
    this.expire(at)
    this.#counts ??= new Uint32Array(3 * SECONDS)
    const index = 3 * (this.#second % SECONDS)
    this.calls += calls
    this.#counts[index]! += calls
    this.failures += failures
    this.#counts[index + 1]! += failures
  }

  /** So many of the failures that were just added are not put down to the service for now. */
  hold(failures: number): void {
    if (!this.#counts) return
    this.held += failures
    this.#counts[3 * (this.#second % SECONDS) + 2]! += failures
  }

  /** The failures that were held back; from now on they are put down to the service. */
  release(): number {
    const held = this.held
    const counts = this.#counts
    if (held === 0 || !counts) return 0
    this.held = 0
    for (let index = 2; index < counts.length; index += 3) counts[index] = 0
    return held
  }

  expire(at: number): void {
    const now = Math.floor(at / 1000)
    const steps = Math.min(now - this.#second, SECONDS)
    if (steps <= 0) return
    const counts = this.#counts
    if (!counts) {
      this.#second = now
      return
    }
    for (let step = 1; step <= steps; step++) {
      const index = 3 * ((this.#second + step) % SECONDS)
      this.calls -= counts[index]!
      this.failures -= counts[index + 1]!
      this.held -= counts[index + 2]!
      counts.fill(0, index, index + 3)
    }
    this.#second = now
  }
}
