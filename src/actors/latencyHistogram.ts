// A log-linear histogram of latencies in fixed memory: eight buckets an octave, so a percentile is never told too low, and too
// high by an eighth at the most.

const BUCKETS = 240
const MAX_MICROSECONDS = 2 ** 31 - 1

export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  total = 0

  /** Adds one latency, in whole microseconds. */
  add(microseconds: number): void {
    this.#counts[bucketOf(microseconds)]!++
    this.total++
  }

  /** The latency, in ms, that the share `q` (0–1) of calls does not exceed; 0 when there are none. */
  quantile(q: number): number {
    if (this.total === 0) return 0
    let left = Math.ceil(this.total * q)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!
      if (left <= 0) return upperBound(bucket) / 1000
    }
    return upperBound(BUCKETS - 1) / 1000
  }

  /** What all of them come to, in microseconds, to within a sixteenth; and how many are slower than `slowFrom`, or a few fewer. */
  tally(slowFrom: number): { readonly microseconds: number; readonly slow: number } {
    let microseconds = 0
    let slow = 0
    for (let bucket = 0, from = 0; bucket < BUCKETS; bucket++) {
      const to = upperBound(bucket)
      const count = this.#counts[bucket]!
      if (count > 0) {
        microseconds += count * ((from + to) / 2)
        if (from > slowFrom) slow += count
      }
      from = to + 1
    }
    return { microseconds, slow }
  }

  /** Multiplies what is counted by `keep` (0–1), then adds `other`. */
  merge(other: LatencyHistogram, keep = 1): void {
    this.total = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const kept = keep === 1 ? this.#counts[bucket]! : Math.floor(this.#counts[bucket]! * keep)
      this.#counts[bucket] = kept + other.#counts[bucket]!
      this.total += this.#counts[bucket]!
    }
  }

  clear(): void {
    this.#counts.fill(0)
    this.total = 0
  }

  /** Bucket and count in turn, for the buckets that have any. */
  save(): number[] {
    const pairs: number[] = []
    this.#counts.forEach((count, bucket) => {
      if (count > 0) pairs.push(bucket, count)
    })
    return pairs
  }

  restore(pairs: readonly number[]): void {
    this.clear()
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const bucket = pairs[i]!
      if (bucket >= BUCKETS) continue
      this.#counts[bucket] = pairs[i + 1]!
      this.total += this.#counts[bucket]!
    }
  }
}

function bucketOf(microseconds: number): number {
  if (microseconds < 8) return microseconds < 0 ? 0 : microseconds | 0
  const value = microseconds > MAX_MICROSECONDS ? MAX_MICROSECONDS : microseconds | 0
  const shift = 28 - Math.clz32(value)
  return (shift << 3) + (value >> shift)
}

function upperBound(bucket: number): number {
  if (bucket < 16) return bucket
  const shift = (bucket >> 3) - 1
  // Multiplied, not shifted: the last bucket ends at 2^31.
  return (bucket - (shift << 3) + 1) * 2 ** shift - 1
}
