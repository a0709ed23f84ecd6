// What the harness and its worker processes say to one another over IPC. Moments are ms of the machine's monotonic clock, which all
// processes of a machine share; money is whole nanodollars.
import type { BusInput } from '../../src/model/fleet/busConfig.ts'
import type { PolicyInput } from '../../src/model/policy.ts'
import type { StateName } from '../../src/model/states.ts'

/** How a worker is started. */
export interface WorkerSettings {
  readonly bus: BusInput
  readonly services: readonly string[]
  readonly policy: PolicyInput
  /** Calls a second of each service, at first. */
  readonly rate: number
  /** How far its clock goes ahead of the machine's, ms. */
  readonly clockAhead: number
  /** Where its journal goes: a file that is started afresh, the fleet's stream, both, or a file that a restart goes on from. */
  readonly journal: 'file' | 'stream' | 'both' | 'none'
  readonly file: string
  /** ms between two full reports. */
  readonly reportEvery: number
}

/** What a worker is told. */
export type Order =
  | { readonly do: 'health'; readonly service: string; readonly up: boolean }
  | { readonly do: 'rate'; readonly perSecond: number }
  /** While true, every refusal of a call is the fleet's fault: all services answer, and have for a while. */
  | { readonly do: 'calm'; readonly calm: boolean }
  /** Calls the service this often at once. */
  | { readonly do: 'burst'; readonly service: string; readonly calls: number }
  | { readonly do: 'reset' }
  | { readonly do: 'stop' }

export interface Report {
  readonly type: 'report'
  readonly node: string
  readonly at: number
  readonly connected: boolean
  readonly leads: boolean
  readonly leader: string | undefined
  /** Nodes that it has heard of. */
  readonly nodes: readonly string[]
  readonly states: Readonly<Record<string, StateName>>
  /** Services of which a directive in force asks anything. */
  readonly asked: readonly string[]
  /** How often a directive of a service came after one of a higher epoch. */
  readonly epochsBack: number
  readonly calls: Calls
  /** Of this month, by all nodes, as this one knows it. */
  readonly fleetSpent: number
  readonly counters: Readonly<Record<'published' | 'received' | 'dropped' | 'rejected' | 'missed' | 'unreported', number>>
  readonly load: Load
}

export interface Calls {
  readonly made: number
  readonly succeeded: number
  /** By the stub. */
  readonly failed: number
  readonly refused: number
  /** Refused while everything was well, or at a service that was never ill. */
  readonly blocked: number
  /** Ended in an error that is neither the stub's nor a breaker's. */
  readonly broken: number
  /** What an `execute` took, the stub's own time left out, ms. */
  readonly slowest: number
  readonly p999: number
  readonly brokenBy: string | undefined
  /** What those that succeeded cost. */
  readonly spent: number
}

export interface Load {
  /** Of the event loop, ms. */
  readonly lagP99: number
  readonly lagMax: number
  readonly rssMb: number
}

/** Told at once. */
export type Moment =
  /** `took`: how long it took to make the board, ms. */
  | { readonly type: 'ready'; readonly at: number; readonly took: number }
  | {
      readonly type: 'moved'
      readonly at: number
      readonly service: string
      readonly from: string
      readonly to: string
      readonly reason: string
    }
  | { readonly type: 'lead'; readonly at: number; readonly leads: boolean }
  | { readonly type: 'link'; readonly at: number; readonly connected: boolean }
  | { readonly type: 'alert'; readonly at: number; readonly code: string; readonly message: string }
  | { readonly type: 'stopped'; readonly at: number; readonly report: Report }

/** What one call costs. */
export const PRICE = 1_000_000

/** ms of the machine's monotonic clock. */
export function moment(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
