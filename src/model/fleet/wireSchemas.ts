// What a message of the bus must look like, once what its subject says is filled in. The compiler holds each schema to its type:
// every field of the type is in the schema, and no other is. Fields that nobody knows are let pass and left out.
import { z } from 'zod'
import { FAILURE_TYPES } from '../failures.ts'
import { FINDING_PATTERNS, type Finding, type FindingEvidence } from '../findings.ts'
import type { TokenUsage } from '../measurement.ts'
import type { DecisionStep } from '../records.ts'
import { type Command, commandSchema, type Signal, type SystemCommand, signalSchema, systemCommandSchema } from '../signals.ts'
import { STATE_PATHS } from '../states.ts'
import type { LatencyStats, WindowStats } from '../stats.ts'
import type { OutcomeMessage, WireMessage, WireType } from './wire.ts'
import {
  busName,
  busService,
  counter,
  deadline,
  duration,
  epoch,
  figure,
  LONGEST_ALERT,
  LONGEST_NAME,
  MAX_ID,
  MOST_CALLS,
  MOST_DOLLARS,
  MOST_TOKENS,
  pause,
  type ShapeOf,
  share,
  text,
  words,
} from './wireFields.ts'

type Of<Type extends WireType> = Extract<WireMessage, { type: Type }>

const envelope = {
  v: z.literal(1).describe('The version of the wire format.'),
  id: text(MAX_ID).describe('Unique; a message that comes twice is heard once.').exactOptional(),
  at: epoch.describe("When it was, by the sender's clock; when absent, when it is received."),
  node: busName.describe('Who says it, as in the subject.'),
  service: busService.describe('What it is about, as in the subject; `*` (in the subject `_all`) is the whole system.'),
  seq: counter.describe("Grows by one with each of the sender's messages of a type, so that gaps are seen.").exactOptional(),
}

const dollars = z.number().min(0).max(MOST_DOLLARS).meta({ unit: 'dollars' })
const tokens = z.number().min(0).max(MOST_TOKENS)
const usage = z.object({
  input: tokens,
  output: tokens,
  cached: tokens.exactOptional(),
  reasoning: tokens.exactOptional(),
} satisfies ShapeOf<TokenUsage>)

const outcome = z
  .object({
    ...envelope,
    type: z.literal('outcome'),
    result: z
      .enum(['success', 'failure', 'ignored', 'rejected'])
      .describe("`ignored`: the caller's own fault, which says nothing of the service; `rejected`: the call was not made."),
    latency: duration.describe('How long the call took; of several calls the mean.'),
    failure: z.enum(FAILURE_TYPES).describe('What went wrong.').exactOptional(),
    status: z.number().int().min(100).max(999).describe('HTTP status.').exactOptional(),
    retryAfterMs: pause.describe('How long the service asks us to stay away.').exactOptional(),
    model: text(LONGEST_NAME).describe('The model that answered.').exactOptional(),
    operation: text(LONGEST_NAME).describe('What was asked for: `chat`, `embeddings`.').exactOptional(),
    usage: usage.describe('Tokens.').exactOptional(),
    cost: dollars.describe('What the call cost; of several calls their sum.').exactOptional(),
    quality: share.describe('How good the answer was.').exactOptional(),
    count: z.number().int().min(1).max(MOST_CALLS).describe('How many calls it sums up; when absent, one.').exactOptional(),
    slow: z.number().int().min(0).max(MOST_CALLS).describe('How many of them were slow.').exactOptional(),
    probe: z.literal(true).describe("A half-open breaker's probe.").exactOptional(),
  } satisfies ShapeOf<OutcomeMessage>)
  // More slow calls than calls would make a rate above one.
  .overwrite((message) => {
    const { count = 1, slow = 0 } = message
    return slow > count ? { ...message, slow: count } : message
  })

const windowStats = z.object({
  calls: figure,
  failures: figure,
  slow: figure,
  consecutiveFailures: figure,
  consecutiveTimeouts: figure,
  consecutiveServerErrors: figure,
  callsPerSecond: figure,
  sinceEntry: z.object({ calls: figure, failures: figure, slow: figure } satisfies ShapeOf<WindowStats['sinceEntry']>),
} satisfies ShapeOf<WindowStats>)
const latencyStats = z.object({ p95: figure, baselineP95: figure, calls: figure } satisfies ShapeOf<LatencyStats>)

const transition = z.object({
  ...envelope,
  type: z.literal('transition'),
  from: z.enum(STATE_PATHS),
  to: z.enum(STATE_PATHS),
  generation: counter,
  reason: text(500),
  until: deadline.exactOptional(),
  stats: z.union([windowStats, latencyStats]).exactOptional(),
} satisfies ShapeOf<Of<'transition'>>)

const signal = z.object({
  ...envelope,
  type: z.literal('signal'),
  signal: open<Signal>(signalSchema),
} satisfies ShapeOf<Of<'signal'>>)

const serviceCommand = open<Command>(commandSchema)
const wholeCommand = open<SystemCommand>(systemCommandSchema)
const command = z.object({
  ...envelope,
  type: z.literal('command'),
  command: z.union([serviceCommand, wholeCommand]),
} satisfies ShapeOf<Of<'command'>>)

/** Of a service, or of one of its keys. */
const named = text(2048)
const evidence = z.object({
  counts: z.array(z.object({ service: named, calls: figure, failures: figure })).max(1000),
  occasions: figure,
  chance: share,
  events: z.array(z.object({ at: deadline, service: named, id: text(MAX_ID).exactOptional() })).max(64),
} satisfies ShapeOf<FindingEvidence>)

const finding = z.object({
  ...envelope,
  type: z.literal('finding'),
  over: z.boolean(),
  finding: z.object({
    pattern: z.enum(FINDING_PATTERNS),
    services: z.array(named).min(1).max(1000),
    id: text(300).exactOptional(),
    serviceCount: figure.exactOptional(),
    root: named.exactOptional(),
    node: busName.exactOptional(),
    strength: share,
    severity: z.enum(['normal', 'high']),
    lagMs: figure.exactOptional(),
    direction: z.object({ from: named, to: named }).exactOptional(),
    periodMs: figure.exactOptional(),
    spreadMs: figure.exactOptional(),
    failureType: z.enum(FAILURE_TYPES).exactOptional(),
    interval: z.object({ from: deadline, to: deadline }),
    evidence,
    recommendations: z.array(words(1000)).max(64),
  } satisfies ShapeOf<Finding>),
} satisfies ShapeOf<Of<'finding'>>)

const alert = z.object({
  ...envelope,
  type: z.literal('alert'),
  level: z.enum(['info', 'warning', 'error', 'critical']),
  code: text(100),
  message: words(LONGEST_ALERT),
  by: z.enum(['budgets', 'monitor', 'orchestrator', 'fleet']).exactOptional(),
  root: named.exactOptional(),
  rule: text(LONGEST_NAME).exactOptional(),
  limit: figure.exactOptional(),
  over: figure.exactOptional(),
} satisfies ShapeOf<Of<'alert'>>)

const step = z.object({
  name: named,
  result: z.enum(['answered', 'failed', 'rejected']),
  code: text(100).exactOptional(),
} satisfies ShapeOf<DecisionStep>)

const decision = z.object({
  ...envelope,
  type: z.literal('decision'),
  decision: z.enum(['fallback', 'model']),
  why: text(LONGEST_NAME),
  steps: z.array(step).max(100),
  result: z.enum(['answered', 'failed']),
  duration,
} satisfies ShapeOf<Of<'decision'>>)

/** A schema for each type of message, with all that the envelope has. */
export const wireSchemas = { outcome, signal, transition, command, finding, alert, decision } satisfies {
  readonly [Type in WireType]: z.ZodType<Of<Type>>
}

/** Which commands there are for one service, and which for the whole system. */
const systemCommand = command.extend({ command: wholeCommand })
const commandOfService = command.extend({ command: serviceCommand })

export function schemaFor(type: WireType, service: string): z.ZodType<WireMessage> {
  if (type !== 'command') return wireSchemas[type]
  return service === '*' ? systemCommand : commandOfService
}

/** `schema` as another version may write it: with fields that we do not know. */
function open<T>(schema: z.ZodDiscriminatedUnion<readonly z.ZodObject[]>): z.ZodType<T> {
  const [first, ...rest] = schema.options.map((option) => option.strip())
  return z.discriminatedUnion(schema.def.discriminator, [first as z.ZodObject, ...rest]) as unknown as z.ZodType<T>
}
