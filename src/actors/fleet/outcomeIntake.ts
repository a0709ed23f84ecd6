// What nodes tell of their calls, as the leader counts it: each into its node's window, and into the fleet's breaker as soon as enough
// nodes bear it out. Used by fleetLeader.ts.
import type { FleetLink } from '../../bus/fleetLink.ts'
import { countsOutcomes } from '../../model/breaker/enter.ts'
import { isCorroborated, isFailing } from '../../model/fleet/quorum.ts'
import type { OutcomeMessage } from '../../model/fleet/wire.ts'
import type { Breaker } from '../breaker.ts'
import { isKeyed } from '../keyedName.ts'
import type { FleetBoard } from './fleetBoard.ts'
import type { FleetView, ServiceView, Stand } from './fleetView.ts'
import type { ProberWatch } from './proberWatch.ts'
import type { ServiceRoom } from './serviceRoom.ts'

export interface OutcomeIntakeOptions {
  readonly link: FleetLink
  readonly view: FleetView
  readonly fleet: FleetBoard
  readonly room: ServiceRoom
  readonly probers: ProberWatch
  /** The share of nodes whose failures are the service's, 0–1. */
  readonly quorum: number
  /** Has the leader listened for long enough to take a node for the only one that calls a service? */
  readonly hasHeardEnough: (at: number) => boolean
  /** Epoch ms, whole. */
  readonly now: () => number
}

export class OutcomeIntake {
  readonly #options: OutcomeIntakeOptions
  #stopped = false

  constructor(options: OutcomeIntakeOptions) {
    this.#options = options
  }

  /** Listens until the returned function is called. */
  start(): () => void {
    const { link } = this.#options
    const heard = (outcomes: readonly OutcomeMessage[]): void => this.#hear(outcomes)
    const stop =
      link.hearOutcomes?.(heard) ?? link.subscribe('outcome', (message) => message.type === 'outcome' && heard([message]))
    return () => {
      this.#stopped = true
      stop()
    }
  }

  /** Are the failures of the service its own, and not those of a node that is sick? */
  isCorroborated(seen: ServiceView, at: number): boolean {
    const { quorum, view, hasHeardEnough } = this.#options
    const { active, failing } = seen
    if (active <= 1 && !(view.isSingle(seen, at) && hasHeardEnough(at))) return false
    return isCorroborated(active, failing, quorum)
  }

  /** Failures that others bear out are the service's: those that were held are counted. */
  release(seen: ServiceView, at: number): void {
    if (!seen.holds) return
    seen.holds = false
    for (const { window, lastFailure } of seen.stands.values()) {
      const held = window.release()
      if (held > 0) this.#options.fleet.countHeld(seen.service, held, lastFailure, at)
    }
  }

  /** The fleet's breaker is away: what was held has led to it, or would count against the service when it is back. */
  drop(seen: ServiceView): void {
    seen.holds = false
    for (const { window } of seen.stands.values()) window.release()
  }

  /** Those of one node and one service: what they have in common is looked up once. */
  #hear(outcomes: readonly OutcomeMessage[]): void {
    const [first] = outcomes
    if (this.#stopped || !first) return
    const { service, node } = first
    const { view, fleet, room, now } = this.#options
    const at = now()
    if (service === '*' || isKeyed(service) || !room.knows(service, at)) return
    const stand = view.stand(node, service, at)
    const seen = view.services.get(service)
    const breaker = fleet.board.get(service)
    if (!stand || !seen || !breaker) return
    stand.calls = true
    stand.askedAt = at
    for (const outcome of outcomes) if (!this.#stopped) this.#count(outcome, stand, seen, breaker, at)
  }

  #count(message: OutcomeMessage, stand: Stand, seen: ServiceView, breaker: Breaker, at: number): void {
    const { view, fleet, probers } = this.#options
    const { service, result, count = 1 } = message
    if (result === 'rejected' || result === 'ignored') return
    const failed = result === 'failure'
    if (failed && view.isOver(stand, message.at)) return
    const wasActive = stand.window.calls > 0
    stand.window.add(at, count, failed ? count : 0)
    if (failed) stand.lastFailure = message.failure ?? 'unknown_error'
    if (breaker.path === 'halfOpen') {
      if (probers.takes(stand, message, at)) fleet.probe(message, at)
      return
    }
    // Who is counted already, by calls it has told of, changes nothing in how many there are.
    if (!wasActive && stand.told.calls === 0) view.look(seen, fleet.threshold(service), at)
    if (!failed) {
      fleet.count(message, at, breaker)
      return
    }
    if (!stand.failing && isFailing(stand.window, fleet.threshold(service))) {
      stand.failing = true
      seen.failing++
    }
    if (!this.isCorroborated(seen, at)) {
      if (countsOutcomes(breaker.path)) {
        stand.window.hold(count)
        seen.holds = true
      }
      return
    }
    // Before this one those of its node, which were held until now.
    const held = stand.window.release()
    if (held > 0) fleet.countHeld(service, held, stand.lastFailure, at)
    fleet.count(message, at, breaker)
    this.release(seen, at)
  }
}
