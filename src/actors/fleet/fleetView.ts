// The fleet as its leader sees it: for each service the nodes that call it, what they have told in the last minute, and how their
// own breakers stand. Bounded, and timed by arrival alone. Used by fleetLeader.ts.
import type { FailureType } from '../../model/failures.ts'
import type { NodeEntry } from '../../model/fleet/entries.ts'
import { isFailing } from '../../model/fleet/quorum.ts'
import type { Kind } from '../../model/kinds.ts'
import { isDown } from '../../model/orchestrator/context.ts'
import type { StatePath } from '../../model/states.ts'
import { NodeWindow } from './nodeWindow.ts'

export interface ViewLimits {
  readonly nodes: number
  /** Pairs of a node and a service: each takes a kilobyte, a third of that while the node does not call it. */
  readonly pairs: number
}

/** A node as one service knows it. */
export interface Stand {
  readonly node: string
  readonly window: NodeWindow
  /** Of its own breaker; undefined: it has told of none. */
  path: StatePath | undefined
  /** Since when, by the node's clock: tells one opening from another, and is never compared with our time. */
  since: number
  /** When we heard of `path`. */
  heardOfPath: number
  /** Since when its breaker is back, by the node's clock: its failures from before are those of an outage that is over. */
  backSince: number
  /** When its breaker was heard to have opened by itself; undefined: it has not, or the fleet opened it. */
  openedAt: number | undefined
  /** By its heartbeat, over its breaker's window. */
  told: { readonly calls: number; readonly failures: number }
  lastFailure: FailureType
  failing: boolean
  /** It has called the service, or tried to; a board may have services that its process never calls. */
  calls: boolean
  /** When it was last heard to have called, or tried to. */
  askedAt: number
}

/** A service as its nodes see it; `active` and `failing` are those of the last look. */
export interface ServiceView {
  readonly service: string
  readonly stands: Map<string, Stand>
  kind: Kind | undefined
  heardAt: number
  /** Nodes that call it. */
  active: number
  /** When it was last called by several nodes, as far as is known. */
  sharedAt: number
  failing: number
  /** Failures are held that have not been put down to the service. */
  holds: boolean
}

interface KnownNode {
  heardAt: number
  /** It has a heartbeat. */
  beats: boolean
  readonly services: Set<string>
}

/** Without a heartbeat for so long a node is not counted on; ms. */
const LIVE = 5000
/** One that has no heartbeat, but tells of its calls. */
const LIVE_WITHOUT = 60_000
/** For so long a service counts as one that several nodes call when one alone is left; that of a window, ms. */
const SHARED = 60_000
/** Not heard of for so long, a node or a service is forgotten; ms. */
export const FORGOTTEN = 600_000

/** No news is older than this when it comes, beside other news of the same node; ms. */
const LATEST = 60_000
/** Nor does any overtake other news by more than this; ms. */
const OVERTAKES = 5000

const NOTHING_TOLD = { calls: 0, failures: 0 }

export class FleetView {
  readonly services = new Map<string, ServiceView>()
  readonly #nodes = new Map<string, KnownNode>()
  readonly #limits: ViewLimits
  #pairs = 0
  /** Messages of nodes for whom there was no room. */
  ignored = 0

  constructor(limits: ViewLimits) {
    this.#limits = limits
  }

  get nodes(): number {
    return this.#nodes.size
  }

  /** The node's stand to the service, made when it is new; undefined when there is no room for it. */
  stand(node: string, service: string, at: number): Stand | undefined {
    const known = this.#node(node, at)
    if (!known) return undefined
    const view = this.#service(service, at)
    const stand = view.stands.get(node)
    if (stand) return stand
    if (this.#pairs >= this.#limits.pairs) {
      this.ignored++
      return undefined
    }
    this.#pairs++
    const made: Stand = {
      node,
      window: new NodeWindow(),
      path: undefined,
      since: 0,
      heardOfPath: at,
      backSince: Number.NEGATIVE_INFINITY,
      openedAt: undefined,
      told: NOTHING_TOLD,
      lastFailure: 'unknown_error',
      failing: false,
      calls: false,
      askedAt: Number.NEGATIVE_INFINITY,
    }
    view.stands.set(node, made)
    known.services.add(service)
    return made
  }

  /** The node's own breaker stands at `path`; `byItself`: not because the fleet or an operator opened it. False: that is no news. */
  moved(stand: Stand, path: StatePath, since: number, byItself: boolean, at: number): boolean {
    const { path: before, since: sinceBefore } = stand
    if (path === before && since === sinceBefore) return false
    // Messages and heartbeats overtake one another: what came after it is known already. A clock that was set back is believed.
    if (since < sinceBefore && sinceBefore - since < LATEST && at - stand.heardOfPath < OVERTAKES) return false
    stand.path = path
    stand.since = since
    stand.heardOfPath = at
    if (!isDown(path) && (before === undefined || isDown(before))) stand.backSince = since
    if (!isDown(path) || path === 'open.forced') stand.openedAt = undefined
    else if (path === 'open.cooling' && byItself) stand.openedAt = at
    // Heard of when its cooling was over already. One that is half-open may have been so for hours, for want of calls.
    else if (byItself && path !== 'halfOpen' && (before === undefined || !isDown(before))) stand.openedAt = at
    return true
  }

  /** Had the node's breaker come back when it failed at `at`, by the node's clock? One that was set back is believed. */
  isOver({ backSince }: Stand, at: number): boolean {
    return at < backSince && backSince - at < LATEST
  }

  /** A heartbeat. Services that it no longer names have no breaker there any more. Returns those whose breakers have moved. */
  beat({ node, services }: NodeEntry, at: number, isNew: (service: string) => boolean): string[] {
    const known = this.#node(node, at)
    if (!known) return []
    known.beats = true
    const moved: string[] = []
    for (const service of Object.keys(services)) {
      const stand = this.stand(node, service, at)
      const told = services[service]
      if (!stand || !told) continue
      const view = this.services.get(service)
      if (view) view.kind ??= told.kind
      stand.told = { calls: told.calls, failures: told.failures }
      stand.calls ||= told.calls > 0
      // Away when it is first heard of, and called by nobody in its window: most likely the fleet opened it some time ago.
      const opened = stand.path !== undefined || stand.calls
      // Of one that is first heard of, and is not away, nothing follows.
      const matters = stand.path !== undefined || isDown(told.path)
      if (this.moved(stand, told.path, told.since, opened && isNew(service), at) && matters) moved.push(service)
    }
    for (const service of known.services) {
      if (Object.hasOwn(services, service)) continue
      const stand = this.services.get(service)?.stands.get(node)
      if (!stand) continue
      stand.told = NOTHING_TOLD
      stand.path = undefined
      stand.openedAt = undefined
    }
    return moved
  }

  /** The node is gone. */
  forget(node: string): void {
    const known = this.#nodes.get(node)
    if (!known) return
    this.#nodes.delete(node)
    for (const service of known.services) if (this.services.get(service)?.stands.delete(node)) this.#pairs--
  }

  isLive(node: string, at: number): boolean {
    const known = this.#nodes.get(node)
    return known !== undefined && at - known.heardAt <= (known.beats ? LIVE : LIVE_WITHOUT)
  }

  /** Does the node call the service? One whose breaker is open does as soon as it may, if it has before or has opened by itself. */
  isActive(stand: Stand, at: number): boolean {
    const { window, told, path, openedAt } = stand
    const has = stand.calls || openedAt !== undefined
    const active = window.calls > 0 || told.calls > 0 || (has && path !== undefined && isDown(path))
    return active && this.isLive(stand.node, at)
  }

  /** Looks at a service afresh. */
  look(view: ServiceView, threshold: number, at: number): void {
    view.active = 0
    view.failing = 0
    for (const stand of view.stands.values()) {
      stand.window.expire(at)
      const active = this.isActive(stand, at)
      stand.failing = active && isFailing(stand.window, threshold)
      if (active) view.active++
      if (stand.failing) view.failing++
      // Its node goes on, and has nothing to do with the service any more.
      if (stand.path === undefined && at - stand.askedAt > FORGOTTEN) this.#part(view, stand)
    }
    if (view.active > 1) view.sharedAt = at
  }

  /** Does one node at most call it? Others of whom nothing is heard may only be cut off: they have to be gone for a while. */
  isSingle({ active, sharedAt }: ServiceView, at: number): boolean {
    return active <= 1 && at - sharedAt > SHARED
  }

  /** Is it in some node's heartbeat? Of others nothing is known but what their calls came to. */
  isKept(service: string): boolean {
    for (const { node, path } of this.services.get(service)?.stands.values() ?? []) {
      if (path !== undefined && this.#nodes.get(node)?.beats === true) return true
    }
    return false
  }

  /** Nodes that call the service, and those whose breakers opened by themselves after `since`. While none has, `active` is as last seen. */
  openings(view: ServiceView, since: number, at: number): { readonly active: number; readonly open: Stand[] } {
    const open: Stand[] = []
    if (!hasOpened(view, since)) return { active: view.active, open }
    let active = 0
    for (const stand of view.stands.values()) {
      if (!this.isActive(stand, at)) continue
      active++
      if (stand.openedAt !== undefined && stand.openedAt > since) open.push(stand)
    }
    return { active, open }
  }

  /** Of all nodes over the last minute. */
  counted({ stands }: ServiceView): { calls: number; failures: number } {
    let calls = 0
    let failures = 0
    for (const { window } of stands.values()) {
      calls += window.calls
      failures += window.failures
    }
    return { calls, failures }
  }

  /** Forgets whom nobody has heard of for ten minutes; returns the services that went with them. */
  tidy(at: number): string[] {
    for (const [node, { heardAt }] of this.#nodes) if (at - heardAt > FORGOTTEN) this.forget(node)
    const gone: string[] = []
    for (const [service, { heardAt, stands }] of this.services) {
      if (stands.size > 0 || at - heardAt <= FORGOTTEN) continue
      this.services.delete(service)
      gone.push(service)
    }
    return gone
  }

  #part({ service, stands }: ServiceView, { node }: Stand): void {
    stands.delete(node)
    this.#nodes.get(node)?.services.delete(service)
    this.#pairs--
  }

  #node(node: string, at: number): KnownNode | undefined {
    const known = this.#nodes.get(node)
    if (known) {
      known.heardAt = at
      return known
    }
    if (this.#nodes.size >= this.#limits.nodes) {
      this.ignored++
      return undefined
    }
    const made: KnownNode = { heardAt: at, beats: false, services: new Set() }
    this.#nodes.set(node, made)
    return made
  }

  #service(service: string, at: number): ServiceView {
    const known = this.services.get(service)
    if (known) {
      known.heardAt = at
      return known
    }
    const made: ServiceView = {
      service,
      stands: new Map(),
      kind: undefined,
      heardAt: at,
      active: 0,
      sharedAt: Number.NEGATIVE_INFINITY,
      failing: 0,
      holds: false,
    }
    this.services.set(service, made)
    return made
  }
}

/** Asked of each service each second. */
function hasOpened({ stands }: ServiceView, since: number): boolean {
  for (const { openedAt } of stands.values()) if (openedAt !== undefined && openedAt > since) return true
  return false
}
