// Who probes for the fleet, service by service: whom the leader names, whose calls count as the probes of the fleet's breaker, and what
// is made good when its answers get lost. Used by fleetLeader.ts.
import { chooseProber, type Probing } from '../../model/fleet/prober.ts'
import type { OutcomeMessage } from '../../model/fleet/wire.ts'
import { isDown } from '../../model/orchestrator/context.ts'
import type { FleetBoard } from './fleetBoard.ts'
import type { FleetView, ServiceView, Stand } from './fleetView.ts'

export interface ProberWatchOptions {
  readonly view: FleetView
  readonly fleet: FleetBoard
  /** How long a prober may go without an answer, ms. */
  readonly lease: number
}

/** A prober's breaker that has been back for so long says what its lost answers would have said; ms. */
const PROVEN_AFTER = 2000
/** The fleet's breaker is not away for longer than this when no node's is; ms. */
const BASELESS_FOR = 5000

export class ProberWatch {
  readonly #options: ProberWatchOptions
  readonly #probing = new Map<string, Probing>()
  /** Since when no node's breaker is away for a service for which the fleet's is. */
  readonly #baseless = new Map<string, number>()

  constructor(options: ProberWatchOptions) {
    this.#options = options
  }

  /** Whom the leader before this one has named. */
  adopt(service: string, node: string, at: number): void {
    this.#probing.set(service, { node, since: at })
  }

  /** `open`: nodes whose breakers have opened by themselves; two of them take turns though the fleet has not tripped. */
  choose(service: string, known: ServiceView | undefined, open: readonly Stand[], at: number): string | undefined {
    const { fleet, view, lease } = this.#options
    const path = fleet.path(service)
    const away = path !== undefined && isDown(path)
    if (!known || (!away && open.length < 2)) {
      this.#probing.delete(service)
      return undefined
    }
    const among = away ? [...known.stands.values()] : open
    const calling = among.filter(({ node, calls }) => calls && view.isLive(node, at))
    // Who never calls it would have nothing to probe with.
    const candidates = (calling.length > 0 ? calling : among).map((stand) => ({
      node: stand.node,
      path: stand.path,
      live: view.isLive(stand.node, at),
      calls: Math.max(stand.window.calls, stand.told.calls),
    }))
    const current = this.#probing.get(service)
    // Who has come back by its own probes goes on: its calls are what the fleet's breaker waits for.
    const goesOn = away && current !== undefined && at - current.since < lease && isBack(known.stands.get(current.node))
    const next = goesOn ? current : chooseProber(candidates, current, lease, at)
    if (next) this.#probing.set(service, next)
    else this.#probing.delete(service)
    return next?.node
  }

  /** Does the call count as a probe of the fleet's breaker, which is half-open? */
  takes(stand: Stand, { service, probe }: OutcomeMessage, at: number): boolean {
    const current = this.#probing.get(service)
    // What was summed up before its breaker opened says nothing of now.
    const counts = stand.path === undefined || !isDown(stand.path)
    if (!current) return counts
    if (stand.node !== current.node || !(counts || probe === true)) return false
    this.#probing.set(service, { node: current.node, since: at })
    return true
  }

  /** Once a second: what must not last. */
  heal(known: ServiceView, at: number): void {
    const { service, stands } = known
    const { fleet } = this.#options
    const path = fleet.path(service)
    if (path === undefined || !isDown(path) || path === 'open.forced') {
      this.#baseless.delete(service)
      return
    }
    if (!this.#isBaseless(known, at)) this.#baseless.delete(service)
    else {
      const since = this.#baseless.get(service) ?? at
      this.#baseless.set(service, since)
      if (at - since >= BASELESS_FOR) fleet.reset(service, 'no node is open any more', at)
    }
    const prober = stands.get(this.#probing.get(service)?.node ?? '')
    if (path !== 'halfOpen' || !prober || !isBack(prober) || at - prober.heardOfPath < PROVEN_AFTER) return
    const { node } = prober
    const count = fleet.board.get(service)?.policy.successesToClose ?? 1
    fleet.probe({ v: 1, type: 'outcome', at, node, service, result: 'success', latency: 0, count }, at)
  }

  forget(service: string): void {
    this.#probing.delete(service)
    this.#baseless.delete(service)
  }

  /** Nodes with breakers of their own are there, and none of those is away. */
  #isBaseless({ stands }: ServiceView, at: number): boolean {
    let some = false
    for (const { node, path } of stands.values()) {
      if (path === undefined || !this.#options.view.isLive(node, at)) continue
      if (isDown(path)) return false
      some = true
    }
    return some
  }
}

function isBack(stand: Stand | undefined): boolean {
  return stand?.path !== undefined && !isDown(stand.path)
}
