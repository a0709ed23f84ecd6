// The messages of the bus, as they travel: one JSON object, or an array of them, to one subject.
import type { FailureType } from '../failures.ts'
import type { TokenUsage } from '../measurement.ts'
import type {
  AlertRecord,
  DecisionRecord,
  FindingRecord,
  OutcomeResult,
  SignalRecord,
  SystemCommandRecord,
  TransitionRecord,
} from '../records.ts'
import type { Command } from '../signals.ts'

export const WIRE_TYPES = ['outcome', 'signal', 'transition', 'command', 'finding', 'alert', 'decision'] as const
export type WireType = (typeof WIRE_TYPES)[number]

/** What every message has once it is read; on the wire, what the subject says may be left out, and so may `id` and `at`. */
export interface Envelope {
  readonly v: 1
  /** Unique; a message that comes twice is heard once, as far back as ids are remembered. */
  readonly id?: string
  /** By the sender's clock, epoch ms; by the receiver's where the sender gave none. */
  readonly at: number
  readonly node: string
  readonly service: string
  /** Of a sender that numbers its messages: grows by one with each, so that gaps are seen. */
  readonly seq?: number
}

export interface OutcomeMessage extends Envelope {
  readonly type: 'outcome'
  readonly result: OutcomeResult
  /** ms; of several calls the mean. */
  readonly latency: number
  readonly failure?: FailureType
  readonly status?: number
  readonly retryAfterMs?: number
  readonly model?: string
  readonly operation?: string
  readonly usage?: TokenUsage
  /** Dollars; of several calls their sum. */
  readonly cost?: number
  readonly quality?: number
  /** How many calls it sums up; absent: one. Successes come as one message a second. */
  readonly count?: number
  /** How many of them were slow. */
  readonly slow?: number
  /** A half-open breaker's probe. */
  readonly probe?: true
}

type Sent<Record> = Omit<Record, 'at' | 'service'> & Envelope
export type WireMessage =
  | OutcomeMessage
  | Sent<SignalRecord>
  | Sent<TransitionRecord>
  | (Envelope & { readonly type: 'command'; readonly command: Command | SystemCommandRecord['command'] })
  | Sent<FindingRecord>
  | Sent<AlertRecord>
  | Sent<DecisionRecord>
