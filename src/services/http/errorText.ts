// The last resort: what the words of an error's message say. By word and never by part, or "author" would be taken for
// "auth"; and only what is hard to say by accident, for a wrong guess here opens or spares a breaker.
import type { FailureType } from '../../model/failures.ts'

/** More of a message than this is not read. */
const READ_AT_MOST = 1000

const WORDS: readonly (readonly [FailureType, RegExp])[] = [
  ['quota_exceeded', /\b(?:insufficient quota|quota exceeded|exceeded your current quota|billing hard limit)\b/],
  ['rate_limit', /\b(?:rate limit|rate limited|rate limiting|rate limit exceeded|too many requests)\b/],
  ['timeout', /\b(?:timeout|timed out|time out|deadline exceeded)\b/],
  [
    'authentication',
    /\b(?:unauthorized|unauthenticated|authentication failed|authentication required|(?:invalid|incorrect) api key)\b/,
  ],
  ['memory_error', /\b(?:out of memory|memory allocation failed|allocation failed|heap limit)\b/],
  [
    'service_unavailable',
    /\b(?:service unavailable|temporarily unavailable|overloaded|connection (?:refused|reset|closed|error)|socket hang up|fetch failed|network error)\b/,
  ],
]

/** The status in "Request failed with status code 503" and the like. */
const STATUS = /\b(?:status|status code|http|http status) ([45]\d\d)\b/

/** The failure that the words of `text` name, or undefined. */
export function failureInText(text: string): FailureType | undefined {
  const words = normalised(text)
  return WORDS.find(([, pattern]) => pattern.test(words))?.[0]
}

/** An HTTP status written out in `text`. */
export function statusInText(text: string): number | undefined {
  const found = STATUS.exec(normalised(text))
  return found ? Number(found[1]) : undefined
}

/** Lower case, all that is neither letter nor digit one space: `rate_limit-exceeded:` reads as three words. */
function normalised(text: string): string {
  return text
    .slice(0, READ_AT_MOST)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
}
