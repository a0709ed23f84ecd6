// What a service's own condition calls for: several named conditions (quality, memory, index), each with a level, of which the
// gravest is told to the breaker, and kept told while it stands, as a breaker takes a level back that nobody speaks of.
import type { DegradationLevel } from '../model/states.ts'
import type { Breaker } from './breaker.ts'

interface Condition {
  readonly level: DegradationLevel
  readonly reason: string
}

export class HealthWatch {
  readonly #breaker: Breaker
  readonly #conditions = new Map<string, Condition>()
  #told: DegradationLevel = 0

  constructor(breaker: Breaker) {
    this.#breaker = breaker
  }

  /** `condition` calls for `level`; 0: it is well. */
  set(condition: string, level: DegradationLevel, reason: string): void {
    if (level === 0) this.#conditions.delete(condition)
    else this.#conditions.set(condition, { level, reason })
    this.#tell(reason)
  }

  /** The conditions that stand, by name. */
  get standing(): ReadonlyMap<string, Condition> {
    return this.#conditions
  }

  #tell(reasonNow: string): void {
    let gravest: Condition = { level: 0, reason: reasonNow }
    for (const condition of this.#conditions.values()) if (condition.level > gravest.level) gravest = condition
    const breaker = this.#breaker
    const at = Math.floor(breaker.clock.now())
    if (gravest.level === this.#told && (gravest.level === 0 || !this.#fades(gravest.level, at))) return
    this.#told = gravest.level
    breaker.signal(at, { kind: 'health', level: gravest.level, reason: gravest.reason.slice(0, 500) })
  }

  /** True when the breaker has taken the level back, or is about to. */
  #fades(level: DegradationLevel, at: number): boolean {
    const { standing, policy } = this.#breaker.context
    const { health } = standing
    return health === undefined || health.level < level || health.recoverAt - at < policy.recoverAfter / 2
  }
}
