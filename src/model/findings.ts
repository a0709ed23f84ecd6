// What correlation found: patterns in the failures of several services, or of one over time. Plain JSON, as findings go to
// the journal, over the bus and into the conditions of the orchestrator's rules.
import { z } from 'zod'
import { FAILURE_TYPES, type FailureType } from './failures.ts'

export const FINDING_PATTERNS = [
  'temporal_correlation',
  'cascade',
  'burst',
  'recurring',
  'common_cause',
  'system_wide',
  'node_outlier',
] as const
export type FindingPattern = (typeof FINDING_PATTERNS)[number]

/** One failure that a finding rests on: the first of its service in its second. */
export interface EvidenceEvent {
  readonly at: number
  readonly service: string
  /** The id it was told with, if any. */
  readonly id?: string
}

export interface FindingEvidence {
  /** What was counted in the finding's interval, as far back as counts are kept (an hour). */
  readonly counts: readonly { readonly service: string; readonly calls: number; readonly failures: number }[]
  /** On how many occasions it rests: episodes, pairs of onsets, intervals. */
  readonly occasions: number
  /** The chance that as much would be seen though nothing were the matter, corrected for how often was looked; 0–1. */
  readonly chance: number
  /** The last failures, at most 16. */
  readonly events: readonly EvidenceEvent[]
}

/** So many services are named in a finding that is told. */
export const MOST_SERVICES = 64

export interface Finding {
  readonly pattern: FindingPattern
  /** Names it while it stands, however its services change; absent in journals from before. */
  readonly id?: string
  /** Whom it concerns, sorted by name; where they are many, 64 of them. */
  readonly services: readonly string[]
  /** How many they are, where not all are named. */
  readonly serviceCount?: number
  /** Where it began: of a cascade. */
  readonly root?: string
  /** The node of the fleet that alone sees the failures. */
  readonly node?: string
  /** 0–1: the size of the effect times one minus the chance in the evidence. docs/correlation.md has the formula of each pattern. */
  readonly strength: number
  readonly severity: 'normal' | 'high'
  /** From the onset of the one to the onset of the other, ms, 0 or more: the median. */
  readonly lagMs?: number
  /** Who goes before whom, where that is known. */
  readonly direction?: { readonly from: string; readonly to: string }
  /** Of a recurring fault: the time from onset to onset, ms, and its standard deviation. */
  readonly periodMs?: number
  readonly spreadMs?: number
  /** The failure type that they share, or that prevails. */
  readonly failureType?: FailureType
  /** When what was found took place, epoch ms. */
  readonly interval: { readonly from: number; readonly to: number }
  readonly evidence: FindingEvidence
  readonly recommendations: readonly string[]
}

/** Findings of the same key are the same finding, told again. */
export function findingKey({ id, pattern, services, node }: Finding): string {
  return id ?? `${pattern}:${node ?? services.join()}`
}

const share = z.number().min(0).max(1)
const epoch = z.number()

export const findingSchema = z.looseObject({
  pattern: z.enum(FINDING_PATTERNS),
  id: z.string().exactOptional(),
  services: z.array(z.string()).min(1),
  serviceCount: z.number().exactOptional(),
  root: z.string().exactOptional(),
  node: z.string().exactOptional(),
  strength: share,
  severity: z.enum(['normal', 'high']),
  lagMs: z.number().min(0).exactOptional(),
  direction: z.looseObject({ from: z.string(), to: z.string() }).exactOptional(),
  periodMs: z.number().positive().exactOptional(),
  spreadMs: z.number().min(0).exactOptional(),
  failureType: z.enum(FAILURE_TYPES).exactOptional(),
  interval: z.looseObject({ from: epoch, to: epoch }),
  evidence: z.looseObject({
    counts: z.array(z.looseObject({ service: z.string(), calls: z.number(), failures: z.number() })),
    occasions: z.number(),
    chance: share,
    events: z.array(z.looseObject({ at: epoch, service: z.string(), id: z.string().exactOptional() })),
  }),
  recommendations: z.array(z.string()),
}) satisfies z.ZodType<Finding>
