// Who probes for the fleet, service by service: whom the leader names, whose calls count as the probes of the fleet's breaker, and what
// is made good when its answers get lost. Used by fleetLeader.ts.
import { chooseProber } from '../../model/fleet/prober.ts'
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

/** Who has not tried to call for so long has no calls to probe with; ms. */
const ASKS = 60_000
/** A prober's breaker that has been back for so long says what its lost answers would have said; ms. */
const PROVEN_AFTER = 2000
/** The fleet's breaker is not away for longer than this when no node's is; ms. */
const BASELESS_FOR = 5000

/** Whose turn it is. */
interface Turn {
  readonly node: string
  /** When it began, or its calls last went well, epoch ms. */
  readonly since: number
  /** When it was last asked or answered: in this round. */
  readonly asked: number
}

export class ProberWatch {
  readonly #options: ProberWatchOptions
  readonly #turns = new Map<string, Turn>()
  /** When each node was last chosen in this outage, by service. */
  readonly #chosen = new Map<string, Map<string, number>>()
  /** Services of which nobody is asked for now, as the fleet's breaker cools. */
  readonly #resting = new Set<string>()
  /** Since when no node's breaker is away for a service for which the fleet's is. */
  readonly #baseless = new Map<string, number>()

  constructor(options: ProberWatchOptions) {
    this.#options = options
  }

  /** Whom the leader before this one has named. */
  adopt(service: string, node: string, at: number): void {
    this.#begin(service, node, at)
  }

  /** `open`: nodes whose breakers have opened by themselves; two of them take turns though the fleet has not tripped. */
  choose(service: string, known: ServiceView | undefined, open: readonly Stand[], at: number): string | undefined {
    const { fleet, view } = this.#options
    const path = fleet.path(service)
    const away = path !== undefined && isDown(path)
    if (!known || (!away && open.length < 2)) {
      this.forget(service)
      return undefined
    }
    if (away && path !== 'halfOpen') {
      this.#resting.add(service)
      return undefined
    }
    const among = away ? [...known.stands.values()] : open
    const calling = among.filter(({ node, calls }) => calls && view.isLive(node, at))
    const chosen = this.#chosen.get(service)
    // Who never calls it would have nothing to probe with.
    const candidates = (calling.length > 0 ? calling : among).map(({ node, path, window, told, askedAt }) => ({
      node,
      path,
      live: view.isLive(node, at),
      asks: at - askedAt < ASKS,
      calls: Math.max(window.calls, told.calls),
      chosenAt: chosen?.get(node),
    }))
    const current = this.#turns.get(service)
    const isOver = current !== undefined && this.#isOver(service, current, at)
    // Who has come back by its own probes goes on: its calls are what the fleet's breaker waits for.
    const goesOn = away && current !== undefined && !isOver && isBack(known.stands.get(current.node))
    const next = goesOn ? current.node : chooseProber(candidates, current?.node, isOver)
    if (next === undefined) this.#turns.delete(service)
    else if (next !== current?.node || isOver) this.#begin(service, next, at)
    return next
  }

  /** Does the call count as a probe of the fleet's breaker, which is half-open? */
  takes(stand: Stand, { service, probe, result }: OutcomeMessage, at: number): boolean {
    const current = this.#turns.get(service)
    // What was summed up before its breaker opened says nothing of now.
    const counts = stand.path === undefined || !isDown(stand.path)
    if (!current) return counts
    if (stand.node !== current.node || !(counts || probe === true)) return false
    // One whose calls all fail may be sick itself: others get their turn.
    this.#turns.set(service, { ...current, asked: at, ...(result === 'success' ? { since: at } : undefined) })
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
    const prober = stands.get(this.#turns.get(service)?.node ?? '')
    if (path !== 'halfOpen' || !prober || !isBack(prober) || at - prober.heardOfPath < PROVEN_AFTER) return
    const { node } = prober
    const count = fleet.board.get(service)?.policy.successesToClose ?? 1
    fleet.probe({ v: 1, type: 'outcome', at, node, service, result: 'success', latency: 0, count }, at)
  }

  forget(service: string): void {
    this.#turns.delete(service)
    this.#chosen.delete(service)
    this.#resting.delete(service)
    this.#baseless.delete(service)
  }

  #begin(service: string, node: string, at: number): void {
    this.#turns.set(service, { node, since: at, asked: at })
    this.#chosen.set(service, (this.#chosen.get(service) ?? new Map<string, number>()).set(node, at))
  }

  /** It has said nothing for the lease; or a new round begins, and for the lease it has had nothing good to say. */
  #isOver(service: string, turn: Turn, at: number): boolean {
    const { lease } = this.#options
    if (!this.#resting.delete(service)) return at - turn.asked >= lease
    if (at - turn.since >= lease) return true
    this.#turns.set(service, { ...turn, asked: at })
    return false
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
