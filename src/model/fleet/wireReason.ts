// What is wrong with something that came over the bus, in words that can be sent on and printed: short, and without what would
// command a terminal.
import type { z } from 'zod'
import { problemsOf } from '../configProblems.ts'

export const LONGEST_SUBJECT = 300
export const LONGEST_REASON = 500
const TOLD = 3

/** What `schema` has against `value`: where, what stands there, what is allowed. */
export function reasonOf(schema: z.ZodType, value: unknown): string {
  const texts = problemsOf(schema, value)
    .slice(0, TOLD)
    .map((problem) => problem.text)
  return texts.length === 0 ? 'it cannot be read' : texts.join('; and ')
}

/** `text` in at most `longest` letters, those that are none shown as `?`. */
export function printable(text: string, longest: number): string {
  const short = text.length > longest ? `${text.slice(0, longest - 3)}...` : text
  return short.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?')
}
