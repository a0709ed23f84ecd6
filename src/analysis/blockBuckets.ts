// What was counted of one service in each ten seconds of the last hour, and which of it is ordinary: the baseline that its
// episodes are measured against. Used by serviceHistory.ts and episodeDetector.ts.

const BLOCK_SECONDS = 10
const BLOCK_MS = BLOCK_SECONDS * 1000
const BLOCKS = 360
/** Blocks beyond the hour, for seconds that are ahead of the present. */
const SLOTS = BLOCKS + 8
const NEVER = 0xffff_ffff

export interface Counted {
  readonly calls: number
  readonly failures: number
}

export class BlockBuckets {
  readonly #block = new Uint32Array(SLOTS).fill(NEVER)
  readonly #calls = new Uint32Array(SLOTS)
  readonly #failures = new Uint32Array(SLOTS)
  readonly #ordinaryCalls = new Uint32Array(SLOTS)
  readonly #ordinaryFailures = new Uint32Array(SLOTS)
  /** The newest block that the sums reach to. */
  #newest = -1
  #sumCalls = 0
  #sumFailures = 0

  add(second: number, calls: number, failures: number): void {
    const slot = this.#slot(second)
    this.#calls[slot]! += calls
    this.#failures[slot]! += failures
  }

  /** Takes a second into the baseline (`sign` 1), or out again (-1) when it turns out to have been part of an episode. */
  ordinary(second: number, calls: number, failures: number, sign: 1 | -1): void {
    if (calls === 0) return
    const slot = this.#slot(second)
    // A late call may have come after the second was taken in; what was never taken in is not taken out.
    const c = sign < 0 ? -Math.min(calls, this.#ordinaryCalls[slot]!) : calls
    const f = sign < 0 ? -Math.min(failures, this.#ordinaryFailures[slot]!) : failures
    this.#ordinaryCalls[slot]! += c
    this.#ordinaryFailures[slot]! += f
    this.#sumCalls += c
    this.#sumFailures += f
  }

  /** Takes in `calls` that all went well, spread evenly over the seconds from `first` to `last`: a block at a time. */
  quiet(first: number, last: number, calls: number): void {
    if (calls <= 0) return
    const aSecond = calls / (last - first + 1)
    const firstBlock = Math.floor(first / BLOCK_SECONDS)
    const lastBlock = Math.floor(last / BLOCK_SECONDS)
    let told = 0
    for (let block = firstBlock; block <= lastBlock; block++) {
      const until = block === lastBlock ? last + 1 : (block + 1) * BLOCK_SECONDS
      const upTo = Math.round(aSecond * (until - first))
      const slot = block % SLOTS
      if (this.#block[slot] !== block) this.#clear(slot, block)
      this.#calls[slot]! += upTo - told
      this.#ordinaryCalls[slot]! += upTo - told
      told = upTo
    }
    this.#sumCalls += told
  }

  /** Drops from the baseline what is older than an hour. */
  advance(second: number): void {
    const block = Math.floor(second / BLOCK_SECONDS)
    if (block <= this.#newest) return
    const from = Math.max(this.#newest + 1, block - SLOTS + 1)
    for (let b = from; b <= block; b++) {
      const expired = b - BLOCKS
      const slot = expired % SLOTS
      if (expired >= 0 && this.#block[slot] === expired) this.#clear(slot, NEVER)
    }
    // After a silence longer than the ring, blocks that were passed over may still stand in it.
    if (block - this.#newest > 8) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const held = this.#block[slot]!
        if (held !== NEVER && held <= block - BLOCKS) this.#clear(slot, NEVER)
      }
    }
    this.#newest = block
  }

  get baseline(): Counted {
    return { calls: this.#sumCalls, failures: this.#sumFailures }
  }

  /** Counts of the blocks that touch [from, to], epoch ms, of those kept. */
  counts(from: number, to: number): Counted {
    const [first, last] = [Math.max(0, Math.floor(from / BLOCK_MS)), Math.floor(to / BLOCK_MS)]
    return this.#sum(Math.max(first, last - SLOTS + 1), last, this.#calls, this.#failures)
  }

  /**
   * How much more the ordinary failures scatter than independent ones would, as they come in clumps: Pearson's statistic by
   * its degrees of freedom over blocks of 10 s, at least 1. Few blocks say little, so the sum is filled up with
   * `PRIOR` blocks that scatter somewhat.
   */
  dispersion(rate: number): number {
    let sum = PRIOR * PRIOR_SCATTER
    let degrees = PRIOR
    for (let b = Math.max(0, this.#newest - BLOCKS + 1); b <= this.#newest; b++) {
      const { calls, failures } = this.#ordinaryOf(b, 1)
      const expected = calls * rate
      // A block in which next to no failure was to be expected says nothing of scatter, but one failure would count as much.
      if (expected < 0.1 && failures < 2) continue
      sum += (failures - expected) ** 2 / (Math.max(expected, 0.1) * (1 - rate))
      degrees++
    }
    return Math.max(1, sum / degrees)
  }

  /**
   * How far the failure rate itself wanders from minute to minute: its variance beyond that of failures in clumps, by the
   * method of moments, over minutes with 20 calls or more; at most 0.01.
   */
  wander(rate: number): number {
    const clumps = this.dispersion(rate)
    let [minutes, all, squares, sum] = [0, 0, 0, 0]
    const start = Math.max(0, Math.floor((this.#newest - BLOCKS + 1) / 6) * 6)
    for (let b = start; b <= this.#newest; b += 6) {
      const { calls, failures } = this.#ordinaryOf(b, 6)
      if (calls < 20) continue
      minutes++
      all += calls
      squares += calls * calls
      sum += (failures - calls * rate) ** 2 / calls
    }
    if (minutes < 3) return 0
    return Math.min(0.01, Math.max(0, (sum - (minutes - 1) * rate * (1 - rate) * clumps) / (all - squares / all)))
  }

  #ordinaryOf(first: number, group: number): Counted {
    return this.#sum(first, first + group - 1, this.#ordinaryCalls, this.#ordinaryFailures)
  }

  /** Over the blocks from `first` to `last`, of those kept. */
  #sum(first: number, last: number, callsOf: Uint32Array, failuresOf: Uint32Array): Counted {
    let [calls, failures] = [0, 0]
    for (let b = first; b <= last; b++) {
      const slot = b % SLOTS
      if (this.#block[slot] !== b) continue
      calls += callsOf[slot]!
      failures += failuresOf[slot]!
    }
    return { calls, failures }
  }

  /** The slot of a second's block, made its own if it was an older one's. Nobody asks for a second that is older than the ring. */
  #slot(second: number): number {
    const block = Math.floor(second / BLOCK_SECONDS)
    const slot = block % SLOTS
    if (this.#block[slot] !== block) this.#clear(slot, block)
    return slot
  }

  #clear(slot: number, block: number): void {
    this.#sumCalls -= this.#ordinaryCalls[slot]!
    this.#sumFailures -= this.#ordinaryFailures[slot]!
    this.#block[slot] = block
    this.#calls[slot] = 0
    this.#failures[slot] = 0
    this.#ordinaryCalls[slot] = 0
    this.#ordinaryFailures[slot] = 0
  }
}

const PRIOR = 10
const PRIOR_SCATTER = 1.75
