// The spend as journals keep it, in the header of each session and file: small, plain JSON, and checked when it comes back.
import { z } from 'zod'

const nanos = z.number().finite().min(0).max(1e24)
const epochMs = z.number().finite().min(0).max(8.64e15)
const text = z.string().max(64)
/** Services that can be told of. */
const SERVICES = 100_000
const samples = z.tuple([z.number().int().min(0).max(1e6), nanos, nanos])

/** Longer than any day or month. */
const period = (days: number) =>
  z
    .object({ from: epochMs, until: epochMs })
    .refine(({ from, until }) => from < until && until - from <= days * 86_400_000, `a period of at most ${days} days`)

export const savedSpendSchema = z.object({
  version: z.literal(1),
  day: period(3),
  month: period(33),
  /** By service and operation (`''`: none was told): spent this day and this month, and what calls cost. */
  spent: z.array(z.tuple([text, text, nanos, nanos, samples])).max(5 * SERVICES),
  /** By service, over all its operations: what calls cost. */
  costs: z.array(z.tuple([text, samples])).max(SERVICES),
  /** By rule: what rules of the type `rate` look back on. */
  rates: z.array(z.tuple([text, z.array(z.tuple([epochMs, nanos])).max(100)])).max(1000),
  /** By service with a quota: calls this month, and whether a warning was given. */
  calls: z.array(z.tuple([text, z.number().int().min(0), z.boolean()])).max(SERVICES),
  /** By rule: the limit it was given while running, and the limit that the configuration had for it, dollars. */
  raised: z.array(z.tuple([text, z.number().finite().positive(), z.number().finite().positive()])).max(1000),
  /** The rules there were. */
  rules: z.array(text).max(1000),
})

export type SavedSpend = z.infer<typeof savedSpendSchema>
