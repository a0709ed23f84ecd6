// An incident or a quiet period: services, what came of their calls, and what ought to be found. Made by kinds.ts, played to a
// history by play.ts.
import type { Dependencies } from '../../src/model/orchestrator/graph.ts'
import { type Random, seededRandom } from '../../src/model/random.ts'
import { type Label, type Permission, showsAt } from './labels.ts'
import { logUniform, whole } from './sampling.ts'
import { type Fault, ordinaryService, type Recording, record, type ServiceTraffic } from './traffic.ts'

export interface Incident {
  readonly kind: string
  readonly seed: number
  readonly seconds: number
  readonly graph: Dependencies
  readonly faults: readonly Fault[]
  readonly recordings: readonly Recording[]
  readonly expected: readonly Label[]
  readonly permitted: readonly Permission[]
  /** Groups of services whose failures belong together: what a rule for pairs ought to find. */
  readonly together: readonly (readonly string[])[]
}

/** Seeds that thresholds may be chosen on, and seeds that results are reported on. No seed is in both. */
export const TUNING_SEEDS = { from: 1, to: 99_999 }
export const REPORTING_SEEDS = { from: 1_000_001, to: 1_099_999 }

/** Collects the parts of an incident as a kind tells its story. */
export class Stage {
  readonly random: Random
  readonly faults: Fault[] = []
  readonly graph: Record<string, { readonly dependsOn: readonly string[] }> = {}
  readonly traffic: ServiceTraffic[]

  constructor(
    readonly kind: string,
    readonly seed: number,
    readonly seconds: number,
    services?: number,
  ) {
    this.random = seededRandom(seed * 2_654_435_761)
    const count = services ?? whole(this.random, 6, 20)
    this.traffic = Array.from({ length: count }, (_, i) =>
      ordinaryService(this.random, `s${String(i).padStart(2, '0')}`, seconds),
    )
  }

  get names(): string[] {
    return this.traffic.map(({ name }) => name)
  }

  /** Gives a service a call rate that faults can show at, and takes its surges and pauses from it. */
  cast(name: string, least: number, most: number, failureRate?: number): ServiceTraffic {
    const index = this.traffic.findIndex((one) => one.name === name)
    const held = this.traffic[index]!
    const made = {
      ...held,
      rate: logUniform(this.random, least, most),
      spells: [],
      ...(failureRate !== undefined && { failureRate, noise: 'steady' as const }),
    }
    this.traffic[index] = made
    return made
  }

  /** Random dependencies: each service may depend on one or two before it in the list. */
  connect(density: number): void {
    for (const [i, name] of this.names.entries()) {
      const above = this.names.slice(0, i).filter(() => this.random.next() < density / Math.max(1, i))
      if (above.length > 0) this.graph[name] = { dependsOn: above.slice(0, 2) }
    }
  }

  play(): Recording[] {
    return this.traffic.map((traffic) => record(this.random, traffic, this.faults, this.seconds))
  }

  incident(recordings: readonly Recording[], outcome: Pick<Incident, 'expected' | 'permitted' | 'together'>): Incident {
    const { kind, seed, seconds, graph, faults } = this
    return { kind, seed, seconds, graph, faults, recordings, ...outcome }
  }
}

/** Services of faults that show, when each does, and services whose fault does not show. */
export function showing(
  recordings: readonly Recording[],
  faults: readonly Fault[],
): { shown: Map<string, number>; hidden: string[] } {
  const shown = new Map<string, number>()
  for (const [index, { service }] of faults.entries()) {
    const at = showsAt(recordings, faults, index)
    if (at !== undefined && at < (shown.get(service) ?? Number.POSITIVE_INFINITY)) shown.set(service, at)
  }
  return { shown, hidden: [...new Set(faults.map(({ service }) => service))].filter((service) => !shown.has(service)) }
}

/** The most services in which faults have shown and that failed within one minute, and when there were so many. */
export function widest(recordings: readonly Recording[], faults: readonly Fault[]): { services: string[]; at: number } {
  const { shown } = showing(recordings, faults)
  let best = { services: [] as string[], at: 0 }
  for (const at of [...shown.values()].sort((a, b) => a - b)) {
    const services = recordings
      .filter(({ service, failures }) => {
        const from = shown.get(service)
        return (
          from !== undefined &&
          from <= at &&
          failures.some((failed) => failed.fault !== undefined && failed.at > at - 45_000 && failed.at <= at)
        )
      })
      .map(({ service }) => service)
    if (services.length > best.services.length) best = { services, at }
  }
  return best
}
