// What a fault is to the harness: a fleet to begin with, and one run of it, which tells how long things took.
import type { NatsServer, NatsServerOptions } from '../../../test/fleet/natsServer.ts'
import type { Proxy as Line } from '../../../test/fleet/proxy.ts'
import type { NodeOptions, TrialFleet } from '../trialFleet.ts'

/** What was measured in a run, by name; ms. */
export type Times = Readonly<Record<string, number>>

export interface Trial {
  readonly fleet: TrialFleet
  readonly server: NatsServer
  /** What stands between node c and the server, where a fault asks for it. */
  readonly line: Line | undefined
  readonly run: number
}

export interface Fault {
  readonly name: string
  /** What is done to the fleet, and what is timed. */
  readonly words: string
  readonly server?: NatsServerOptions
  readonly servers?: 1 | 3
  readonly bus?: { readonly lease?: number; readonly replicas?: 1 | 3 }
  readonly proxied?: true
  /** How a node is started. */
  readonly node?: (name: string) => NodeOptions
  /** False: the first run finds nobody there. */
  readonly started?: false
  readonly act: (trial: Trial) => Promise<Times>
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
