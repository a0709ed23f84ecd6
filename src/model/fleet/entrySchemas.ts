// What an entry of the fleet's tables must look like. Held to their types by the compiler, as the messages are (wireSchemas.ts).
import { z } from 'zod'
import { STATE_PATHS, STATES } from '../states.ts'
import type { DirectiveEntry, FleetTrip, LedgerEntry, NodeEntry, NodeService } from './entries.ts'
import type { TableName } from './subjects.ts'
import {
  busName,
  busService,
  counter,
  deadline,
  epoch,
  figure,
  kind,
  LONGEST,
  level,
  pause,
  type ShapeOf,
  share,
  text,
  words,
} from './wireFields.ts'

const trip = z.object({
  id: text(128).describe('Another one for each trip.'),
  why: z.enum(['quorum', 'failure_rate']),
  nodes: counter.describe('Nodes that call the service.'),
  open: counter.describe('Of these, the ones whose breaker is open.'),
  calls: figure,
  failures: figure,
} satisfies ShapeOf<FleetTrip>)

const directive = z.object({
  v: z.literal(1),
  service: busService.describe('The service, as in the subject and the key; `*` (there `_all`) is the whole system.'),
  epoch: counter.describe('Of the leader; a directive with a lower one than was seen before is void.'),
  at: epoch.describe("When the leader wrote it, by the leader's clock: to be shown, not to be compared with another clock."),
  lifetime: z
    .number()
    .min(1)
    .max(LONGEST)
    .meta({ unit: 'ms' })
    .describe('For how long it holds from its arrival, unless renewed.'),
  state: z.enum(STATES).describe("The state of the fleet's breaker, for callers that have none of their own."),
  level: level.describe('How much less to ask of the service: 0 nothing, 3 most.'),
  admissionRatio: share.describe('The share of calls to let through.'),
  hold: z.boolean().describe('While true, an open breaker sends no probe, but on the node `probe`.'),
  probe: busName.describe('The one node that may probe.').exactOptional(),
  trip: trip.describe('The fleet has tripped: closed breakers open, once for each `id`.').exactOptional(),
  retryAfterMs: pause.describe('In how long a caller that is refused should come back.').exactOptional(),
  rule: words(500).describe('The rule that asks for it.'),
  reason: words(500).describe('Why, in words.'),
} satisfies ShapeOf<DirectiveEntry>)

const nodeService = z.object({
  kind,
  path: z.enum(STATE_PATHS),
  since: deadline,
  calls: figure,
  failures: figure,
} satisfies ShapeOf<NodeService>)

const node = z.object({
  v: z.literal(1),
  node: busName,
  session: text(128),
  at: epoch,
  software: words(100),
  leads: z.boolean(),
  services: z.record(busName, nodeService),
  dropped: figure,
} satisfies ShapeOf<NodeEntry>)

/** Whole nanodollars. */
const spent = z.object({ day: counter, month: counter } satisfies ShapeOf<LedgerEntry['services'][string]>)

const ledger = z.object({
  v: z.literal(1),
  node: busName,
  session: text(128),
  day: deadline,
  month: deadline,
  services: z.record(busName, spent),
} satisfies ShapeOf<LedgerEntry>)

export interface TableEntries {
  readonly directives: DirectiveEntry
  readonly nodes: NodeEntry
  readonly ledger: LedgerEntry
}

export const entrySchemas = { directives: directive, nodes: node, ledger } satisfies {
  readonly [Table in TableName]: z.ZodType<TableEntries[Table]>
}
