// What the leader's stories have in common: a fleet of processes, and what is asked about it.

import { vi } from 'vitest'
import type { Finding } from '../../../src/model/findings.ts'
import type { DirectiveEntry } from '../../../src/model/fleet/entries.ts'
import type { AlertRecord } from '../../../src/model/records.ts'
import { MemoryFleet, type MemoryFleetOptions } from '../../fleet/memoryFleet.ts'
import { Process, type ProcessOptions, type World } from '../../fleet/process.ts'

/** ms */
const SLICE = 50

// Minutes of a fleet's life take a second, and on a busy machine several.
vi.setConfig({ testTimeout: 30_000 })

export class Story {
  readonly fleet: MemoryFleet
  readonly processes = new Map<string, Process>()
  /** Services that answer nobody. */
  readonly down = new Set<string>()
  /** Nodes to whom nobody answers. */
  readonly sick = new Set<string>()
  /** The share of calls that fail. */
  failing = 0
  readonly findings: { finding: Finding; over: boolean }[] = []
  readonly alerts: Pick<AlertRecord, 'service' | 'code'>[] = []
  readonly world: World = (service, node) =>
    this.down.has(service) || this.sick.has(node) || this.fleet.random.next() < this.failing ? 'service_unavailable' : undefined
  readonly #options: Partial<ProcessOptions>

  constructor(options: Partial<ProcessOptions> = {}, fleet: MemoryFleetOptions = {}) {
    this.#options = options
    this.fleet = new MemoryFleet(fleet)
    const observer = this.fleet.join('observer')
    observer.subscribe('finding', (message) => message.type === 'finding' && this.findings.push(message))
    observer.subscribe('alert', (message) => message.type === 'alert' && this.alerts.push(message))
  }

  join(...nodes: string[]): void {
    for (const node of nodes) this.add(node)
  }

  add(node: string, options: Partial<ProcessOptions> = {}): Process {
    const config = { services: { database: { kind: 'http' }, search: { kind: 'http' } } }
    const made = new Process(this.fleet, node, { config, world: this.world, every: 200, ...this.#options, ...options })
    this.processes.set(node, made)
    return made
  }

  /** In slices, between which promises settle: leases are asked for by them. */
  async run(seconds: number): Promise<void> {
    const { clock } = this.fleet
    const end = clock.now() + seconds * 1000
    while (clock.now() < end) {
      clock.runTo(Math.min(end, clock.now() + SLICE))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  get(node: string): Process {
    return this.processes.get(node)!
  }

  get all(): Process[] {
    return [...this.processes.values()]
  }

  get leader(): Process {
    const leader = this.all.find(({ leadership }) => leadership?.leads)
    if (!leader) throw new Error('nobody leads')
    return leader
  }

  kill(node: string): void {
    this.fleet.kill(node)
    this.processes.delete(node)
  }

  entry(service: string): DirectiveEntry | undefined {
    return this.fleet.stored<DirectiveEntry>('directives').get(service)
  }

  paths(service: string): string[] {
    return this.all.map((one) => one.path(service))
  }
}

export const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const
