// What a leader tells the fleet in words: alerts and findings of the fleet's board, and its own. One for each term; used by
// fleetLeader.ts.
import type { FleetLink } from '../../bus/fleetLink.ts'
import type { GearEvent } from '../../model/records.ts'

export interface LeaderNewsOptions {
  readonly link: FleetLink
  /** Begins the ids of what is told: no other term has it. */
  readonly term: string
  /** Does the lease still hold? */
  readonly mayAct: () => boolean
  /** Epoch ms, whole. */
  readonly now: () => number
}

export class LeaderNews {
  readonly #options: LeaderNewsOptions
  readonly #told = new Set<string>()
  #messages = 0

  constructor(options: LeaderNewsOptions) {
    this.#options = options
  }

  /** Passes alerts and findings on, and nothing else. */
  publish(event: GearEvent): void {
    if (event.type !== 'alert' && event.type !== 'finding') return
    const { link, term, mayAct } = this.#options
    if (mayAct()) link.publish({ v: 1, id: `${term}.${++this.#messages}`, node: link.node, ...event })
  }

  /** A warning of the leader's own, once a term. */
  tell(code: string, message: string): void {
    if (this.#told.has(code)) return
    this.#told.add(code)
    this.publish({ type: 'alert', at: this.#options.now(), service: '*', level: 'warning', code, message, by: 'orchestrator' })
  }
}
