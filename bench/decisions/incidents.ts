// The incidents: what befalls the upstream in a trace of each kind, stretch by stretch.
import type { Random } from 'switchgear/testing'

export const TRACE_KINDS = ['outage', 'brown-out', 'blips', 'flapping', 'noisy', 'slow recovery', 'quiet'] as const
export type TraceKind = (typeof TRACE_KINDS)[number]

/** How long a trace lasts, ms. */
export const TRACE_MS = 900_000

/** How failed calls fail: at once, seven in ten at once and the others after 1–3 s, or by hanging until the timeout. */
type Failing = 'fast' | 'mixed' | 'hang'
const FAILING: readonly Failing[] = ['fast', 'mixed', 'mixed', 'mixed', 'hang']

/** A stretch of time with its own failure probability, which moves linearly from `p0` to `p1`. Times in ms. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly p0: number
  readonly p1: number
  readonly failing: Failing
  /** Successful calls take this many times longer than usual. */
  readonly slowness: number
}

const HEALTHY = 0.005

export function incident(kind: TraceKind, random: Random): Stretch[] {
  const story = new Story(random)
  switch (kind) {
    case 'outage': {
      // One to three outages, 15 s to 5 min long, short ones likelier.
      const outages = 1 + Math.floor(random.next() * 3)
      for (let i = 0; i < outages; i++) {
        story.healthy(story.between(40, 90))
        story.failing(15 * 20 ** random.next(), story.between(0.95, 1))
      }
      return story.end()
    }
    case 'brown-out':
      // A part of the calls fails: sometimes so few that it is better to go on, sometimes so many that it is not.
      for (let i = 0; i < 2; i++) {
        story.healthy(story.between(40, 90))
        story.failing(story.between(60, 240), story.between(0.2, 0.9), undefined, story.between(1, 4))
      }
      return story.end()
    case 'blips':
      while (story.seconds < TRACE_MS / 1000 - 40) {
        story.healthy(story.between(20, 60))
        story.failing(story.between(0.5, 4), 1)
      }
      return story.end()
    case 'flapping': {
      story.healthy(story.between(40, 90))
      const until = story.seconds + story.between(180, 300)
      while (story.seconds < until) {
        story.failing(story.between(5, 20), 0.95)
        story.healthy(story.between(5, 20))
      }
      return story.end()
    }
    case 'noisy':
      while (story.seconds < TRACE_MS / 1000) story.failing(story.between(20, 60), story.between(0.05, 0.3))
      return story.end()
    case 'slow recovery': {
      story.healthy(story.between(40, 90))
      story.failing(story.between(20, 60), 1)
      story.failing(story.between(60, 180), 1, HEALTHY, 2)
      return story.end()
    }
    case 'quiet':
      story.failing(TRACE_MS / 1000, story.between(0.001, 0.01))
      return story.end()
  }
}

/** Tells an incident stretch by stretch. Durations in seconds. */
class Story {
  readonly #stretches: Stretch[] = []
  readonly #random: Random
  seconds = 0

  constructor(random: Random) {
    this.#random = random
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.#random.next()
  }

  healthy(seconds: number): void {
    this.#add(seconds, { p0: HEALTHY, p1: HEALTHY, failing: 'fast', slowness: 1 })
  }

  failing(seconds: number, p0: number, p1 = p0, slowness = 1): void {
    const failing = FAILING[Math.floor(this.#random.next() * FAILING.length)]!
    this.#add(seconds, { p0, p1, failing, slowness })
  }

  end(): Stretch[] {
    this.healthy(Math.max(TRACE_MS / 1000 - this.seconds, 1))
    return this.#stretches
  }

  #add(seconds: number, condition: Pick<Stretch, 'p0' | 'p1' | 'failing' | 'slowness'>): void {
    const from = this.seconds * 1000
    this.seconds += seconds
    this.#stretches.push({ from, to: this.seconds * 1000, ...condition })
  }
}
