// What a person should know of the fleet's bus, told at most once a minute for each code however often it happens.
import type { Clock } from '../../model/clock.ts'
import type { LinkStatus } from '../fleetLink.ts'

/** ms */
const QUIET = 60_000
/** Codes are ours and few, but what is refused is named by the server. */
const MOST_KEYS = 1000

export class Troubles {
  readonly #clock: Clock
  readonly #tell: (status: LinkStatus) => void
  /** Until when nothing is said of it. */
  readonly #quiet = new Map<string, number>()

  constructor(clock: Clock, tell: (status: LinkStatus) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** `message` is made only when it is told; `of`: what it is about, where a code is told of several things. */
  trouble(code: string, message: () => string, of = ''): void {
    if (this.#speaks(`${code} ${of}`)) this.#tell({ type: 'trouble', code, message: message() })
  }

  refused(what: string): void {
    if (this.#speaks(`refused ${what}`)) this.#tell({ type: 'refused', what })
  }

  #speaks(key: string): boolean {
    const now = this.#clock.now()
    const until = this.#quiet.get(key)
    if (until !== undefined && now < until) return false
    if (this.#quiet.size >= MOST_KEYS) this.#quiet.clear()
    this.#quiet.set(key, now + QUIET)
    return true
  }
}
