// What a record must look like when it comes from outside: from a file, or from another process. The compiler holds each
// schema to its type in records.ts, and the list of them to the list of records. Unknown fields are let pass.
import { z } from 'zod'
import { FAILURE_TYPES } from './failures.ts'
import { findingSchema } from './findings.ts'
import type { Kind } from './kinds.ts'
import { orchestratorConfigSchema, SYSTEM_STATES } from './orchestrator/config.ts'
import { type HeaderRecord, type JournalRecord, type SavedBreaker, TIMER_IDS } from './records.ts'
import { resolvedPolicySchema as policy } from './resolvedPolicy.ts'
import { commandSchema, directiveSchema, signalSchema, systemCommandSchema } from './signals.ts'
import { STATE_PATHS, STATES } from './states.ts'

const finite = z.number()
const stamped = { at: finite, service: z.string() }
const everywhere = { at: finite, service: z.literal('*') }
/** Of another process perhaps, which may have kinds of its own. */
const kind = z.custom<Kind>((value) => typeof value === 'string' && value !== '', 'a kind is a string')
const path = z.enum(STATE_PATHS)

const windowStats = z.looseObject({
  calls: finite,
  failures: finite,
  slow: finite,
  consecutiveFailures: finite,
  consecutiveTimeouts: finite,
  consecutiveServerErrors: finite,
  callsPerSecond: finite,
  sinceEntry: z.looseObject({ calls: finite, failures: finite, slow: finite }),
})
const latencyStats = z.looseObject({ p95: finite, baselineP95: finite, calls: finite })

const savedBreaker = z.looseObject({
  service: z.string(),
  kind,
  path,
  // Whose they are is checked by whoever restores them: the machine, the window, the gate, the latency watch.
  context: z.unknown(),
  window: z.unknown(),
  gate: z.unknown(),
  latency: z.unknown(),
}) satisfies z.ZodType<SavedBreaker>

const headerSchema = z.looseObject({
  type: z.literal('header'),
  format: z.literal('switchgear-journal'),
  version: z.literal(1),
  behaviour: z.number().int().min(1),
  reason: z.enum(['start', 'restart', 'rotation', 'gap']),
  startedAt: finite,
  software: z.string(),
  seed: finite,
  services: z.record(z.string(), z.looseObject({ kind, policy })),
  saved: z.array(savedBreaker).exactOptional(),
  orchestrator: z.looseObject({ config: orchestratorConfigSchema, saved: z.unknown().exactOptional() }).exactOptional(),
  spend: z.unknown().exactOptional(),
  dropped: finite.exactOptional(),
}) satisfies z.ZodType<HeaderRecord>

/** A schema for each type of record. */
export const recordSchemas = {
  header: headerSchema,
  outcome: z.looseObject({
    type: z.literal('outcome'),
    ...stamped,
    result: z.enum(['success', 'failure', 'ignored', 'rejected']),
    latency: finite,
    generation: finite,
    failure: z.enum(FAILURE_TYPES).exactOptional(),
    status: finite.exactOptional(),
    retryAfterMs: finite.exactOptional(),
    probe: finite.exactOptional(),
    state: z.enum(STATES).exactOptional(),
    budget: z.string().exactOptional(),
    level: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]).exactOptional(),
    model: z.string().exactOptional(),
    operation: z.string().exactOptional(),
    usage: z
      .looseObject({ input: finite, output: finite, cached: finite.exactOptional(), reasoning: finite.exactOptional() })
      .exactOptional(),
    cost: finite.exactOptional(),
    costEstimated: z.literal(true).exactOptional(),
    quality: finite.exactOptional(),
    calls: finite.exactOptional(),
    slow: finite.exactOptional(),
    unbudgeted: z.literal(true).exactOptional(),
  }),
  admission: z.looseObject({
    type: z.literal('admission'),
    ...stamped,
    generation: finite,
    probe: finite.exactOptional(),
    exemption: z.enum(['emergency_override', 'health_probe']).exactOptional(),
    by: z.string().exactOptional(),
    why: z.string().exactOptional(),
  }),
  signal: z.looseObject({ type: z.literal('signal'), ...stamped, signal: signalSchema }),
  directive: z.looseObject({
    type: z.literal('directive'),
    ...stamped,
    // A journal holds what was in force, defaults filled in.
    directive: directiveSchema.extend({
      admissionRatio: directiveSchema.shape.admissionRatio.unwrap(),
      hold: directiveSchema.shape.hold.unwrap(),
    }),
    by: z.literal('orchestrator').exactOptional(),
  }),
  command: z.looseObject({ type: z.literal('command'), ...stamped, command: commandSchema }),
  timer: z.looseObject({ type: z.literal('timer'), ...stamped, id: z.enum(TIMER_IDS) }),
  config: z.looseObject({
    type: z.literal('config'),
    ...stamped,
    change: z.enum(['added', 'reconfigured', 'removed']),
    kind: kind.exactOptional(),
    policy: policy.exactOptional(),
  }),
  transition: z.looseObject({
    type: z.literal('transition'),
    ...stamped,
    from: path,
    to: path,
    generation: finite,
    reason: z.string(),
    until: finite.exactOptional(),
    stats: z.union([windowStats, latencyStats]).exactOptional(),
  }),
  alert: z.looseObject({
    type: z.literal('alert'),
    ...stamped,
    level: z.enum(['info', 'warning', 'error', 'critical']),
    code: z.string(),
    message: z.string(),
    by: z.enum(['budgets', 'monitor', 'orchestrator', 'fleet']).exactOptional(),
    root: z.string().exactOptional(),
    rule: z.string().exactOptional(),
    limit: finite.exactOptional(),
    over: finite.exactOptional(),
  }),
  systemCommand: z.looseObject({ type: z.literal('systemCommand'), ...everywhere, command: systemCommandSchema }),
  review: z.looseObject({
    type: z.literal('review'),
    ...everywhere,
    calls: finite,
    services: z.record(z.string(), z.looseObject({ calls: finite, failures: finite })),
    failed: z.record(z.string(), finite),
    idle: z.array(z.string()),
    verdicts: z.array(z.string()),
  }),
  finding: z.looseObject({ type: z.literal('finding'), ...everywhere, finding: findingSchema, over: z.boolean() }),
  system: z.looseObject({
    type: z.literal('system'),
    ...everywhere,
    from: z.enum(SYSTEM_STATES),
    to: z.enum(SYSTEM_STATES),
    score: finite,
    open: finite,
    degraded: finite,
    services: finite,
  }),
  decision: z.looseObject({
    type: z.literal('decision'),
    ...stamped,
    decision: z.enum(['fallback', 'model']),
    why: z.string(),
    steps: z.array(
      z.looseObject({ name: z.string(), result: z.enum(['answered', 'failed', 'rejected']), code: z.string().exactOptional() }),
    ),
    result: z.enum(['answered', 'failed']),
    duration: finite,
  }),
} satisfies { readonly [Type in JournalRecord['type']]: z.ZodType<Extract<JournalRecord, { type: Type }>> }

/** What is wrong with `value` as a record, with what is allowed; undefined when nothing is. */
export function problemOfRecord(value: unknown): string | undefined {
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  if (typeof type !== 'string' || !Object.hasOwn(recordSchemas, type)) {
    return `type: got ${JSON.stringify(type)?.slice(0, 80) ?? 'nothing'}; allowed: ${Object.keys(recordSchemas).join(', ')}`
  }
  const { error } = recordSchemas[type as JournalRecord['type']].safeParse(value)
  const issue = error?.issues[0]
  return issue && inWords(issue, [], type)
}

/** Of a union the alternative that was meant, if one was: the one whose main shape fits. */
function inWords(issue: z.core.$ZodIssue, base: readonly PropertyKey[], type: string): string {
  const path = [...base, ...issue.path]
  const meant =
    issue.code === 'invalid_union' ? issue.errors.find((branch) => branch.every((inner) => inner.path.length > 0)) : undefined
  const inner = meant?.[0]
  return inner ? inWords(inner, path, type) : `${path.join('.') || type}: ${issue.message}`
}
