// What a service's own condition calls for: several named conditions (quality, memory, index), each with a level, of which the
// gravest is told to the breaker, and kept told while it stands, as a breaker takes a level back that nobody speaks of.
import type { BreakerContext } from '../model/breaker/context.ts'
import type { Clock } from '../model/clock.ts'
import type { Signal } from '../model/signals.ts'
import type { DegradationLevel } from '../model/states.ts'

/** The part of a breaker that is told, and looked at for what it has made of it. */
export interface Judged {
  readonly clock: Clock
  readonly context: BreakerContext
  signal(at: number, signal: Signal): void
}

interface Condition {
  readonly level: DegradationLevel
  readonly reason: string
}

export class HealthWatch {
  readonly #breaker: Judged
  readonly #conditions = new Map<string, Condition>()
  #told: Condition = { level: 0, reason: '' }

  constructor(breaker: Judged) {
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
    if (gravest.level === this.#told.level && (gravest.level === 0 || !this.#fades(gravest.level, at))) return
    const { health } = breaker.context.standing
    const reason = gravest.reason.slice(0, 500)
    // What calls, or somebody else's signal, have said of the service's health is not ours to take back.
    const isOurs = health === undefined || health.why === this.#told.reason
    const told = this.#told.level
    this.#told = { level: gravest.level, reason }
    if (isOurs ? told > 0 || gravest.level > 0 : gravest.level > health.level) {
      breaker.signal(at, { kind: 'health', level: gravest.level, reason })
    }
  }

  /** True when the breaker has taken the level back, or is about to. */
  #fades(level: DegradationLevel, at: number): boolean {
    const { standing, policy } = this.#breaker.context
    const { health } = standing
    return health === undefined || health.level < level || health.recoverAt - at < policy.recoverAfter / 2
  }
}
