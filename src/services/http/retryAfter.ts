// How long a service asks us to stay away: `retry-after-ms` (OpenAI and Azure), then `Retry-After` (RFC 9110 §10.2.3) as
// seconds or as a date. What makes no sense is as good as absent, so that one bad header cannot shut a service out for a year.
import type { HeaderReader } from '../foreignValue.ts'
import { parseHttpDate } from './httpDate.ts'

/** The longest wait believed: 30 days, in ms. */
export const LONGEST_WAIT = 2_592_000_000

/** The wait in ms from `at` (epoch ms); undefined where the headers say nothing that can be believed. */
export function readRetryAfter(header: HeaderReader, at: number): number | undefined {
  const ms = header('retry-after-ms')
  return (ms === undefined ? undefined : believable(parseNumber(ms))) ?? parseRetryAfter(header('retry-after'), at)
}

/** The wait of one `Retry-After` value, in ms from `at`. Fractions of a second are taken, as several services send them. */
export function parseRetryAfter(value: string | undefined, at: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const seconds = parseNumber(text)
  if (seconds !== undefined) return believable(seconds * 1000)
  const date = parseHttpDate(text, at)
  return date === undefined ? undefined : believable(date - at)
}

/** A plain decimal number; no sign, no exponent, no unit. */
export function parseNumber(text: string): number | undefined {
  return /^\s*\d{1,15}(?:\.\d{1,9})?\s*$/.test(text) ? Number(text) : undefined
}

/** Whole ms, rounded up so that nobody comes back early; undefined for what is negative, not finite or over 30 days. */
export function believable(wait: number | undefined): number | undefined {
  return wait !== undefined && wait >= 0 && wait <= LONGEST_WAIT ? Math.ceil(wait) : undefined
}
