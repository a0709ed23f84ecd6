// Which services the fleet's board has breakers for: those of the leader's configuration, and so many more of which nodes, operators
// and strangers tell, until nobody has told of them for a while. Used by fleetLeader.ts.
import type { Kind } from '../../model/kinds.ts'
import type { FleetBoard } from './fleetBoard.ts'
import { type FleetView, FORGOTTEN } from './fleetView.ts'

export interface ServiceRoomOptions {
  readonly fleet: FleetBoard
  readonly view: FleetView
  /** Of the leader's own configuration: these stay. */
  readonly configured: Readonly<Record<string, unknown>>
  readonly most: number
  /** It has no breaker any more. */
  readonly gone: (service: string, at: number) => void
  /** There was no room for it. */
  readonly full: (service: string) => void
}

export class ServiceRoom {
  readonly #options: ServiceRoomOptions
  /** Since when no node has been known that tells of a service. */
  readonly #unheard = new Map<string, number>()

  constructor(options: ServiceRoomOptions) {
    this.#options = options
  }

  /** Makes a breaker for a service that is new, if there is room. `kind`: it is in a node's heartbeat, for which there is more. */
  knows(service: string, at: number, kind?: Kind): boolean {
    const { fleet, most, full } = this.#options
    if (fleet.has(service)) return true
    if (fleet.size >= most && (kind === undefined || !this.#makeRoom(at))) {
      full(service)
      return false
    }
    fleet.add(service, kind ?? 'custom')
    return true
  }

  /** Takes off what nobody has told of for ten minutes. */
  tidy(at: number): void {
    const { fleet, view, configured } = this.#options
    for (const service of view.tidy(at)) this.#forget(service, at)
    for (const service of fleet.names) {
      const since = this.#unheard.get(service)
      if (view.services.has(service) || configured[service]) {
        if (since !== undefined) this.#unheard.delete(service)
      } else if (since === undefined) this.#unheard.set(service, at)
      else if (at - since > FORGOTTEN) this.#forget(service, at)
    }
  }

  /** A stranger may make up any number of services: those that no node has give way. */
  #makeRoom(at: number): boolean {
    const { fleet, view, configured } = this.#options
    for (const service of fleet.names) {
      // Of one that the same heartbeat has named a moment ago nothing else is known yet.
      if (configured[service] || !view.services.has(service)) continue
      if (view.isKept(service) || fleet.isCommanded(service)) continue
      this.#forget(service, at)
      return true
    }
    return false
  }

  /** Unless an operator's word stands for it. */
  #forget(service: string, at: number): void {
    const { fleet, gone } = this.#options
    if (fleet.isCommanded(service)) return
    this.#unheard.delete(service)
    fleet.remove(service)
    gone(service, at)
  }
}
