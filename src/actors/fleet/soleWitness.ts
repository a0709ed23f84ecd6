// Rules that lie between services (cascades, overload, emergencies) go by what services suffer. Where one node alone calls all those
// that suffer, it may be that node which is sick, or a stranger who makes up services: what the rules then ask is asked of what this
// node calls, and of nothing that others call. Used by fleetLeader.ts.
import { isEmpty } from '../../model/orchestrator/named.ts'
import { standingOf } from '../../model/orchestrator/standing.ts'
import type { FleetBoard } from './fleetBoard.ts'
import type { FleetView, ServiceView } from './fleetView.ts'

export interface SoleWitnessOptions {
  readonly view: FleetView
  readonly fleet: FleetBoard
}

export class SoleWitness {
  readonly #options: SoleWitnessOptions
  /** By service that suffers, the one node that has called it; kept when it calls no more. */
  readonly #callers = new Map<string, string>()
  /** Who it was when something last suffered; rules stay for a while after that. */
  #last: string | undefined

  constructor(options: SoleWitnessOptions) {
    this.#options = options
  }

  /** Is the service one that others call, while one node alone sees anything fail? */
  spares(known: ServiceView | undefined, at: number): boolean {
    if (!known) return false
    const sole = this.#sole(at)
    return sole !== undefined && this.#callersOf(known, at).some((node) => node !== sole)
  }

  forget(service: string): void {
    this.#callers.delete(service)
  }

  /** The one node that sees failures; undefined where there are several, or none. */
  #sole(at: number): string | undefined {
    const { services, numbers, latches, system } = this.#options.fleet.board.context
    if (isEmpty(latches) && system.state !== 'emergency') this.#last = undefined
    let sole: string | undefined
    for (const list of [standingOf(services).failing, Object.keys(numbers.services)]) {
      for (const service of list) {
        const node = this.#callerOf(service, at)
        if (node === undefined || (sole !== undefined && node !== sole)) {
          this.#last = undefined
          return undefined
        }
        sole = node
      }
    }
    if (sole !== undefined) this.#last = sole
    return this.#last
  }

  /** The one node that calls it, or did; undefined: there are several, or it is not known. */
  #callerOf(service: string, at: number): string | undefined {
    const known = this.#options.view.services.get(service)
    const callers = known ? this.#callersOf(known, at) : []
    if (callers.length > 1) this.#callers.delete(service)
    else if (callers[0] !== undefined) this.#callers.set(service, callers[0])
    return this.#callers.get(service)
  }

  #callersOf({ stands }: ServiceView, at: number): string[] {
    const callers: string[] = []
    for (const stand of stands.values()) if (this.#options.view.isActive(stand, at)) callers.push(stand.node)
    return callers
  }
}
