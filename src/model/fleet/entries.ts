// What the fleet's tables hold, each value whole: a message that is lost or comes twice changes nothing.
import type { Kind } from '../kinds.ts'
import type { DegradationLevel, StateName, StatePath } from '../states.ts'

/** What the leader wants of a service, and how the fleet's breaker for it stands; by service. */
export interface DirectiveEntry {
  readonly v: 1
  readonly service: string
  /** Of the leader's lease; one from an older epoch than was seen is void. */
  readonly epoch: number
  /** When the leader wrote it by its own clock, epoch ms; told, never compared with another clock. */
  readonly at: number
  /** For how long it holds from its arrival, ms, unless renewed. */
  readonly lifetime: number
  /** Of the fleet's breaker: for callers that have none of their own. */
  readonly state: StateName
  readonly level: DegradationLevel
  /** The share of calls to admit, 0–1. */
  readonly admissionRatio: number
  /** While true, an open breaker gets no permit to probe, but on the node `probe`. */
  readonly hold: boolean
  readonly probe?: string
  /** The fleet has tripped: closed breakers open, once for each `id`. */
  readonly trip?: FleetTrip
  /** In how many ms a caller that is refused should come back. */
  readonly retryAfterMs?: number
  readonly rule: string
  readonly reason: string
}

export interface FleetTrip {
  /** Another one for each trip. */
  readonly id: string
  readonly why: 'quorum' | 'failure_rate'
  /** Nodes that call the service, and those of them whose breaker is open. */
  readonly nodes: number
  readonly open: number
  /** Of all nodes over the window. */
  readonly calls: number
  readonly failures: number
}

/** How a node is; by node. A heartbeat. */
export interface NodeEntry {
  readonly v: 1
  readonly node: string
  /** Another one for each start of the process. */
  readonly session: string
  readonly at: number
  readonly software: string
  readonly leads: boolean
  readonly services: Readonly<Record<string, NodeService>>
  /** Messages that it had to drop. */
  readonly dropped: number
}

export interface NodeService {
  readonly kind: Kind
  readonly path: StatePath
  /** By the node's clock, epoch ms. */
  readonly since: number
  /** Over the breaker's window. */
  readonly calls: number
  readonly failures: number
}

/** What a node has spent this day and this month, all told: written by that node alone; by node. Whole nanodollars. */
export interface LedgerEntry {
  readonly v: 1
  readonly node: string
  readonly session: string
  /** First moment of the day and of the month that are counted, epoch ms, in the zone of the budgets. */
  readonly day: number
  readonly month: number
  readonly services: Readonly<Record<string, { readonly day: number; readonly month: number }>>
}
