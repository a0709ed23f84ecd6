// A message of each type and an entry of each table, with every field there is.
import { encodeBatches } from '../../../src/model/fleet/encodeMessages.ts'
import type { DirectiveEntry, LedgerEntry, NodeEntry } from '../../../src/model/fleet/entries.ts'
import { messageSubject } from '../../../src/model/fleet/subjects.ts'
import type { OutcomeMessage, WireMessage, WireType } from '../../../src/model/fleet/wire.ts'
import { NO_STATS } from '../../../src/model/stats.ts'

export const AT = 1_767_225_600_000
export const ENVELOPE = { v: 1, id: 'web-1-7', at: AT, node: 'web-1', service: 'openai', seq: 7 } as const

export const OUTCOME: Required<OutcomeMessage> = {
  ...ENVELOPE,
  type: 'outcome',
  result: 'failure',
  latency: 12.5,
  failure: 'timeout',
  status: 504,
  retryAfterMs: 1000,
  model: 'gpt-5',
  operation: 'chat',
  usage: { input: 10, output: 20, cached: 5, reasoning: 7 },
  cost: 0.02,
  quality: 0.9,
  count: 3,
  slow: 2,
  probe: true,
}

export const SAMPLES: { readonly [Type in WireType]: Extract<WireMessage, { type: Type }> } = {
  outcome: OUTCOME,
  signal: {
    ...ENVELOPE,
    type: 'signal',
    signal: { kind: 'limit', mode: 'paced', until: AT + 5000, perSecond: 2, reason: '429' },
  },
  transition: {
    ...ENVELOPE,
    type: 'transition',
    from: 'closed.watching',
    to: 'open.cooling',
    generation: 3,
    reason: 'failure_rate',
    until: AT + 30_000,
    stats: { ...NO_STATS, calls: 20, failures: 12 },
  },
  command: { ...ENVELOPE, type: 'command', command: { name: 'trip', by: 'ann', why: 'a release' } },
  finding: {
    ...ENVELOPE,
    service: '*',
    type: 'finding',
    over: false,
    finding: {
      pattern: 'cascade',
      services: ['openai', 'search'],
      root: 'openai',
      strength: 0.8,
      severity: 'high',
      lagMs: 1200,
      direction: { from: 'openai', to: 'search' },
      periodMs: 60_000,
      spreadMs: 500,
      failureType: 'timeout',
      interval: { from: AT - 60_000, to: AT },
      evidence: {
        counts: [{ service: 'openai', calls: 20, failures: 12 }],
        occasions: 4,
        chance: 0.01,
        events: [{ at: AT, service: 'openai', id: '1' }],
      },
      recommendations: ['mend openai first'],
    },
  },
  alert: {
    ...ENVELOPE,
    type: 'alert',
    level: 'error',
    code: 'quota_exceeded',
    message: 'the quota is gone',
    by: 'orchestrator',
    root: 'openai',
    rule: 'day',
    limit: 10,
    over: 8,
  },
  decision: {
    ...ENVELOPE,
    type: 'decision',
    decision: 'fallback',
    why: 'ERR_SWITCHGEAR_OPEN',
    steps: [{ name: 'cache', result: 'failed', code: 'ERR_NONE' }],
    result: 'failed',
    duration: 4,
  },
}

export const DIRECTIVE: Required<DirectiveEntry> = {
  v: 1,
  service: 'openai',
  epoch: 12,
  at: AT,
  lifetime: 5000,
  state: 'open',
  level: 0,
  admissionRatio: 1,
  hold: true,
  probe: 'web-1',
  trip: { id: '12-1', why: 'quorum', nodes: 5, open: 3, calls: 400, failures: 250 },
  retryAfterMs: 12_000,
  rule: 'fleet_trip',
  reason: '3 of 5 nodes have opened',
}

export const NODE: NodeEntry = {
  v: 1,
  node: 'web-1',
  session: 's1',
  at: AT,
  software: 'switchgear 0.1.0',
  leads: true,
  services: { openai: { kind: 'openai', path: 'open.cooling', since: AT, calls: 20, failures: 12 } },
  dropped: 0,
}

export const LEDGER: LedgerEntry = {
  v: 1,
  node: 'web-1',
  session: 's1',
  day: AT,
  month: AT,
  services: { openai: { day: 1_500_000_000, month: 40_000_000_000 } },
}

export function subjectOf({ type, service, node }: WireMessage): string {
  return messageSubject({ fleet: 'default', type, service, node })
}

export function bytesOf(body: unknown): Uint8Array {
  return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
}

/** A message as it travels by itself. */
export function messageBytes(message: WireMessage): Uint8Array {
  return encodeBatches([message]).batches[0] as Uint8Array
}
