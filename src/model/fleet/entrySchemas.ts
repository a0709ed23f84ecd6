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
  type ShapeOf,
  share,
  text,
  words,
} from './wireFields.ts'

const trip = z.object({
  id: text(128),
  why: z.enum(['quorum', 'failure_rate']),
  nodes: counter,
  open: counter,
  calls: figure,
  failures: figure,
} satisfies ShapeOf<FleetTrip>)

const directive = z.object({
  v: z.literal(1),
  service: busService,
  epoch: counter,
  at: epoch,
  lifetime: z.number().min(1).max(LONGEST).meta({ unit: 'ms' }),
  state: z.enum(STATES),
  level,
  admissionRatio: share,
  hold: z.boolean(),
  probe: busName.exactOptional(),
  trip: trip.exactOptional(),
  retryAfterMs: z.number().min(0).max(1e11).meta({ unit: 'ms' }).exactOptional(),
  rule: words(500),
  reason: words(500),
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
