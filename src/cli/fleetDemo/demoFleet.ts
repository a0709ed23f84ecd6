// What the demo of the fleet is made of: names, and the configuration that its services and its leader share.
import type { ConfigInput } from '../../model/config.ts'

export const FLEET = 'demo'
/** Processes of one's own; each calls both upstreams. */
export const NODES = ['checkout', 'support', 'reports'] as const
export const ORCHESTRATOR = 'orchestrator'
/** What goes down. */
export const ILL = 'openai'
/** Dollars a call. */
export const PRICES = { openai: 0.002, search: 0.0005 } as const
export type Upstream = keyof typeof PRICES
export const UPSTREAMS = Object.keys(PRICES) as Upstream[]

/** Waits of a second, for people who watch. */
const policy = {
  trip: { consecutiveFailures: 4 },
  degrade: false,
  recoveryTimeout: 1500,
  recoveryMultiplier: 1,
  successesToClose: 3,
  maxProbes: 3,
} as const

export const CONFIG: Pick<ConfigInput, 'services' | 'budgets'> = {
  services: { openai: { kind: 'http', ...policy }, search: { kind: 'http', ...policy } },
  budgets: { daily: 1000 },
}

/** What a service's process is started with, as JSON. */
export interface ServiceSettings {
  readonly server: string
  readonly node: string
  /** Calls a second of each upstream. */
  readonly rate: number
}

/** What it is told. */
export interface Order {
  readonly upstream: string
  /** Do calls to it succeed? */
  readonly up: boolean
}

/** What it says of itself, a few times a second. */
export interface Word {
  /** What its own calls have cost, dollars. */
  readonly own: number
  /** What it knows the fleet to have spent, dollars. */
  readonly fleet: number
  readonly refused: number
  /** Calls that ended otherwise than with an answer, the upstream's failure, or a breaker's refusal. */
  readonly broken: number
}
