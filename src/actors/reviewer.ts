// Looks at all services once a second while something may be the matter, and puts what it counted before the orchestrator. A
// live board's; a replay hears the reviews from the journal. Costs nothing while all is well.
import type { Clock } from '../model/clock.ts'
import type { Review } from '../model/orchestrator/review.ts'
import { Timer } from '../model/timer.ts'
import type { Breaker } from './breaker.ts'
import { parentOf } from './keyedName.ts'

export interface ReviewedBoard {
  readonly clock: Clock
  readonly breakers: Iterable<Breaker>
  /** Those of them that are services; breakers of keys are not. */
  readonly services: Iterable<Breaker>
  /** Takes a review, if it can matter. */
  review(review: Review): void
  /** True when nothing stands that time could change. */
  readonly isQuiet: boolean
}

/** A condition in the user's own code. */
export interface CodeRule {
  readonly name: string
  readonly when: () => boolean
}

/** ms */
const EVERY = 1000

export class Reviewer {
  readonly #board: ReviewedBoard
  readonly #rules: readonly CodeRule[]
  readonly #timer: ReviewTimer
  #failed: Record<string, number> = {}
  readonly #warned = new Set<string>()
  #disposed = false

  constructor(board: ReviewedBoard, rules: readonly CodeRule[]) {
    this.#board = board
    this.#rules = rules
    this.#timer = new ReviewTimer(this)
    if (rules.length > 0) this.wake()
  }

  noteFailure(breaker: string): void {
    const service = parentOf(breaker)
    this.#failed[service] = (this.#failed[service] ?? 0) + 1
    this.wake()
  }

  /** Something may be the matter: look in a second, if nobody does anyway. */
  wake(): void {
    if (this.#timer.armed || this.#disposed) return
    const { clock } = this.#board
    clock.arm(this.#timer, Math.floor(clock.now()) + EVERY)
  }

  look(): void {
    if (this.#disposed) return
    const at = Math.floor(this.#board.clock.now())
    const review = this.#counted(at)
    // A condition of the user's may have closed the board.
    if (this.#disposed) return
    this.#failed = {}
    this.#board.review(review)
    const mayGoOn = Object.keys(review.services).length > 0 || this.#rules.length > 0
    if (mayGoOn || !this.#board.isQuiet) this.wake()
  }

  dispose(): void {
    this.#disposed = true
    this.#board.clock.disarm(this.#timer)
  }

  #counted(at: number): Review {
    let calls = 0
    const services: Record<string, { calls: number; failures: number }> = {}
    const idle: string[] = []
    for (const breaker of this.#board.services) {
      const { service, path, context } = breaker
      if (context.spell.in === 'halfOpen') {
        if (context.spell.admitted === 0) idle.push(service)
      } else if (!path.startsWith('open') && path !== 'maintenance') {
        const counts = breaker.counts(at)
        calls += counts.calls
        if (counts.failures > 0) services[service] = { calls: counts.calls, failures: counts.failures }
      }
    }
    return { type: 'review', at, calls, services, failed: this.#failed, idle, verdicts: this.#verdicts() }
  }

  #verdicts(): string[] {
    return this.#rules.filter((rule) => this.#ask(rule)).map(({ name }) => name)
  }

  #ask({ name, when }: CodeRule): boolean {
    try {
      const verdict: unknown = when()
      if (isPromiseLike(verdict)) {
        // What becomes of it is nobody's: were it to reject, that would end the process.
        Promise.resolve(verdict).catch(() => undefined)
        this.#warn(name, `the rule ${name} counts as not met: its condition returned a promise, and must answer at once`)
      }
      return verdict === true
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#warn(name, `the rule ${name} threw and counts as not met; further errors are not shown: ${text}`)
      return false
    }
  }

  /** Once for each rule. */
  #warn(rule: string, text: string): void {
    if (this.#warned.has(rule)) return
    this.#warned.add(rule)
    process.emitWarning(text, 'SwitchgearWarning')
  }
}

function isPromiseLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

class ReviewTimer extends Timer {
  constructor(readonly reviewer: Reviewer) {
    super()
  }

  fire(): void {
    this.reviewer.look()
  }
}
