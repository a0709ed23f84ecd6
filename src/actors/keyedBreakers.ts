// Breakers of their own for the keys of a service (tenants, models, hosts), bounded: the least recently used goes first, and
// of those, ones that hold nothing worth keeping. One with calls in flight stays: the journal is to tell how they end.
import type { Standing } from '../model/breaker/context.ts'
import { ClosedError } from '../model/errors.ts'
import type { BreakerPolicy, Kind } from '../model/policy.ts'
import type { Command } from '../model/signals.ts'
import type { Board } from './board.ts'
import type { Breaker } from './breaker.ts'
import { KeyedDirectives } from './keyedDirectives.ts'
import { keyedName, keyOf } from './keyedName.ts'

export class KeyedBreakers {
  readonly #board: Board
  readonly #parent: Breaker
  /** In the order of their last use. */
  readonly #breakers = new Map<string, Breaker>()
  readonly #directives: KeyedDirectives
  #latest: string | undefined

  constructor(board: Board, parent: Breaker) {
    this.#board = board
    this.#parent = parent
    this.#directives = new KeyedDirectives(parent)
  }

  get size(): number {
    return this.#breakers.size
  }

  /** The breaker of `key` (as {@link keyOf} reads it) if there is one; looking is no use of it. */
  peek(key: string): Breaker | undefined {
    return this.#breakers.get(key)
  }

  /** {@link peek} for somebody who goes by what he sees: told first what is asked of the service. */
  look(key: string): Breaker | undefined {
    const breaker = this.#breakers.get(key)
    return breaker && this.#directed(breaker)
  }

  /** {@link get} for calls that the service's own breaker has not let through: told first what is asked of the service. */
  use(key: string): Breaker {
    return this.#directed(this.get(key))
  }

  /** The breaker of `key` (as {@link keyOf} reads it), hung on the board if it was not there. */
  get(key: string): Breaker {
    const known = this.#breakers.get(key)
    if (known) {
      if (key !== this.#latest) {
        this.#breakers.delete(key)
        this.#breakers.set(key, known)
        this.#latest = key
      }
      return known
    }
    const { service, kind, policy, disposed } = this.#parent
    if (disposed) throw new ClosedError(service)
    const name = keyedName(service, key)
    while (this.#breakers.size >= policy.maxKeys && this.#evict()) {
      // As many as there are too many.
    }
    const breaker = this.#board.get(name) ?? this.#added(name, kind, policy)
    this.#breakers.set(key, breaker)
    this.#latest = key
    return breaker
  }

  /** Takes in a breaker that a journal had kept. */
  adopt(breaker: Breaker): void {
    this.#latest = keyOf(breaker.service)
    this.#breakers.set(this.#latest, breaker)
  }

  [Symbol.iterator](): IterableIterator<Breaker> {
    return this.#breakers.values()
  }

  #directed(breaker: Breaker): Breaker {
    if (!this.#directives.isIdle && !breaker.disposed) this.#directives.tell(breaker, this.#board.now())
    return breaker
  }

  /** What an operator has said of the service, and has not taken back, is said of keys that come later too. */
  #added(name: string, kind: Kind, policy: BreakerPolicy): Breaker {
    const at = this.#board.now()
    const breaker = this.#board.add(name, kind, policy, at, true)
    for (const command of commandsOf(this.#parent.context.standing, at)) breaker.command(at, command)
    return breaker
  }

  /** Returns false where all have calls in flight: until those end, there are more by as many. */
  #evict(): boolean {
    let oldest: [string, Breaker] | undefined
    for (const entry of this.#breakers) {
      const [, breaker] = entry
      if (breaker.inFlight > 0) continue
      oldest ??= entry
      if (!this.#isAsItsService(breaker)) continue
      oldest = entry
      break
    }
    if (!oldest) return false
    this.#breakers.delete(oldest[0])
    this.#directives.forget(oldest[1])
    this.#board.remove(oldest[1].service, this.#board.now())
    return true
  }

  /** Holds nothing but what it would be told again if it came anew. */
  #isAsItsService({ path, context }: Breaker): boolean {
    if (path === 'closed.watching') return true
    const { standing } = this.#parent.context
    const { open, health, quota, pace, budgets, maintenance, forced, bypass } = context.standing
    if (path === 'closed.ramping' || open || health || quota || pace || budgets) return false
    return isSame(maintenance, standing.maintenance) && isSame(forced, standing.forced) && isSame(bypass, standing.bypass)
  }
}

function commandsOf({ maintenance, forced, bypass }: Standing, at: number): Command[] {
  const commands: Command[] = []
  const { until } = maintenance ?? {}
  if (maintenance && (until === undefined || until > at)) {
    const { by, why } = maintenance
    commands.push({ name: 'beginMaintenance', by, why, ...(until === undefined ? undefined : { until }) })
  }
  if (forced) commands.push({ name: 'trip', by: forced.by, why: forced.why })
  if (bypass) commands.push({ name: 'disable', by: bypass.by, why: bypass.why })
  return commands
}

function isSame(one: Word | undefined, other: Word | undefined): boolean {
  return one?.by === other?.by && one?.why === other?.why
}

/** An operator's. */
type Word = NonNullable<Standing['forced']>
