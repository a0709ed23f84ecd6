// The parts that the schemas of the bus are made of: every text and number of another process is bounded.
import { z } from 'zod'
import type { Kind } from '../kinds.ts'
import { isBusName, isBusService, NAMES_ALLOWED } from './subjects.ts'

/** Of one body, be it a message or a batch of them, bytes. */
export const MAX_BODY = 65_536
/** The longest entry of a table that anybody can allow, bytes: what one says of all its services stands in one. */
export const MAX_ENTRY = 67_108_864
/** Messages of one body. */
export const MAX_BATCH = 256
export const MAX_ID = 128

/** Epoch ms: 2001 to 2100. Whoever sends seconds or microseconds is told so; clocks that merely differ are let pass. */
export const EARLIEST = 1_000_000_000_000
export const LATEST = 4_102_444_800_000
/** ms; a call of more than eleven days is a mistake. */
export const LONGEST = 1_000_000_000
/** Calls that one message can sum up. */
export const MOST_CALLS = 10_000_000
/** Tokens of one message, and dollars. */
export const MOST_TOKENS = 1_000_000_000_000
export const MOST_DOLLARS = 1_000_000
/** ms; how long to stay away: months, if a quota says so. */
export const LONGEST_PAUSE = 1e11
/** Letters of an alert. */
export const LONGEST_ALERT = 2000
/** Of a name that is not ours: a model, an operation. */
export const LONGEST_NAME = 200

/** A shape has each field of a type, and no other: a field that is forgotten would be stripped in silence. */
export type ShapeOf<T> = { readonly [Key in keyof T]-?: z.ZodType<T[Key]> }

export const busName = z.string().refine(isBusName).meta({ allowed: NAMES_ALLOWED, pattern: '^[A-Za-z0-9_-]{1,64}$' })
export const busService = z
  .string()
  .refine(isBusService)
  .meta({ allowed: `${NAMES_ALLOWED}; * for the whole system`, pattern: '^([A-Za-z0-9_-]{1,64}|\\*)$' })
/** Of another process, which may have kinds of its own. */
export const kind = text(64) as unknown as z.ZodType<Kind>

export const epoch = z.number().min(EARLIEST).max(LATEST).meta({ unit: 'ms since 1970' })
export const duration = z.number().min(0).max(LONGEST).meta({ unit: 'ms' })
export const pause = z.number().min(0).max(LONGEST_PAUSE).meta({ unit: 'ms' })
/** A moment that may lie far ahead. */
export const deadline = z.number().min(0).max(1e15).meta({ unit: 'ms since 1970' })
export const share = z.number().min(0).max(1)
/** A statistic: a number of calls, a rate, a latency in ms. */
export const figure = z.number().min(0).max(1e15)
export const counter = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
export const level = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)])

/** One that is not empty. */
export function text(longest: number): z.ZodString {
  return z.string().min(1).max(longest)
}

/** One that may be empty. */
export function words(longest: number): z.ZodString {
  return z.string().max(longest)
}
