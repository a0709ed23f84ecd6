// Looks once a second whether one node alone sees services fail, and tells when it begins and when it is over. Used by fleetLeader.ts.
import { nodeOutlier } from '../../analysis/nodeOutlier.ts'
import { recommend } from '../../analysis/recommendations.ts'
import type { Finding } from '../../model/findings.ts'
import { isDown } from '../../model/orchestrator/context.ts'
import type { FleetView, ServiceView, Stand } from './fleetView.ts'

export interface OutlierMade {
  readonly type: 'finding.made'
  readonly at: number
  readonly finding: Finding
  readonly over: boolean
}

export interface OutlierOptions {
  readonly view: FleetView
  readonly threshold: (service: string) => number
  /** Others see the service fail too, or the fleet's breaker for it is away. */
  readonly isShared: (view: ServiceView) => boolean
}

interface Suspect {
  readonly service: string
  readonly stand: Stand
  readonly strength: number
  readonly chance: number
}

const MINUTE = 60_000
const HIGH_FROM = 3

export class OutlierWatch {
  readonly #options: OutlierOptions
  readonly #standing = new Map<string, Finding>()

  constructor(options: OutlierOptions) {
    this.#options = options
  }

  look(at: number): OutlierMade[] {
    const suspects = this.#suspects(at)
    const made: OutlierMade[] = []
    for (const [node, finding] of this.#standing) {
      const still = finding.services.filter((service) => this.#lasts(node, service, at))
      if (still.length > 0 || suspects.has(node)) continue
      this.#standing.delete(node)
      made.push({ type: 'finding.made', at, finding, over: true })
    }
    for (const [node, own] of suspects) {
      const known = this.#standing.get(node)
      const fresh = own.filter(({ service }) => !known?.services.includes(service))
      if (fresh.length === 0) continue
      const finding = findingOf(node, own, known, at)
      this.#standing.set(node, finding)
      made.push({ type: 'finding.made', at, finding, over: false })
    }
    return made
  }

  #suspects(at: number): Map<string, Suspect[]> {
    const { view, threshold, isShared } = this.#options
    const found = new Map<string, Suspect[]>()
    let tests = 0
    for (const service of view.services.values()) tests += service.active
    for (const service of view.services.values()) {
      if (isShared(service)) continue
      let all: { calls: number; failures: number } | undefined
      for (const stand of service.stands.values()) {
        const isOpen = stand.openedAt !== undefined
        if (!stand.failing && !isOpen) continue
        // Of most services nobody is suspected, and nothing need be added up.
        all ??= view.counted(service)
        const { calls, failures } = stand.window
        const others = { calls: all.calls - calls, failures: all.failures - failures }
        const verdict = nodeOutlier({ calls, failures, isOpen }, others, threshold(service.service), tests)
        if (!verdict) continue
        const own = found.get(stand.node) ?? []
        found.set(stand.node, [...own, { service: service.service, stand, ...verdict }])
      }
    }
    for (const [node] of found) if (!view.isLive(node, at)) found.delete(node)
    return found
  }

  /** It still fails there, or its breaker is still away, and nobody else's is. */
  #lasts(node: string, service: string, at: number): boolean {
    const { view, isShared } = this.#options
    const known = view.services.get(service)
    const stand = known?.stands.get(node)
    if (!known || !stand || !view.isLive(node, at) || isShared(known)) return false
    return stand.failing || (stand.path !== undefined && isDown(stand.path) && stand.path !== 'open.forced')
  }
}

function findingOf(node: string, own: readonly Suspect[], known: Finding | undefined, at: number): Finding {
  const services = [...new Set([...(known?.services ?? []), ...own.map(({ service }) => service)])].sort()
  const surest = own.reduce((one, other) => (other.strength > one.strength ? other : one))
  const counts = own.map(({ service, stand }) => ({ service, calls: stand.window.calls, failures: stand.window.failures }))
  return {
    pattern: 'node_outlier',
    services,
    node,
    strength: surest.strength,
    severity: services.length >= HIGH_FROM ? 'high' : 'normal',
    failureType: surest.stand.lastFailure,
    interval: { from: at - MINUTE, to: at },
    evidence: { counts, occasions: counts.length, chance: surest.chance, events: [] },
    recommendations: recommend.nodeOutlier(node, services),
  }
}
