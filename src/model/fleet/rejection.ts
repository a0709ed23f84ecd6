// What a reader says of messages that it refused, on `sg.v1.{fleet}.rejected`: for whoever sent them to see.
import { z } from 'zod'
import type { ReadMessages } from './readMessages.ts'
import { busName, counter, epoch, type ShapeOf, words } from './wireFields.ts'
import { LONGEST_REASON, LONGEST_SUBJECT } from './wireReason.ts'

export interface Rejection {
  readonly v: 1
  /** By the clock of the node that refused, epoch ms. */
  readonly at: number
  /** Who refused. */
  readonly by: string
  /** Where the messages came to, cut short. */
  readonly subject: string
  /** Of a batch, which message the reason is about. */
  readonly index?: number
  /** What is wrong, where, and what is allowed. */
  readonly reason: string
  /** How many messages were refused, of that body or since the last rejection that was told. */
  readonly count: number
}

export const rejectionSchema = z.object({
  v: z.literal(1),
  at: epoch,
  by: busName,
  subject: words(LONGEST_SUBJECT),
  index: counter.exactOptional(),
  reason: words(LONGEST_REASON),
  count: counter,
} satisfies ShapeOf<Rejection>) satisfies z.ZodType<Rejection>

/** What to tell of a body in which something was wrong; undefined where nothing was. */
export function rejectionOf({ problems, rejected }: ReadMessages, by: string, at: number): Rejection | undefined {
  const [first] = problems
  return first && { v: 1, at: Math.round(at), by, ...first, count: rejected }
}

export function encodeRejection(rejection: Rejection): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(rejection))
}

/** Undefined for what is none. */
export function readRejection(bytes: Uint8Array): Rejection | undefined {
  if (bytes.length > LARGEST) return undefined
  try {
    return rejectionSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data
  } catch {
    return undefined
  }
}

const LARGEST = 8192
